//! OpenTelemetry's GenAI convention, its deprecated names, and the additions of its emitters: the OpenAI and Anthropic
//! instrumentations, pydantic-ai, openlit, strands, the AI SDK 7 (SEMCONV.md, section 2).

use super::fields::{self, Fields, Tokens};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, not_a_call, usage_text};
use crate::call::{CallFacts, Convention, InputCount};

/// Operations that are calls of a model, with the reason shown to users. Includes the call types of LiteLLM, the dotted
/// names of Semantic Kernel, and `response` from Traceloop's OpenAI Agents instrumentation.
const CALLS: &[(&str, &str)] = &[
    ("chat", "gen_ai.operation.name is chat"),
    ("text_completion", "gen_ai.operation.name is text_completion"),
    ("generate_content", "gen_ai.operation.name is generate_content"),
    ("embeddings", "gen_ai.operation.name is embeddings"),
    ("completion", "gen_ai.operation.name is completion"),
    ("acompletion", "gen_ai.operation.name is acompletion"),
    ("atext_completion", "gen_ai.operation.name is atext_completion"),
    ("responses", "gen_ai.operation.name is responses"),
    ("aresponses", "gen_ai.operation.name is aresponses"),
    ("embedding", "gen_ai.operation.name is embedding"),
    ("aembedding", "gen_ai.operation.name is aembedding"),
    ("anthropic_messages", "gen_ai.operation.name is anthropic_messages"),
    ("agenerate_content", "gen_ai.operation.name is agenerate_content"),
    ("generate_content_stream", "gen_ai.operation.name is generate_content_stream"),
    ("agenerate_content_stream", "gen_ai.operation.name is agenerate_content_stream"),
    ("chat.completions", "gen_ai.operation.name is chat.completions"),
    ("text.completions", "gen_ai.operation.name is text.completions"),
    ("chat.streaming_completions", "gen_ai.operation.name is chat.streaming_completions"),
    ("text.streaming_completions", "gen_ai.operation.name is text.streaming_completions"),
    ("response", "gen_ai.operation.name is response"),
];

/// Operations that contain or support calls, with the reason shown to users.
const WRAPPERS: &[(&str, &str)] = &[
    ("invoke_agent", "gen_ai.operation.name is invoke_agent: an agent, not a call"),
    ("create_agent", "gen_ai.operation.name is create_agent: an agent, not a call"),
    ("agent_step", "gen_ai.operation.name is agent_step: a step of an agent, not a call"),
    ("execute_tool", "gen_ai.operation.name is execute_tool: a tool, not a call"),
    ("invoke_workflow", "gen_ai.operation.name is invoke_workflow: a workflow, not a call"),
    ("chain", "gen_ai.operation.name is chain: a chain, not a call"),
    ("execute_event_loop_cycle", "gen_ai.operation.name is execute_event_loop_cycle: a step of an agent, not a call"),
];

/// The keys of the convention, newest first.
pub(super) const FIELDS: Fields = Fields {
    convention: Convention::GenAi,
    request_id: &[Key::GenAiResponseId, Key::GenAiRequestId],
    model: &[Key::GenAiResponseModel],
    request_model: &[Key::GenAiRequestModel],
    upstream_model: &[Key::LiteLlmProviderModel],
    provider: &[Key::GenAiProviderName, Key::GenAiSystem],
    operation: &[Key::GenAiOperationName],
    streaming: &[
        Key::GenAiRequestStream,
        Key::GenAiIsStreaming,
        Key::GenAiRequestIsStream,
        Key::LlmIsStreaming,
        Key::LiteLlmRequestStreaming,
    ],
    finish_reasons: &[Key::GenAiResponseFinishReasons, Key::GenAiResponseFinishReason, Key::AnthropicStopReason],
    service_tier: &[
        Key::OpenAiServiceTier,
        Key::GenAiOpenAiServiceTier,
        Key::GenAiServiceTier,
        Key::AnthropicServiceTier,
    ],
    tokens: Tokens {
        input: &[Key::GenAiInputTokens, Key::GenAiPromptTokens],
        output: &[Key::GenAiOutputTokens, Key::GenAiCompletionTokens],
        total: &[Key::GenAiTotalTokens, Key::LlmUsageTotalTokens],
        cache_read: &[
            Key::GenAiCacheRead,
            Key::GenAiCacheReadFlat,
            Key::GenAiCachedPromptDetails,
            Key::GenAiCacheReadPromptDetails,
            Key::GenAiCacheReadTokens,
            Key::GenAiCacheReadDetails,
            Key::GenAiCacheReadInputDetails,
            Key::GenAiCachedDetails,
        ],
        cache_write: &[
            Key::GenAiCacheCreation,
            Key::GenAiCacheWrite,
            Key::GenAiCacheCreationFlat,
            Key::GenAiCacheWriteFlat,
            Key::GenAiCacheCreationPromptDetails,
            Key::GenAiCacheWritePromptDetails,
            Key::GenAiCacheWriteTokens,
            Key::GenAiCacheWriteDetails,
            Key::GenAiCacheCreationDetails,
            Key::AiCacheWriteTokens,
        ],
        cache_write_1h: &[Key::AnthropicCacheWrite1h],
        reasoning: &[
            Key::GenAiReasoningOutput,
            Key::GenAiReasoning,
            Key::GenAiReasoningDetails,
            Key::GenAiReasoningCompletionDetails,
            Key::GenAiReasoningCompletion,
            Key::GenAiReasoningExperimental,
            Key::GenAiThoughtsDetails,
            Key::AiReasoningDetails,
        ],
        fresh: &[Key::AiNoCacheTokens],
        input_audio: &[Key::GenAiInputAudioDetails],
        cache_read_audio: &[Key::GenAiCacheReadAudioDetails],
        output_audio: &[Key::GenAiOutputAudioDetails],
    },
};

