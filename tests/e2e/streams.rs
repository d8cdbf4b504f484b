//! Recording, replaying and forwarding between real programs.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use crate::emitters::rows;
use crate::recorded::minutes_apart;
use crate::support::{GrpcClient, Headless, PATIENCE, command, requests};

/// What two runs must agree on: everything but the numbers of arrival.
pub(crate) fn facts(mut calls: Vec<Value>) -> Vec<String> {
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

/// Scenario: the recorder is killed while traffic flows. Guarantees: what it left is whole requests but for the last, and
/// where it breaks off is reported. Unpacked, all that were counted as written are there; packed, all that were flushed, which
/// happens whenever the queue is empty.
#[test]
fn a_killed_recorder_leaves_whole_requests() {
    for name in ["traffic.jsonl", "traffic.binpb", "traffic.jsonl.gz", "traffic.jsonl.zst", "traffic.binpb.gz"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        let program = Headless::start(&["--record", text(&file), "--stats=20ms", "--filter", "model:none"]);
        let mut client = GrpcClient::connect(&program.grpc);
        client.export_all(minutes_apart(30));
        let deadline = Instant::now() + PATIENCE;
        while program.next()["stats"]["recorded"]["written"] != 30 {
            assert!(Instant::now() < deadline, "{name}: not written");
        }
        let is_packed = !name.ends_with("jsonl") && !name.ends_with("binpb");
        let whole = if is_packed { flushed(&file) } else { 30 };
        // More is under way when it is killed.
        let sending = std::thread::spawn(move || {
            let more = minutes_apart(2000).into_iter().skip(30);
            more.map_while(|request| client.export(request).ok()).count()
        });
        program.signal("KILL");
        program.await_end();
        let sent = 30 + sending.join().unwrap();
        let (calls, stderr) = replayed(&[text(&file)]);
        // One more may have been recorded than was acknowledged.
        assert!((whole..=sent + 1).contains(&calls.len()), "{name}: {} of {sent}: {stderr}", calls.len());
        let broken = stderr.lines().filter(|line| line.contains("skipped")).count();
        assert!(broken <= 1, "{name}: {stderr}");
    }
}

/// Waits until a packed recording has all of thirty requests, by reading as much of it as is written.
fn flushed(file: &Path) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let calls = replayed(&[text(file)]).0.len();
        if calls == 30 {
            return calls;
        }
        assert!(Instant::now() < deadline, "only {calls} were flushed");
    }
}

/// What the Collector's file exporter writes: camelCase keys, hex ids, 64-bit integers as text, enums as numbers.
#[test]
fn a_line_of_the_collectors_file_exporter_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.json");
    std::fs::write(&file, include_str!("otelcol.jsonl")).unwrap();
    let (calls, stderr) = replayed(&[text(&file)]);
    assert!(!stderr.contains("skipped"), "{stderr}");
    let call: Value = serde_json::from_str(&calls[0]).unwrap();
    let expected = [
        ("model", "gpt-4o-mini-2024-07-18".into()),
        ("provider", "openai".into()),
        ("service_name", "checkout".into()),
        ("trace_id", "5b8aa5a2d2c872e8321cf37308d69df2".into()),
        ("span_id", "5fb397be34d26b51".into()),
        ("timestamp", "2026-11-23T11:59:59.250000Z".into()),
        ("duration_ms", 750.0.into()),
        ("prompt_tokens", 1204.into()),
        ("completion_tokens", 88.into()),
        ("is_streaming", true.into()),
        ("finish_reasons", serde_json::json!(["stop"])),
        ("is_error", true.into()),
        ("error_message", "upstream reset".into()),
    ];
    for (field, value) in expected {
        assert_eq!(call[field], value, "{field} of {call}");
    }
    assert_eq!(calls.len(), 1);
}

#[test]
fn a_broken_line_is_reported_with_its_number_and_skipped() {
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
