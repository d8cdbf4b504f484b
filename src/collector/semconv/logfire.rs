//! Pydantic Logfire's instrumentations of the OpenAI and Anthropic clients. They speak the GenAI convention, but
//! tell a streamed call twice: a span that ends with the response's headers, and afterwards a log record (a span
//! without extent, in a trace of its own) that knows the tokens and how long the stream took.

use serde_json::Value as Json;

use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, SpanRole, gen_ai, not_a_call, structured};
use crate::call::CallFacts;

/// The scope of Logfire's spans of the OpenAI Agents SDK.
const AGENTS_SCOPE: &str = "logfire.openai_agents";

/// Reads what only Logfire emits; its ordinary spans are left to the other adapters.
pub(super) fn read<'a>(evidence: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    evidence.has(Key::LogfireSpanType).then_some(())?;
    if evidence.is(Key::LogfireSpanType, "pending_span") {
        return Some(Classification {
            role: SpanRole::Other,
            why: "logfire.span_type is pending_span: a preview of a span",
        });
    }
    if is_audio_of_an_agent(evidence) {
        return Some(not_a_call(evidence, "a span of Logfire's OpenAI Agents for speech or a transcription"));
    }
    gen_ai::call_reason(evidence.str(Key::GenAiOperationName)?)?;
    if evidence.is(Key::LogfireSpanType, "log") {
        let seconds = evidence.amount(&[Key::LogfireDuration])?;
        return Some(Classification::call(streamed(evidence, seconds), "a Logfire record of a streamed answer"));
    }
    (is_request_of_a_stream(evidence) && !evidence.failed()).then_some(Classification {
        role: SpanRole::Other,
        why: "the request of a stream: Logfire records its answer apart, and that is the call",
    })
}

/// Logfire writes the model of any span of the OpenAI Agents SDK as the response's, too, so that spans of its voice pipeline
/// look answered. Its chat completions have the request's data, its responses an operation; those of voice have neither,
/// nor tokens. By the source of Logfire 4.41, `integrations/openai_agents.py`.
fn is_audio_of_an_agent(evidence: &SpanView<'_, '_>) -> bool {
    const CALLS_HAVE: [Key; 3] = [Key::GenAiOperationName, Key::LogfireRequestData, Key::GenAiInputTokens];

    evidence.origin.scope_name == AGENTS_SCOPE
        && evidence.has(Key::GenAiRequestModel)
        && !CALLS_HAVE.iter().any(|&key| evidence.has(key))
}

fn is_request_of_a_stream(evidence: &SpanView<'_, '_>) -> bool {
    let request = evidence.str(Key::LogfireRequestData).and_then(structured::object);
    request.is_some_and(|request| request.get("stream").and_then(Json::as_bool) == Some(true))
}

/// The record is made when the stream ends; it began `seconds` before.
fn streamed<'a>(evidence: &SpanView<'a, '_>, seconds: f64) -> CallFacts<'a> {
    let mut draft = gen_ai::draft(evidence);
    draft.is_streaming = Some(true);
    draft.duration_ms = Some(seconds * 1e3);
    draft.start_unix_nano = draft.start_unix_nano.map(|end| end.saturating_sub(nanos(seconds)));
    draft
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates at both ends")]
const fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
