use std::time::Duration;

use ratatui::crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};

use super::super::{About, Clock, Event};
use super::*;
use crate::query::analysis::ViewSpec;
use crate::sources::replay::Broken;

const BEGIN: u64 = 1_795_477_800_000_000_000;
const MINUTE: u64 = 60_000_000_000;

fn progress() -> Progress {
    Progress {
        speed: Some(Speed::Times(1.0)),
        input: "traffic.jsonl".into(),
        beginnings: 1,
        requests: 7,
        can_rewind: true,
        begins_unix_nano: Some(BEGIN),
        newest_unix_nano: Some(BEGIN + 3 * MINUTE),
        clock_unix_nano: Some(BEGIN + 3 * MINUTE + 5),
        ends_unix_nano: Some(BEGIN + 10 * MINUTE),
        ..Progress::default()
    }
}

fn app(progress: Option<Progress>) -> App {
    let mut app = App::new(About::default(), ViewSpec::default(), Duration::from_millis(500), Clock::default());
    if let Some(progress) = progress {
        app.update(Event::Replay(Box::new(progress)));
    }
    app
}

fn press(app: &mut App, code: KeyCode) -> Vec<Effect> {
    app.update(Event::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE)))).effects
}

fn type_keys(app: &mut App, keys: &str) -> Vec<Effect> {
    let code = |char| if char == '\n' { KeyCode::Enter } else { KeyCode::Char(char) };
    keys.chars().flat_map(|char| press(app, code(char))).collect()
}

fn notice(app: &App) -> &str {
    app.note.as_ref().map_or("", |note| note.text.as_str())
}

#[test]
fn keys_become_commands() {
    let seek = |target| Command::SeekTo(target);
    let stands = BEGIN + 3 * MINUTE + 5;
    for (code, command) in [
        (KeyCode::Char('p'), Command::TogglePause),
        (KeyCode::Char('.'), Command::Step),
        (KeyCode::Left, seek(stands - MINUTE / 6)),
        (KeyCode::Right, seek(stands + MINUTE / 6)),
        (KeyCode::Char('{'), seek(stands - MINUTE)),
        (KeyCode::Char('}'), seek(stands + MINUTE)),
        (KeyCode::Char('['), Command::Speed(Speed::Times(0.5))),
        (KeyCode::Char(']'), Command::Speed(Speed::Times(2.0))),
        (KeyCode::Char('M'), Command::Speed(Speed::Max)),
    ] {
        assert_eq!(press(&mut app(Some(progress())), code), [Effect::Replay(command)], "{code:?}");
    }
}

#[test]
fn freezing_the_view_is_not_pausing_the_replay() {
    let mut app = app(Some(progress()));
    assert_eq!(type_keys(&mut app, " "), []);
    assert!(app.frozen.is_some());
    assert_eq!(type_keys(&mut app, "p"), [Effect::Replay(Command::TogglePause)]);
    assert!(app.frozen.is_some());
}

#[test]
fn without_a_replay_its_keys_say_so() {
    for key in ['p', '.', '{', '[', 'M', ':'] {
        let mut app = app(None);
        assert_eq!(type_keys(&mut app, &key.to_string()), []);
        assert!(notice(&app).contains("--replay"), "{key}");
        assert!(app.dialog.is_none());
    }
}

#[test]
fn leaps_add_up_and_stop_at_the_beginning() {
    let mut app = app(Some(progress()));
    let last = type_keys(&mut app, "{{{{{{").pop();
    assert_eq!(last, Some(Effect::Replay(Command::SeekTo(BEGIN))));
    let last = type_keys(&mut app, "}}").pop();
    assert_eq!(last, Some(Effect::Replay(Command::SeekTo(BEGIN + 2 * MINUTE))));
}

#[test]
fn a_leap_during_a_seek_starts_from_where_that_leads() {
    let seeking = Progress { seeking_unix_nano: Some(BEGIN + 8 * MINUTE), ..progress() };
    let mut app = app(Some(seeking));
    assert_eq!(type_keys(&mut app, "{"), [Effect::Replay(Command::SeekTo(BEGIN + 7 * MINUTE))]);
    app.update(Event::Replay(Box::new(Progress { commands_done: 1, ..progress() })));
    assert_eq!(press(&mut app, KeyCode::Right), [Effect::Replay(Command::SeekTo(BEGIN + 3 * MINUTE + MINUTE / 6 + 5))]);
}

