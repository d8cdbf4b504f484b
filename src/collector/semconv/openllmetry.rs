//! Traceloop's OpenLLMetry (SEMCONV.md, section 3): rows have `llm.request.type` or a GenAI operation,
//! `traceloop.span.kind` marks wrappers. Older versions use `llm.*` keys that GenAI has since renamed.

use super::fields::{self, Fields, Tokens};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, recorded};
use crate::call::{CallFacts, Convention, InputCount};

/// GenAI keys first, then the older names.
const FIELDS: Fields = Fields {
    convention: Convention::OpenLlmetry,
    model: &[Key::GenAiResponseModel, Key::LlmResponseModel],
    request_model: &[Key::GenAiRequestModel, Key::LlmRequestModel, Key::LlmModel],
    provider: &[Key::GenAiProviderName, Key::GenAiSystem, Key::LlmVendor],
    operation: &[Key::GenAiOperationName, Key::LlmRequestType],
    finish_reasons: &[
        Key::GenAiResponseFinishReasons,
        Key::GenAiResponseFinishReason,
        Key::LlmResponseFinishReason,
        Key::LlmResponseStopReason,
        Key::LlmFinishReason,
    ],
    tokens: Tokens {
        input: &[Key::GenAiInputTokens, Key::GenAiPromptTokens, Key::LlmUsagePromptTokens],
        output: &[Key::GenAiOutputTokens, Key::GenAiCompletionTokens, Key::LlmUsageCompletionTokens],
        reasoning: &[Key::GenAiReasoningOutput, Key::GenAiReasoning, Key::LlmUsageReasoningTokens],
        ..gen_ai::FIELDS.tokens
    },
    ..gen_ai::FIELDS
};

/// Keys that only OpenLLMetry sets on calls.
const MARKS: [Key; 10] = [
    Key::LlmRequestType,
    Key::TraceloopWorkflowName,
    Key::TraceloopEntityPath,
    Key::TraceloopSessionId,
    Key::TraceloopSessionIdCamel,
    Key::TraceloopConversationId,
    Key::TraceloopUserId,
    Key::TraceloopUserIdCamel,
    Key::GenAiIsStreaming,
    Key::LlmIsStreaming,
];

/// Reads a span of Traceloop's decorators or instrumentations.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    if view.has(Key::TraceloopSpanKind) {
        return Some(not_a_call(view, "traceloop.span.kind marks a wrapper (workflow, task, agent or tool)"));
    }
    if view.has(Key::LlmModel) && !view.has(Key::GenAiOperationName) && !view.has(Key::LlmRequestType) {
        return Some(Classification::call(facts(view), "llm.model is set on a span of no gateway"));
    }
    MARKS.iter().any(|&key| view.has(key)).then_some(())?;
    match (view.str(Key::GenAiOperationName), view.str(Key::LlmRequestType)) {
        (Some(operation), _) => Some(match gen_ai::call_reason(operation) {
            Some(why) => Classification::call(facts(view), why),
            None => not_a_call(view, gen_ai::wrapper_reason(operation)),
        }),
        (None, Some(kind)) if kind.eq_ignore_ascii_case("rerank") => {
            Some(not_a_call(view, "llm.request.type is rerank"))
        }
        (None, Some(_)) => Some(Classification::call(facts(view), "llm.request.type is set")),
        (None, None) => None,
    }
}

/// Reads the older names, too.
pub(super) fn facts<'a>(view: &SpanView<'a, '_>) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    recorded::complete_all(view, &mut facts);
    if gen_ai::excludes_cached(view, &facts) {
        facts.usage.input_count = InputCount::Exclusive;
    }
    facts
}
