//! Nothing is lost in silence: whatever arrives, every span ends in exactly one counter; a fault costs its request only.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as ProtoSpan};
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message;

use super::*;
use crate::collector::Counters;
use crate::collector::store::{Store, StoreConfig};

/// Ingest and the store behind it, with the queue between them worked off by hand.
struct Bench {
    ingest: Ingest,
    queue: mpsc::Receiver<QueuedBatch>,
    metrics: Arc<CollectorMetrics>,
    store: Store,
}

impl Bench {
    fn new(queued: usize) -> Self {
        let (batches, queue) = mpsc::channel(queued);
        let (metrics, names) = (Arc::new(CollectorMetrics::default()), SharedNames::default());
        let store =
            Store::new(StoreConfig { capacity: 8, span_memory: 1 << 16, pricer: Arc::default(), names: names.clone() });
        Self { ingest: Ingest::new(batches, names, Arc::clone(&metrics)), queue, metrics, store }
    }

    fn work_off(&mut self) {
        while let Ok(queued) = self.queue.try_recv() {
            self.store.apply(queued.batch);
        }
    }

    fn counters(&self) -> Counters {
        let mut counters = self.store.snapshot().counters;
        self.metrics.add_to(&mut counters);
        counters
    }
}

fn request(spans: Vec<ProtoSpan>) -> Bytes {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
}

fn attribute((key, value): (&str, Any)) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn any_attribute() -> impl Strategy<Value = KeyValue> {
    let text = |text: &str| Any::StringValue(text.to_owned());
    let keys = select(vec![
        ("llm.model", text("gpt-5")),
        ("llm.provider", text("openai")),
        ("model.requested", text("fast")),
        ("http.status_code", Any::IntValue(429)),
        ("plano.session_id", text("s")),
        ("gen_ai.operation.name", text("chat")),
        ("gen_ai.operation.name", text("invoke_agent")),
        ("gen_ai.response.id", text("response-12345678")),
        ("gen_ai.response.model", text("gpt-5")),
        ("openinference.span.kind", text("LLM")),
        ("ai.operationId", text("ai.streamText.doStream")),
        ("llm.usage.prompt_tokens", Any::IntValue(i64::MAX)),
        ("llm.usage.completion_tokens", Any::IntValue(-1)),
        ("llm.duration_ms", Any::DoubleValue(f64::NAN)),
        ("llm.time_to_first_token", Any::DoubleValue(f64::INFINITY)),
        ("llm.usage.total_cost_usd", Any::DoubleValue(f64::MAX)),
    ]);
    keys.prop_map(attribute)
}

/// Ids of any length, mostly good ones and often the same.
fn any_id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (1_u8..6).prop_map(move |byte| vec![byte; length]),
        1 => Just(vec![0; length]),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(7_258_118_400_000_000_000), any::<u64>()]
}

fn any_span() -> impl Strategy<Value = ProtoSpan> {
    let names = select(vec!["routing", "POST /v1/chat/completions gpt-5", "chat gpt-5", "", "ingress"]);
    let attributes = prop::collection::vec(any_attribute(), 0..8);
    (any_id(16), any_id(8), any_id(8), names, any_time(), any_time(), attributes).prop_map(
        |(trace_id, span_id, parent_span_id, name, start, end, attributes)| ProtoSpan {
            trace_id,
            span_id,
            parent_span_id,
            name: name.to_owned(),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            ..ProtoSpan::default()
        },
    )
}

/// What is done with the next request.
#[derive(Clone, Debug)]
enum Step {
    Send(Vec<ProtoSpan>),
    /// The one before, as a client does that got no answer.
    Again,
    /// With its end missing, or a byte changed.
    Broken(prop::sample::Index, Option<u8>),
    WorkOff,
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(any_span(), 0..6).prop_map(Step::Send),
        2 => Just(Step::Again),
        2 => (any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(|(at, byte)| Step::Broken(at, byte)),
        3 => Just(Step::WorkOff),
        1 => Just(Step::Clear),
    ]
}

