//! Files that cannot be written: one line on stderr, and everything else goes on.

use crate::recorded::minutes_apart;
use crate::support::{GrpcClient, command};
use crate::terminal::{QUIET, Terminal};

/// Has what is shown written to `path`.
fn export(terminal: &mut Terminal, path: &str) {
    terminal.type_keys("\x13");
    terminal.wait_for_text("write to ");
    terminal.type_keys(&format!("\x15{path}\r"));
}

#[test]
fn an_export_that_fails_is_reported_and_the_program_continues() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(160, 30, &QUIET);
    let mut client = GrpcClient::connect(&terminal.address());
    client.export_all(minutes_apart(3));
    terminal.wait_for_text("3 since start");
    // What is no folder cannot be written into, not even by the superuser.
    export(&mut terminal, "/dev/null/calls.csv");
    terminal.wait_for_text("could not write /dev/null/calls.csv: Not a directory");
    export(&mut terminal, "/dev/full");
    terminal.wait_for_text("overwrite /dev/full?");
    terminal.type_keys("y");
    terminal.wait_for_text("could not write /dev/full: No space left");
    client.export_all(minutes_apart(4).split_off(3));
    terminal.wait_for_text("4 since start");
    let good = folder.path().join("calls.csv");
    export(&mut terminal, good.to_str().unwrap());
    terminal.wait_for_text("4 calls written to ");
    assert_eq!(std::fs::read_to_string(good).unwrap().lines().count(), 5);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

#[test]
fn a_recording_that_cannot_begin_is_wrong_usage_in_a_line() {
    let output = command(&["obs", "--json", "--offline", "--record", "/dev/null/traffic.jsonl"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len(), stderr.lines().count()), (Some(2), 0, 1), "{stderr}");
    assert!(stderr.starts_with("planoai: --record: /dev/null/traffic.jsonl: "), "{stderr}");
}

#[test]
fn a_broken_recording_is_reported_on_the_screen_and_at_exit() {
    let mut terminal = Terminal::start(160, 30, &[&QUIET[..], &["--record", "/dev/full"]].concat());
    GrpcClient::connect(&terminal.address()).export_all(minutes_apart(5));
    terminal.wait_for_text("5 since start");
    terminal.wait_for_text("· 5 lost");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
    let stderr = String::from_utf8_lossy(&terminal.raw).into_owned();
    let (_, after) = stderr.rsplit_once("\x1b[?1049l").unwrap();
    assert!(after.contains("planoai: 5 requests were not recorded: ") && after.contains("space"), "{after}");
}
