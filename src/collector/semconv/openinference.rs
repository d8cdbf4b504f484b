//! Arize OpenInference (SEMCONV.md, section 3): `openinference.span.kind` LLM or EMBEDDING is a row.

use super::fields::{self, Fields, Tokens};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, structured};
use crate::call::{CallFacts, Convention, RequestId, Text};

/// OpenInference keys first, then GenAI keys: some emitters write both.
const FIELDS: Fields = Fields {
    convention: Convention::OpenInference,
    model: &[Key::LlmResponseModelName, Key::LlmModelName, Key::EmbeddingModelName, Key::GenAiResponseModel],
    request_model: &[Key::LlmRequestModelName, Key::GenAiRequestModel],
    provider: &[Key::LlmProvider, Key::LlmSystem, Key::GenAiProviderName, Key::GenAiSystem],
    finish_reasons: &[Key::LlmFinishReason, Key::GenAiResponseFinishReasons],
    tokens: Tokens {
        input: &[Key::LlmTokenCountPrompt, Key::GenAiInputTokens],
        output: &[Key::LlmTokenCountCompletion, Key::GenAiOutputTokens],
        total: &[Key::LlmTokenCountTotal, Key::GenAiTotalTokens],
        cache_read: &[Key::LlmTokenCountCacheRead, Key::GenAiCacheRead, Key::GenAiCacheReadFlat],
        cache_write: &[Key::LlmTokenCountCacheWrite, Key::GenAiCacheCreation, Key::GenAiCacheCreationFlat],
        reasoning: &[Key::LlmTokenCountReasoning, Key::GenAiReasoningOutput, Key::GenAiReasoning],
        input_audio: &[Key::LlmTokenCountPromptAudio],
        output_audio: &[Key::LlmTokenCountCompletionAudio],
        ..gen_ai::FIELDS.tokens
    },
    ..gen_ai::FIELDS
};

/// Kinds that contain or support calls, with the reason shown to users.
const OTHERS: &[(&str, &str)] = &[
    ("AGENT", "openinference.span.kind is AGENT"),
    ("CHAIN", "openinference.span.kind is CHAIN"),
    ("TOOL", "openinference.span.kind is TOOL"),
    ("RETRIEVER", "openinference.span.kind is RETRIEVER"),
    ("RERANKER", "openinference.span.kind is RERANKER"),
    ("GUARDRAIL", "openinference.span.kind is GUARDRAIL"),
    ("EVALUATOR", "openinference.span.kind is EVALUATOR"),
    ("PROMPT", "openinference.span.kind is PROMPT"),
];

/// Reads a span with `openinference.span.kind`.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let kind = view.str(Key::OpenInferenceSpanKind)?;
    Some(if view.is(Key::OpenInferenceSpanKind, "LLM") {
        Classification::call(facts(view, "chat"), "openinference.span.kind is LLM")
    } else if view.is(Key::OpenInferenceSpanKind, "EMBEDDING") {
        Classification::call(facts(view, "embeddings"), "openinference.span.kind is EMBEDDING")
    } else {
        not_a_call(view, other_reason(kind))
    })
}

fn other_reason(kind: &str) -> &'static str {
    let known = OTHERS.iter().find(|(name, _)| kind.trim().eq_ignore_ascii_case(name));
    known.map_or("openinference.span.kind is neither LLM nor EMBEDDING", |&(_, why)| why)
}

fn facts<'a>(view: &SpanView<'a, '_>, operation: &'static str) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    facts.operation.get_or_insert(Text::Borrowed(operation));
    fill_from_parameters(view, &mut facts);
    if facts.request_id == RequestId::SpanId
        && let Some(id) = view.str(Key::OutputValue).and_then(structured::response_id)
    {
        facts.request_id = RequestId::Emitted(id);
    }
    facts
}

/// The requested model and `stream` are only in the JSON of the invocation parameters.
fn fill_from_parameters(view: &SpanView<'_, '_>, facts: &mut CallFacts<'_>) {
    let parameters = [Key::LlmInvocationParameters, Key::EmbeddingInvocationParameters]
        .into_iter()
        .find_map(|key| view.str(key).and_then(structured::object));
    let Some(parameters) = parameters else { return };
    let text = |name: &str| parameters.get(name).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    if facts.request_model.is_none() {
        facts.request_model = text("model").or_else(|| text("model_name")).map(|model| Text::Owned(model.to_owned()));
    }
    facts.is_streaming = facts.is_streaming.or_else(|| parameters.get("stream")?.as_bool());
}
