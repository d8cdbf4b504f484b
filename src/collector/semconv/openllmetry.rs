//! Traceloop's OpenLLMetry (SEMCONV.md, section 3): rows have `llm.request.type` or a GenAI operation,
//! `traceloop.span.kind` marks wrappers. Its older versions use `llm.*` where GenAI has names of its own now.

use super::fields::{self, Fields, Tokens};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call};
use crate::call::{CallFacts, Convention};

/// GenAI's keys, then the older names.
const FIELDS: Fields = Fields {
    convention: Convention::OpenLlmetry,
    model: &[Key::GenAiResponseModel, Key::LlmResponseModel],
    request_model: &[Key::GenAiRequestModel, Key::LlmRequestModel],
    provider: &[Key::GenAiProviderName, Key::GenAiSystem, Key::LlmVendor],
    operation: &[Key::GenAiOperationName, Key::LlmRequestType],
    finish_reasons: &[
        Key::GenAiResponseFinishReasons,
        Key::GenAiResponseFinishReason,
        Key::LlmResponseFinishReason,
        Key::LlmResponseStopReason,
    ],
    tokens: Tokens {
        input: &[Key::GenAiInputTokens, Key::GenAiPromptTokens, Key::LlmUsagePromptTokens],
        output: &[Key::GenAiOutputTokens, Key::GenAiCompletionTokens, Key::LlmUsageCompletionTokens],
        reasoning: &[Key::GenAiReasoningOutput, Key::GenAiReasoning, Key::LlmUsageReasoningTokens],
        ..gen_ai::FIELDS.tokens
    },
    ..gen_ai::FIELDS
};

/// Keys that only this emitter sets on its calls.
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

/// Reads a span of Traceloop's wrappers or instrumentations.
pub(super) fn read<'a>(evidence: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    if evidence.has(Key::TraceloopSpanKind) {
        return Some(not_a_call(evidence, "traceloop.span.kind marks a wrapper (workflow, task, agent or tool)"));
    }
    MARKS.iter().any(|&key| evidence.has(key)).then_some(())?;
    match (evidence.str(Key::GenAiOperationName), evidence.str(Key::LlmRequestType)) {
        (Some(operation), _) => Some(match gen_ai::call_reason(operation) {
            Some(why) => Classification::call(draft(evidence), why),
            None => not_a_call(evidence, gen_ai::wrapper_reason(operation)),
        }),
        (None, Some(kind)) if kind.eq_ignore_ascii_case("rerank") => {
            Some(not_a_call(evidence, "llm.request.type is rerank"))
        }
        (None, Some(_)) => Some(Classification::call(draft(evidence), "llm.request.type is set")),
        (None, None) => None,
    }
}

fn draft<'a>(evidence: &SpanView<'a, '_>) -> CallFacts<'a> {
    fields::draft(evidence, &FIELDS)
}
