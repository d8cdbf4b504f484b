//! How a run without a screen ends: when, with which exit code, and what is written by then.

use std::process::Output;

use crate::support::{GrpcClient, Headless, command, requests};

/// The exit code and stderr of a command line that cannot work.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, stdout } = command(&["obs", "--offline"]).args(arguments).output().unwrap();
    assert!(stdout.is_empty());
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_wrong_command_line_is_exit_code_2_with_a_way_out() {
    for (arguments, expected) in [
        (&["--json", "--fields", "model,cots_usd"][..], "did you mean cost_usd?"),
        (&["--csv", "--fields", ""], "the fields are request_id, timestamp"),
        (&["--json", "--csv"], "--csv"),
        (&["--count", "3"], "--json"),
        (&["--for", "3s"], "--json"),
        (&["--fields", "model"], "--json"),
        (&["--json", "--for", "soon"], "--for"),
        (&["--json", "--count=-1"], "--count"),
        (&["--json", "--filter", "modle:x"], "did you mean model:?"),
    ] {
        let (code, stderr) = refused(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}

/// Guarantees: what stands on the command line or in a file's name is printed as text, in one line.
#[test]
fn hostile_arguments_are_sanitised() {
    for arguments in
        [&["--port", "\u{1b}]0;x\u{7}\u{202e}"][..], &["--replay", "no\nplanoai: \u{9b}2J"], &["--\u{1b}[2J"]]
    {
        let (code, stderr) = refused(&[&["--json", "--port", "0", "--http-port", "off"][..], arguments].concat());
        assert!(matches!(code, Some(1 | 2)), "{stderr:?}");
        let is_wild = |char: char| char.is_control() && char != '\n' || char == '\u{202e}';
        assert!(!stderr.contains(is_wild) && !stderr.contains("\nplanoai:"), "{stderr:?}");
    }
}

/// Guarantees: a summary ends after its count although fewer calls are kept, evicted ones counted.
#[test]
fn enough_calls_end_a_summary_that_keeps_fewer() {
    let program = Headless::start_as("--once", &["--count", "20", "--capacity", "4"]);
    let mut client = GrpcClient::connect(&program.grpc);
    let _ = requests("plano-brightstaff").into_iter().try_for_each(|request| client.export(request));
    assert_eq!(program.await_end().2.code(), Some(0));
}

#[test]
fn enough_calls_end_it() {
    let program = Headless::start(&["--count", "3", "--fields", "call_id"]);
    // What comes later than the third call may find the listener gone.
    let mut client = GrpcClient::connect(&program.grpc);
    let _ = requests("plano-brightstaff").into_iter().try_for_each(|request| client.export(request));
    let (lines, _, status) = program.await_end();
    assert_eq!(status.code(), Some(0));
    assert_eq!(lines, ["{\"call_id\":0}", "{\"call_id\":1}", "{\"call_id\":2}"]);
}

#[test]
fn the_end_of_its_time_ends_it() {
    let program = Headless::start(&["--for", "1ms"]);
    let (lines, _, status) = program.await_end();
    assert_eq!((lines.len(), status.code()), (0, Some(0)));
}

#[test]
fn what_was_accepted_is_written_whatever_signal_ends_it() {
    for signal in ["TERM", "INT", "HUP", "QUIT"] {
        let program = Headless::start(&["--fields", "call_id"]);
        GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
        program.signal(signal);
        let (lines, _, status) = program.await_end();
        assert_eq!(status.code(), Some(0), "{signal}");
        assert_eq!(lines.iter().collect::<std::collections::BTreeSet<_>>().len(), 29, "{signal}");
    }
}

#[test]
fn csv_is_a_line_of_names_and_a_line_a_call() {
    let program = Headless::start_as("--csv", &["--fields", "model,is_error,prompt_tokens,call_id"]);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    program.signal("TERM");
    let (lines, _, _) = program.await_end();
    assert_eq!(lines[0], "model,is_error,prompt_tokens,call_id");
    assert!(lines.contains(&"gpt-4o-2024-08-06,false,2855,0".to_owned()), "{lines:?}");
    let mut calls: Vec<u64> = lines[1..].iter().map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    calls.sort_unstable();
    calls.dedup();
    assert_eq!(calls, (0..29).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_is_exit_code_1() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child =
        command(&["obs", "--json", "--demo", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "0"])
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
    assert_eq!(crate::support::wait(&mut child).code(), Some(1));
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(stderr.to_lowercase().contains("space"), "{stderr}");
}

/// Calls are still written if stderr cannot be.
#[test]
fn a_full_stderr_does_not_end_it() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        command(&["obs", "--json", "--demo", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "0"])
            .args(["--count", "1", "--fields", "call_id"])
            .stderr(full)
            .output()
            .unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"{\"call_id\":0}\n"[..]));
}
