//! LangSmith's OpenTelemetry export (SEMCONV.md, section 3): `langsmith.span.kind` llm or embedding is a row;
//! other kinds are not, even with operation `chat`.

use super::fields::{self, Fields};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, structured, usage_text};
use crate::call::{CallFacts, Convention, RequestId};

const FIELDS: Fields = Fields {
    convention: Convention::LangSmith,
    request_model: &[Key::GenAiRequestModel, Key::LangSmithModelName],
    streaming: &[
        Key::LangSmithRequestStreaming,
        Key::GenAiRequestStream,
        Key::LangSmithStream,
        Key::LangSmithStreaming,
    ],
    ..gen_ai::FIELDS
};

/// The exporter's value where it could not derive the provider from the model's name.
const UNKNOWN_PROVIDER: &str = "langchain";

/// Usage details that are JSON or Python text.
const DETAILS: [Key; 4] = [
    Key::LangSmithUsageMetadata,
    Key::LangSmithMetadataUsage,
    Key::GenAiInputTokenDetails,
    Key::GenAiOutputTokenDetails,
];

/// Reads a span with `langsmith.span.kind`.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    view.has(Key::LangSmithSpanKind).then_some(())?;
    Some(if view.is(Key::LangSmithSpanKind, "llm") {
        Classification::call(facts(view), "langsmith.span.kind is llm")
    } else if view.is(Key::LangSmithSpanKind, "embedding") {
        Classification::call(facts(view), "langsmith.span.kind is embedding")
    } else {
        not_a_call(view, "langsmith.span.kind is neither llm nor embedding")
    })
}

fn facts<'a>(view: &SpanView<'a, '_>) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    for details in DETAILS.into_iter().filter_map(|key| view.str(key)) {
        usage_text::complete(&mut facts.usage, &usage_text::read(details));
    }
    if facts.request_id == RequestId::SpanId
        && let Some(id) = view.recorded(Key::GenAiCompletion).and_then(structured::langchain_response_id)
    {
        facts.request_id = RequestId::Emitted(id.into());
    }
    if facts.provider.as_deref().is_none_or(|provider| provider == UNKNOWN_PROVIDER) {
        facts.provider = view.text(&[Key::LangSmithProvider]).or(facts.provider);
    }
    facts
}
