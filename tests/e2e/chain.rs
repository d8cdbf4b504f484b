//! Programs in a chain, and targets that are dead, slow, rejecting or returning: what is reported of them, and that nothing
//! else suffers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::Value;

use crate::accounts::account;
use crate::emitters::rows;
use crate::recorded::{minutes_apart, recorded};
use crate::streams::facts;
use crate::support::{GrpcClient, Headless, PATIENCE, requests};
use crate::terminal::{QUIET, Terminal};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn sorted(mut requests: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    requests.sort();
    requests
}

fn bytes(requests: &[ExportTraceServiceRequest]) -> Vec<Vec<u8>> {
    sorted(requests.iter().map(ExportTraceServiceRequest::encode_to_vec).collect())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn of_target(stats: &Value, figure: &str) -> u64 {
    stats["forwarded"][0][figure].as_u64().unwrap_or_else(|| panic!("no {figure}"))
}

/// Scenario: sender → first → last, with and without gzip on either leg. Guarantees: the very bytes that were sent arrive
/// at the end, and both show the same calls.
#[test]
fn the_end_of_a_chain_gets_the_very_bytes() {
    for (scheme, gzip) in [("grpc", false), ("grpc", true), ("http", false), ("http", true)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("last.binpb");
        let last = Headless::start(&["--record", text(&file)]);
        let target = format!("{scheme}://{}", if scheme == "grpc" { &last.grpc } else { &last.http });
        let compression = ("OTEL_EXPORTER_OTLP_COMPRESSION", if gzip { "gzip" } else { "none" });
        let first = Headless::start_in(&[compression], &["--forward", &target], true);
        let client = GrpcClient::connect(&first.grpc);
        let mut client = if gzip { client.gzip() } else { client };
        let sent: Vec<_> =
            ["plano-brightstaff", "openinference", "vercel-proto"].into_iter().flat_map(requests).collect();
        client.export_all(sent.clone());
        let (shown_first, status) = first.finish();
        assert!(status.success());
        let (shown_last, _) = last.finish();
        assert_eq!(sorted(recorded(&file)), bytes(&sent), "{scheme}, gzip {gzip}");
        assert_eq!(facts(rows(shown_last)), facts(rows(shown_first)), "{scheme}, gzip {gzip}");
    }
}

#[test]
fn an_unknown_compression_is_refused() {
    let output = crate::support::command(&["obs", "--json", "--offline", "--forward", "grpc://127.0.0.1:9"])
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "lzma")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("OTEL_EXPORTER_OTLP_COMPRESSION: expected gzip"));
}

/// Scenario: the last program is killed while the first goes on taking traffic, and comes back. Guarantees: it gets what
/// was sent meanwhile, and nothing twice that it had acknowledged.
#[test]
fn a_target_that_is_killed_and_returns_gets_everything() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["before.binpb", "after.binpb"].map(|name| folder.path().join(name));
    let port = free_port();
    let before = Headless::start_on(port, &["--record", text(&files[0]), "--stats=20ms", "--filter", "model:none"]);
    let target = format!("grpc://{}", before.grpc);
    let first = Headless::start(&["--forward", &target, "--stats=20ms", "--filter", "model:none"]);
    let sent = minutes_apart(40);
    let mut client = GrpcClient::connect(&first.grpc);
    client.export_all(sent[..20].to_vec());
    account(&first, |stats| of_target(stats, "sent") == 20);
    account(&before, |stats| stats["recorded"]["written"] == 20);
    before.signal("KILL");
    before.await_end();
    client.export_all(sent[20..].to_vec());
    let down = account(&first, |stats| of_target(stats, "retries") > 0 && of_target(stats, "waiting") == 20);
    assert!(down["forwarded"][0]["error"].is_string(), "{down}");
    let after = Headless::start_on(port, &["--record", text(&files[1])]);
    let up = account(&first, |stats| of_target(stats, "sent") == 40);
    assert_eq!(up["forwarded"][0]["target"], target);
    assert!(up["forwarded"][0]["error"].is_null());
    for lost in ["waiting", "dropped", "refused", "given_up"] {
        assert_eq!(of_target(&up, lost), 0, "{lost}");
    }
    assert!(first.finish_raw().1.success());
    after.finish();
    let arrived = files.iter().flat_map(|file| recorded(file)).collect();
    assert_eq!(sorted(arrived), bytes(&sent));
}

/// An HTTP server that reads requests and answers each with this; not at all, if that is empty. Tells the head of each.
fn answering(answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let (sender, heads) = channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut unanswered = Vec::new();
        for stream in listener.incoming().map_while(Result::ok).take(100) {
            let mut stream = stream;
            if answer.is_empty() {
                unanswered.push(stream);
                continue;
            }
            let sender = sender.clone();
            std::thread::spawn(move || {
                let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    received.extend_from_slice(&buffer[..read]);
                    if let Some(head) = whole(&received) {
                        let _ = sender.send(head);
                        let answer = format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                        let _ = stream.write_all(answer.as_bytes());
                        return;
                    }
                }
            });
        }
    });
    (address, heads)
}

