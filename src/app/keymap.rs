//! The one table of keys. Dispatch, the hints line, the help overlay and the manual are made from it.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Motion, Step};
use super::view::View;

/// A key with its modifiers. Shift is part of a character (`G`), not a modifier of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    with: With,
}

/// The modifier held down with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum With {
    Nothing,
    Ctrl,
    Alt,
}

impl Key {
    const fn char(char: char) -> Self {
        Self::code(KeyCode::Char(char))
    }

    const fn ctrl(char: char) -> Self {
        Self { code: KeyCode::Char(char), with: With::Ctrl }
    }

    const fn alt(char: char) -> Self {
        Self { code: KeyCode::Char(char), with: With::Alt }
    }

    const fn ctrl_code(code: KeyCode) -> Self {
        Self { code, with: With::Ctrl }
    }

    const fn code(code: KeyCode) -> Self {
        Self { code, with: With::Nothing }
    }

    /// What the terminal sent, in the table's terms; `None` for chords that mean nothing here.
    pub fn of(event: KeyEvent) -> Option<Self> {
        let with = match event.modifiers.difference(KeyModifiers::SHIFT) {
            none if none.is_empty() => With::Nothing,
            KeyModifiers::CONTROL => With::Ctrl,
            KeyModifiers::ALT => With::Alt,
            _ => return None,
        };
        match (event.code, with) {
            // Terminals without a key of its own for it send Ctrl-H for Backspace.
            (KeyCode::Char('h'), With::Ctrl) => Some(Self::code(KeyCode::Backspace)),
            (KeyCode::Char(char), With::Ctrl) => Some(Self::ctrl(char.to_ascii_lowercase())),
            (code, with) => Some(Self { code, with }),
        }
    }

    /// The character typed, when the key is one.
    pub const fn typed(self) -> Option<char> {
        match (self.code, self.with) {
            (KeyCode::Char(char), With::Nothing) => Some(char),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.with {
            With::Nothing => "",
            With::Ctrl => "Ctrl-",
            With::Alt => "Alt-",
        })?;
        match self.code {
            KeyCode::Char(' ') => out.write_str("space"),
            KeyCode::Char(char) => write!(out, "{char}"),
            KeyCode::Up => out.write_str("↑"),
            KeyCode::Down => out.write_str("↓"),
            KeyCode::Left => out.write_str("←"),
            KeyCode::Right => out.write_str("→"),
            KeyCode::PageUp => out.write_str("PgUp"),
            KeyCode::PageDown => out.write_str("PgDn"),
            KeyCode::BackTab => out.write_str("Shift-Tab"),
            KeyCode::Delete => out.write_str("Del"),
            code => write!(out, "{code}"),
        }
    }
}

/// Where keys go: what is open decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scene {
    /// Nothing is open but the view, perhaps with a pane beside it.
    Browse,
    /// A list to pick from, narrowed by typing.
    Pick,
    /// A line of text being edited.
    Edit,
    /// A question.
    Ask,
    /// A trace, a session's turns, or a comparison.
    Inspect,
    /// The help overlay.
    Help,
}

impl Scene {
    /// All scenes.
    pub const ALL: [Self; 6] = [Self::Browse, Self::Pick, Self::Edit, Self::Ask, Self::Inspect, Self::Help];
}

/// The headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Moving about.
    Move,
    /// What is looked at.
    Look,
    /// What is left out.
    Filter,
    /// Everything else.
    Program,
    /// Inside dialogs; shown where they are open.
    Dialog,
}

impl Topic {
    /// The topics of the help overlay, in order.
    pub const ALL: [Self; 5] = [Self::Move, Self::Look, Self::Filter, Self::Program, Self::Dialog];

    /// Heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Look => "look",
            Self::Filter => "filter",
            Self::Program => "program",
            Self::Dialog => "in dialogs",
        }
    }
}

/// Keys that belong together, and what they do.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Each key with its action.
    pub keys: &'static [(Key, Action)],
    /// Where they hold.
    pub scenes: &'static [Scene],
    /// Heading in the help.
    pub topic: Topic,
    /// Its place in the hints line and a word or two for it, if it belongs there.
    pub hint: Option<(u8, &'static str)>,
    /// What they do, in a line.
    pub help: &'static str,
}

