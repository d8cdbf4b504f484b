//! `--stats`: span accounting. The counters add up for any mix of senders.

use std::time::Instant;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::Value;

use crate::support::{GrpcClient, Headless, PATIENCE, post, requests};

const CLIENTS: [&str; 5] = ["plano-brightstaff", "vercel7-json", "openinference", "litellm-sdk", "genai-openai"];

/// Reads what a program with `--stats=…` writes until its account satisfies `wanted`.
pub(crate) fn account(program: &Headless, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stats = program.next()["stats"].take();
        if wanted(&stats) {
            return stats;
        }
        assert!(Instant::now() < deadline, "it never came to that: {stats}");
    }
}

fn count(stats: &Value, field: &str) -> u64 {
    stats[field].as_u64().unwrap_or_else(|| panic!("no {field} in {stats}"))
}

fn assert_books_balance(stats: &Value) {
    let ends = ["llm_calls", "merged", "not_llm", "rejected", "spans_refused"];
    assert_eq!(count(stats, "spans_received"), ends.map(|end| count(stats, end)).iter().sum::<u64>(), "{stats}");
    assert_eq!(count(stats, "llm_calls"), count(stats, "calls_kept") + count(stats, "calls_evicted"), "{stats}");
    assert!(count(stats, "calls_kept") <= count(stats, "capacity"), "{stats}");
    assert_eq!(count(stats, "llm_calls"), count(&stats["totals"], "calls"), "{stats}");
}

fn spans(request: &ExportTraceServiceRequest) -> usize {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

#[test]
fn the_last_line_accounts_for_everything() {
    let program = Headless::start(&["--stats"]);
    let mut client = GrpcClient::connect(&program.grpc);
    let (mut sent, mut received) = (0, 0);
    for request in CLIENTS.into_iter().flat_map(requests) {
        sent += 1;
        received += spans(&request) as u64;
        client.export(request).unwrap();
    }
    // A retry of the same spans, something that is no request, and another signal.
    let again = requests("plano-brightstaff").remove(0);
    received += spans(&again) as u64;
    client.export(again).unwrap();
    assert_eq!(post(&program.http, "/v1/traces", "application/x-protobuf", b"\xff\xff").0, 400);
    assert_eq!(post(&program.http, "/v1/metrics", "application/x-protobuf", b"").0, 200);
    let (mut lines, exit) = program.finish();
    assert!(exit.success());
    let last = lines.pop().unwrap();
    let stats = &last["stats"];
    assert_eq!(last.as_object().unwrap().len(), 1, "{last}");
    assert!(lines.iter().all(|line| line.get("stats").is_none()));
    assert_books_balance(stats);
    assert_eq!(count(stats, "spans_received"), received);
    assert_eq!(count(stats, "requests"), sent + 1);
    assert_eq!((count(stats, "requests_refused"), count(stats, "requests_malformed")), (1, 1));
    assert_eq!(count(stats, "other_signals"), 1);
    assert_eq!(count(stats, "calls_written") - count(stats, "calls_taken_back"), count(stats, "llm_calls"));
    assert_eq!(
        lines.len() as u64,
        ["calls_written", "revisions_written", "calls_taken_back"].map(|kind| count(stats, kind)).iter().sum::<u64>()
    );
    let cost: f64 = crate::emitters::rows(lines).iter().filter_map(|row| row["cost_usd"].as_f64()).sum();
    assert!((stats["totals"]["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-9);
    assert!(stats["last_batch_age_ms"].is_u64() && stats["oldest_kept"].is_string());
}

#[test]
fn evicted_calls_are_accounted_for() {
    use planoai::call::{CallFacts, LlmCall, Names};
    use planoai::collector::ring::Ring;
    use planoai::collector::{Counters, Snapshot};
    use planoai::output::{RunStats, WriteCounts};

    let mut ring = Ring::new(3);
    for _ in 0..5 {
        ring.push(LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), 7_000));
    }
    let counters = Counters { llm_calls: 5, last_batch_unix_nano: Some(9_000_000), ..Counters::default() };
    let snapshot = Snapshot { calls: ring.calls().clone(), counters, ..Snapshot::default() };
    let stats = RunStats::of(&snapshot, WriteCounts::default(), 12_000_000);
    assert_eq!((stats.calls_kept, stats.calls_evicted), (3, 2));
    assert_eq!(stats.last_batch_age_ms, Some(3));
    assert_eq!(stats.oldest_kept.as_deref(), Some("1970-01-01T00:00:00.000007Z"));
    assert_eq!(stats.totals.cost_usd, None, "nothing is priced");
    let set_back = RunStats::of(&snapshot, WriteCounts::default(), 1_000_000);
    assert_eq!(set_back.last_batch_age_ms, Some(0), "nothing arrived in the future");
}

#[test]
fn a_clock_that_is_ahead_and_sampling_are_reported() {
    let program = Headless::start(&["--stats"]);
    let mut request = requests("genai-openai").remove(0);
    let far_ahead = 10_000_000_000_000_000;
    for span in request
        .resource_spans
        .iter_mut()
        .flat_map(|resource| &mut resource.scope_spans)
        .flat_map(|scope| &mut scope.spans)
    {
        span.start_time_unix_nano += far_ahead;
        span.end_time_unix_nano += far_ahead;
        "ot=th:c".clone_into(&mut span.trace_state);
    }
    let spans = spans(&request) as u64;
    GrpcClient::connect(&program.grpc).export(request).unwrap();
    let stats = program.finish().0.pop().unwrap()["stats"].clone();
    assert_eq!(count(&stats, "spans_sampled"), spans);
    // Ahead of its arrival by what was added, less the time since the capture, of at most a few years.
    let ahead = count(&stats, "clock_ahead_ms");
    assert!(ahead > 0 && ahead <= far_ahead / 1_000_000, "{ahead}");
}

#[test]
fn accounts_on_the_way_come_without_traffic_too() {
    let program = Headless::start(&["--stats=1ms"]);
    for _ in 0..2 {
        assert_books_balance(&program.next()["stats"]);
    }
}

#[test]
fn beside_csv_accounts_go_to_stderr() {
    let program = Headless::start_as("--csv", &["--stats", "--fields", "model"]);
    GrpcClient::connect(&program.grpc).export_all(requests("genai-openai"));
    program.signal("TERM");
    let (lines, stderr, _) = program.await_end();
    assert!(lines.iter().all(|line| !line.contains("stats")));
    let last: Value = serde_json::from_str(stderr.last().unwrap()).unwrap();
    assert_books_balance(&last["stats"]);
}

#[test]
fn a_request_cut_short_counts_as_refused_and_none_of_its_spans() {
    let program = Headless::start(&["--stats"]);
    let whole = requests("plano-brightstaff").remove(0).encode_to_vec();
    let cut = Bytes::from(whole).slice(..100);
    assert_eq!(post(&program.http, "/v1/traces", "application/x-protobuf", &cut).0, 400);
    let stats = program.finish().0.pop().unwrap()["stats"].clone();
    assert_books_balance(&stats);
    assert_eq!((count(&stats, "spans_received"), count(&stats, "requests_malformed")), (0, 1));
}