/// Reads a span that names its GenAI operation.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let operation = view.str(Key::GenAiOperationName)?;
    Some(match call_reason(operation) {
        Some(why) => Classification::call(facts(view), why),
        None => not_a_call(view, wrapper_reason(operation)),
    })
}

/// Keys that only a call with a response has.
const RESPONSE_KEYS: [Key; 3] = [Key::GenAiResponseModel, Key::GenAiResponseId, Key::GenAiResponseFinishReasons];

/// Reads a span without an operation that has a model and a response (Logfire's spans of the OpenAI Agents SDK,
/// `call_llm` spans of Google's ADK), or the metrics of a model server (vLLM's `llm_request`).
pub(super) fn read_without_operation<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let served = view.has(Key::GenAiLatencyTimeToFirstToken) && view.has(Key::GenAiCompletionTokens);
    let answered = view.has(Key::GenAiRequestModel) && RESPONSE_KEYS.iter().any(|&key| view.has(key));
    let why = match (answered, served) {
        (true, _) => "gen_ai.request.model and a response, without an operation name",
        (false, true) => "gen_ai.latency.time_to_first_token and output tokens: a model server's span",
        (false, false) => return None,
    };
    Some(Classification::call(facts(view), why))
}

/// The reason why a span of this operation is a call; `None` if it is not.
pub(super) fn call_reason(operation: &str) -> Option<&'static str> {
    reason_in(CALLS, operation)
}

/// The reason why a span of this operation is not a call.
pub(super) fn wrapper_reason(operation: &str) -> &'static str {
    reason_in(WRAPPERS, operation).unwrap_or("gen_ai.operation.name names no call of a model")
}

fn reason_in(table: &[(&str, &'static str)], operation: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| operation.trim().eq_ignore_ascii_case(name)).map(|&(_, why)| why)
}

/// Reads the convention's keys and applies the corrections for single emitters.
pub(super) fn facts<'a>(view: &SpanView<'a, '_>) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    if let Some(raw) = view.str(Key::GenAiUsageRaw) {
        usage_text::complete(&mut facts.usage, &usage_text::read(raw));
    }
    if passes_api_count(view) && fields::api_excludes_cached(facts.provider.as_deref()) {
        facts.usage.input_count = InputCount::Exclusive;
    }
    facts
}

/// Scopes of openlit whose input count includes cached tokens for every provider: `LangChain` (`usage_metadata`) or
/// openlit adds them. Source: openlit 1.45, `instrumentation/*/utils.py`.
const OPENLIT_INCLUSIVE: [&str; 2] = ["openlit.instrumentation.langchain", "openlit.instrumentation.claude_agent_sdk"];

/// Whether the input count is the API's own. openlit passes it through, except under [`OPENLIT_INCLUSIVE`]; for Anthropic
/// (`usage.input_tokens`) and Bedrock (`usage.inputTokens`) it excludes cached tokens.
fn passes_api_count(view: &SpanView<'_, '_>) -> bool {
    is_openlit(view) && !OPENLIT_INCLUSIVE.contains(&view.origin.scope_name)
}

fn is_openlit(view: &SpanView<'_, '_>) -> bool {
    view.is(Key::TelemetrySdkName, "openlit")
        || view.resource("telemetry.sdk.name").is_some_and(|name| name == "openlit")
        || view.origin.scope_name.starts_with("openlit")
}
