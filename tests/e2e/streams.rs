//! Recording, replaying and forwarding between real programs.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::emitters::rows;
use crate::support::{GrpcClient, Headless, command, requests};

/// What two runs must agree on: everything but the numbers of arrival.
fn facts(mut calls: Vec<Value>) -> Vec<String> {
    for call in &mut calls {
        let call = call.as_object_mut().unwrap();
        call.shift_remove("call_id");
        call.shift_remove("revision");
    }
    let mut facts: Vec<String> = calls.iter().map(Value::to_string).collect();
    facts.sort();
    facts
}

fn replayed(arguments: &[&str]) -> (Vec<String>, String) {
    let output = command(&["obs", "--json", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "off"])
        .args(["--speed", "max", "--replay"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    (facts(rows(stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect())), stderr)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_replayed_recording_gives_the_same_calls_field_for_field() {
    for name in ["traffic.jsonl", "traffic.jsonl.gz", "traffic.jsonl.zst", "traffic.binpb"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        let program = Headless::start(&["--record", text(&file)]);
        GrpcClient::connect(&program.grpc).export_all(requests("vercel7-json"));
        let (lines, status) = program.finish();
        assert!(status.success());
        let (again, _) = replayed(&[text(&file)]);
        assert_eq!(again, facts(rows(lines)), "{name}");
    }
}

#[test]
fn a_killed_recorder_leaves_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.jsonl");
    let program = Headless::start(&["--record", text(&file)]);
    let mut client = GrpcClient::connect(&program.grpc);
    for request in requests("plano-brightstaff").into_iter().cycle().take(60) {
        client.export(request).unwrap();
    }
    drop(program);
    let recorded = std::fs::read_to_string(&file).unwrap();
    let whole = recorded.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    assert!(recorded.lines().count() - whole <= 1, "at most the last line is cut");
    let (_, stderr) = replayed(&[text(&file)]);
    assert!(stderr.lines().filter(|line| line.contains("skipped")).count() <= 1, "{stderr}");
}

#[test]
fn a_broken_line_is_told_with_its_number_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.jsonl");
    let program = Headless::start(&["--record", text(&file)]);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    program.finish();
    let mut recorded = std::fs::read_to_string(&file).unwrap();
    recorded.insert_str(0, "{\"resourceSpans\":[{\n");
    std::fs::write(&file, recorded).unwrap();
    let (calls, stderr) = replayed(&[text(&file)]);
    assert_eq!(calls.len(), 29);
    assert!(stderr.contains("entry 1 skipped"), "{stderr}");
}

#[test]
fn two_programs_in_a_chain_show_the_same_calls() {
    for scheme in ["grpc", "http"] {
        let last = Headless::start(&[]);
        let address = if scheme == "grpc" { &last.grpc } else { &last.http };
        let first = Headless::start(&["--forward", &format!("{scheme}://{address}")]);
        GrpcClient::connect(&first.grpc).export_all(requests("plano-brightstaff"));
        let (sent, status) = first.finish();
        assert!(status.success());
        let (arrived, _) = last.finish();
        assert_eq!(facts(rows(arrived)), facts(rows(sent)), "{scheme}");
    }
}

#[test]
fn a_dead_target_costs_the_pipeline_nothing() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = Headless::start(&["--forward", &format!("grpc://{gone}")]);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    let (lines, status) = program.finish();
    assert!(status.success());
    assert_eq!(rows(lines).len(), 29);
}

#[test]
fn forwarding_to_itself_is_refused() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let target = format!("grpc://127.0.0.1:{port}");
    let arguments = ["obs", "--json", "--offline", "--host", "127.0.0.1", "--port", &port, "--http-port", "off"];
    let output = command(&arguments).args(["--forward", &target]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("itself"));
}
