//! Gateway traffic as encoded batches: for the load generator and for benches.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

/// What a batch is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    /// Spans in a request.
    pub batch: u32,
    /// One span in so many is an LLM call.
    pub one_llm_in: u32,
    /// Attributes of an LLM span.
    pub attributes: u32,
    /// Distinct models.
    pub models: u32,
    /// Distinct sessions.
    pub sessions: u64,
}

/// An encoded batch and where in it the parts stand that differ from batch to batch.
pub(crate) struct Template {
    mix: Mix,
    bytes: Vec<u8>,
    marks: Vec<usize>,
}

/// What is written over: 16 bytes of trace id and 8 of span id are binary, times 8 bytes, sessions digits.
const TRACE_MARK: u64 = 0xfeed_face_cafe_0001;
const TIME_MARK: u64 = 0x1122_3344_5566_0000;
const SESSION_DIGITS: usize = 12;

impl Template {
    /// A batch whose spans all lack their ids and times.
    pub(crate) fn new(mix: Mix) -> Self {
        let spans = (0..mix.batch).map(|nth| span(nth, mix)).collect();
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![text("service.name", "plano(llm)")],
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }],
        };
        let bytes = request.encode_to_vec();
        let mark = TRACE_MARK.to_be_bytes();
        let marks = bytes.windows(8).enumerate().filter(|(_, window)| *window == mark).map(|(at, _)| at).collect();
        Self { mix, bytes, marks }
    }

    /// The batch whose first span is the `first` of the run.
    pub(crate) fn fill(&mut self, first: u64) -> &[u8] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or_default();
        let ends: Vec<usize> = self.marks.iter().skip(1).copied().chain([self.bytes.len()]).collect();
        for (nth, (&start, end)) in self.marks.iter().zip(ends).enumerate() {
            let number = first + nth as u64 + 1;
            let Some(span) = self.bytes.get_mut(start..end) else { continue };
            overwrite(span, 8, &number.to_be_bytes());
            // The span id follows the trace id behind its two-byte field header.
            overwrite(span, 18, &number.to_be_bytes());
            overwrite_times(span, now);
            overwrite_session(span, number % self.mix.sessions.max(1));
        }
        &self.bytes
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(slot) = bytes.get_mut(at..at + with.len()) {
        slot.copy_from_slice(with);
    }
}

/// Start and end are fixed64 fields 7 and 8, in this order behind the name and kind.
fn overwrite_times(span: &mut [u8], now: u64) {
    const START_FIELD: u8 = 7 << 3 | 1;
    const END_FIELD: u8 = 8 << 3 | 1;
    // Behind trace and span id, whose bytes may look like anything.
    const HEAD: std::ops::Range<usize> = 26..142;
    for at in HEAD {
        if span.get(at) == Some(&START_FIELD) && span.get(at + 9) == Some(&END_FIELD) {
            overwrite(span, at + 1, &(now - 1_234_000_000).to_le_bytes());
            overwrite(span, at + 10, &now.to_le_bytes());
            return;
        }
    }
}

fn overwrite_session(span: &mut [u8], session: u64) {
    const MARK: &[u8] = b"session-";
    let found = span.windows(MARK.len()).position(|window| window == MARK);
    if let Some(at) = found {
        overwrite(span, at + MARK.len(), format!("{session:0SESSION_DIGITS$}").as_bytes());
    }
}

fn span(nth: u32, mix: Mix) -> Span {
    let mut trace_id = TRACE_MARK.to_be_bytes().to_vec();
    trace_id.extend([0; 8]);
    let is_llm = nth.is_multiple_of(mix.one_llm_in);
    Span {
        trace_id,
        span_id: vec![0; 8],
        name: if is_llm { "POST /v1/chat/completions openai/gpt-4o" } else { "ingress POST" }.to_owned(),
        kind: 1,
        start_time_unix_nano: TIME_MARK,
        end_time_unix_nano: TIME_MARK,
        attributes: if is_llm { llm_attributes(nth, mix) } else { ingress_attributes() },
        ..Span::default()
    }
}

fn llm_attributes(nth: u32, mix: Mix) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("llm.model", &format!("gpt-{}", nth % mix.models)),
        text("llm.provider", "openai"),
        text("http.method", "POST"),
        text("http.path", "/v1/chat/completions"),
        text("request_id", "33fc87a5-b59f-4a18-bea1-9bbfcf806091"),
        text("plano.session_id", &format!("session-{:0SESSION_DIGITS$}", 0)),
        text("plano.route.name", if nth.is_multiple_of(3) { "code" } else { "chat" }),
        int("http.status_code", if nth.is_multiple_of(97) { 429 } else { 200 }),
        int("llm.usage.prompt_tokens", 1200 + i64::from(nth % 500)),
        int("llm.usage.completion_tokens", 80 + i64::from(nth % 200)),
        int("llm.usage.total_tokens", 1280 + i64::from(nth % 500)),
        int("llm.usage.cached_input_tokens", 600),
        int("llm.time_to_first_token", 180 + i64::from(nth % 300)),
        int("llm.duration_ms", 900 + i64::from(nth % 3000)),
        text("service.name.override", "plano(llm)"),
        text("llm.user_message_preview", "write a ring buffer in rust and explain why it never allocates"),
    ];
    let missing = (mix.attributes as usize).saturating_sub(attributes.len());
    attributes.extend((0..missing).map(|nth| text(&format!("custom.attribute.{nth}"), "some value of usual length")));
    attributes
}

fn ingress_attributes() -> Vec<KeyValue> {
    ["http.method", "http.target", "component", "upstream.cluster", "peer.address", "node.id"]
        .into_iter()
        .map(|key| text(key, "some value of usual length"))
        .collect()
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
