//! What a span tells in JSON or in an event instead of attributes: the recorded answer of the model, a structure of
//! metrics, the event `gen_ai.usage`.

use super::keys::Key;
use super::span_view::{KeyIndex, SpanView};
use super::structured::{self, Recorded};
use super::{fields, usage_text};
use crate::call::{CallFacts, RequestId, Text};
use crate::collector::wire::Span;

/// Recorded answers under the GenAI convention.
const ANSWERS: [Key; 2] = [Key::AdkLlmResponse, Key::TrpcLlmResponse];

/// Event in which Ax puts the counts.
const USAGE_EVENT: &str = "gen_ai.usage";

/// Fills what attributes leave out.
pub(super) fn complete_all<'a>(view: &SpanView<'a, '_>, facts: &mut CallFacts<'a>) {
    for key in ANSWERS {
        complete(view, key, facts);
    }
    if let Some(metrics) = view.str(Key::LangWatchMetrics).and_then(structured::object) {
        let value = metrics.get("value").and_then(|value| value.as_object()).unwrap_or(&metrics);
        usage_text::complete(&mut facts.usage, &usage_text::of(value));
    }
    if facts.usage.input.is_none() && facts.usage.output.is_none() {
        complete_by_event(view, facts);
    }
}

/// Fills counts, the answering model and the id of the answer from the answer under `key`.
pub(super) fn complete<'a>(view: &SpanView<'a, '_>, key: Key, facts: &mut CallFacts<'a>) {
    let Some(recorded) = view.str(key).and_then(Recorded::read) else { return };
    if let Some(usage) = recorded.usage.as_object() {
        usage_text::complete(&mut facts.usage, &usage_text::of(usage));
    }
    // Genkit for JavaScript leaves the parts of the counts in the provider's answer.
    if let Some(usage) = recorded.raw_usage() {
        usage_text::complete_parts(&mut facts.usage, &usage_text::of(usage));
    }
    if facts.model.is_none() {
        facts.model = recorded.model().map(|model| Text::Owned(model.to_owned()));
    }
    if facts.request_id == RequestId::SpanId
        && let Some(id) = recorded.id()
    {
        facts.request_id = RequestId::Emitted(Text::Owned(id.to_owned()));
    }
}

fn complete_by_event(view: &SpanView<'_, '_>, facts: &mut CallFacts<'_>) {
    let Some(event) = view.span.event(USAGE_EVENT) else { return };
    let mut span: Span<'_, '_> = *view.span;
    span.attributes = &event.attributes;
    let view = SpanView { origin: view.origin, span: &span, index: &KeyIndex::of(&event.attributes) };
    usage_text::complete(&mut facts.usage, &fields::gen_ai_usage(&view));
}
