//! Vercel's AI SDK 4 to 6 (SEMCONV.md, section 3): the rows are the provider calls (`.doGenerate`, `.doStream`,
//! `.doEmbed`); their parents carry summed usage. Version 7 speaks the GenAI convention.

use super::fields::{self, Fields, Tokens};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, structured, usage_text};
use crate::call::{CallFacts, Convention, InputCount, Text};

const FIELDS: Fields = Fields {
    convention: Convention::Vercel,
    request_id: &[Key::GenAiResponseId, Key::AiResponseId],
    model: &[Key::GenAiResponseModel, Key::AiResponseModel],
    request_model: &[Key::GenAiRequestModel, Key::AiModelId],
    provider: &[Key::GenAiSystem, Key::GenAiProviderName, Key::AiModelProvider],
    finish_reasons: &[Key::GenAiResponseFinishReasons, Key::AiResponseFinishReason],
    tokens: Tokens {
        input: &[Key::AiInputTokens, Key::AiPromptTokens, Key::GenAiInputTokens, Key::AiEmbeddingTokens],
        output: &[Key::AiOutputTokens, Key::AiCompletionTokens, Key::GenAiOutputTokens],
        total: &[Key::AiTotalTokens],
        cache_read: &[Key::AiCachedInputTokens, Key::AiCacheReadTokens, Key::GenAiCacheRead],
        cache_write: &[Key::AiCacheWriteTokens, Key::GenAiCacheCreation],
        reasoning: &[Key::AiReasoningTokens, Key::AiReasoningDetails],
        ..gen_ai::FIELDS.tokens
    },
    ..gen_ai::FIELDS
};

/// Ends of `ai.operationId` that call a provider: operation, whether streamed, why it is a row.
const CALLS: [(&str, &str, bool, &str); 3] = [
    (".doGenerate", "chat", false, "ai.operationId ends with .doGenerate"),
    (".doStream", "chat", true, "ai.operationId ends with .doStream"),
    (".doEmbed", "embeddings", false, "ai.operationId ends with .doEmbed"),
];

/// Starts of `ai.operationId` of wrappers, and which child is the call.
const WRAPPERS: [(&str, &str); 5] = [
    ("ai.generate", "ai.operationId is a wrapper (its .doGenerate child is the call)"),
    ("ai.stream", "ai.operationId is a wrapper (its .doStream child is the call)"),
    ("ai.embed", "ai.operationId is a wrapper (its .doEmbed child is the call)"),
    ("ai.toolCall", "ai.operationId is ai.toolCall: a tool, not a call"),
    ("ai.rerank", "ai.operationId is a reranking, not a call"),
];

/// Reads a span of the AI SDK.
pub(super) fn read<'a>(evidence: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let operation_id = evidence.str(Key::AiOperationId)?.trim();
    let call = CALLS.iter().find(|(end, ..)| operation_id.ends_with(end));
    Some(match call {
        Some(&(_, operation, streamed, why)) => Classification::call(draft(evidence, operation, streamed), why),
        None => not_a_call(evidence, wrapper_reason(operation_id)),
    })
}

fn wrapper_reason(operation_id: &str) -> &'static str {
    let known = WRAPPERS.iter().find(|(start, _)| operation_id.starts_with(start));
    known.map_or("ai.operationId names no provider call", |&(_, why)| why)
}

fn draft<'a>(evidence: &SpanView<'a, '_>, operation: &'static str, streamed: bool) -> CallFacts<'a> {
    let mut draft = fields::draft(evidence, &FIELDS);
    draft.operation.get_or_insert(Text::Borrowed(operation));
    draft.is_streaming = Some(streamed);
    fill_from_provider_metadata(evidence, &mut draft);
    draft.usage.input_count = input_count(evidence, &draft);
    draft
}

/// Versions 4 and 5 tell cached and reasoning tokens only inside the provider's metadata:
/// `{"anthropic":{"cacheReadInputTokens":512}}`, for Bedrock one level deeper under `usage`.
fn fill_from_provider_metadata(evidence: &SpanView<'_, '_>, draft: &mut CallFacts<'_>) {
    let Some(metadata) = evidence.str(Key::AiResponseProviderMetadata).and_then(structured::object) else { return };
    for provider in metadata.values().filter_map(|value| value.as_object()) {
        usage_text::complete_parts(&mut draft.usage, &usage_text::of(provider));
        if let Some(usage) = provider.get("usage").and_then(|value| value.as_object()) {
            usage_text::complete_parts(&mut draft.usage, &usage_text::of(usage));
        }
        if draft.service_tier.is_none() {
            let tier = provider.get("serviceTier").and_then(|value| value.as_str());
            draft.service_tier = tier.map(|tier| Text::Owned(tier.to_owned()));
        }
    }
}

/// From version 6 on `noCacheTokens` says how many are fresh. Before, what Anthropic's API (and Bedrock's) counts
/// as input came through unchanged, without what was cached (PRICING.md, section 2).
fn input_count(evidence: &SpanView<'_, '_>, draft: &CallFacts<'_>) -> InputCount {
    let usage = &draft.usage;
    match evidence.count(&[Key::AiNoCacheTokens]) {
        Some(fresh) if usage.cached() > 0 && usage.input == Some(fresh) => InputCount::Exclusive,
        None if fields::counts_cached_apart(draft.provider.as_deref()) => InputCount::Exclusive,
        Some(_) | None => usage.input_count,
    }
}
