use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{
    Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::Rect;

use super::cursor::RowKey;
use super::export::Exported;
use super::pace::Draw;
use super::views::{Opened, View};
use super::{About, App, Clock, Dialog, Effect, Event, LayoutInfo, Outcome, Pair, Pane, PaneState};
use crate::call::{CallFacts, CallId, LlmCall, Name, Names};
use crate::collector::ring::Ring;
use crate::collector::taps::forward::ForwardCounters;
use crate::collector::taps::recorder::RecordCounters;
use crate::collector::taps::{Forwarded, PipelineCounters};
use crate::collector::{Calls, Snapshot};
use crate::query::analysis::{Analysis, ViewSpec, Window};
use crate::query::limits::{Breach, LimitedFigure};

const SECOND: i64 = 1_000_000_000;

/// An app with its analysis, and a collector that calls can be pushed into.
struct Harness {
    app: App,
    analysis: Analysis,
    ring: Ring,
    names: Names,
    version: u64,
    now: i64,
}

impl Harness {
    fn new(capacity: usize) -> Self {
        let app = App::new(About::default(), ViewSpec::default(), Duration::from_millis(500), Clock::default());
        let mut desk = Self {
            app,
            analysis: Analysis::default(),
            ring: Ring::new(capacity),
            names: Names::default(),
            version: 0,
            now: 1_000 * SECOND,
        };
        let table = Rect::new(0, 5, 80, 10);
        desk.app.set_layout(LayoutInfo { rows: 10, table, list: 5, scroll: 100, ..LayoutInfo::default() });
        desk.tick(0);
        desk
    }

    fn push(&mut self, model: &str, route: &str, status: u16) {
        let draft = CallFacts {
            model: Some(model.into()),
            route_name: (!route.is_empty()).then(|| route.into()),
            session_id: Some(format!("session of {model}").into()),
            status_code: Some(status),
            start_unix_nano: u64::try_from(self.now).ok(),
            span_id: &[7; 8],
            ..CallFacts::default()
        };
        self.ring.push(LlmCall::from_facts(&draft, &mut self.names, self.now));
    }

    /// Publishes what was pushed and lets the analysis catch up.
    fn publish(&mut self) -> Draw {
        self.version += 1;
        let calls: Calls = self.ring.calls().clone();
        let mut snapshot = Snapshot { version: self.version, capacity: self.ring.capacity(), ..Snapshot::default() };
        snapshot.totals.calls = calls.next_id().0;
        snapshot.calls = calls;
        let draw = self.app.update(Event::Snapshot(Arc::new(snapshot))).draw;
        draw.max(self.analyse())
    }

    fn analyse(&mut self) -> Draw {
        let Some(request) = self.app.request() else { return Draw::No };
        let picture = self.analysis.update(&request.spec, &request.snapshot, request.now_unix_nano);
        self.app.update(Event::Picture(picture)).draw
    }

    fn tick(&mut self, seconds: i64) {
        self.now += seconds * SECOND;
        let clock = Clock { unix_nano: self.now, ..Clock::default() };
        self.app.update(Event::Tick(clock));
        self.analyse();
    }

    fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Outcome {
        let outcome = self.app.update(Event::Input(Input::Key(KeyEvent::new(code, modifiers))));
        self.analyse();
        outcome
    }

    fn press(&mut self, keys: &str) {
        for char in keys.chars() {
            match char {
                '\n' => self.key(KeyCode::Enter, KeyModifiers::NONE),
                '\u{1b}' => self.key(KeyCode::Esc, KeyModifiers::NONE),
                '\t' => self.key(KeyCode::Tab, KeyModifiers::NONE),
                '\u{8}' => self.key(KeyCode::Backspace, KeyModifiers::NONE),
                char => self.key(KeyCode::Char(char), KeyModifiers::NONE),
            };
        }
    }

    fn ctrl(&mut self, char: char) -> Outcome {
        self.key(KeyCode::Char(char), KeyModifiers::CONTROL)
    }

    fn selected(&self) -> Option<u64> {
        self.app.views.calls.cursor.key().and_then(RowKey::call).map(|id| id.0)
    }

    fn rows(&self) -> Vec<u64> {
        self.app.picture.rows.from(0).map(|id| id.0).collect()
    }
}

fn traffic() -> Harness {
    let mut desk = Harness::new(1000);
    for (model, route, status) in
        [("gpt-5", "code", 200), ("claude", "chat", 200), ("gpt-5", "", 429), ("gpt-4o", "chat", 200)]
    {
        desk.push(model, route, status);
    }
    desk.publish();
    desk
}

#[test]
fn the_selection_stays_on_its_call_under_ten_thousand_arrivals() {
    let mut desk = Harness::new(2000);
    (0..100).for_each(|_| desk.push("m", "", 200));
    desk.publish();
    desk.press("jjjjj");
    let selected = desk.selected();
    assert_eq!(selected, Some(94));
    let line = |desk: &Harness| {
        let cursor = &desk.app.views.calls.cursor;
        cursor.row() - cursor.top(desk.app.picture.rows.len(), 10)
    };
    let before = line(&desk);
    for _ in 0..19 {
        (0..100).for_each(|_| desk.push("m", "", 200));
        desk.publish();
        assert_eq!((desk.selected(), line(&desk)), (selected, before));
    }
    for _ in 0..81 {
        (0..100).for_each(|_| desk.push("m", "", 200));
        desk.publish();
    }
    assert_eq!(desk.selected(), desk.rows().last().copied(), "evicted: the nearest neighbour is the oldest kept");
}

#[test]
fn following_is_left_by_moving_and_taken_up_by_f_home_and_g() {
    let mut desk = traffic();
    assert_eq!(desk.selected(), Some(3));
    for back in ["f", "g"] {
        desk.press("j");
        let held = desk.selected();
        desk.push("m", "", 200);
        desk.publish();
        assert_eq!(desk.selected(), held);
        desk.press(back);
        assert_eq!(desk.selected(), desk.rows().first().copied());
    }
    desk.press("j");
    desk.key(KeyCode::Home, KeyModifiers::NONE);
    assert!(desk.app.views.calls.cursor.is_following());
}

#[test]
fn a_paused_view_stands_still_and_counts_what_is_new() {
    let mut desk = traffic();
    desk.press(" ");
    let rows = desk.rows();
    (0..32).for_each(|_| desk.push("m", "", 200));
    assert_eq!(desk.publish(), Draw::Paced, "the header counts");
    assert_eq!((desk.rows(), desk.app.new_while_paused()), (rows, Some(32)));
    desk.press("!");
    assert_eq!(desk.rows(), [2], "a filter still applies, to the frozen calls");
    desk.press("! ");
    assert_eq!((desk.rows().len(), desk.app.new_while_paused()), (36, None));
}

#[test]
fn windows_of_a_paused_view_end_when_it_was_paused() {
    let mut desk = traffic();
    desk.press("w ");
    desk.tick(3600);
    desk.press("!!");
    assert_eq!(desk.rows().len(), 4);
    desk.press(" ");
    assert_eq!((desk.rows().len(), desk.app.spec.window), (0, Window::Minute));
}

#[test]
fn models_and_routes_are_picked_by_typing() {
    let mut desk = traffic();
    desk.press("mgpt\n");
    assert_eq!(desk.rows(), [2, 0], "the most frequent match is first");
    desk.press("rcode\n");
    assert_eq!(desk.rows(), [0]);
    desk.press("m\n");
    assert_eq!(desk.app.spec.filter.model(), None, "Enter on what is set lifts it");
    desk.press("r\u{1b}");
    assert_eq!(desk.rows(), [0], "Esc changes nothing");
    desk.press("\u{8}");
    assert_eq!(desk.rows().len(), 4);
}

#[test]
fn an_expression_is_previewed_taken_and_taken_back() {
    let mut desk = traffic();
    desk.press("/status:429");
    assert_eq!(desk.rows(), [2], "live");
    desk.press("\u{1b}");
    assert_eq!(desk.rows().len(), 4);
    desk.press("/model:gpt-5\n");
    assert_eq!(desk.rows(), [2, 0]);
    desk.press("/ latency:>>");
    assert_eq!(desk.rows(), [2, 0], "a mistake leaves the filter in force");
    desk.press("\n");
    assert!(matches!(desk.app.dialog, Some(Dialog::Filter(_))), "and the line open");
    let outcome = desk.ctrl('c');
    assert_eq!((outcome.effects, desk.app.dialog.is_none()), (vec![], true), "Ctrl-C closes the line first");
    assert_eq!(desk.rows(), [2, 0]);
}

#[test]
fn enter_on_a_rollup_shows_its_calls() {
    let cases: [(&str, &[u64]); 4] = [("2", &[2, 0]), ("2j", &[1]), ("3", &[3, 1]), ("4", &[3])];
    for (keys, rows) in cases {
        let mut desk = traffic();
        desk.press(keys);
        desk.press("\n");
        assert_eq!((desk.app.views.tab, desk.rows().as_slice()), (View::Calls, rows), "{keys}");
    }
}

#[test]
fn turns_of_a_session_lead_to_their_calls() {
    let mut desk = traffic();
    desk.push("gpt-5", "code", 200);
    desk.publish();
    desk.press("4j");
    assert_eq!(
        desk.app.views.sessions.cursor.key().and_then(RowKey::name).map(Name::as_str),
        Some("session of gpt-4o")
    );
    desk.press("kt");
    let turns = |desk: &Harness| match &desk.app.views.opened {
        Some(Opened::Turns(turns)) => turns.turns.iter().map(|turn| turn.call.0).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    assert_eq!(turns(&desk), [0, 2, 4]);
    desk.push("gpt-5", "code", 200);
    desk.publish();
    assert_eq!(turns(&desk), [0, 2, 4, 5], "late turns appear");
    desk.press("kk\n");
    assert_eq!((desk.app.views.tab, desk.selected()), (View::Calls, Some(0)));
    assert!(matches!(desk.app.pane, PaneState::Open(_)));
}

#[test]
fn two_models_are_compared_by_marking_both() {
    let mut desk = traffic();
    desk.press("2=");
    assert!(desk.app.marked.is_some() && desk.app.dialog.is_none());
    desk.press("j=");
    let pair = Pair { view: View::Models, left: "gpt-5".into(), right: "claude".into() };
    assert!(matches!(&desk.app.dialog, Some(Dialog::Compare(shown)) if *shown == pair));
    desk.press("=");
    assert!(desk.app.dialog.is_none());
    desk.press("k=");
    assert_eq!(desk.app.marked, None, "the marked one again unmarks");
}

#[test]
fn columns_are_chosen_ordered_and_made_of_attributes() {
    let mut desk = traffic();
    let names =
        |desk: &Harness| desk.app.shown_columns().iter().map(|column| column.name().into_owned()).collect::<Vec<_>>();
    assert_eq!(names(&desk), ["time", "status", "model", "route", "session"]);
    desk.press("croute\n");
    assert_eq!(names(&desk), ["time", "status", "model", "session"], "the list stays open");
    desk.press("team\n");
    assert_eq!(names(&desk).last().map(String::as_str), Some("attr:team"));
    desk.key(KeyCode::Up, KeyModifiers::CONTROL);
    assert_eq!(names(&desk), ["time", "status", "model", "attr:team", "session"]);
    let lookup = desk.app.look_up().expect("values to read");
    assert_eq!((lookup.calls.len(), lookup.keys.as_slice()), (4, [Name::from("team")].as_slice()));
    desk.app.update(Event::Attributes(vec![(CallId(3), "team".into(), Some("core".into()))]));
    assert_eq!(desk.app.attributes.get(CallId(3), &"team".into()), Some("core"));
    assert!(desk.app.look_up().is_none());
    desk.press("team\n");
    assert!(!names(&desk).contains(&"attr:team".to_owned()), "picking it again takes it away");
}

#[test]
fn an_export_asks_where_to_and_before_it_overwrites() {
    let mut desk = traffic();
    desk.ctrl('s');
    desk.key(KeyCode::Char('u'), KeyModifiers::CONTROL);
    desk.press("x.csv");
    let outcome = desk.key(KeyCode::Enter, KeyModifiers::NONE);
    assert_eq!(outcome.effects, [Effect::Export { path: "x.csv".into(), overwrite: false }]);
    desk.app.update(Event::Exported("x.csv".into(), Exported::Exists));
    assert_eq!(desk.key(KeyCode::Char('n'), KeyModifiers::NONE).effects, [], "any other key is no");
    desk.app.update(Event::Exported("x.csv".into(), Exported::Exists));
    let outcome = desk.key(KeyCode::Char('y'), KeyModifiers::NONE);
    assert_eq!(outcome.effects, [Effect::Export { path: "x.csv".into(), overwrite: true }]);
    desk.app.update(Event::Exported("x.csv".into(), Exported::Written(4)));
    assert_eq!(desk.app.note.as_ref().map(|note| note.text.as_str()), Some("4 calls written to x.csv"));
}

#[test]
fn the_mouse_moves_selects_and_opens() {
    let mut desk = traffic();
    let mut mouse = |kind, column, row| {
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        desk.app.update(Event::Input(Input::Mouse(event)));
        (desk.app.views.calls.cursor.row(), matches!(desk.app.pane, PaneState::Open(_)))
    };
    assert_eq!(mouse(MouseEventKind::ScrollDown, 3, 7), (3, false));
    assert_eq!(mouse(MouseEventKind::ScrollUp, 3, 7), (0, false));
    let click = MouseEventKind::Down(MouseButton::Left);
    assert_eq!(mouse(click, 3, 7), (2, false));
    assert_eq!(mouse(click, 3, 2), (2, false), "outside the table");
    assert_eq!(mouse(click, 3, 7), (2, true), "again opens");
    assert_eq!(mouse(click, 3, 14), (3, true), "below the last row");
}

#[test]
fn the_mouse_goes_to_views_and_sets_entries() {
    let mut desk = traffic();
    let mut xs = (0..).step_by(10);
    let tabs = View::ALL.map(|_| Rect::new(xs.next().unwrap(), 4, 8, 1));
    let see = |desk: &mut Harness| {
        let choices = Rect::new(10, 6, 30, 5);
        desk.app.set_layout(LayoutInfo {
            rows: 10,
            table: Rect::new(0, 5, 80, 10),
            tabs,
            choices,
            list: 5,
            ..LayoutInfo::default()
        });
    };
    let click = |desk: &mut Harness, column, row| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        desk.app.update(Event::Input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })));
        desk.analyse();
    };
    see(&mut desk);
    click(&mut desk, 33, 4);
    assert_eq!(desk.app.views.tab, View::Sessions);
    click(&mut desk, 29, 4);
    assert_eq!(desk.app.views.tab, View::Sessions, "between two names");
    click(&mut desk, 0, 4);
    desk.press("m");
    see(&mut desk);
    click(&mut desk, 12, 10);
    assert!(desk.app.dialog.is_some(), "below the last entry");
    click(&mut desk, 2, 7);
    assert!(desk.app.dialog.is_some(), "beside the list");
    click(&mut desk, 12, 7);
    assert!(desk.app.dialog.is_none() && desk.rows().len() < 4, "{:?}", desk.app.spec.filter);
}

