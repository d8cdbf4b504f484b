//! Credentials that found their way into spans are masked wherever the program shows or writes them, unless asked for.

use base64::Engine as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};

use crate::support::{GrpcClient, Headless};
use crate::terminal::Terminal;

/// Texts with a credential in them, and what of it must not be seen.
const LEAKS: [(&str, &str); 13] = [
    ("bad key sk-proj-T3BlbkFJabcdefghijklmnop", "T3BlbkFJ"),
    ("bad key sk-ant-api03-Zm9vYmFyYmF6cXV4", "Zm9vYmFy"),
    ("sent Authorization: Bearer tok3n-ABCDEFGHIJKL", "tok3n"),
    ("body {\"api_key\": \"hunter2plus\"}", "hunter2plus"),
    ("AWS said no to AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "wJalrXUtn"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIi"),
    ("cannot reach postgres://app:s3cretpass@db:5432/x", "s3cretpass"),
    ("sent Authorization: ApiKey q7RwZ2kT9xBv4LmP", "q7RwZ2kT"),
    ("headers {\"X-Api-Key\":[\"w8KdJ3nQ5yHs\"]}", "w8KdJ3nQ"),
    ("ran tool --api-key c4VbN6mL2pRt --verbose", "c4VbN6mL"),
    ("cookie: theme=dark; sid=z9XcV1bN7mQw", "z9XcV1bN"),
    ("query api_key%3Df5GhJ8kL3zXc%26user%3Dme", "f5GhJ8kL"),
];
const MASK: &str = "••••••";

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    }
}

