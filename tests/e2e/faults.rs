//! Panics while the terminal is taken: it is handed back whichever thread they are in.

use std::sync::Arc;
use std::time::Duration;

use planoai::app::analysis::ViewSpec;
use planoai::app::detail::{Detail, Wanted};
use planoai::app::run::{Options, Source, run};
use planoai::app::{About, App, Clock};
use planoai::call::LlmCall;
use planoai::collector::Snapshot;
use planoai::pricing::Pricer;
use planoai::ui;
use planoai::ui::theme::Theme;
use tokio::sync::watch;

use crate::terminal::Terminal;

/// Names the thread that shall panic in the child process.
const PANIC_IN: &str = "E2E_PANIC_IN";

#[derive(Clone)]
struct Nothing(watch::Receiver<Arc<Snapshot>>);

impl Source for Nothing {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.clone()
    }

    fn clear(&self) {}

    fn look_into(&self, call: &LlmCall) -> Detail {
        Detail { wanted: Wanted::of(call), spans: Vec::new(), cost: Pricer::default().explain(call) }
    }
}

/// The child process of the tests below: draws one frame, then panics in the thread it is told to.
#[test]
#[ignore = "runs inside the pseudo-terminal of the other tests"]
fn inside_the_terminal() {
    let thread = std::env::var(PANIC_IN).unwrap();
    let app = App::new(About::default(), ViewSpec::default(), Duration::from_millis(50), Clock::default());
    // A collector that is gone would end the loop.
    let (_collector, snapshots) = watch::channel(Arc::default());
    let theme = Theme::detect(|_| None);
    let (telling, drawing) = (thread.clone(), thread);
    // The loop reads this on a thread of its own.
    let told = std::iter::from_fn(move || {
        assert!(telling != "another", "told to");
        None
    });
    let ended = run(
        app,
        Nothing(snapshots),
        told,
        move |app, buf| {
            assert!(drawing != "main", "told to");
            ui::draw(app, theme, buf)
        },
        Options::default(),
    );
    assert!(ended.is_ok(), "{ended:?}");
}

fn panics_in(thread: &str) {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "faults::inside_the_terminal", "--nocapture", "--test-threads=1"];
    let environment = [(PANIC_IN, thread)];
    let mut terminal = Terminal::start_program(program.to_str().unwrap(), 80, 24, &arguments, &environment);
    assert_ne!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    let (_, after) = raw.rsplit_once("\x1b[?1049l").expect("the alternate screen was left");
    assert!(after.contains("told to"), "the panic is printed where it can be read: {after}");
}

#[test]
fn a_panic_while_drawing_hands_the_terminal_back() {
    panics_in("main");
}

#[test]
fn a_panic_in_another_thread_hands_the_terminal_back() {
    panics_in("another");
}