#[test]
fn escape_closes_from_the_top_and_never_quits() {
    let mut desk = traffic();
    let pane = |is_expanded| PaneState::Open(Pane { is_expanded, scroll: 0 });
    desk.press("\n\n?");
    assert!(desk.app.dialog.is_some());
    desk.press("\u{1b}");
    assert!(desk.app.dialog.is_none() && desk.app.pane == pane(true));
    desk.press("\u{1b}");
    assert_eq!(desk.app.pane, pane(false));
    desk.press("\u{1b}");
    assert_eq!(desk.app.pane, PaneState::Closed);
    for _ in 0..3 {
        let outcome = desk.key(KeyCode::Esc, KeyModifiers::NONE);
        assert_eq!(outcome.effects, []);
    }
}

/// Guarantees: a pane that has all the room in the calls takes no keys of the other views.
#[test]
fn an_expanded_pane_acts_where_it_is_seen() {
    let mut desk = traffic();
    desk.press("\n\n");
    assert!(desk.app.is_reading());
    desk.press("2j");
    assert_eq!((desk.app.is_reading(), desk.app.views.models.cursor.row()), (false, 1));
    desk.press("/");
    assert!(matches!(desk.app.dialog, Some(Dialog::Filter(_))));
    desk.press("\u{1b}1/gpt\n");
    assert_eq!(desk.app.find, "gpt");
    desk.press("\u{1b}\u{1b}");
    assert_eq!((desk.app.find.as_str(), desk.app.is_reading()), ("", false));
}

