//! The table itself.

use ratatui::crossterm::event::KeyCode as Code;

use super::super::action::{Action as Do, Leap, Play, Step as By};
use super::super::motion::Motion as To;
use super::super::views::View;
use super::{Binding, Key, Scene, Topic};

const BROWSE: &[Scene] = &[Scene::Browse, Scene::Read];
const TEXT: &[Scene] = &[Scene::Pick, Scene::Edit];
const TABLES: &[Scene] = &[Scene::Browse, Scene::Read, Scene::Inspect];
const LISTS: &[Scene] = &[Scene::Browse, Scene::Read, Scene::Inspect, Scene::Help];
const EVERYWHERE_BUT_TEXT: &[Scene] = &[Scene::Browse, Scene::Read, Scene::Inspect, Scene::Help, Scene::Ask];

/// The number keys of the tabs.
#[expect(clippy::indexing_slicing, reason = "checked when the constant is computed")]
const TABS: [(Key, Do); View::ALL.len()] = {
    let mut keys = [(Key::char('1'), Do::Show(View::ALL[0])); View::ALL.len()];
    let (mut at, mut digit) = (0, b'1');
    while at < keys.len() {
        keys[at] = (Key::char(digit as char), Do::Show(View::ALL[at]));
        (at, digit) = (at + 1, digit + 1);
    }
    keys
};

