//! `--serve-viewers` and `--attach`: what a viewer in another process shows is what the collector has.

use std::collections::BTreeMap;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};

use crate::support::{GrpcClient, Headless, PATIENCE, command, lines_of, requests, signal, wait};
use crate::terminal::Terminal;

/// All kinds of clients that were captured.
const CLIENTS: [&str; 5] = ["plano-brightstaff", "vercel7-json", "openinference", "litellm-sdk", "genai-openai"];

/// A collector that serves viewers, and where.
fn serving(extra: &[&str]) -> (Headless, String) {
    let program = Headless::start(&[&["--serve-viewers", "0"], extra].concat());
    let address = viewers_of(&program);
    (program, address)
}

fn viewers_of(program: &Headless) -> String {
    let line = program.diagnostic();
    let address = line.strip_prefix("listening on ").and_then(|rest| rest.strip_suffix(" (viewers)"));
    address.unwrap_or_else(|| panic!("{line}")).to_owned()
}

/// What a viewer that has ended left behind.
struct Seen {
    code: Option<i32>,
    out: String,
    stderr: String,
}

/// Runs a viewer to its end.
fn view(address: &str, arguments: &[&str]) -> Seen {
    let mut viewer = Viewer::spawn(address, arguments);
    let code = wait(&mut viewer.child).code();
    let text = |lines: &Receiver<String>| lines.iter().map(|line| line + "\n").collect();
    Seen { code, out: text(&viewer.lines), stderr: text(&viewer.stderr) }
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last line of each call, by its number.
fn last_lines(lines: Vec<Value>) -> BTreeMap<u64, Value> {
    let mut last: BTreeMap<_, _> = lines.into_iter().map(|line| (line["call_id"].as_u64().unwrap(), line)).collect();
    last.retain(|_, line| line["merged"] != json!(true));
    last
}

/// A viewer without a screen that runs until it is asked to end. Killed when dropped.
struct Viewer {
    child: Child,
    lines: Receiver<String>,
    stderr: Receiver<String>,
}

impl Viewer {
    fn spawn(address: &str, arguments: &[&str]) -> Self {
        let mut child = command(&["obs", "--offline", "--attach", address])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, stderr) = (lines_of(child.stdout.take().unwrap()), lines_of(child.stderr.take().unwrap()));
        Self { child, lines, stderr }
    }

    /// Starts it and waits until it is attached.
    fn start(address: &str, arguments: &[&str]) -> Self {
        let viewer = Self::spawn(address, arguments);
        assert_eq!(viewer.message(), format!("planoai: attached to {address}"));
        viewer
    }

    fn message(&self) -> String {
        self.stderr.recv_timeout(PATIENCE).expect("a line on stderr")
    }

    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(PATIENCE).expect("a line of JSON")).unwrap()
    }

    fn finish(mut self) -> (Vec<Value>, ExitStatus) {
        signal(&self.child, "TERM");
        let status = wait(&mut self.child);
        (self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect(), status)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        // Already gone after `finish`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_viewer_writes_the_lines_that_the_collector_writes() {
    let (program, address) = serving(&["--explain-spans"]);
    let mut client = GrpcClient::connect(&program.grpc);
    for requests in CLIENTS.map(requests) {
        client.export_all(requests);
    }
    let summary = view(&address, &["--once", "--for", "1s"]).out;
    let count = summary.lines().find_map(|line| line.strip_prefix("calls: ")).expect("a count of calls").trim();
    let seen = view(&address, &["--json", "--explain-spans", "--count", count]);
    assert_eq!(seen.code, Some(0), "{summary} {}", seen.stderr);
    let here = last_lines(json_lines(&seen.out));
    let there = last_lines(program.finish().0);
    assert!(here.len() > 40 && here.values().all(|line| line["spans"].is_array()), "{}", here.len());
    assert_eq!(here, there);
}

#[test]
fn two_viewers_see_calls_as_they_come_and_each_its_own_part() {
    let (program, address) = serving(&["--stats"]);
    let (all, claude) = (
        Viewer::start(&address, &["--json", "--stats"]),
        Viewer::start(&address, &["--json", "--filter", "model:claude*"]),
    );
    let mut client = GrpcClient::connect(&program.grpc);
    client.export_all(requests("plano-brightstaff"));
    let last = std::iter::repeat_with(|| all.next()).take(29).last().unwrap();
    assert!(last["call_id"].is_u64());
    assert!(claude.next()["model"].as_str().unwrap().starts_with("claude"));
    let (rest, status) = all.finish();
    assert!(status.success());
    let (mut here, mut there) =
        (rest.last().unwrap()["stats"].clone(), program.finish().0.pop().unwrap()["stats"].clone());
    for stats in [&mut here, &mut there] {
        for of_its_own in ["timestamp", "last_batch_age_ms", "revisions_written"] {
            stats.as_object_mut().unwrap().remove(of_its_own).unwrap();
        }
    }
    assert_eq!(here, there);
}

#[test]
fn a_collector_that_comes_again_is_found_and_its_calls_are_numbered_on() {
    let (program, address) = serving(&[]);
    let viewer = Viewer::start(&address, &["--json"]);
    GrpcClient::connect(&program.grpc).export_all(requests("litellm-sdk"));
    let before = viewer.next();
    program.signal("KILL");
    let lost = viewer.message();
    assert!(lost.contains(&address) && lost.contains("trying again"), "{lost}");
    let again = Headless::start(&["--serve-viewers", &address]);
    assert_eq!(viewers_of(&again), address);
    assert_eq!(viewer.message(), format!("planoai: attached to {address}"));
    GrpcClient::connect(&again.grpc).export_all(requests("genai-openai"));
    let mut after = viewer.next();
    while after["model"] == before["model"] {
        after = viewer.next();
    }
    assert!(after["call_id"].as_u64() > before["call_id"].as_u64(), "{after}");
    assert_eq!(after["revision"], json!(1));
    drop(program);
}

