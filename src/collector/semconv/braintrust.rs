//! Braintrust's SDK (SEMCONV.md, section 3). A span is a row if its type is `llm`, else if its metadata name a model
//! and its provider or the endpoint; counts and the time of the first token are in `braintrust.metrics`.

use serde_json::{Map, Value};

use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, structured, usage_text};
use crate::call::{CallFacts, RequestId, Text};

/// Reads a span with `braintrust.metadata` or `braintrust.metrics`.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    (view.has(Key::BraintrustMetadata) || view.has(Key::BraintrustMetrics)).then_some(())?;
    let attributes = object(view, Key::BraintrustSpanAttributes);
    let metadata = object(view, Key::BraintrustMetadata).unwrap_or_default();
    let kind = attributes.as_ref().and_then(|attributes| text(attributes, "type"));
    Some(match kind {
        Some("llm") => Classification::call(facts(view, &metadata), "braintrust.span_attributes is of type llm"),
        Some(_) => not_a_call(view, "braintrust.span_attributes is of another type than llm"),
        None if text(&metadata, "model").is_some()
            && (text(&metadata, "provider").is_some() || text(&metadata, "endpoint").is_some()) =>
        {
            Classification::call(facts(view, &metadata), "braintrust.metadata names a model and its provider")
        }
        None => return None,
    })
}

fn facts<'a>(view: &SpanView<'a, '_>, metadata: &Map<String, Value>) -> CallFacts<'a> {
    let mut facts = gen_ai::facts(view);
    let owned = |name: &str| text(metadata, name).map(|text| Text::Owned(text.to_owned()));
    facts.operation = facts.operation.or_else(|| text(metadata, "endpoint").map(operation));
    facts.request_model = facts.request_model.or_else(|| owned("model"));
    facts.provider = facts.provider.or_else(|| owned("provider"));
    facts.is_streaming = facts.is_streaming.or_else(|| metadata.get("stream")?.as_bool());
    if facts.request_id == RequestId::SpanId
        && let Some(id) = owned("id")
    {
        facts.request_id = RequestId::Emitted(id);
    }
    if let Some(mut metrics) = object(view, Key::BraintrustMetrics) {
        // Plain `tokens` is the total.
        if let Some(total) = metrics.remove("tokens") {
            metrics.entry("total_tokens").or_insert(total);
        }
        usage_text::complete(&mut facts.usage, &usage_text::of(&metrics));
        // Also written for calls that do not stream, of which it is the duration.
        if facts.is_streaming == Some(true) {
            let seconds = metrics.get("time_to_first_token").and_then(Value::as_f64).filter(|&seconds| seconds >= 0.0);
            facts.ttft_ms = facts.ttft_ms.or(seconds.map(|seconds| seconds * 1e3));
        }
    }
    facts
}

fn operation<'a>(endpoint: &str) -> Text<'a> {
    Text::Borrowed(if endpoint.ends_with("/embeddings") { "embeddings" } else { "chat" })
}

fn object(view: &SpanView<'_, '_>, key: Key) -> Option<Map<String, Value>> {
    view.str(key).and_then(structured::object)
}

fn text<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v str> {
    object.get(name)?.as_str().filter(|text| !text.is_empty())
}
