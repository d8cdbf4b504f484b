//! Plano's brightstaff, the home convention (SEMCONV.md, section 1): a span with a non-empty `llm.model` is a
//! call; its `routing` child tells the model that was asked for.

use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, SpanRole, failure, fields, scalar};
use crate::call::{CallFacts, Convention, InputCount, PlanoFacts, Quality, RequestId, Text, Usage};

/// What the gateway puts into the span name of a call whose behaviour signals fired.
const FLAG: char = '🚩';

/// Between the model that was asked for and the one dispatched to, in the span name.
const ARROW: &[u8] = b" -> ";

/// The name, and the component, of brightstaff's calls.
pub(super) const LLM: &str = "llm";

/// The service under which brightstaff emits its routing spans.
const ROUTING_SERVICE: &str = "plano(routing)";

/// The service under which brightstaff emits its calls.
const LLM_SERVICE: &str = "plano(llm)";

/// Reads a span of brightstaff's.
pub(super) fn read<'a>(evidence: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    if let Some(model) = evidence.text(&[Key::LlmModel]) {
        return Some(Classification { role: SpanRole::Call(Box::new(call(evidence, model))), why: "llm.model is set" });
    }
    if let Some(asked) = evidence.text(&[Key::ModelRequested])
        && is_routing(evidence)
    {
        let role = SpanRole::Completes(Box::new(routing(evidence, asked)));
        return Some(Classification {
            role,
            why: "model.requested on a routing span: completes the call of its parent",
        });
    }
    (evidence.span.name == LLM && is_of(evidence, LLM, LLM_SERVICE)).then_some(Classification {
        role: SpanRole::Rejected,
        why: "an llm span without llm.model: rejected before routing",
    })
}

fn is_routing(evidence: &SpanView<'_, '_>) -> bool {
    evidence.span.name == "routing" || is_of(evidence, "routing", ROUTING_SERVICE)
}

fn is_of(evidence: &SpanView<'_, '_>, component: &str, service: &str) -> bool {
    evidence.is(Key::Component, component)
        || evidence.is(Key::ServiceNameOverride, service)
        || evidence.resource("service.name").is_some_and(|name| name == service)
}

fn routing<'a>(evidence: &SpanView<'a, '_>, asked: Text<'a>) -> CallFacts<'a> {
    CallFacts {
        convention: Convention::Plano,
        request_model: Some(asked),
        routing_strategy: evidence.text(&[Key::RoutingStrategy]),
        routing_reason: evidence.text(&[Key::RoutingSelectionReason]),
        trace_id: evidence.span.trace_id,
        span_id: evidence.span.span_id,
        ..CallFacts::default()
    }
}

fn call<'a>(evidence: &SpanView<'a, '_>, model: Text<'a>) -> CallFacts<'a> {
    CallFacts {
        request_id: evidence.text(&[Key::RequestId, Key::HttpRequestId]).map_or(RequestId::SpanId, RequestId::Emitted),
        model: Some(model),
        provider: evidence.text(&[Key::LlmProvider]),
        request_model: evidence
            .text(&[Key::ModelRequested])
            .or_else(|| model_in_name(evidence.span.name).map(Text::Borrowed)),
        upstream_model: evidence.first_of_several_models(),
        session_id: evidence.text(&[Key::PlanoSessionId]),
        route_name: evidence.text(&[Key::PlanoRouteName]),
        is_streaming: evidence.flag(&[Key::LlmIsStreaming]),
        status_code: evidence.value(Key::HttpStatusCode).and_then(failure::status_code),
        span_error: evidence.failed(),
        usage: usage(evidence),
        ttft_ms: evidence.amount(&[Key::LlmTimeToFirstToken]),
        duration_ms: evidence.amount(&[Key::LlmDurationMs]),
        routing_strategy: evidence.text(&[Key::RoutingStrategy]),
        routing_reason: evidence.text(&[Key::RoutingSelectionReason]),
        reported_cost_usd: fields::reported_cost(evidence),
        fallback_cost_usd: evidence.amount(&[Key::LlmUsageTotalCostUsd]),
        error_type: evidence.text(&[Key::ErrorType]),
        error_message: Some(evidence.span.status_message)
            .filter(|message| !scalar::is_blank(message))
            .map(Text::Borrowed),
        plano: facts(evidence),
        ..fields::identity(evidence, Convention::Plano)
    }
}

