//! A convention as a table: the attribute keys of each field, most trusted first. [`call_facts`] reads any such table.

use super::keys::{self, Key};
use super::span_view::SpanView;
use super::{failure, finish_reason, first_token, scalar};
use crate::call::{CallFacts, Convention, InputCount, RequestId, Text, Usage};

/// The keys of one convention.
pub(super) struct Fields {
    pub(super) convention: Convention,
    pub(super) request_id: &'static [Key],
    pub(super) model: &'static [Key],
    pub(super) request_model: &'static [Key],
    pub(super) upstream_model: &'static [Key],
    pub(super) provider: &'static [Key],
    pub(super) operation: &'static [Key],
    pub(super) streaming: &'static [Key],
    pub(super) finish_reasons: &'static [Key],
    pub(super) service_tier: &'static [Key],
    pub(super) tokens: Tokens,
}

/// The keys of the token counts.
pub(super) struct Tokens {
    pub(super) input: &'static [Key],
    pub(super) output: &'static [Key],
    pub(super) total: &'static [Key],
    pub(super) cache_read: &'static [Key],
    pub(super) cache_write: &'static [Key],
    pub(super) cache_write_1h: &'static [Key],
    pub(super) reasoning: &'static [Key],
    pub(super) fresh: &'static [Key],
    pub(super) input_audio: &'static [Key],
    pub(super) cache_read_audio: &'static [Key],
    pub(super) output_audio: &'static [Key],
}

/// Cost in USD as computed by an instrumentation library, under any convention (PRICING.md, section 3).
const COST: &[Key] =
    &[Key::GenAiUsageCost, Key::GenAiTotalCost, Key::LlmCostTotal, Key::LiteLlmCostTotal, Key::OperationCost];

pub(super) fn session<'a>(view: &SpanView<'a, '_>) -> Option<Text<'a>> {
    view.text(keys::SESSION)
}

pub(super) fn user<'a>(view: &SpanView<'a, '_>) -> Option<Text<'a>> {
    view.text(keys::USER)
}

/// The facts that every convention reads alike: span ids, start time and `service.name`.
pub(super) fn identity<'a>(view: &SpanView<'a, '_>, convention: Convention) -> CallFacts<'a> {
    let span = view.span;
    CallFacts {
        convention,
        start_unix_nano: Some(span.start_unix_nano).filter(|&nano| nano != 0),
        service_name: view.resource("service.name"),
        trace_id: span.trace_id,
        span_id: span.span_id,
        ..CallFacts::default()
    }
}

/// Reads the facts of a call under the keys of one convention.
pub(super) fn call_facts<'a>(view: &SpanView<'a, '_>, fields: &Fields) -> CallFacts<'a> {
    let mut facts = CallFacts {
        request_id: view.name(fields.request_id).map_or(RequestId::SpanId, RequestId::Emitted),
        model: view.name(fields.model),
        request_model: view.name(fields.request_model),
        upstream_model: view.text(fields.upstream_model),
        provider: view.text(fields.provider),
        operation: view.text(fields.operation),
        session_id: session(view),
        user_id: user(view),
        is_streaming: view.flag(fields.streaming),
        finish_reasons: finish_reason::reasons(view, fields.finish_reasons),
        service_tier: view.text(fields.service_tier),
        reported_cost_usd: reported_cost(view),
        usage: usage(view, &fields.tokens),
        ttft_ms: first_token::ms(view),
        duration_ms: view.duration_ms(),
        ..identity(view, fields.convention)
    };
    failure::fill(view, &mut facts);
    facts
}

/// The first positive cost; otherwise 0 if some key reports 0, which means that the emitter knows no price.
pub(super) fn reported_cost(view: &SpanView<'_, '_>) -> Option<f64> {
    let mut zero = None;
    for &key in COST {
        match view.amount(&[key]) {
            Some(usd) if usd > 0.0 => return Some(usd),
            amount => zero = zero.or(amount),
        }
    }
    zero
}

fn usage(view: &SpanView<'_, '_>, tokens: &Tokens) -> Usage {
    let usage = Usage {
        input: view.count(tokens.input),
        output: view.count(tokens.output),
        total: view.count(tokens.total),
        cache_read: view.count(tokens.cache_read),
        cache_write: view.count(tokens.cache_write),
        cache_write_1h: view.count(tokens.cache_write_1h),
        reasoning: view.count(tokens.reasoning),
        fresh: view.count(tokens.fresh),
        input_audio: view.count(tokens.input_audio),
        cache_read_audio: view.count(tokens.cache_read_audio),
        output_audio: view.count(tokens.output_audio),
        ..Usage::default()
    };
    Usage {
        input_count: if total_excludes_cached(&usage) { InputCount::Exclusive } else { InputCount::Inclusive },
        ..usage
    }
}

/// Whether total = input + output + cached, which proves that the input count excludes cached tokens.
fn total_excludes_cached(usage: &Usage) -> bool {
    let cached = usage.cached();
    let parts = [usage.input, usage.output].into_iter().flatten().fold(cached, u64::saturating_add);
    cached > 0 && usage.input.is_some() && usage.total == Some(parts)
}

/// Whether this provider's API excludes cached tokens from its input count, as Anthropic and Bedrock do for every model.
/// Applies to emitters that pass the API's count through unchanged.
pub(super) fn api_excludes_cached(provider: Option<&str>) -> bool {
    provider.is_some_and(|provider| ["anthropic", "bedrock"].iter().any(|name| scalar::mentions(provider, name)))
}
