//! The screen in a real pseudo-terminal: the main paths, and the terminal handed back whatever ends the program.

use crate::support::{GrpcClient, requests};
use crate::terminal::{QUIET, Terminal};

/// Starts the screen with an empty collector and returns it with the address that its header shows.
fn start(columns: u16, rows: u16) -> (Terminal, String) {
    let mut terminal = Terminal::start(columns, rows, &QUIET);
    let address = terminal.address();
    (terminal, address)
}

/// Starts the screen and sends it the captured traffic of the gateway.
fn start_with_calls() -> Terminal {
    let (mut terminal, address) = start(140, 40);
    GrpcClient::connect(&address).export_all(requests("plano-brightstaff"));
    terminal.wait_for_text("29 since start");
    terminal
}

#[test]
fn a_call_is_seen_from_inside_and_its_trace_over_time() {
    use base64::Engine as _;
    let mut terminal = start_with_calls();
    terminal.type_keys("/98cfd833\r");
    terminal.wait_for_text("1 of 29");
    terminal.type_keys("\r\r");
    // The arithmetic comes with the spans; then there is something to scroll.
    terminal.wait_for_text("by price list");
    terminal.type_keys("\x04");
    terminal.wait_for_text("retained: switching costs $0.00121 > ceiling $0.000173");
    terminal.type_keys("Y");
    terminal.wait_for_copy();
    let copied = base64::prelude::BASE64_STANDARD.decode(&terminal.seen().copied[0]).unwrap();
    let copied = String::from_utf8(copied).unwrap();
    for line in ["switch ledger", "decision: retained", "plano.switch.decision: retained"] {
        assert!(copied.lines().any(|copied| copied == line), "{line} is not in\n{copied}");
    }
    terminal.type_keys("t");
    terminal.wait_for_text("2 spans  2 services");
    terminal.type_keys("j\r");
    terminal.wait_for_text("counted as");
    terminal.type_keys("JJJJJJJJJJ");
    terminal.wait_for_text("routing.determination_ms");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn filters_by_model_and_route_from_the_keyboard() {
    let mut terminal = start_with_calls();
    terminal.type_keys("m");
    terminal.wait_for_text("claude");
    terminal.type_keys("claude");
    terminal.type_keys("\r");
    terminal.wait_for_text("model=");
    terminal.wait_for("only Claude in the table", |screen| {
        let contents = screen.contents();
        let table = contents.split("newest first").nth(1).unwrap_or_default();
        table.contains("-4-5") && !table.contains("gpt-4o")
    });
    terminal.type_keys("\x7f");
    terminal.wait_until_gone("model=");
    terminal.type_keys("r");
    terminal.type_keys("code");
    terminal.type_keys("\r");
    terminal.wait_for_text("route=");
    terminal.wait_until_gone("claude-sonnet");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn an_empty_screen_shows_what_listens_and_what_to_set() {
    let (mut terminal, address) = start(100, 30);
    terminal.wait_for_text("opentracing_grpc_endpoint");
    let contents = terminal.contents();
    assert!(contents.contains("random_sampling") && contents.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{contents}");
    assert!(contents.contains(&address));
    terminal.type_keys("\x03");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn signals_hand_the_terminal_back() {
    for (name, code) in [("TERM", 143), ("HUP", 129), ("INT", 130), ("QUIT", 131)] {
        let (mut terminal, _) = start(80, 24);
        terminal.signal(name);
        assert_eq!(terminal.wait_for_exit(), code, "{name}");
        terminal.assert_restored();
    }
}

#[test]
fn suspending_hands_the_terminal_back_and_resuming_takes_it_again() {
    let mut terminal = start_with_calls();
    terminal.type_keys("\x1a");
    terminal.wait_for("the main screen", |screen| !screen.alternate_screen());
    terminal.wait_until_stopped();
    terminal.signal("CONT");
    terminal.wait_for("the alternate screen", vt100::Screen::alternate_screen);
    terminal.wait_for_text("29 since start");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn it_follows_the_size_of_its_window() {
    let mut terminal = start_with_calls();
    for (columns, rows) in [(60, 15), (250, 80), (80, 24)] {
        terminal.resize(columns, rows);
        terminal.wait_for("hints on the last line", |screen| {
            let (height, _) = screen.size();
            let last = screen.contents_between(height.get() - 1, 0, height.get() - 1, 250);
            last.contains("help") || last.contains("quit")
        });
        terminal.wait_for_text("gpt-4o");
    }
    terminal.type_keys("q");
    terminal.wait_for_exit();
    terminal.assert_restored();
}

#[test]
fn help_shows_every_key_and_escape_never_quits() {
    let mut terminal = start_with_calls();
    terminal.type_keys("?");
    terminal.wait_for_text("Esc close");
    terminal.type_keys("\x1b");
    terminal.wait_until_gone("Esc close");
    terminal.type_keys("\x1b\x1b");
    terminal.type_keys("!");
    terminal.wait_for_text("errors");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
}