const fn bind(
    scenes: &'static [Scene],
    topic: Topic,
    keys: &'static [(Key, Do)],
    hint: Option<(u8, &'static str)>,
    help: &'static str,
) -> Binding {
    Binding { keys, scenes, topic, hint, help }
}

/// The table, in the order of the help.
pub const KEYMAP: &[Binding] = &[
    // Moving.
    bind(
        LISTS,
        Topic::Move,
        &[
            (Key::char('j'), Do::Move(To::Down)),
            (Key::char('k'), Do::Move(To::Up)),
            (Key::code(Code::Down), Do::Move(To::Down)),
            (Key::code(Code::Up), Do::Move(To::Up)),
        ],
        None,
        "down, up",
    ),
    bind(
        LISTS,
        Topic::Move,
        &[
            (Key::code(Code::PageDown), Do::Move(To::PageDown)),
            (Key::code(Code::PageUp), Do::Move(To::PageUp)),
            (Key::ctrl('d'), Do::Move(To::HalfPageDown)),
            (Key::ctrl('u'), Do::Move(To::HalfPageUp)),
        ],
        None,
        "page down, up; half a page",
    ),
    bind(
        LISTS,
        Topic::Move,
        &[
            (Key::char('g'), Do::Move(To::First)),
            (Key::code(Code::Home), Do::Move(To::First)),
            (Key::char('G'), Do::Move(To::Last)),
            (Key::code(Code::End), Do::Move(To::Last)),
        ],
        None,
        "newest; oldest",
    ),
    bind(BROWSE, Topic::Move, &[(Key::char('f'), Do::Follow)], None, "follow the newest call"),
    bind(
        TABLES,
        Topic::Move,
        &[(Key::char('J'), Do::Scroll(To::Down)), (Key::char('K'), Do::Scroll(To::Up))],
        None,
        "scroll the open pane",
    ),
    // Looking.
    bind(BROWSE, Topic::Look, &TABS, None, View::TITLES),
    bind(
        BROWSE,
        Topic::Look,
        &[(Key::code(Code::Tab), Do::NextView), (Key::code(Code::BackTab), Do::PreviousView)],
        None,
        "next, previous view",
    ),
    bind(
        &[Scene::Browse, Scene::Inspect],
        Topic::Look,
        &[(Key::code(Code::Enter), Do::Open)],
        Some((6, "open")),
        "open the call; in a group, its calls",
    ),
    bind(&Scene::ALL, Topic::Look, &[(Key::code(Code::Esc), Do::Close)], None, "close what is open"),
    bind(BROWSE, Topic::Look, &[(Key::char('e'), Do::Expand)], None, "expand the open pane"),
    bind(
        BROWSE,
        Topic::Look,
        &[(Key::char('t'), Do::Trace)],
        Some((6, "trace")),
        "trace waterfall of the call; turns of a session",
    ),
    bind(BROWSE, Topic::Look, &[(Key::char('s'), Do::PickSort)], Some((5, "sort")), "pick the column to sort by"),
    bind(
        BROWSE,
        Topic::Look,
        &[(Key::char('<'), Do::SortPrevious), (Key::char('>'), Do::SortNext), (Key::char('i'), Do::InvertSort)],
        None,
        "sort by the previous, next column; invert",
    ),
    bind(TABLES, Topic::Look, &[(Key::char('='), Do::Compare)], None, "mark a model or route; on another: compare"),
    bind(BROWSE, Topic::Look, &[(Key::char('c'), Do::PickColumns)], None, "choose columns; add attributes by key"),
    // Filtering.
    bind(
        &[Scene::Browse],
        Topic::Filter,
        &[(Key::char('/'), Do::EditFilter)],
        Some((1, "filter")),
        "filter by an expression",
    ),
    bind(
        BROWSE,
        Topic::Filter,
        &[(Key::char('m'), Do::PickModel)],
        Some((2, "model")),
        "filter by model; again to clear",
    ),
    bind(
        BROWSE,
        Topic::Filter,
        &[(Key::char('r'), Do::PickRoute)],
        Some((3, "route")),
        "filter by route; again to clear",
    ),
    bind(BROWSE, Topic::Filter, &[(Key::char('!'), Do::ErrorsOnly)], Some((4, "errors")), "errors only"),
    bind(
        BROWSE,
        Topic::Filter,
        &[(Key::code(Code::Backspace), Do::ClearFilters), (Key::code(Code::Delete), Do::ClearFilters)],
        None,
        "clear all filters",
    ),
    bind(BROWSE, Topic::Filter, &[(Key::char('w'), Do::NextWindow)], None, "time window: 1m, 5m, 15m, 1h, all kept"),
    // A replay.
    bind(
        TABLES,
        Topic::Replay,
        &[(Key::char('p'), Do::Replay(Play::TogglePause))],
        Some((1, "pause")),
        "pause, resume the replay; Space only freezes the view",
    ),
    bind(
        TABLES,
        Topic::Replay,
        &[(Key::char('.'), Do::Replay(Play::Step))],
        Some((2, "step")),
        "replay the next request, then pause",
    ),
    bind(
        TABLES,
        Topic::Replay,
        &[
            (Key::code(Code::Left), Do::Replay(Play::Back(Leap::TenSeconds))),
            (Key::code(Code::Right), Do::Replay(Play::Forward(Leap::TenSeconds))),
        ],
        Some((3, "→ 10s")),
        "10 s back, forward in the replay",
    ),
    bind(
        TABLES,
        Topic::Replay,
        &[
            (Key::char('{'), Do::Replay(Play::Back(Leap::Minute))),
            (Key::char('}'), Do::Replay(Play::Forward(Leap::Minute))),
        ],
        Some((4, "} 1m")),
        "1 min back, forward in the replay",
    ),
    bind(
        TABLES,
        Topic::Replay,
        &[(Key::char(':'), Do::Replay(Play::GoTo))],
        Some((6, "go to")),
        "go to a time of the replay",
    ),
    bind(
        TABLES,
        Topic::Replay,
        &[
            (Key::char('['), Do::Replay(Play::Slower)),
            (Key::char(']'), Do::Replay(Play::Faster)),
            (Key::char('M'), Do::Replay(Play::FullSpeed)),
        ],
        Some((5, "] speed")),
        "replay slower, faster, at full speed",
    ),
    // The program.
    bind(
        BROWSE,
        Topic::Program,
        &[(Key::char(' '), Do::Pause)],
        Some((7, "pause")),
        "freeze the view; ingest and replay continue",
    ),
    bind(
        TABLES,
        Topic::Program,
        &[(Key::char('y'), Do::Copy), (Key::char('Y'), Do::CopyAll)],
        None,
        "copy the request id; all details (OSC 52)",
    ),
    bind(
        BROWSE,
        Topic::Program,
        &[(Key::char('+'), Do::Faster), (Key::char('-'), Do::Slower)],
        None,
        "faster refresh, slower refresh",
    ),
    bind(TABLES, Topic::Program, &[(Key::char('a'), Do::Accounting)], None, "span accounting"),
    bind(BROWSE, Topic::Program, &[(Key::ctrl('s'), Do::Export)], None, "export the shown calls to a file"),
    bind(BROWSE, Topic::Program, &[(Key::ctrl('r'), Do::Clear)], None, "clear all calls (asks first)"),
    bind(
        LISTS,
        Topic::Program,
        &[(Key::char('?'), Do::Help), (Key::code(Code::F(1)), Do::Help)],
        Some((20, "help")),
        "these keys",
    ),
    bind(
        EVERYWHERE_BUT_TEXT,
        Topic::Program,
        &[(Key::ctrl('l'), Do::Redraw), (Key::ctrl('z'), Do::Suspend)],
        None,
        "redraw; suspend",
    ),
    bind(
        EVERYWHERE_BUT_TEXT,
        Topic::Program,
        &[(Key::char('q'), Do::Quit), (Key::ctrl('c'), Do::Quit)],
        Some((21, "quit")),
        "quit",
    ),
    // Dialogs.
    bind(
        &[Scene::Read],
        Topic::Dialog,
        &[(Key::char('/'), Do::EditFilter)],
        Some((1, "find")),
        "find in an expanded pane",
    ),
    bind(
        &[Scene::Inspect],
        Topic::Dialog,
        &[(Key::char('t'), Do::Trace)],
        Some((6, "back")),
        "back from a trace or turns",
    ),
    bind(
        &[Scene::Pick],
        Topic::Dialog,
        &[
            (Key::code(Code::Down), Do::Move(To::Down)),
            (Key::code(Code::Up), Do::Move(To::Up)),
            (Key::code(Code::PageDown), Do::Move(To::PageDown)),
            (Key::code(Code::PageUp), Do::Move(To::PageUp)),
        ],
        None,
        "move in a list; typing narrows it",
    ),
    bind(
        &[Scene::Pick],
        Topic::Dialog,
        &[(Key::ctrl_code(Code::Up), Do::Shift(To::Up)), (Key::ctrl_code(Code::Down), Do::Shift(To::Down))],
        None,
        "move a column up, down",
    ),
    bind(
        &[Scene::Pick, Scene::Edit],
        Topic::Dialog,
        &[(Key::code(Code::Enter), Do::Accept)],
        Some((7, "apply")),
        "apply",
    ),
    bind(&[Scene::Pick, Scene::Edit], Topic::Dialog, &[(Key::ctrl('c'), Do::Close)], None, "close the list or line"),
    bind(
        &[Scene::Edit],
        Topic::Dialog,
        &[
            (Key::code(Code::Tab), Do::Complete),
            (Key::code(Code::Up), Do::Move(To::Up)),
            (Key::code(Code::Down), Do::Move(To::Down)),
        ],
        Some((8, "complete")),
        "complete the word; older, newer line",
    ),
    bind(
        TEXT,
        Topic::Dialog,
        &[
            (Key::code(Code::Left), Do::Type(By::Left)),
            (Key::code(Code::Right), Do::Type(By::Right)),
            (Key::ctrl_code(Code::Left), Do::Type(By::WordLeft)),
            (Key::ctrl_code(Code::Right), Do::Type(By::WordRight)),
            (Key::alt('b'), Do::Type(By::WordLeft)),
            (Key::alt('f'), Do::Type(By::WordRight)),
        ],
        None,
        "left, right; by words",
    ),
    bind(
        TEXT,
        Topic::Dialog,
        &[
            (Key::code(Code::Home), Do::Type(By::Start)),
            (Key::code(Code::End), Do::Type(By::End)),
            (Key::ctrl('a'), Do::Type(By::Start)),
            (Key::ctrl('e'), Do::Type(By::End)),
        ],
        None,
        "start, end of the line",
    ),
    bind(
        TEXT,
        Topic::Dialog,
        &[
            (Key::code(Code::Backspace), Do::Type(By::Backspace)),
            (Key::code(Code::Delete), Do::Type(By::Delete)),
            (Key::ctrl('w'), Do::Type(By::DeleteWordBack)),
            (Key::alt('d'), Do::Type(By::DeleteWord)),
            (Key::ctrl('u'), Do::Type(By::DeleteToStart)),
            (Key::ctrl('k'), Do::Type(By::DeleteToEnd)),
        ],
        None,
        "delete back, ahead; a word; to the start, the end",
    ),
    bind(&[Scene::Ask], Topic::Dialog, &[(Key::char('y'), Do::Confirm)], Some((8, "yes")), "yes; any other key is no"),
];
