//! Spans of brightstaff, Plano's gateway (SEMCONV.md, section 1). A span with a non-empty `llm.model` is a call; its
//! `routing` child holds the requested model.

use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, SpanRole, failure, fields, scalar};
use crate::call::{CallFacts, Convention, InputCount, PlanoFacts, Quality, RequestId, Text, Usage};

/// Appended by the gateway to the span name of a call with behaviour signals.
const FLAG: char = '🚩';

/// Separates the requested model from the dispatched one in the span name.
const ARROW: &[u8] = b" -> ";

/// Span name and `component` of brightstaff's calls.
pub(super) const LLM: &str = "llm";

/// `service.name` of brightstaff's routing spans.
const ROUTING_SERVICE: &str = "plano(routing)";

/// `service.name` of brightstaff's calls.
const LLM_SERVICE: &str = "plano(llm)";

/// Reads a span of brightstaff.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    if let Some(model) = view.text(&[Key::LlmModel])
        && is_gateway(view)
    {
        return Some(Classification::new(SpanRole::Call(Box::new(call(view, model))), "llm.model is set"));
    }
    if let Some(requested) = view.text(&[Key::ModelRequested])
        && is_routing(view)
    {
        let role = SpanRole::Completes(Box::new(routing(view, requested)));
        return Some(Classification::new(role, "model.requested on a routing span: completes the call of its parent"));
    }
    (view.span.name == LLM && is_of(view, LLM, LLM_SERVICE))
        .then_some(Classification::new(SpanRole::Rejected, "an llm span without llm.model: rejected before routing"))
}

/// Keys that only the gateway sets beside `llm.model`, the most frequent first.
const GATEWAY_KEYS: [Key; 18] = [
    Key::LlmProvider,
    Key::RequestId,
    Key::HttpPath,
    Key::LlmDurationMs,
    Key::LlmTimeToFirstToken,
    Key::HttpRequestId,
    Key::Component,
    Key::ServiceNameOverride,
    Key::ModelRequested,
    Key::PlanoSessionId,
    Key::PlanoRouteName,
    Key::PlanoSessionSwitches,
    Key::PlanoSessionOverheadPct,
    Key::SignalsQuality,
    Key::LlmUsageCachedInputTokens,
    Key::LlmUsageCacheCreationTokens,
    Key::LlmUsageTotalCostUsd,
    Key::RoutingSelectionReason,
];

/// Whether a second key, the name or the service shows that the span is the gateway's: others write `llm.model`, too.
fn is_gateway(view: &SpanView<'_, '_>) -> bool {
    GATEWAY_KEYS.iter().any(|&key| view.has(key))
        || model_in_name(view.span.name).is_some()
        || view.resource("service.name").is_some_and(|name| name.starts_with("plano"))
}

fn is_routing(view: &SpanView<'_, '_>) -> bool {
    view.span.name == "routing" || is_of(view, "routing", ROUTING_SERVICE)
}

fn is_of(view: &SpanView<'_, '_>, component: &str, service: &str) -> bool {
    view.is(Key::Component, component)
        || view.is(Key::ServiceNameOverride, service)
        || view.resource("service.name").is_some_and(|name| name == service)
}

fn routing<'a>(view: &SpanView<'a, '_>, requested: Text<'a>) -> CallFacts<'a> {
    CallFacts {
        convention: Convention::Plano,
        request_model: Some(requested),
        routing_strategy: view.text(&[Key::RoutingStrategy]),
        routing_reason: view.text(&[Key::RoutingSelectionReason]),
        trace_id: view.span.trace_id,
        span_id: view.span.span_id,
        ..CallFacts::default()
    }
}

