//! LangSmith's OpenTelemetry export (SEMCONV.md, section 3): `langsmith.span.kind` llm or embedding is a row;
//! other kinds are not, even where they say operation `chat`.

use super::fields::{self, Fields};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, usage_text};
use crate::call::{CallFacts, Convention};

const FIELDS: Fields = Fields {
    convention: Convention::LangSmith,
    request_model: &[Key::GenAiRequestModel, Key::LangSmithModelName],
    streaming: &[Key::LangSmithRequestStreaming, Key::GenAiRequestStream],
    ..gen_ai::FIELDS
};

/// What the exporter says where it could not tell the provider from the model's name.
const UNKNOWN_PROVIDER: &str = "langchain";

/// Parts of the usage that come as text of their own.
const DETAILS: [Key; 3] = [Key::LangSmithUsageMetadata, Key::GenAiInputTokenDetails, Key::GenAiOutputTokenDetails];

/// Reads a span that has LangSmith's kind.
pub(super) fn read<'a>(evidence: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    evidence.has(Key::LangSmithSpanKind).then_some(())?;
    Some(if evidence.is(Key::LangSmithSpanKind, "llm") {
        Classification::call(draft(evidence), "langsmith.span.kind is llm")
    } else if evidence.is(Key::LangSmithSpanKind, "embedding") {
        Classification::call(draft(evidence), "langsmith.span.kind is embedding")
    } else {
        not_a_call(evidence, "langsmith.span.kind is neither llm nor embedding")
    })
}

fn draft<'a>(evidence: &SpanView<'a, '_>) -> CallFacts<'a> {
    let mut draft = fields::draft(evidence, &FIELDS);
    for details in DETAILS.into_iter().filter_map(|key| evidence.str(key)) {
        usage_text::complete(&mut draft.usage, &usage_text::read(details));
    }
    if draft.provider.as_deref().is_none_or(|provider| provider == UNKNOWN_PROVIDER) {
        draft.provider = evidence.text(&[Key::LangSmithProvider]).or(draft.provider);
    }
    draft
}