/// Guarantees: answers to keys are drawn at once, new calls at their pace; a rollup whose cursor was not moved stays at
/// its top.
#[test]
fn answers_to_keys_are_drawn_at_once() {
    let mut desk = traffic();
    desk.app.update(Event::Input(Input::Key(KeyEvent::new(KeyCode::Char('!'), KeyModifiers::NONE))));
    assert_eq!(desk.analyse(), Draw::Now);
    desk.press("!2");
    for _ in 0..3 {
        desk.push("o3", "", 200);
    }
    assert_eq!(desk.publish(), Draw::Paced);
    assert_eq!(
        (
            desk.app.views.models.cursor.row(),
            desk.app.views.models.cursor.key().and_then(RowKey::name).map(Name::as_str)
        ),
        (0, Some("o3"))
    );
}

#[test]
fn clearing_is_asked_first() {
    let mut desk = traffic();
    desk.ctrl('r');
    assert_eq!(desk.key(KeyCode::Char('n'), KeyModifiers::NONE).effects, []);
    assert!(desk.app.dialog.is_none());
    desk.ctrl('r');
    assert_eq!(desk.key(KeyCode::Char('y'), KeyModifiers::NONE).effects, [Effect::Clear]);
}

#[test]
fn q_and_ctrl_c_quit_unless_text_is_typed() {
    let mut desk = traffic();
    for opening in ["", "?", "\n"] {
        desk.press(opening);
        assert_eq!(desk.key(KeyCode::Char('q'), KeyModifiers::NONE).effects, [Effect::Quit], "{opening:?}");
        assert_eq!(desk.ctrl('c').effects, [Effect::Quit], "{opening:?}");
    }
    desk.press("\u{1b}/q");
    assert!(matches!(&desk.app.dialog, Some(Dialog::Filter(line)) if line.input.text() == "q"));
}