fn call<'a>(view: &SpanView<'a, '_>, model: Text<'a>) -> CallFacts<'a> {
    CallFacts {
        request_id: view.text(&[Key::RequestId, Key::HttpRequestId]).map_or(RequestId::SpanId, RequestId::Emitted),
        model: Some(model),
        provider: view.text(&[Key::LlmProvider]),
        request_model: view.text(&[Key::ModelRequested]).or_else(|| model_in_name(view.span.name).map(Text::Borrowed)),
        upstream_model: view.first_of_several_models(),
        session_id: view.text(&[Key::PlanoSessionId]),
        route_name: view.text(&[Key::PlanoRouteName]),
        is_streaming: view.flag(&[Key::LlmIsStreaming]),
        status_code: view.value(Key::HttpStatusCode).and_then(failure::status_code),
        span_error: view.failed(),
        usage: usage(view),
        ttft_ms: view.amount(&[Key::LlmTimeToFirstToken]),
        duration_ms: view.amount(&[Key::LlmDurationMs]),
        routing_strategy: view.text(&[Key::RoutingStrategy]),
        routing_reason: view.text(&[Key::RoutingSelectionReason]),
        reported_cost_usd: fields::reported_cost(view),
        fallback_cost_usd: view.amount(&[Key::LlmUsageTotalCostUsd]),
        error_type: view.text(&[Key::ErrorType]),
        error_message: Some(view.span.status_message).filter(|message| !scalar::is_blank(message)).map(Text::Borrowed),
        plano: plano_facts(view),
        ..fields::identity(view, Convention::Plano)
    }
}

/// On `/v1/messages` the input count excludes cached tokens, on every other path it includes them. The rule also holds if
/// only another span of the call reports the cached tokens.
fn usage(view: &SpanView<'_, '_>) -> Usage {
    let exclusive = view.str(Key::HttpPath).is_some_and(is_messages_path);
    Usage {
        input: view.count(&[Key::LlmUsagePromptTokens]),
        output: view.count(&[Key::LlmUsageCompletionTokens]),
        total: view.count(&[Key::LlmUsageTotalTokens]),
        cache_read: view.count(&[Key::LlmUsageCachedInputTokens]),
        cache_write: view.count(&[Key::LlmUsageCacheCreationTokens]),
        reasoning: view.count(&[Key::LlmUsageReasoningTokens]),
        input_count: if exclusive { InputCount::Exclusive } else { InputCount::Inclusive },
        ..Usage::default()
    }
}

fn is_messages_path(path: &str) -> bool {
    let end = memchr::memchr2(b'?', b'#', path.as_bytes()).unwrap_or(path.len());
    path.get(..end).is_some_and(|path| path.trim_end_matches('/').ends_with("/messages"))
}

fn plano_facts(view: &SpanView<'_, '_>) -> PlanoFacts {
    PlanoFacts {
        quality: view.str(Key::SignalsQuality).and_then(Quality::parse),
        flagged: !view.span.name.is_ascii() && view.span.name.contains(FLAG),
        session_switches: view
            .count(&[Key::PlanoSessionSwitches])
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        session_overhead_pct: view.number(&[Key::PlanoSessionOverheadPct]),
    }
}

/// The requested model in `POST /v1/chat/completions REQUESTED -> DISPATCHED`.
fn model_in_name(name: &str) -> Option<&str> {
    let name = name.trim_end_matches([FLAG, ' ']);
    let (_method, rest) = split_at_space(name)?;
    let (path, models) = split_at_space(rest)?;
    // For four bytes this is cheaper than building a searcher.
    let end = models.as_bytes().windows(ARROW.len()).position(|window| window == ARROW).unwrap_or(models.len());
    let requested = models.get(..end)?.trim();
    (path.starts_with('/') && !requested.is_empty()).then_some(requested)
}

fn split_at_space(text: &str) -> Option<(&str, &str)> {
    let space = memchr::memchr(b' ', text.as_bytes())?;
    Some((text.get(..space)?, text.get(space + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_name_holds_the_requested_model() {
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
    fn only_the_anthropic_path_excludes_cached_tokens() {
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
