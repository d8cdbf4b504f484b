//! Pydantic Logfire's instrumentations of the OpenAI and Anthropic clients. They follow the GenAI convention but report
//! a streamed call twice: a span that ends with the response headers, and later a log record (a span of zero duration
//! in its own trace) with the tokens and the duration of the stream.

use serde_json::Value as Json;

use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, structured};
use crate::call::CallFacts;

/// The scope of Logfire's spans of the OpenAI Agents SDK.
const AGENTS_SCOPE: &str = "logfire.openai_agents";

/// Reads spans that only Logfire emits. The other adapters read its ordinary spans.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    view.has(Key::LogfireSpanType).then_some(())?;
    if view.is(Key::LogfireSpanType, "pending_span") {
        return Some(Classification::other("logfire.span_type is pending_span: a preview of a span"));
    }
    if is_agent_voice_span(view) {
        return Some(not_a_call(view, "a span of Logfire's OpenAI Agents for speech or a transcription"));
    }
    gen_ai::call_reason(view.str(Key::GenAiOperationName)?)?;
    if view.is(Key::LogfireSpanType, "log") {
        let seconds = view.amount(&[Key::LogfireDuration])?;
        return Some(Classification::call(streamed(view, seconds), "a Logfire record of a streamed answer"));
    }
    (is_stream_request(view) && !view.failed()).then_some(Classification::other(
        "the request of a stream: Logfire records its answer apart, and that is the call",
    ))
}

/// Logfire also sets the response model on every span of the OpenAI Agents SDK, so spans of the voice pipeline look like
/// calls. Chat completions have request data and responses an operation; voice spans have neither, nor tokens.
/// Source: Logfire 4.41, `integrations/openai_agents.py`.
fn is_agent_voice_span(view: &SpanView<'_, '_>) -> bool {
    const CALL_KEYS: [Key; 3] = [Key::GenAiOperationName, Key::LogfireRequestData, Key::GenAiInputTokens];

    view.origin.scope_name == AGENTS_SCOPE
        && view.has(Key::GenAiRequestModel)
        && !CALL_KEYS.iter().any(|&key| view.has(key))
}

fn is_stream_request(view: &SpanView<'_, '_>) -> bool {
    let request = view.str(Key::LogfireRequestData).and_then(structured::object);
    request.is_some_and(|request| request.get("stream").and_then(Json::as_bool) == Some(true))
}

/// The record is written when the stream ends, `seconds` after the call began.
fn streamed<'a>(view: &SpanView<'a, '_>, seconds: f64) -> CallFacts<'a> {
    let mut facts = gen_ai::facts(view);
    facts.is_streaming = Some(true);
    facts.duration_ms = Some(seconds * 1e3);
    facts.start_unix_nano = facts.start_unix_nano.map(|end| end.saturating_sub(nanos(seconds)));
    facts
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates at both ends")]
const fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
