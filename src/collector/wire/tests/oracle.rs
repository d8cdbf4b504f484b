//! The walk held against `opentelemetry-proto`: both read the same bytes, and all that the walk hands out must be
//! what the oracle read, in the same order.
//!
//! Includers bring `planoai::collector::wire` into scope as `wire`: the unit tests and the fuzz target share this.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as OtlpValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::Event as OtlpEvent;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as OtlpSpan};
use prost::Message;

use super::wire::{Attribute, Event, Origin, Span, Value, WireError, walk, walk_at_once};

/// A value in a form that both sides have; a double is its bits, so that NaN equals itself.
#[derive(Debug, PartialEq)]
enum Seen {
    Empty,
    Str(String),
    Bool(bool),
    Int(i64),
    Double(u64),
    Bytes(Vec<u8>),
    Array(Vec<Seen>),
    KvList(Pairs),
}

type Pairs = Vec<(String, Seen)>;

#[derive(Debug, PartialEq)]
struct SeenSpan {
    resource: Pairs,
    scope: (String, String),
    ids: [Vec<u8>; 3],
    trace_state: String,
    name: String,
    kind: i32,
    times: [u64; 2],
    status: (i32, String),
    attributes: Pairs,
    events: Vec<(u64, String, Pairs)>,
    /// The whole span as `opentelemetry-proto` writes it.
    encoded: Vec<u8>,
}

/// Asserts that the walk, in two passes or one, and the oracle agree on `request`. True when they accept it.
pub(super) fn agree(request: &[u8]) -> bool {
    let mut walked = Vec::new();
    let verdict = walk(request, |origin, span| walked.push(from_walk(request, origin, span)));
    let mut at_once = Vec::new();
    match walk_at_once(request, |origin, span| at_once.push(from_walk(request, origin, span))) {
        Ok(()) => assert_eq!((&verdict, &walked), (&Ok(()), &at_once)),
        Err(WireError::LateHead) => {}
        Err(_) => assert!(verdict.is_err()),
    }
    match (verdict, ExportTraceServiceRequest::decode(request)) {
        (Ok(()), Ok(decoded)) => {
            assert_eq!(walked, from_oracle(decoded));
            true
        }
        (Err(_), Err(_)) => false,
        (walk, oracle) => panic!("walk: {walk:?}, oracle: {oracle:?}"),
    }
}

fn from_walk(request: &[u8], origin: &Origin<'_, '_>, span: &Span<'_, '_>) -> SeenSpan {
    assert_eq!(&request[span.raw_range()], span.raw);
    SeenSpan {
        resource: pairs(origin.resource),
        scope: (origin.scope_name.to_owned(), origin.scope_version.to_owned()),
        ids: [span.trace_id, span.span_id, span.parent_span_id].map(<[u8]>::to_vec),
        trace_state: span.trace_state.to_owned(),
        name: span.name.to_owned(),
        kind: span.kind,
        times: [span.start_unix_nano, span.end_unix_nano],
        status: (span.status_code, span.status_message.to_owned()),
        attributes: pairs(span.attributes),
        events: span.events().map(|found| event(&found)).collect(),
        encoded: OtlpSpan::decode(span.raw).expect("an accepted span decodes").encode_to_vec(),
    }
}

fn pairs(attributes: &[Attribute<'_>]) -> Pairs {
    attributes.iter().map(|pair| (pair.key.to_owned(), value(pair.value))).collect()
}

fn event(event: &Event<'_>) -> (u64, String, Pairs) {
    (event.time_unix_nano, event.name.to_owned(), pairs(&event.attributes))
}

fn value(value: Value<'_>) -> Seen {
    match value {
        Value::Empty => Seen::Empty,
        Value::Str(text) => Seen::Str(text.to_owned()),
        Value::Bool(is) => Seen::Bool(is),
        Value::Int(number) => Seen::Int(number),
        Value::Double(number) => Seen::Double(number.to_bits()),
        Value::Bytes(bytes) => Seen::Bytes(bytes.to_vec()),
        Value::Array(array) => Seen::Array(array.iter().map(self::value).collect()),
        Value::KvList(list) => Seen::KvList(pairs(&list.iter().collect::<Vec<_>>())),
    }
}

fn from_oracle(request: ExportTraceServiceRequest) -> Vec<SeenSpan> {
    request.resource_spans.into_iter().flat_map(oracle_resource_spans).collect()
}

fn oracle_resource_spans(ResourceSpans { resource, scope_spans, .. }: ResourceSpans) -> Vec<SeenSpan> {
    let resource = resource.unwrap_or_default().attributes;
    scope_spans.into_iter().flat_map(|spans| oracle_scope_spans(&resource, spans)).collect()
}

fn oracle_scope_spans(resource: &[KeyValue], ScopeSpans { scope, spans, .. }: ScopeSpans) -> Vec<SeenSpan> {
    let scope = scope.unwrap_or_default();
    let scope = (scope.name, scope.version);
    spans.into_iter().map(|span| oracle_span(oracle_pairs(resource.to_vec()), scope.clone(), span)).collect()
}

fn oracle_span(resource: Pairs, scope: (String, String), span: OtlpSpan) -> SeenSpan {
    let encoded = span.encode_to_vec();
    let status = span.status.unwrap_or_default();
    SeenSpan {
        resource,
        scope,
        ids: [span.trace_id, span.span_id, span.parent_span_id],
        trace_state: span.trace_state,
        name: span.name,
        kind: span.kind,
        times: [span.start_time_unix_nano, span.end_time_unix_nano],
        status: (status.code, status.message),
        attributes: oracle_pairs(span.attributes),
        events: span.events.into_iter().map(oracle_event).collect(),
        encoded,
    }
}

fn oracle_pairs(pairs: Vec<KeyValue>) -> Pairs {
    pairs.into_iter().map(|pair| (pair.key, oracle_value(pair.value.unwrap_or_default()))).collect()
}

fn oracle_event(event: OtlpEvent) -> (u64, String, Pairs) {
    (event.time_unix_nano, event.name, oracle_pairs(event.attributes))
}

fn oracle_value(value: AnyValue) -> Seen {
    match value.value {
        None | Some(OtlpValue::StringValueStrindex(_)) => Seen::Empty,
        Some(OtlpValue::StringValue(text)) => Seen::Str(text),
        Some(OtlpValue::BoolValue(is)) => Seen::Bool(is),
        Some(OtlpValue::IntValue(number)) => Seen::Int(number),
        Some(OtlpValue::DoubleValue(number)) => Seen::Double(number.to_bits()),
        Some(OtlpValue::BytesValue(bytes)) => Seen::Bytes(bytes),
        Some(OtlpValue::ArrayValue(array)) => Seen::Array(array.values.into_iter().map(oracle_value).collect()),
        Some(OtlpValue::KvlistValue(list)) => Seen::KvList(oracle_pairs(list.values)),
    }
}