/// On `/v1/messages` the input excludes what was cached; on every other path it includes it. The path tells even where only
/// another span of the call tells what was cached.
fn usage(evidence: &SpanView<'_, '_>) -> Usage {
    let exclusive = evidence.str(Key::HttpPath).is_some_and(is_messages_path);
    Usage {
        input: evidence.count(&[Key::LlmUsagePromptTokens]),
        output: evidence.count(&[Key::LlmUsageCompletionTokens]),
        total: evidence.count(&[Key::LlmUsageTotalTokens]),
        cache_read: evidence.count(&[Key::LlmUsageCachedInputTokens]),
        cache_write: evidence.count(&[Key::LlmUsageCacheCreationTokens]),
        reasoning: evidence.count(&[Key::LlmUsageReasoningTokens]),
        input_count: if exclusive { InputCount::Exclusive } else { InputCount::Inclusive },
        ..Usage::default()
    }
}

fn is_messages_path(path: &str) -> bool {
    let end = memchr::memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len());
    path.get(..end).is_some_and(|path| path.trim_end_matches('/').ends_with("/messages"))
}

fn facts(evidence: &SpanView<'_, '_>) -> PlanoFacts {
    PlanoFacts {
        quality: evidence.str(Key::SignalsQuality).and_then(Quality::parse),
        flagged: !evidence.span.name.is_ascii() && evidence.span.name.contains(FLAG),
        session_switches: evidence
            .count(&[Key::PlanoSessionSwitches])
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        session_overhead_pct: evidence.number(&[Key::PlanoSessionOverheadPct]),
    }
}

/// The model asked for, out of `POST /v1/chat/completions asked -> dispatched`.
fn model_in_name(name: &str) -> Option<&str> {
    let name = name.trim_end_matches([FLAG, ' ']);
    let (_method, rest) = at_space(name)?;
    let (path, models) = at_space(rest)?;
    // No searcher is made for four bytes.
    let end = models.as_bytes().windows(ARROW.len()).position(|window| window == ARROW).unwrap_or(models.len());
    let asked = models.get(..end)?.trim();
    (path.starts_with('/') && !asked.is_empty()).then_some(asked)
}

/// What stands before and behind the first space.
fn at_space(text: &str) -> Option<(&str, &str)> {
    let space = memchr::memchr(b' ', text.as_bytes())?;
    Some((text.get(..space)?, text.get(space + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_asked_for_is_in_the_span_name() {
        let cases = [
            ("POST /v1/chat/completions fast-llm -> gpt-4o-mini", Some("fast-llm")),
            ("POST /v1/chat/completions openai/gpt-4o -> anthropic/claude-sonnet-4-5 🚩", Some("openai/gpt-4o")),
            ("POST /v1/chat/completions openai/gpt-4o 🚩", Some("openai/gpt-4o")),
            ("POST /v1/chat/completions openai/gpt-4o", Some("openai/gpt-4o")),
            ("POST /v1/chat/completions", None),
            ("POST /v1/chat/completions 🚩", None),
            ("llm", None),
            ("", None),
            ("a b c", None),
        ];
        for (name, expected) in cases {
            assert_eq!(model_in_name(name), expected, "{name}");
        }
    }

    #[test]
    fn only_the_anthropic_path_counts_cached_tokens_apart() {
        for (path, expected) in [
            ("/v1/messages", true),
            ("/anthropic/v1/messages/", true),
            ("/v1/messages?beta=true", true),
            ("/v1/chat/completions", false),
            ("/v1/responses", false),
            ("/v1/messages/count_tokens", false),
            ("", false),
        ] {
            assert_eq!(is_messages_path(path), expected, "{path}");
        }
    }
}