impl Binding {
    /// The keys' names, as the help shows them.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.keys.iter().map(|(key, _)| key.to_string()).collect();
        names.join(" ")
    }

    /// The name of the first key, as the hints line shows it.
    pub fn first_name(&self) -> String {
        self.keys.first().map_or_else(String::new, |(key, _)| key.to_string())
    }
}

const BROWSE: &[Scene] = &[Scene::Browse];
const TEXT: &[Scene] = &[Scene::Pick, Scene::Edit];
const TABLES: &[Scene] = &[Scene::Browse, Scene::Inspect];
const EVERYWHERE_BUT_TEXT: &[Scene] = &[Scene::Browse, Scene::Inspect, Scene::Help, Scene::Ask];

const fn bind(
    scenes: &'static [Scene],
    topic: Topic,
    keys: &'static [(Key, Action)],
    hint: Option<(u8, &'static str)>,
    help: &'static str,
) -> Binding {
    Binding { keys, scenes, topic, hint, help }
}

use Action as Do;
use KeyCode as Code;
use Motion as To;
use Step as By;

/// The table, in the order of the help.
pub const KEYMAP: &[Binding] = &[
    // Moving.
    bind(
        TABLES,
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
        TABLES,
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
        TABLES,
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
    bind(
        BROWSE,
        Topic::Look,
        &[
            (Key::char('1'), Do::Show(View::Calls)),
            (Key::char('2'), Do::Show(View::Models)),
            (Key::char('3'), Do::Show(View::Routes)),
            (Key::char('4'), Do::Show(View::Sessions)),
            (Key::char('5'), Do::Show(View::Errors)),
        ],
        None,
        "calls, models, routes, sessions, errors",
    ),
    bind(
        BROWSE,
        Topic::Look,
        &[(Key::code(Code::Tab), Do::NextView), (Key::code(Code::BackTab), Do::PreviousView)],
        None,
        "next, previous view",
    ),
    bind(
        TABLES,
        Topic::Look,
        &[(Key::code(Code::Enter), Do::Open)],
        Some((6, "open")),
        "open the call; from a rollup, its calls",
    ),
    bind(&Scene::ALL, Topic::Look, &[(Key::code(Code::Esc), Do::Close)], None, "close what is open"),
    bind(BROWSE, Topic::Look, &[(Key::char('e'), Do::Expand)], None, "give the open pane all the room"),
    bind(
        TABLES,
        Topic::Look,
        &[(Key::char('t'), Do::Trace)],
        Some((6, "trace")),
        "the call's trace over time; a session's turns",
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
    bind(
        BROWSE,
        Topic::Look,
        &[(Key::char('c'), Do::PickColumns)],
        None,
        "choose columns, add attributes by their keys",
    ),
    // Filtering.
    bind(
        BROWSE,
        Topic::Filter,
        &[(Key::char('/'), Do::EditFilter)],
        Some((1, "filter")),
        "filter by an expression; find in an expanded pane",
    ),
    bind(
        BROWSE,
        Topic::Filter,
        &[(Key::char('m'), Do::PickModel)],
        Some((2, "model")),
        "filter by a model; again clears",
    ),
    bind(
        BROWSE,
        Topic::Filter,
        &[(Key::char('r'), Do::PickRoute)],
        Some((3, "route")),
        "filter by a route; again clears",
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
    // The program.
    bind(
        BROWSE,
        Topic::Program,
        &[(Key::char(' '), Do::Pause)],
        Some((7, "pause")),
        "freeze the view; calls still arrive",
    ),
    bind(
        TABLES,
        Topic::Program,
        &[(Key::char('y'), Do::Copy), (Key::char('Y'), Do::CopyAll)],
        None,
        "copy the request id; all that is told (OSC 52)",
    ),
    bind(
        BROWSE,
        Topic::Program,
        &[(Key::char('+'), Do::Faster), (Key::char('-'), Do::Slower)],
        None,
        "draw more often, less often",
    ),
    bind(TABLES, Topic::Program, &[(Key::char('a'), Do::Accounting)], None, "where everything that arrived ended"),
    bind(BROWSE, Topic::Program, &[(Key::ctrl('s'), Do::Export)], None, "write what is shown to a file"),
    bind(BROWSE, Topic::Program, &[(Key::ctrl('r'), Do::Clear)], None, "forget all calls, asked first"),
    bind(
        &[Scene::Browse, Scene::Inspect, Scene::Help],
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
        &[Scene::Help],
        Topic::Dialog,
        &[
            (Key::code(Code::Down), Do::Move(To::Down)),
            (Key::code(Code::Up), Do::Move(To::Up)),
            (Key::char('j'), Do::Move(To::Down)),
            (Key::char('k'), Do::Move(To::Up)),
        ],
        None,
        "scroll the help",
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
        Some((7, "set")),
        "set it",
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

/// What a key does in a scene; `None` where it means nothing, or is text.
pub fn action(scene: Scene, key: Key) -> Option<Action> {
    KEYMAP
        .iter()
        .filter(|binding| binding.scenes.contains(&scene))
        .flat_map(|binding| binding.keys)
        .find_map(|&(bound, action)| (bound == key).then_some(action))
}

/// The hints of a scene in their order: the key to name, and the word for it.
pub fn hints(scene: Scene) -> Vec<(&'static Binding, &'static str)> {
    let mut hints: Vec<_> = KEYMAP
        .iter()
        .filter(|binding| binding.scenes.contains(&scene))
        .filter_map(|binding| binding.hint.map(|(place, word)| (place, binding, word)))
        .collect();
    hints.sort_by_key(|(place, ..)| *place);
    hints.into_iter().map(|(_, binding, word)| (binding, word)).collect()
}

/// The bindings of one heading.
pub fn topic(topic: Topic) -> impl Iterator<Item = &'static Binding> {
    KEYMAP.iter().filter(move |binding| binding.topic == topic)
}

/// The table as Markdown, for the README and the manual.
pub fn markdown() -> String {
    let rows = Topic::ALL.into_iter().flat_map(topic).map(|binding| {
        let names: Vec<_> = binding.keys.iter().map(|(key, _)| format!("`{}`", escape(&key.to_string()))).collect();
        format!("| {} | {} |\n", names.join(" "), binding.help)
    });
    "| key | does |\n|---|---|\n".to_owned() + &rows.collect::<String>()
}

fn escape(name: &str) -> String {
    name.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_key_means_one_thing_in_a_scene() {
        for scene in Scene::ALL {
            let mut seen = HashSet::new();
            for binding in KEYMAP.iter().filter(|binding| binding.scenes.contains(&scene)) {
                for (key, _) in binding.keys {
                    assert!(seen.insert(*key), "{key} twice in {scene:?}");
                }
            }
        }
    }

    #[test]
    fn ctrl_c_and_esc_hold_everywhere() {
        for scene in Scene::ALL {
            let text = matches!(scene, Scene::Pick | Scene::Edit);
            let expected = if text { Action::Close } else { Action::Quit };
            assert_eq!(action(scene, Key::ctrl('c')), Some(expected), "{scene:?}");
            assert_eq!(action(scene, Key::code(KeyCode::Esc)), Some(Action::Close), "{scene:?}");
        }
    }

    #[test]
    fn letters_are_text_where_text_is_typed() {
        for scene in [Scene::Pick, Scene::Edit] {
            for char in ' '..='~' {
                assert_eq!(action(scene, Key::char(char)), None, "{char} in {scene:?}");
            }
        }
    }

    #[test]
    fn what_terminals_send_finds_the_table() {
        let event = KeyEvent::new;
        let cases = [
            (event(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Action::Move(Motion::Last))),
            (event(KeyCode::Char('G'), KeyModifiers::NONE), Some(Action::Move(Motion::Last))),
            (event(KeyCode::Char('C'), KeyModifiers::CONTROL | KeyModifiers::SHIFT), Some(Action::Quit)),
            (event(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::PreviousView)),
            (event(KeyCode::Char('h'), KeyModifiers::CONTROL), Some(Action::ClearFilters)),
            (event(KeyCode::Char('q'), KeyModifiers::ALT), None),
            (event(KeyCode::Char('q'), KeyModifiers::CONTROL | KeyModifiers::ALT), None),
        ];
        for (event, expected) in cases {
            assert_eq!(Key::of(event).and_then(|key| action(Scene::Browse, key)), expected, "{event:?}");
        }
    }

    #[test]
    fn the_manual_lists_every_binding() {
        assert_eq!(markdown().lines().count(), KEYMAP.len() + 2);
        assert!(markdown().contains("| `q` `Ctrl-c` | quit |"));
    }
}
