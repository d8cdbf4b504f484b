//! Recordings made for a test: one plain call a request, so far apart that no test waits for the next by accident.

use std::path::Path;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, status::StatusCode};
use prost::Message as _;

/// 2026-11-23 12:00:00 UTC.
pub(crate) const BEGIN: u64 = 1_795_435_200_000_000_000;
pub(crate) const MINUTE: u64 = 60_000_000_000;

/// A chat call of `model` that ended at this time, ns since the epoch.
pub(crate) fn call(model: &str, number: u64, ended: u64) -> ExportTraceServiceRequest {
    let attribute = |key: &str, value: Value| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let text = |text: &str| Value::StringValue(text.to_owned());
    let span = Span {
        trace_id: u128::from(number + 1).to_be_bytes().to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        name: format!("chat {model}"),
        kind: 3,
        start_time_unix_nano: ended - 1_000_000_000,
        end_time_unix_nano: ended,
        attributes: vec![
            attribute("gen_ai.operation.name", text("chat")),
            attribute("gen_ai.request.model", text(model)),
            attribute("gen_ai.response.model", text(model)),
            attribute("gen_ai.usage.input_tokens", Value::IntValue(100)),
            attribute("gen_ai.usage.output_tokens", Value::IntValue(10)),
        ],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

/// The same call, failed.
pub(crate) fn failed(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    let scopes = request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
    for span in scopes.flat_map(|scope| &mut scope.spans) {
        span.status = Some(Status { code: StatusCode::Error.into(), message: "no".to_owned() });
    }
    request
}

/// Calls of `model-0`, `model-1`, …, a minute apart.
pub(crate) fn minutes_apart(count: u64) -> Vec<ExportTraceServiceRequest> {
    (0..count).map(|number| call(&format!("model-{number}"), number, BEGIN + number * MINUTE)).collect()
}

/// Requests as `--record x.binpb` writes them.
pub(crate) fn delimited(requests: &[ExportTraceServiceRequest]) -> Vec<u8> {
    requests.iter().flat_map(ExportTraceServiceRequest::encode_length_delimited_to_vec).collect()
}

/// The requests of a whole `.binpb` recording, each with the very bytes that were accepted.
pub(crate) fn recorded(file: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(prost::encoding::decode_varint(&mut rest).unwrap()).unwrap();
        let (request, after) = rest.split_at(length);
        requests.push(request.to_vec());
        rest = after;
    }
    requests
}
