//! What reading an export request costs: the walk, against decoding everything with `opentelemetry-proto`.
//!
//! Besides divan's table (per request) this prints nanoseconds a span.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use planoai::collector::wire::walk;
use prost::Message;

const SPANS: u64 = 512;
const TEXTS: [(&str, &str); 19] = [
    ("http.method", "POST"),
    ("http.target", "/v1/chat/completions"),
    ("http.status_code", "200"),
    ("llm.model", "openai/gpt-5-mini"),
    ("llm.provider", "openai"),
    ("llm.request_id", "0190c6b2-7a54-7c3e-8f10-6d3b8f0d9a11"),
    ("llm.user_message_preview", "Write a haiku about the sea and explain it"),
    ("llm.tools", "get_weather, search_web, read_file"),
    ("model.requested", "plano/auto"),
    ("model.alias", "fast"),
    ("routing.route_name", "code generation"),
    ("routing.strategy", "preference"),
    ("session.id", "implicit:4be1c7a6d9130f52"),
    ("user.id", "anonymous"),
    ("server.address", "api.openai.com"),
    ("service.name.override", "plano(llm)"),
    ("gen_ai.operation.name", "chat"),
    ("gen_ai.response.id", "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT"),
    ("signals.quality", "good"),
];
const NUMBERS: [(&str, i64); 7] = [
    ("llm.usage.prompt_tokens", 1834),
    ("llm.usage.completion_tokens", 412),
    ("llm.usage.total_tokens", 2246),
    ("llm.time_to_first_token", 318),
    ("llm.duration_ms", 4_211),
    ("signals.turn_count", 3),
    ("http.response.body.size", 18_233),
];

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// As Plano's gateway writes it: 28 attributes, mostly short texts.
fn span(nth: u64) -> Span {
    let texts = TEXTS.iter().map(|(key, text)| pair(key, Value::StringValue((*text).into())));
    let numbers = NUMBERS.iter().map(|(key, number)| pair(key, Value::IntValue(*number)));
    let others = [pair("llm.is_streaming", Value::BoolValue(true)), pair("llm.temperature", Value::DoubleValue(0.7))];
    Span {
        trace_id: u128::from(nth).to_be_bytes().to_vec(),
        span_id: nth.to_be_bytes().to_vec(),
        parent_span_id: (!nth).to_be_bytes().to_vec(),
        name: "POST /v1/chat/completions".into(),
        kind: 3,
        start_time_unix_nano: 1_760_000_000_000_000_000 + nth,
        end_time_unix_nano: 1_760_000_004_211_000_000 + nth,
        attributes: texts.chain(numbers).chain(others).collect(),
        ..Span::default()
    }
}

fn full_request() -> Vec<u8> {
    let scope_spans = ScopeSpans { spans: (0..SPANS).map(span).collect(), ..ScopeSpans::default() };
    let resource_spans = ResourceSpans { scope_spans: vec![scope_spans], ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
}

/// All that was captured from Plano, as one request: requests that follow each other merge.
fn captured() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plano-brightstaff");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let requests = files.filter(|file| file.extension().is_some_and(|extension| extension == "binpb"));
    requests.flat_map(|file| std::fs::read(file).unwrap_or_default()).collect()
}

/// A name, and how to make the request.
type Mix = (&'static str, fn() -> Vec<u8>);

const MIXES: [Mix; 2] = [("512 spans of 28 attributes", full_request), ("captured", captured)];

fn by_walk(request: &[u8]) -> u64 {
    let mut spans = 0;
    let verdict = walk(request, |_, span| {
        spans += 1;
        black_box(span);
    });
    assert_eq!(verdict, Ok(()));
    spans
}

fn by_oracle(request: &[u8]) -> u64 {
    let decoded = black_box(ExportTraceServiceRequest::decode(request).unwrap_or_default());
    let scopes = decoded.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}

fn bench(bencher: Bencher<'_, '_>, mix: &str, read: fn(&[u8]) -> u64) {
    let request = MIXES.iter().find(|(name, _)| *name == mix).map(|(_, make)| make()).unwrap_or_default();
    let bencher = bencher.counter(ItemsCount::new(by_walk(&request))).counter(BytesCount::of_slice(&request));
    bencher.bench(|| read(black_box(&request)));
}

#[divan::bench(args = MIXES.map(|mix| mix.0))]
fn walked(bencher: Bencher<'_, '_>, mix: &str) {
    bench(bencher, mix, by_walk);
}

#[divan::bench(args = MIXES.map(|mix| mix.0))]
fn decoded(bencher: Bencher<'_, '_>, mix: &str) {
    bench(bencher, mix, by_oracle);
}

/// The best of many rounds: what an otherwise idle machine achieves.
fn nanos_a_span(request: &[u8], read: fn(&[u8]) -> u64) -> f64 {
    let round = |_| {
        let start = Instant::now();
        let spans = read(black_box(request));
        start.elapsed().as_nanos() as f64 / spans as f64
    };
    (0..200).map(round).fold(f64::INFINITY, f64::min)
}

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn main() {
    divan::main();
    for (name, make) in MIXES {
        let request = make();
        let (walked, decoded) = (nanos_a_span(&request, by_walk), nanos_a_span(&request, by_oracle));
        println!("{name}: {walked:.0} ns a span walked, {decoded:.0} ns decoded ({:.1}x)", decoded / walked);
    }
}
