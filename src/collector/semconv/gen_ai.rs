//! OpenTelemetry's GenAI convention, its deprecated names, and the additions of its emitters: the OpenAI and Anthropic
//! instrumentations, pydantic-ai, openlit, strands, the AI SDK 7 (SEMCONV.md, section 2).

use super::fields::{self, Fields, Tokens};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, http_client, not_a_call, openllmetry, recorded, scalar, usage_text};
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
    ("call_llm", "gen_ai.operation.name is call_llm"),
    ("llm_call", "gen_ai.operation.name is llm_call"),
    ("chat_completion", "gen_ai.operation.name is chat_completion"),
    ("chat_completions", "gen_ai.operation.name is chat_completions"),
    ("streaming_chat", "gen_ai.operation.name is streaming_chat"),
];

/// Operations that contain or support calls, with the reason shown to users.
const WRAPPERS: &[(&str, &str)] = &[
    ("invoke_agent", "gen_ai.operation.name is invoke_agent: an agent, not a call"),
    ("create_agent", "gen_ai.operation.name is create_agent: an agent, not a call"),
    ("agent_step", "gen_ai.operation.name is agent_step: a step of an agent, not a call"),
    ("execute_tool", "gen_ai.operation.name is execute_tool: a tool, not a call"),
    ("invoke_workflow", "gen_ai.operation.name is invoke_workflow: a workflow, not a call"),
    ("chain", "gen_ai.operation.name is chain: a chain, not a call"),
    ("framework", "gen_ai.operation.name is framework: a part of a framework, not a call"),
    (
        "fetch_response",
        "gen_ai.operation.name is fetch_response: it reads an earlier answer, whose usage is not summed",
    ),
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
        Key::GenAiLlmIsStreaming,
        Key::LlmStream,
    ],
    finish_reasons: &[
        Key::GenAiResponseFinishReasons,
        Key::GenAiResponseFinishReason,
        Key::AnthropicStopReason,
        Key::LlmFinishReason,
    ],
    service_tier: &[
        Key::OpenAiServiceTier,
        Key::GenAiOpenAiServiceTier,
        Key::GenAiServiceTier,
        Key::AnthropicServiceTier,
    ],
    tokens: Tokens {
        input: &[Key::GenAiInputTokens, Key::GenAiPromptTokens, Key::PlainInputTokens],
        output: &[Key::GenAiOutputTokens, Key::GenAiCompletionTokens, Key::PlainOutputTokens],
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
        cache_write_1h: &[Key::AnthropicCacheWrite1h, Key::GenAiCacheWrite1h],
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
        input_audio: &[Key::GenAiInputAudioDetails, Key::GenAiAudioInput],
        cache_read_audio: &[Key::GenAiCacheReadAudioDetails],
        output_audio: &[Key::GenAiOutputAudioDetails, Key::GenAiAudioOutput],
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

/// Keys of the model that was asked for or that answered.
const MODEL_KEYS: [Key; 3] = [Key::GenAiRequestModel, Key::GenAiResponseModel, Key::LlmRequestModel];

/// Keys of token counts.
const COUNT_KEYS: [Key; 6] = [
    Key::GenAiInputTokens,
    Key::GenAiOutputTokens,
    Key::GenAiPromptTokens,
    Key::GenAiCompletionTokens,
    Key::LlmUsagePromptTokens,
    Key::LlmUsageCompletionTokens,
];

/// Keys of tools, and of loops over calls.
const TOOL_KEYS: [Key; 4] = [Key::GenAiToolName, Key::GenAiToolCallId, Key::ToolName, Key::TanStackIterations];

/// Keys of agents. A call may name the agent that makes it, so they decide only where there is no answer.
const AGENT_KEYS: [Key; 2] = [Key::GenAiAgentName, Key::GenAiAgentId];

/// Starts of the names of spans of tools and agents.
const TOOL_AND_AGENT_NAMES: [&str; 6] =
    ["execute_tool", "invoke_agent", "agent_run", "agent run", "running tool", "tool.execut"];

/// Name and scope of the calls of Google's ADK, which have no attributes when they fail.
pub(super) const ADK_CALL: &str = "call_llm";
const ADK_SCOPE: &str = "gcp.vertex.agent";

/// Names of Claude Code's calls.
pub(super) const CLAUDE_CODE_CALL: &str = "claude_code.llm_request";

/// Reads a span without an operation. A model makes it a call together with a response (Logfire's spans of the OpenAI Agents
/// SDK, `call_llm` spans of Google's ADK), token counts, a failure, or the route of a model's API under a provider. The
/// metrics of a model server (vLLM's `llm_request`) need no model.
pub(super) fn read_without_operation<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let has = |keys: &[Key]| keys.iter().any(|&key| view.has(key));
    let has_model = has(&MODEL_KEYS);
    let is_served = view.has(Key::GenAiLatencyTimeToFirstToken) && view.has(Key::GenAiCompletionTokens);
    let is_named = view.span.name == ADK_CALL && view.origin.scope_name.starts_with(ADK_SCOPE)
        || view.span.name == CLAUDE_CODE_CALL && view.failed();
    let is_answered = view.has(Key::GenAiRequestModel) && has(&RESPONSE_KEYS);
    if !(has_model || is_served || is_named) {
        return None;
    }
    let name = view.span.name;
    if has(&TOOL_KEYS)
        || !is_answered && has(&AGENT_KEYS)
        || TOOL_AND_AGENT_NAMES.iter().any(|start| name.starts_with(start))
    {
        return Some(not_a_call(view, "a model without an operation name, on the span of a tool or an agent"));
    }
    let why = if is_answered {
        "gen_ai.request.model and a response, without an operation name"
    } else if is_served {
        "gen_ai.latency.time_to_first_token and output tokens: a model server's span"
    } else if is_named {
        "the name and scope of a framework's calls"
    } else if has(&COUNT_KEYS) {
        "a model and token counts, without an operation name"
    } else if view.failed() || view.span.event("exception").is_some() {
        "a model and a failure, without an operation name"
    } else if has(FIELDS.provider) && http_client::addresses_model(view) {
        "a model, a provider and the route of a model's API"
    } else {
        return None;
    };
    let facts = if view.has(Key::LlmRequestModel) { openllmetry::facts(view) } else { facts(view) };
    Some(Classification::call(facts, why))
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
    recorded::complete_all(view, &mut facts);
    if excludes_cached(view, &facts) {
        facts.usage.input_count = InputCount::Exclusive;
    }
    facts
}