fn broken(request: &Bytes, at: prop::sample::Index, byte: Option<u8>) -> Bytes {
    let mut bytes = request.to_vec();
    if !bytes.is_empty() {
        let at = at.index(bytes.len());
        match byte {
            Some(byte) => bytes[at] = byte,
            None => bytes.truncate(at),
        }
    }
    bytes.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_span_ends_in_exactly_one_counter(steps in prop::collection::vec(any_step(), 1..24)) {
        let mut bench = Bench::new(3);
        let (mut last, mut sent) = (request(Vec::new()), 0);
        for step in steps {
            let taken = match step {
                Step::Send(spans) => {
                    last = request(spans);
                    Some(bench.ingest.try_send(Signal::Traces, last.clone()))
                }
                Step::Again => Some(bench.ingest.try_send(Signal::Traces, last.clone())),
                Step::Broken(at, byte) => Some(bench.ingest.try_send(Signal::Traces, broken(&last, at, byte))),
                Step::WorkOff => { bench.work_off(); None }
                Step::Clear => { bench.store.clear(); None }
            };
            sent += u64::from(taken.is_some());
        }
        bench.work_off();
        let counters = bench.counters();
        let ended =
            counters.llm_calls + counters.merged + counters.not_llm + counters.rejected + counters.spans_refused;
        prop_assert_eq!(counters.spans_received, ended, "{:?}", counters);
        prop_assert_eq!(counters.requests + counters.requests_refused, sent);
        prop_assert_eq!(counters.requests_failed, 0);
        prop_assert!(bench.ingest.0.queued.try_reserve(QUEUED_BYTES).is_some(), "all room was given back");
    }
}

fn call(id: u8) -> ProtoSpan {
    let model = attribute(("llm.model", Any::StringValue("gpt-5".to_owned())));
    ProtoSpan { trace_id: vec![id; 16], span_id: vec![id; 8], attributes: vec![model], ..ProtoSpan::default() }
}

#[test]
fn a_retry_does_not_double_the_rows() {
    let mut bench = Bench::new(3);
    let request = request(vec![call(1), call(2)]);
    bench.ingest.try_send(Signal::Traces, request.clone()).unwrap();
    bench.ingest.try_send(Signal::Traces, request).unwrap();
    bench.work_off();
    let counters = bench.counters();
    assert_eq!((counters.llm_calls, counters.merged, bench.store.snapshot().calls.len()), (2, 2, 2));
}

#[test]
fn a_panic_fails_only_its_request() {
    let mut bench = Bench::new(3);
    let names = bench.ingest.0.names.clone();
    let fault = catch_panic::<()>(|| {
        let _held = names.lock();
        panic!("a fault while names are locked")
    });
    assert_eq!(fault, Err(Refusal::Internal));
    bench.metrics.refusal(&Refusal::Internal);
    bench.ingest.try_send(Signal::Traces, request(vec![call(1)])).unwrap();
    bench.work_off();
    let counters = bench.counters();
    assert_eq!((counters.requests_failed, counters.requests_refused, counters.llm_calls), (1, 1, 1));
}

#[test]
fn too_many_spans_are_refused_before_they_cost() {
    let bench = Bench::new(3);
    let bytes = request(vec![ProtoSpan::default(); MOST_SPANS + 1]);
    assert!(bytes.len() < 300 * 1024);
    assert_eq!(bench.ingest.try_send(Signal::Traces, bytes), Err(Refusal::TooManySpans { limit: MOST_SPANS }));
    bench.ingest.try_send(Signal::Traces, request(vec![ProtoSpan::default(); MOST_SPANS])).unwrap();
    assert_eq!((bench.counters().requests_too_large, bench.counters().requests_refused), (1, 1));
}

#[test]
fn the_queue_is_bounded_by_bytes_too() {
    let bench = Bench::new(1000);
    // Spans weigh most: a request of them is small.
    let bytes = request(vec![ProtoSpan::default(); MOST_SPANS]);
    let taken = (0..1000).take_while(|_| bench.ingest.try_send(Signal::Traces, bytes.clone()).is_ok()).count();
    assert!((2..40).contains(&taken), "{taken} requests");
    assert_eq!(bench.counters().requests_unavailable, 1);
    assert_eq!(bench.counters().spans_refused, MOST_SPANS as u64);
}

/// Protobuf lets fields stand in any order; no exporter makes use of it.
#[test]
fn a_resource_behind_its_spans_is_theirs_and_they_count_once() {
    let message = |resource: bool, spans: bool| ResourceSpans {
        resource: resource.then(|| Resource {
            attributes: vec![attribute(("service.name", Any::StringValue("late".to_owned())))],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { spans: vec![call(1)], ..ScopeSpans::default() }; usize::from(spans)],
        ..ResourceSpans::default()
    };
    // Two encodings of one message behind each other are one message with both their fields.
    let content = [message(false, true).encode_to_vec(), message(true, false).encode_to_vec()].concat();
    let mut bytes = vec![0x0a];
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    let mut bench = Bench::new(3);
    bench.ingest.try_send(Signal::Traces, bytes.into()).unwrap();
    bench.work_off();
    let snapshot = bench.store.snapshot();
    assert_eq!((bench.counters().llm_calls, bench.counters().spans_received), (1, 1));
    assert_eq!(snapshot.calls.iter().next().unwrap().labels().service_name.as_deref(), Some("late"));
}
