//! Arize OpenInference (SEMCONV.md, section 3): `openinference.span.kind` LLM or EMBEDDING is a row.

use serde_json::{Map, Value};

use super::fields::{self, Fields, Tokens};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, structured};
use crate::call::{CallFacts, Convention, RequestId, Text};

const LLAMA_INDEX: &str = "openinference.instrumentation.llama_index";
const LANG_CHAIN: &str = "openinference.instrumentation.langchain";

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
    if is_preparation(view) {
        return Some(not_a_call(view, "a method of LlamaIndex that prepares a call"));
    }
    Some(if view.is(Key::OpenInferenceSpanKind, "LLM") {
        Classification::call(facts(view, "chat"), "openinference.span.kind is LLM")
    } else if view.is(Key::OpenInferenceSpanKind, "EMBEDDING") {
        Classification::call(facts(view, "embeddings"), "openinference.span.kind is EMBEDDING")
    } else {
        not_a_call(view, other_reason(kind))
    })
}

/// `LlamaIndex` traces every method of a model's class, such as `OpenAI._prepare_chat_with_tools`.
fn is_preparation(view: &SpanView<'_, '_>) -> bool {
    view.span.name.rsplit('.').next().is_some_and(|method| method.starts_with("_prepare_"))
}

fn other_reason(kind: &str) -> &'static str {
    let known = OTHERS.iter().find(|(name, _)| kind.trim().eq_ignore_ascii_case(name));
    known.map_or("openinference.span.kind is neither LLM nor EMBEDDING", |&(_, why)| why)
}

fn facts<'a>(view: &SpanView<'a, '_>, operation: &'static str) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    facts.operation.get_or_insert(Text::Borrowed(operation));
    fill_from_parameters(view, &mut facts);
    move_asked_model(view, &mut facts);
    if facts.request_id == RequestId::SpanId
        && let Some(output) = view.str(Key::OutputValue)
        && let Some(id) =
            structured::response_id(output).or_else(|| structured::langchain_response_id(output).map(Text::Owned))
    {
        facts.request_id = RequestId::Emitted(id);
    }
    facts
}

/// `LlamaIndex` knows the asked model only; `LangChain`'s instrumentation writes it where it has not found the answering one.
fn move_asked_model(view: &SpanView<'_, '_>, facts: &mut CallFacts<'_>) {
    let is_asked = match view.origin.scope_name {
        LLAMA_INDEX => true,
        LANG_CHAIN => facts.model == facts.request_model && facts.provider.as_deref() != Some("anthropic"),
        _ => false,
    };
    if is_asked && !view.has(Key::LlmResponseModelName) {
        let asked = facts.model.take();
        facts.request_model = facts.request_model.take().or(asked);
    }
}

/// The requested model and `stream` are only in the JSON of the invocation parameters.
fn fill_from_parameters(view: &SpanView<'_, '_>, facts: &mut CallFacts<'_>) {
    let parameters = [Key::LlmInvocationParameters, Key::EmbeddingInvocationParameters]
        .into_iter()
        .find_map(|key| view.str(key).and_then(structured::object));
    // A response in their place, as the OpenAI Agents SDK writes, tells the answering model.
    let Some(parameters) = parameters.filter(|parameters| !is_response(parameters)) else { return };
    let text = |name: &str| parameters.get(name).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    if facts.request_model.is_none() {
        facts.request_model = text("model").or_else(|| text("model_name")).map(|model| Text::Owned(model.to_owned()));
    }
    let streaming = parameters.get("stream").and_then(Value::as_bool);
    // `LangChain` writes the model's setting, which `stream()` and its tracers overrule.
    let is_setting = view.origin.scope_name == LANG_CHAIN;
    facts.is_streaming = facts.is_streaming.or_else(|| streaming.filter(|&streaming| streaming || !is_setting));
}

fn is_response(parameters: &Map<String, Value>) -> bool {
    let is = |name: &str, start: &str| {
        parameters.get(name).and_then(Value::as_str).is_some_and(|text| text.starts_with(start))
    };
    is("id", "resp_") || is("object", "response")
}