/// The head of a request, in lower case, once all of the request is there.
fn whole(received: &[u8]) -> Option<String> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().unwrap();
    (received.len() >= end + 4 + length).then_some(head)
}

#[test]
fn what_is_forwarded_is_packed_where_that_is_asked_for() {
    for (compression, is_packed) in
        [("gzip", true), ("zstd", true), ("deflate", true), ("snappy", true), ("lz4", true), ("none", false)]
    {
        let (address, heads) = answering("200 OK");
        let environment = [("OTEL_EXPORTER_OTLP_COMPRESSION", compression)];
        let program = Headless::start_in(&environment, &["--forward", &format!("http://{address}")], true);
        GrpcClient::connect(&program.grpc).export_all(minutes_apart(1));
        let head = heads.recv_timeout(PATIENCE).unwrap();
        assert_eq!(head.contains(&format!("content-encoding: {compression}")), is_packed, "{compression}: {head}");
    }
}

/// Guarantees: whatever is wrong with a target is counted, shown in the span accounting and printed at exit, and costs this program
/// neither a call nor its exit code.
#[test]
fn a_failing_target_is_reported_and_affects_nothing_else() {
    let dead = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let cases: [(&str, SocketAddr, &str, &str); 4] = [
        ("dead", dead, "waiting", "refused"),
        ("slow", answering("").0, "waiting", ""),
        ("rejecting", answering("400 Bad Request").0, "refused", "400"),
        ("busy", answering("503 Unavailable").0, "waiting", "503"),
    ];
    for (kind, address, figure, why) in cases {
        let program =
            Headless::start(&["--forward", &format!("http://{address}"), "--stats=20ms", "--filter", "model:none"]);
        GrpcClient::connect(&program.grpc).export_all(minutes_apart(5));
        let is_so = |stats: &Value| {
            let error = stats["forwarded"][0]["error"].as_str().unwrap_or_default().to_lowercase();
            of_target(stats, figure) == 5 && error.contains(why)
        };
        let stats = account(&program, is_so);
        assert_eq!((of_target(&stats, "sent"), &stats["llm_calls"]), (0, &5.into()), "{kind}: {stats}");
        assert!(stats["recorded"].is_null());
        program.signal("TERM");
        let (_, stderr, ended) = program.await_end();
        assert_eq!(ended.code(), Some(0), "{kind}");
        let lost = format!("planoai: 5 requests did not reach http://{address}/v1/traces");
        assert!(stderr.iter().any(|line| line.starts_with(&lost)), "{kind}: {stderr:?}");
    }
}

#[test]
fn a_full_disk_loses_only_the_recording_and_is_reported() {
    let program = Headless::start(&["--record", "/dev/full", "--stats=20ms", "--filter", "model:none"]);
    GrpcClient::connect(&program.grpc).export_all(minutes_apart(5));
    let stats = account(&program, |stats| stats["recorded"]["failed"] == 5);
    assert!(stats["recorded"]["error"].as_str().unwrap().contains("space"), "{stats}");
    assert_eq!((&stats["recorded"]["written"], &stats["llm_calls"]), (&0.into(), &5.into()), "{stats}");
    assert_eq!(stats["forwarded"], Value::Array(Vec::new()));
    program.signal("TERM");
    let (_, stderr, ended) = program.await_end();
    assert_eq!(ended.code(), Some(0));
    let stderr = stderr.join("\n");
    assert!(stderr.contains("5 requests were not recorded") && stderr.contains("space"), "{stderr}");
}

/// Starts the screen with these options and returns it with the address that its header shows.
fn screen(more: &[&str]) -> (Terminal, String) {
    let mut terminal = Terminal::start(200, 40, &[&QUIET[..], more].concat());
    let address = terminal.address();
    (terminal, address)
}

#[test]
fn the_screen_shows_how_recording_and_forwarding_go() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traffic.jsonl");
    let last = Headless::start(&[]);
    let target = format!("grpc://{}", last.grpc);
    let (mut terminal, address) = screen(&["--record", text(&file), "--forward", &target]);
    terminal.wait_for_text("● rec 0 B   → 1/1 ok");
    let mut client = GrpcClient::connect(&address);
    client.export_all(minutes_apart(3));
    terminal.wait_for("bytes of the recording", |screen| {
        let contents = screen.contents();
        contents.contains(" kB   → 1/1 ok") && contents.contains("● rec ")
    });
    last.signal("KILL");
    last.await_end();
    client.export_all(minutes_apart(4));
    terminal.wait_for_text("down · 4 waiting");
    terminal.type_keys("a");
    terminal.wait_for_text(&format!("→ {target} down 3 sent 4 waiting"));
    terminal.wait_for_text("● recorded 7 requests");
    terminal.type_keys("q");
    terminal.wait_for_exit();
    terminal.assert_restored();
}
