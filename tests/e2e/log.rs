//! `--log FILE`: what is written there, and that nothing else changes.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::support::{Headless, command, post};

const TOKEN: &str = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789";

/// A request whose error message repeats a credential, control characters and a bidirectional override.
fn refused(address: &str) {
    let body = format!("{{\"resourceSpans\":\"{TOKEN} \\u001b[31mred \\u202erevo \\nnext\"}}");
    assert_eq!(post(address, "/v1/traces", "application/json", body.as_bytes()).0, 400);
}

fn run_with(log: &Path, extra: &[&str]) -> String {
    let arguments = [&["--log", log.to_str().unwrap()], extra].concat();
    let program = Headless::start(&arguments);
    refused(&program.http);
    program.signal("TERM");
    let (_, stderr, status) = program.await_end();
    assert!(status.success() && stderr.is_empty(), "{stderr:?}");
    fs::read_to_string(log).unwrap()
}

#[test]
fn refused_requests_are_logged_with_their_reason_and_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("obs.log");
    let log = run_with(&path, &[]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let line = log.lines().find(|line| line.contains("request refused")).expect(&log);
    assert!(line.contains("WARN") && line.contains("malformed export request: invalid type"), "{line}");
    assert!(line.contains("red") && line.contains("next"), "one line holds it all: {line}");
    assert!(!log.contains(TOKEN) && line.contains("••••••"), "{line}");
    assert!(log.chars().all(|char| char == '\n' || !(char.is_control() || char == '\u{202e}')), "{log:?}");
    for event in ["OTLP/gRPC listener bound", "OTLP/HTTP listener bound", "run ended"] {
        assert!(log.contains(event), "{event}: {log}");
    }
    let again = run_with(&path, &["--log-level", "error"]);
    assert_eq!(again, log, "appended to, and nothing of that level happened");
}

#[test]
fn a_log_is_never_written_through_a_link_or_to_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "kept").unwrap();
    symlink(&target, &link).unwrap();
    for path in [link.to_str().unwrap(), "/dev/null"] {
        let output = command(&["obs", "--json", "--port", "0", "--http-port", "0", "--log", path]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("not a regular file"), "{path}");
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
}

#[test]
fn names_from_outside_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("re\u{1b}[31m\u{202e}cord.jsonl");
    fs::write(&recording, "{\n").unwrap();
    let path = folder.path().join("obs.log");
    let program = Headless::start(&["--replay", recording.to_str().unwrap(), "--log", path.to_str().unwrap()]);
    assert!(program.await_end().2.success());
    let log = fs::read_to_string(&path).unwrap();
    assert!(log.contains("cord.jsonl: entry 1 skipped") && log.contains("replay done"), "{log}");
    assert!(!log.contains(['\u{1b}', '\u{202e}']), "{log:?}");
}
