//! A replay on the screen, steered by its keys.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::recorded::{delimited, minutes_apart};
use crate::terminal::Terminal;

const QUIET: [&str; 8] = ["obs", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "off"];

fn recording(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let file = folder.path().join("traffic.binpb");
    std::fs::write(&file, bytes).unwrap();
    file
}

fn replay(file: &Path, more: &[&str]) -> Terminal {
    let file = file.to_str().unwrap();
    Terminal::start(160, 30, &[&QUIET, &["--replay", file][..], more].concat())
}

/// Waits until the replay line contains this, and that the table shows exactly the first `calls` models.
fn wait_for(terminal: &mut Terminal, line: &str, calls: u64) {
    terminal.wait_for(&format!("`{line}` and {calls} calls"), |screen| {
        let contents = screen.contents();
        let shown = |number: u64| contents.contains(&format!("model-{number} "));
        contents.contains(line) && (0..calls).all(shown) && !shown(calls)
    });
}

fn quit(mut terminal: Terminal) {
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn its_keys_pause_step_seek_and_hurry() {
    let folder = tempfile::tempdir().unwrap();
    let file = recording(&folder, &delimited(&minutes_apart(6)));
    let mut terminal = replay(&file, &[]);
    // The end is known although nothing but the first request was replayed.
    wait_for(&mut terminal, "/ 5:00", 1);
    terminal.wait_for_text("▶ replay  traffic.binpb");
    terminal.type_keys("p");
    terminal.wait_for_text("⏸ replay paused");
    terminal.type_keys(":0s\r");
    wait_for(&mut terminal, " 0:00 / 5:00", 0);
    terminal.type_keys(".");
    wait_for(&mut terminal, " 0:00 / 5:00", 1);
    terminal.type_keys(".");
    wait_for(&mut terminal, " 1:00 / 5:00", 2);
    terminal.type_keys("}}");
    wait_for(&mut terminal, " 3:00 / 5:00", 3);
    terminal.type_keys("\x1b[C");
    wait_for(&mut terminal, " 3:10 / 5:00", 4);
    terminal.type_keys("\x1b[D\x1b[D");
    wait_for(&mut terminal, " 2:50 / 5:00", 3);
    terminal.type_keys(":12:04:30\r");
    wait_for(&mut terminal, " 4:30 / 5:00", 5);
    terminal.type_keys("{{{");
    wait_for(&mut terminal, " 1:30 / 5:00", 2);
    terminal.type_keys("]]]");
    terminal.wait_for_text("  10x  ");
    terminal.type_keys("[");
    terminal.wait_for_text("  5x  ");
    terminal.type_keys("Mp");
    wait_for(&mut terminal, "■ replay done  traffic.binpb  5:00 / 5:00", 6);
    terminal.wait_for_text("  max  ");
    terminal.type_keys("p");
    terminal.wait_for_text("the replay is done");
    quit(terminal);
}

#[test]
fn freezing_the_view_does_not_pause_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = replay(&recording(&folder, &delimited(&minutes_apart(3))), &[]);
    wait_for(&mut terminal, "▶ replay", 1);
    terminal.type_keys(" M");
    terminal.wait_for_text("⏸ paused +2");
    wait_for(&mut terminal, "■ replay done", 1);
    terminal.type_keys(" ");
    wait_for(&mut terminal, "■ replay done", 3);
    quit(terminal);
}

#[test]
fn a_broken_line_is_reported_with_its_place_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.jsonl");
    let otelcol = include_str!("otelcol.jsonl");
    std::fs::write(&file, format!("{otelcol}{{\"resourceSpans\":[\u{1b}[2J\n{otelcol}")).unwrap();
    let mut terminal = replay(&file, &["--speed", "max"]);
    terminal.wait_for_text("traffic.jsonl: entry 2 skipped: ");
    terminal.wait_for_text("1 broken");
    terminal.type_keys("a");
    terminal.wait_for_text("unreadable entry of the replay");
    assert_eq!(terminal.seen().unexpected, Vec::<String>::new());
    quit(terminal);
}

/// The program with its input from a shell's redirection, on a terminal all the same.
fn shell(redirected: &str) -> Terminal {
    let line = format!("exec {} {} {redirected}", env!("CARGO_BIN_EXE_planoai"), QUIET.join(" "));
    Terminal::start_program("/bin/sh", 160, 30, &["-c", &line], &[])
}

#[test]
fn standard_input_can_be_paused_and_stepped_but_not_sought_back_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = recording(&folder, &delimited(&minutes_apart(4)));
    let mut terminal = shell(&format!("--replay - < {}", file.display()));
    wait_for(&mut terminal, "▶ replay  standard input", 1);
    terminal.type_keys("p");
    terminal.wait_for_text("⏸ replay paused");
    terminal.type_keys(".");
    wait_for(&mut terminal, " 1:00  ", 2);
    terminal.type_keys("\x1b[D");
    terminal.wait_for_text("standard input is a pipe: seeking back is not possible");
    terminal.type_keys("}");
    wait_for(&mut terminal, " 2:00  ", 2);
    quit(terminal);
}

/// Guarantees: the first screen waits for nothing but its first calls, however much follows.
#[test]
fn the_first_screen_does_not_wait_for_the_end_of_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut terminal = replay(&pipe, &["--speed", "max"]);
    terminal.wait_for_text("▶ replay  pipe");
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let requests = minutes_apart(4);
    writer.write_all(&delimited(&requests[..2])).unwrap();
    wait_for(&mut terminal, "▶ replay  pipe", 2);
    writer.write_all(&delimited(&requests[2..])).unwrap();
    drop(writer);
    wait_for(&mut terminal, "■ replay done", 4);
    quit(terminal);
}

#[test]
fn a_signal_ends_it_whatever_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = replay(&recording(&folder, &delimited(&minutes_apart(3))), &[]);
    wait_for(&mut terminal, "▶ replay", 1);
    terminal.signal("TERM");
    terminal.wait_for_exit();
    terminal.assert_restored();
}