/// A failed call with this text wherever an emitter may put text.
fn call(id: u64, leak: &str) -> ExportTraceServiceRequest {
    let keys = ["error.type", "user.id", "gen_ai.conversation.id", "gen_ai.response.id", "team", "input.value"];
    let mut attributes: Vec<_> = keys.map(|key| text(key, leak)).into();
    attributes.push(text("gen_ai.operation.name", "chat"));
    // A model, or none that is one.
    attributes.push(text("gen_ai.response.model", if id == 1 { leak } else { "gpt-4o" }));
    attributes.push(text("http.request.header.authorization", "Bearer hdrs3cret"));
    let span = Span {
        trace_id: id.to_be_bytes().repeat(2),
        span_id: id.to_be_bytes().to_vec(),
        name: format!("chat {leak}"),
        start_time_unix_nano: 1_795_435_402_000_000_000,
        end_time_unix_nano: 1_795_435_403_000_000_000,
        status: Some(Status { code: 2, message: leak.to_owned() }),
        events: vec![Event {
            name: "exception".to_owned(),
            attributes: vec![text("exception.message", leak), text("exception.stacktrace", leak)],
            ..Event::default()
        }],
        attributes,
        ..Span::default()
    };
    let scope = Some(InstrumentationScope { name: leak.to_owned(), ..InstrumentationScope::default() });
    let scope_spans = vec![ScopeSpans { scope, spans: vec![span], ..ScopeSpans::default() }];
    let resource = Some(Resource { attributes: vec![text("service.name", leak)], ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

fn calls() -> Vec<ExportTraceServiceRequest> {
    (1..).zip(LEAKS).map(|(id, (leak, _))| call(id, leak)).collect()
}

fn assert_kept(shown: &str) {
    assert_hidden(shown);
    assert!(shown.contains(MASK), "{shown}");
}

fn assert_hidden(shown: &str) {
    for secret in LEAKS.iter().map(|(_, secret)| *secret).chain(["hdrs3cret"]) {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn what_is_written_keeps_them() {
    for (shape, extra) in [("--json", &["--explain-spans"][..]), ("--csv", &[]), ("--csv", &["--explain-spans"])] {
        for shows in [false, true] {
            let options = [extra, if shows { &["--show-secrets"] } else { &[] }].concat();
            let program = Headless::start_as(shape, &options);
            GrpcClient::connect(&program.grpc).export_all(calls());
            let (lines, status) = program.finish_raw();
            assert!(status.success());
            let written = lines.join("\n");
            assert!(written.contains("bad key sk-p") && written.contains("postgres://app:"), "{written}");
            if shows {
                assert!(LEAKS.iter().all(|(_, secret)| written.contains(secret)), "{written}");
            } else {
                assert_kept(&written);
            }
        }
    }
}

/// Models, routes and sessions may be named by what was put in the wrong place.
#[test]
fn a_summary_and_its_verdict_keep_them() {
    for shows in [false, true] {
        let options = [&["--max-error-rate", "1%"][..], if shows { &["--show-secrets"] } else { &[] }].concat();
        let program = Headless::start_as("--once", &options);
        // In one request: the first that fails may already be one too many.
        let resource_spans = calls().into_iter().flat_map(|request| request.resource_spans).collect();
        GrpcClient::connect(&program.grpc).export(ExportTraceServiceRequest { resource_spans }).unwrap();
        program.signal("TERM");
        let (lines, stderr, status) = program.await_end();
        assert_eq!(status.code(), Some(3));
        let (summary, verdict) = (lines.join("\n"), stderr.last().unwrap());
        assert!(verdict.contains("most by"), "{verdict}");
        if shows {
            assert!(LEAKS.iter().all(|(_, secret)| summary.contains(secret)), "{summary}");
            assert!(LEAKS.iter().any(|(_, secret)| verdict.contains(secret)), "{verdict}");
        } else {
            assert_kept(&summary);
            assert_kept(verdict);
        }
    }
}

/// The program on a screen, with all leaks sent to it.
fn on_a_screen() -> Terminal {
    let quiet = "obs --offline --host 127.0.0.1 --port 0 --http-port off --refresh-ms 20 --max-error-rate 1%";
    let mut terminal = Terminal::start(220, 70, &quiet.split(' ').collect::<Vec<_>>());
    let mut client = GrpcClient::connect(&terminal.address());
    for (nth, request) in (1..).zip(calls()) {
        client.export(request).unwrap();
        terminal.wait_for_text(&format!("{nth} since start"));
    }
    terminal
}

/// Types these keys, waits for what they show, and looks for what must not be among it. What is drawn over something like
/// it is sent in pieces, so that it has to be looked for on the screen.
fn step_through(terminal: &mut Terminal, steps: &[(&str, &str)]) {
    terminal.step_through(steps, |terminal| assert_hidden(&terminal.contents()));
}

/// Closes what shows this. An escape must not stand right before another key, which it would be the Alt of.
fn close(terminal: &mut Terminal, shown: &str) {
    terminal.type_keys("\x1b");
    terminal.wait_until_gone(shown);
}

#[test]
fn every_view_and_dialog_keeps_them() {
    let mut terminal = on_a_screen();
    let views =
        [("2", "in·write"), ("3", "was routed"), ("4", "switches"), ("5", "latency  error"), ("1", "newest first")];
    step_through(&mut terminal, &views);
    step_through(&mut terminal, &[("2", "in·write"), ("G=", "marked "), ("g=", "┌ compare")]);
    close(&mut terminal, "┌ compare");
    step_through(&mut terminal, &[("4", "switches"), ("t", "┌ session")]);
    close(&mut terminal, "┌ session");
    step_through(&mut terminal, &[("1", "newest first"), ("t", "┌ trace"), ("\r", "scope")]);
    close(&mut terminal, "scope");
    close(&mut terminal, "┌ trace");
    // Completion would write them into the line.
    step_through(&mut terminal, &[("/", "/ "), ("model:bad\tX", "model:badX")]);
    close(&mut terminal, "model:badX");
    step_through(&mut terminal, &[("m", "bad key")]);
}

#[test]
fn the_screen_the_clipboard_and_an_export_keep_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = on_a_screen();
    step_through(&mut terminal, &[("5", "latency  error"), ("1", "newest first"), ("\r", "stack trace")]);
    // Each call in the detail, copied whole.
    for nth in 0..LEAKS.len() {
        terminal.type_keys("Y");
        terminal.wait_for_copies(nth + 1);
        terminal.type_keys("j");
    }
    for copied in &terminal.seen().copied {
        let copied = base64::prelude::BASE64_STANDARD.decode(copied).unwrap();
        assert_kept(&String::from_utf8(copied).unwrap());
    }
    terminal.type_keys("\x1b\x1b");
    for (keys, wanted) in [("m", "bad key"), ("\r", "model="), ("\x7f", "limit passed")] {
        terminal.type_keys(keys);
        terminal.wait_for_text(wanted);
    }
    terminal.wait_until_gone("model=");
    for name in ["calls.jsonl", "calls.csv"] {
        let path = folder.path().join(name);
        terminal.type_keys("\x13");
        terminal.wait_for_text("write to ");
        terminal.type_keys(&format!("\x15{}\r", path.display()));
        terminal.wait_for_text(&format!("{} calls written", LEAKS.len()));
        terminal.wait_for("the file", |_| std::fs::read_to_string(&path).is_ok_and(|text| text.contains("postgres")));
        assert_kept(&std::fs::read_to_string(&path).unwrap());
    }
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    assert_kept(&String::from_utf8_lossy(&terminal.raw));
}