#[test]
fn a_collector_may_serve_viewers_and_nothing_else() {
    let program = Headless::start_as("--serve-viewers=0", &["--capacity", "70"]);
    let address = viewers_of(&program);
    assert!(address.starts_with("127.0.0.1:"));
    GrpcClient::connect(&program.grpc).export_all(requests("genai-openai"));
    let calls = requests("genai-openai").len().to_string();
    let seen = view(&address, &["--csv", "--fields", "call_id", "--stats", "--for", "2s"]);
    let stats: Value = serde_json::from_str(seen.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&stats["stats"]["capacity"], &stats["stats"]["requests"]),
        (&json!(70), &json!(calls.parse::<u64>().unwrap()))
    );
    let (lines, ended) = program.finish();
    assert!(ended.success() && lines.is_empty(), "{lines:?}");
}

#[test]
fn calls_are_shown_only_with_the_token() {
    let (program, address) = serving(&["--token", "s3cret-t0ken"]);
    let mut client = GrpcClient::connect(&program.grpc);
    for request in requests("litellm-sdk") {
        client.export_as(request, Some("Bearer s3cret-t0ken")).unwrap();
    }
    for arguments in [&["--json"][..], &["--json", "--token", "wrong"]] {
        let Seen { code, out, stderr } = view(&address, arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(stderr.lines().count() == 1 && stderr.contains("--token") && !stderr.contains("s3cret"), "{stderr}");
    }
    let seen = view(&address, &["--json", "--count", "1", "--token", "s3cret-t0ken"]);
    assert_eq!(json_lines(&seen.out).len(), 1);
}

#[test]
fn tls_is_spoken_and_the_client_certificate_is_shown() {
    let pki = crate::access::Pki::new();
    let path = |name: &str| pki.path(name).to_str().unwrap().to_owned();
    let (cert, key, ca) = (path("server.pem"), path("server.key"), path("ca.pem"));
    let (program, address) = serving(&["--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &ca]);
    let address = address.replace("127.0.0.1", "localhost");
    let (client_cert, client_key) = (path("client.pem"), path("client.key"));
    let identity = ["--tls-ca", &ca, "--tls-cert", &client_cert, "--tls-key", &client_key];
    let seen = view(&address, &[&["--once", "--for", "1s"], &identity[..]].concat());
    assert_eq!(seen.code, Some(0), "{}", seen.stderr);
    let without_ca = view(&address, &[&["--json"], &identity[2..]].concat());
    assert_eq!(without_ca.code, Some(1));
    assert!(without_ca.stderr.contains("TLS: invalid peer certificate") && without_ca.stderr.lines().count() == 1);
    // Whether the reason for being refused reaches it in time is a matter of luck.
    for arguments in [&identity[..2], &[]] {
        let seen = view(&address, &[&["--once", "--for", "1s"], arguments].concat());
        assert_eq!((seen.code, seen.out.as_str()), (Some(1), ""), "a summary of nothing would be a lie");
        assert!(seen.stderr.contains("TLS"), "{}", seen.stderr);
    }
    let missing = view(&address, &["--json", "--tls-ca", "/no/such.pem"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("/no/such.pem"));
    drop(program);
}

#[test]
fn a_taken_viewers_port_is_a_plain_error_before_anything_is_drawn() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let arguments =
        ["obs", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "off", "--serve-viewers", &port];
    let output = command(&arguments).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains(&format!("127.0.0.1:{port}: port already in use")) && stderr.contains("--serve-viewers"),
        "{stderr}"
    );
}

#[test]
fn the_attached_screen_shows_the_calls_and_looks_into_them() {
    let (program, address) = serving(&[]);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    let mut terminal = Terminal::start(160, 44, &["obs", "--offline", "--attach", &address]);
    terminal.wait_for_text("29 since start");
    terminal.wait_for_text(&format!("attached to {address}"));
    terminal.type_keys("/98cfd833\r");
    terminal.wait_for_text("1 of 29");
    terminal.type_keys("\r\r");
    terminal.wait_for_text("by price list");
    terminal.type_keys("\x04");
    terminal.wait_for_text("retained: switching costs $0.00121 > ceiling $0.000173");
    terminal.type_keys("t");
    terminal.wait_for_text("2 spans  2 services");
    terminal.type_keys("q\x1b\x1b");
    drop(program);
}

#[test]
fn the_attached_screen_reports_a_lost_collector_and_keeps_its_calls() {
    let (program, address) = serving(&[]);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    let mut terminal = Terminal::start(160, 40, &["obs", "--offline", "--attach", &address]);
    terminal.wait_for_text("29 since start");
    program.signal("TERM");
    terminal.wait_for_text("reconnecting");
    // A frame comes in parts.
    terminal.wait_for_text("29/");
    terminal.wait_for_text("claude");
    let again = Headless::start(&["--serve-viewers", &address]);
    assert_eq!(viewers_of(&again), address);
    terminal.wait_until_gone("reconnecting");
    terminal.wait_for_text("0 since start");
    GrpcClient::connect(&again.grpc).export_all(requests("litellm-sdk"));
    // The calls of the former one are gone with it: there were 29.
    terminal.wait_for_text("19/262,144 kept");
    terminal.type_keys("\x12");
    terminal.wait_for_text("kept calls here?");
    terminal.type_keys("y");
    terminal.wait_for_text("the collector keeps them");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
    assert_eq!(last_lines(again.finish().0).len(), 19);
    drop(program);
}