#[test]
fn views_and_sorting_go_round() {
    let mut desk = traffic();
    desk.press("\t");
    assert_eq!(desk.app.views.tab, View::Models);
    desk.press("5");
    assert_eq!(desk.app.selected_call().map(LlmCall::id), Some(CallId(2)));
    desk.press("1>");
    let sorted = desk.app.spec.sort.clone();
    assert!(sorted.is_some());
    desk.press("i");
    assert_ne!(desk.app.spec.sort, sorted);
    desk.press("<");
    assert_eq!(desk.app.spec.sort, None);
    desk.press("smodel\n");
    assert_eq!(desk.rows(), [1, 3, 2, 0]);
    desk.press("s\n");
    assert_eq!(desk.app.spec.sort, None);
}

#[test]
fn nothing_is_asked_twice() {
    let mut desk = traffic();
    assert!(desk.app.request().is_none());
    desk.press("j");
    assert!(desk.app.request().is_none(), "moving needs no new figures");
}

#[test]
fn notes_go_away() {
    let mut desk = traffic();
    assert_eq!(desk.key(KeyCode::Char('y'), KeyModifiers::NONE).effects, [Effect::Copy("07".repeat(8))]);
    assert!(desk.app.note.is_some());
    desk.tick(6);
    assert_eq!(desk.app.note, None);
    desk.key(KeyCode::Char('y'), KeyModifiers::NONE);
    desk.tick(-3600);
    assert_eq!(desk.app.note, None, "a clock that was set back does not make it stay");
}