#[test]
fn speeds_go_up_to_all_at_once_and_back() {
    let mut app = app(Some(progress()));
    let all: Vec<_> = type_keys(&mut app, "]]]]]]]]]").pop().into_iter().collect();
    assert_eq!(all, [Effect::Replay(Command::Speed(Speed::Max))]);
    let down = type_keys(&mut app, "[[[[[[[[[[[[").pop();
    assert_eq!(down, Some(Effect::Replay(Command::Speed(Speed::Times(0.1)))));
    let odd = Progress { speed: Some(Speed::Times(7.0)), commands_done: 21, ..progress() };
    app.update(Event::Replay(Box::new(odd)));
    assert_eq!(type_keys(&mut app, "]"), [Effect::Replay(Command::Speed(Speed::Times(10.0)))]);
}

/// Guarantees: keys pressed faster than the replay reports them still add up.
#[test]
fn progress_older_than_a_command_does_not_undo_it() {
    let mut app = app(Some(progress()));
    let hear =
        |app: &mut App, commands_done| app.update(Event::Replay(Box::new(Progress { commands_done, ..progress() })));
    assert_eq!(type_keys(&mut app, "]]").pop(), Some(Effect::Replay(Command::Speed(Speed::Times(5.0)))));
    hear(&mut app, 1);
    assert_eq!(type_keys(&mut app, "]"), [Effect::Replay(Command::Speed(Speed::Times(10.0)))]);
    let first = type_keys(&mut app, "{");
    hear(&mut app, 3);
    assert_eq!(first, [Effect::Replay(Command::SeekTo(BEGIN + 2 * MINUTE + 5))]);
    assert_eq!(type_keys(&mut app, "{"), [Effect::Replay(Command::SeekTo(BEGIN + MINUTE + 5))]);
    hear(&mut app, 5);
    assert_eq!(type_keys(&mut app, "["), [Effect::Replay(Command::Speed(Speed::Times(0.5)))], "all was heard");
}

#[test]
fn a_typed_time_is_gone_to_and_a_mistake_keeps_the_line() {
    let mut app = app(Some(progress()));
    assert_eq!(type_keys(&mut app, ":50%\n"), [Effect::Replay(Command::SeekTo(BEGIN + 5 * MINUTE))]);
    assert!(app.dialog.is_none());
    assert_eq!(type_keys(&mut app, ":soon\n"), []);
    assert!(matches!(&app.dialog, Some(Dialog::GoTo(GoToLine { error: Some(goto::NO_TIME), .. }))));
    type_keys(&mut app, "x");
    assert!(matches!(&app.dialog, Some(Dialog::GoTo(GoToLine { error: None, .. }))), "typing on takes it away");
    press(&mut app, KeyCode::Esc);
    assert_eq!(type_keys(&mut app, ":\n"), []);
    assert!(app.dialog.is_none(), "nothing to go to");
}

#[test]
fn there_is_no_way_back_in_a_pipe() {
    let pipe = Progress { can_rewind: false, input: "standard input".into(), ..progress() };
    let mut app = app(Some(pipe));
    assert_eq!(press(&mut app, KeyCode::Left), []);
    assert!(notice(&app).starts_with("standard input is a pipe"), "{}", notice(&app));
    assert_eq!(press(&mut app, KeyCode::Right).len(), 1, "but there is one ahead");
    assert_eq!(type_keys(&mut app, "p."), [Command::TogglePause, Command::Step].map(Effect::Replay));
}

#[test]
fn what_is_done_can_only_be_gone_back_in() {
    let done = Progress { state: State::Done, newest_unix_nano: Some(BEGIN + 10 * MINUTE), ..progress() };
    let mut app = app(Some(Progress { clock_unix_nano: done.newest_unix_nano, ..done }));
    assert_eq!(type_keys(&mut app, "p.}"), []);
    assert!(notice(&app).contains("done"));
    assert_eq!(type_keys(&mut app, "{"), [Effect::Replay(Command::SeekTo(BEGIN + 9 * MINUTE))]);
}

#[test]
fn each_broken_entry_is_reported_once_with_its_place() {
    let broken = |number| Broken { input: "t.jsonl".into(), number, why: "EOF".into() };
    let mut app = app(Some(progress()));
    assert!(app.note.is_none());
    let one = Progress { broken: 1, last_broken: [broken(4)].into(), ..progress() };
    app.update(Event::Replay(Box::new(one.clone())));
    assert_eq!(notice(&app), "t.jsonl: entry 4 skipped: EOF");
    app.note = None;
    app.update(Event::Replay(Box::new(one.clone())));
    let anew = Progress { beginnings: 2, broken: 0, ..progress() };
    app.update(Event::Replay(Box::new(anew)));
    app.update(Event::Replay(Box::new(Progress { beginnings: 2, ..one })));
    assert!(app.note.is_none(), "nor again after it began anew");
    let three = Progress { beginnings: 2, broken: 3, last_broken: [4, 5, 6].map(broken).into(), ..progress() };
    app.update(Event::Replay(Box::new(three)));
    assert_eq!(notice(&app), "t.jsonl: entry 6 skipped: EOF (and 1 before it)");
}
