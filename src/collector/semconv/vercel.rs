//! Vercel's AI SDK 4 to 6 (SEMCONV.md, section 3): the rows are the provider calls (`.doGenerate`, `.doStream`,
//! `.doEmbed`); their parents hold summed usage. Version 7 follows the GenAI convention.

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

/// Suffixes of `ai.operationId` of provider calls: operation, whether streamed, reason shown to users.
const CALLS: [(&str, &str, bool, &str); 3] = [
    (".doGenerate", "chat", false, "ai.operationId ends with .doGenerate"),
    (".doStream", "chat", true, "ai.operationId ends with .doStream"),
    (".doEmbed", "embeddings", false, "ai.operationId ends with .doEmbed"),
];

/// Prefixes of `ai.operationId` of wrappers, with the reason shown to users.
const WRAPPERS: [(&str, &str); 5] = [
    ("ai.generate", "ai.operationId is a wrapper (its .doGenerate child is the call)"),
    ("ai.stream", "ai.operationId is a wrapper (its .doStream child is the call)"),
    ("ai.embed", "ai.operationId is a wrapper (its .doEmbed child is the call)"),
    ("ai.toolCall", "ai.operationId is ai.toolCall: a tool, not a call"),
    ("ai.rerank", "ai.operationId is a reranking, not a call"),
];

/// Reads a span of the AI SDK.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    // Sentry renames the keys of the AI SDK.
    let operation_id = view.str(Key::AiOperationId).or_else(|| view.str(Key::SentryAiOperationId))?.trim();
    let call = CALLS.iter().find(|(end, ..)| operation_id.ends_with(end));
    Some(match call {
        Some(&(_, operation, streamed, why)) => Classification::call(facts(view, operation, streamed), why),
        None => not_a_call(view, wrapper_reason(operation_id)),
    })
}

fn wrapper_reason(operation_id: &str) -> &'static str {
    let known = WRAPPERS.iter().find(|(start, _)| operation_id.starts_with(start));
    known.map_or("ai.operationId names no provider call", |&(_, why)| why)
}

fn facts<'a>(view: &SpanView<'a, '_>, operation: &'static str, streamed: bool) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    facts.operation.get_or_insert(Text::Borrowed(operation));
    facts.is_streaming = Some(streamed);
    fill_from_provider_metadata(view, &mut facts);
    facts.usage.input_count = input_count(view, &facts);
    facts
}

/// Versions 4 and 5 report cached and reasoning tokens only in the provider metadata:
/// `{"anthropic":{"cacheReadInputTokens":512}}`, for Bedrock one level deeper under `usage`.
fn fill_from_provider_metadata(view: &SpanView<'_, '_>, facts: &mut CallFacts<'_>) {
    let Some(metadata) = view.str(Key::AiResponseProviderMetadata).and_then(structured::object) else { return };
    for provider in metadata.values().filter_map(|value| value.as_object()) {
        usage_text::complete_parts(&mut facts.usage, &usage_text::of(provider));
        if let Some(usage) = provider.get("usage").and_then(|value| value.as_object()) {
            usage_text::complete_parts(&mut facts.usage, &usage_text::of(usage));
        }
        if facts.service_tier.is_none() {
            let tier = provider.get("serviceTier").and_then(|value| value.as_str());
            facts.service_tier = tier.map(|tier| Text::Owned(tier.to_owned()));
        }
    }
}

/// Since version 6, `noCacheTokens` is the fresh input. Before, the input count of Anthropic's and Bedrock's APIs, which
/// excludes cached tokens, was passed through unchanged (PRICING.md, section 2).
fn input_count(view: &SpanView<'_, '_>, facts: &CallFacts<'_>) -> InputCount {
    let usage = &facts.usage;
    match view.count(&[Key::AiNoCacheTokens]) {
        Some(fresh) if usage.cached() > 0 && usage.input == Some(fresh) => InputCount::Exclusive,
        None if fields::api_excludes_cached(facts.provider.as_deref()) => InputCount::Exclusive,
        Some(_) | None => usage.input_count,
    }
}