fn breach(figure: LimitedFigure, measured: f64) -> Breach {
    Breach { figure, measured, limit: 1.0, contributors: Vec::new(), text: format!("{measured} is over 1") }
}

#[test]
fn the_bell_rings_once_for_each_new_breach_and_only_where_asked_for() {
    use LimitedFigure::{ErrorRate, Spending};
    let steps: [(Vec<Breach>, usize, Draw); 7] = [
        (vec![breach(Spending, 2.0)], 1, Draw::Now),
        (vec![breach(Spending, 3.0)], 0, Draw::Paced),
        (vec![breach(Spending, 3.0)], 0, Draw::No),
        (vec![breach(Spending, 3.0), breach(ErrorRate, 2.0)], 1, Draw::Now),
        (vec![breach(ErrorRate, 2.0)], 0, Draw::Paced),
        (Vec::new(), 0, Draw::Paced),
        (vec![breach(ErrorRate, 2.0)], 1, Draw::Now),
    ];
    let mut desk = traffic();
    desk.app.about.has_bell = true;
    for (breaches, bells, draw) in &steps {
        let outcome = desk.app.update(Event::Breaches(breaches.clone()));
        assert_eq!((outcome.effects, outcome.draw), (vec![Effect::Bell; *bells], *draw), "{breaches:?}");
        assert_eq!(desk.app.breaches, *breaches);
    }
    desk.app.about.has_bell = false;
    let outcomes = steps.map(|(breaches, ..)| desk.app.update(Event::Breaches(breaches)).effects);
    assert!(outcomes.iter().all(Vec::is_empty));
}

#[test]
fn counters_of_streams_are_drawn_only_when_they_changed() {
    let mut desk = traffic();
    let counters = ForwardCounters { sent: 3, ..ForwardCounters::default() };
    let streams = PipelineCounters {
        recorded: Some(RecordCounters::default()),
        forwarded: vec![Forwarded { target: "grpc://a:1".into(), counters }],
    };
    assert_eq!(desk.app.update(Event::ExportPipelines(PipelineCounters::default())), Outcome::default());
    assert_eq!(desk.app.update(Event::ExportPipelines(streams.clone())), Outcome::draw(Draw::Paced));
    assert_eq!(desk.app.update(Event::ExportPipelines(streams.clone())), Outcome::default());
    assert_eq!(desk.app.streams, streams);
}
