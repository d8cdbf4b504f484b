//! Outputs that take no more: the program ends all the same when it is asked to, and reports what was not written.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use crate::recorded::minutes_apart;
use crate::support::{GrpcClient, Headless, command, requests, signal, wait};
use crate::terminal::QUIET;

/// Guarantees: a full pipe does not keep the program from ending, and its last line tells what was not written.
#[test]
fn a_stdout_that_nobody_reads_does_not_keep_it_from_ending() {
    for name in ["TERM", "INT"] {
        let mut child =
            command(&[&QUIET[..], &["--json"]].concat()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.split_once("listening on ").unwrap().1.split_whitespace().next().unwrap().to_owned();
        // More than a pipe holds.
        let sent: Vec<_> = requests("plano-brightstaff").into_iter().cycle().take(200).collect();
        GrpcClient::connect(&address).export_all([sent, minutes_apart(300)].concat());
        signal(&child, name);
        assert_eq!(wait(&mut child).code(), Some(1), "{name}");
        let mut told = String::new();
        stderr.read_to_string(&mut told).unwrap();
        assert!(told.contains("planoai: stdout was not read to the end: "), "{name}: {told}");
    }
}

/// Guarantees: what a recording loses is reported while the program runs, and once more at its end.
#[test]
fn a_loss_is_reported_while_it_happens() {
    let program = Headless::start(&["--record", "/dev/full"]);
    GrpcClient::connect(&program.grpc).export_all(minutes_apart(2));
    let line = program.diagnostic();
    assert!(line.starts_with("planoai: recording: ") && line.contains("lost so far"), "{line}");
    assert!(line.to_lowercase().contains("space"), "{line}");
}

/// Guarantees: the last account counts what recording and forwarding have done by then.
#[test]
fn the_last_account_is_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.jsonl");
    let program = Headless::start(&["--record", file.to_str().unwrap(), "--stats"]);
    GrpcClient::connect(&program.grpc).export_all(minutes_apart(12));
    let (lines, _) = program.finish();
    let stats = &lines.last().unwrap()["stats"]["recorded"];
    assert_eq!((&stats["written"], &stats["waiting"]), (&12.into(), &0.into()), "{stats}");
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 12);
}

/// Guarantees: a recording is not written through a link, and a file that takes its name is left alone.
#[test]
fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, link) = (folder.path().join("theirs.jsonl"), folder.path().join("link.jsonl"));
    std::fs::write(&theirs, "theirs\n").unwrap();
    std::os::unix::fs::symlink(&theirs, &link).unwrap();
    let output = command(&[&QUIET[..], &["--json", "--record", link.to_str().unwrap()]].concat()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("a symbolic link: name the file itself"), "{stderr}");
    assert_eq!(std::fs::read_to_string(theirs).unwrap(), "theirs\n");
}