/// Whether the emitter is known to pass an API's count through that excludes cached tokens.
pub(super) fn excludes_cached(view: &SpanView<'_, '_>, facts: &CallFacts<'_>) -> bool {
    let provider = facts.provider.as_deref();
    is_bedrock(view, provider)
        || (passes_api_count(view) || is_spring(view)) && fields::api_excludes_cached(provider)
        || is_strands_js(view) && is_claude(facts)
}

/// Scopes of frameworks that add the cached tokens to Bedrock's input count.
const BEDROCK_INCLUSIVE: [&str; 3] = ["pydantic", "langchain", "openlit.instrumentation.claude_agent_sdk"];

/// Bedrock's count excludes cached tokens, and its instrumentations pass it through.
fn is_bedrock(view: &SpanView<'_, '_>, provider: Option<&str>) -> bool {
    let scope = view.origin.scope_name;
    (scope.contains("bedrock") || provider.is_some_and(|provider| scalar::mentions(provider, "bedrock")))
        && !BEDROCK_INCLUSIVE.iter().any(|name| scope.contains(name))
}

/// Spring AI passes the count of Anthropic's API through.
fn is_spring(view: &SpanView<'_, '_>) -> bool {
    view.origin.scope_name == "org.springframework.boot"
}

/// Strands for JavaScript, unlike Strands for Python, passes the API's count through, whatever its scope is called.
fn is_strands_js(view: &SpanView<'_, '_>) -> bool {
    view.has(Key::GenAiEventStartTime) && view.origin.scope_name != "strands.telemetry.tracer"
}

fn is_claude(facts: &CallFacts<'_>) -> bool {
    [&facts.model, &facts.request_model].into_iter().flatten().any(|model| scalar::mentions(model, "claude"))
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
