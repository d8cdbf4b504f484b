//! What the program writes to vanishes: its terminal, its stdout. It ends as documented, and never with a panic.

use std::io::{BufRead as _, BufReader, pipe};
use std::process::Stdio;

use flate2::read::GzDecoder;
use prost::Message;

use crate::recorded::{minutes_apart, recorded};
use crate::support::{GrpcClient, command, in_a_shell, wait};
use crate::terminal::{QUIET, Terminal};

const ONCE: [&str; 3] = ["--once", "--for", "1ms"];

/// Guarantees: a program whose terminal is closed ends by itself, whether or not it receives SIGHUP, and what was recorded is
/// whole.
#[test]
fn a_closed_terminal_ends_it_and_the_recording_is_whole() {
    for has_sighup in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("traffic.binpb.gz");
        let arguments = [&QUIET[..], &["--record", file.to_str().unwrap()]].concat();
        let start = if has_sighup { Terminal::start } else { Terminal::start_uncontrolled };
        let mut terminal = start(140, 30, &arguments);
        let sent = minutes_apart(7);
        GrpcClient::connect(&terminal.address()).export_all(sent.clone());
        terminal.wait_for_text("7 since start");
        let code = terminal.vanish().wait_for_exit();
        // The end of the terminal and SIGHUP may come in either order.
        assert!(code == 0 || (has_sighup && code == 129), "exit code {code}, with SIGHUP: {has_sighup}");
        let sent: Vec<_> = sent.iter().map(Message::encode_to_vec).collect();
        let unpacked = folder.path().join("traffic.binpb");
        let mut whole = std::fs::File::create(&unpacked).unwrap();
        // A packed file marks its end.
        std::io::copy(&mut GzDecoder::new(std::fs::File::open(&file).unwrap()), &mut whole).unwrap();
        assert_eq!(recorded(&unpacked), sent, "with SIGHUP: {has_sighup}");
    }
}

/// What the program prints on stderr, and its exit code, if the reading end of its stdout is closed.
fn unread(arguments: &[&str]) -> (String, Option<i32>) {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let output = command(arguments).stdin(Stdio::null()).stdout(writer).output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn a_stdout_without_a_reader_is_a_quiet_end() {
    let demo = |shape| [&QUIET[..], &["--demo", shape]].concat();
    let price = ["price", "gpt-4o", "--input", "1000", "--output", "500"];
    for arguments in [demo("--json"), demo("--csv"), [&QUIET[..], &ONCE].concat(), price.to_vec(), vec!["--help"]] {
        let (stderr, code) = unread(&arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
        assert!(stderr.lines().all(|line| line.starts_with("listening on ")), "{arguments:?}: {stderr}");
    }
}

/// As `| head -1` does it.
#[test]
fn a_stdout_that_is_closed_after_a_line_is_a_quiet_end() {
    for shape in ["--json", "--csv"] {
        let mut child = command(&[&QUIET[..], &["--demo", shape, "--stats=20ms"]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        assert!(first.ends_with('\n'), "{first}");
        assert_eq!(wait(&mut child).code(), Some(0), "{shape}");
        let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
        let is_known = |line: &str| line.starts_with("listening on ") || line.starts_with("{\"stats\":");
        assert!(stderr.lines().all(is_known), "{shape}: {stderr}");
    }
}

/// A stdout that was never open is as good as `/dev/null`.
#[test]
fn a_stdout_closed_from_the_start_loses_only_its_output() {
    let demo = |shape| [&QUIET[..], &["--demo", shape, "--count", "1"]].concat();
    for (arguments, code) in [
        (demo("--json"), 0),
        (demo("--csv"), 0),
        ([&QUIET[..], &ONCE].concat(), 0),
        (vec!["price", "gpt-4o"], 0),
        (QUIET.to_vec(), 2),
    ] {
        for closed in [">&-", ">&- 2>&-"] {
            let shell = in_a_shell(&format!("exec \"$@\" {closed}"), &arguments).stdin(Stdio::null()).output().unwrap();
            let stderr = String::from_utf8(shell.stderr).unwrap();
            assert_eq!(shell.status.code(), Some(code), "{arguments:?} {closed}: {stderr}");
            let problems: Vec<_> = stderr.lines().filter(|line| !line.starts_with("listening on ")).collect();
            assert!(problems.len() <= usize::from(code != 0), "{arguments:?} {closed}: {stderr}");
            assert!(problems.iter().all(|line| line.starts_with("planoai: ")), "{arguments:?} {closed}: {stderr}");
        }
    }
}
