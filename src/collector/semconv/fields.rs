//! A convention as a table: the attribute keys of each field, most trusted first. [`call_facts`] reads any such table.

use super::keys::{self, Key};
use super::span_view::SpanView;
use super::{failure, finish_reason, first_token, provider, scalar, usage_text};
use crate::call::{CallFacts, Convention, InputCount, RequestId, Text, Usage};
use crate::collector::wire::Value;

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
const COST: &[Key] = &[
    Key::GenAiUsageCost,
    Key::GenAiUsageTotalCost,
    Key::GenAiTotalCost,
    Key::LlmCostTotal,
    Key::LiteLlmCostTotal,
    Key::OperationCost,
    Key::GenAiEstimatedCost,
];

/// Keys that name the currency of a cost.
const CURRENCY: [Key; 2] = [Key::GenAiUsageCostCurrency, Key::GenAiCostCurrency];

/// How much longer than the span the first token may take and still be within it, ms: both are rounded.
const ROUNDING_MS: f64 = 1.0;

pub(super) fn session<'a>(view: &SpanView<'a, '_>) -> Option<Text<'a>> {
    view.name(keys::SESSION)
}

pub(super) fn user<'a>(view: &SpanView<'a, '_>) -> Option<Text<'a>> {
    view.name(keys::USER)
}

/// The facts that every convention reads alike: span ids, start time and `service.name`.
pub(super) fn identity<'a>(view: &SpanView<'a, '_>, convention: Convention) -> CallFacts<'a> {
    let span = view.span;
    CallFacts {
        convention,
        start_unix_nano: Some(span.start_unix_nano).filter(|&nano| nano != 0),
        service_name: view.resource("service.name"),
        scope_name: Some(view.origin.scope_name).filter(|name| !scalar::is_blank(name)).map(Text::Borrowed),
        trace_id: span.trace_id,
        span_id: span.span_id,
        ..CallFacts::default()
    }
}

/// Reads the facts of a call under the keys of one convention.
pub(super) fn call_facts<'a>(view: &SpanView<'a, '_>, fields: &Fields) -> CallFacts<'a> {
    let mut facts = CallFacts {
        request_id: view.name(fields.request_id).map_or(RequestId::SpanId, RequestId::Emitted),
        model: view.name(fields.model).map(without_client_suffix),
        request_model: view.name(fields.request_model).map(without_client_suffix),
        upstream_model: view.text(fields.upstream_model),
        provider: provider::of(view, fields),
        operation: view.text(fields.operation),
        session_id: session(view),
        user_id: user(view),
        is_streaming: view.flag(fields.streaming).or_else(|| calls_stream_method(view)),
        finish_reasons: finish_reason::reasons(view, fields.finish_reasons),
        service_tier: view.text(fields.service_tier),
        reported_cost_usd: reported_cost(view),
        usage: usage(view, &fields.tokens),
        ttft_ms: first_token::ms(view),
        duration_ms: view.duration_ms(),
        ..identity(view, fields.convention)
    };
    if facts.is_streaming == Some(true) && facts.ttft_ms.is_none() {
        facts.ttft_ms = view.amount(&[Key::TrpcTimeToFirstToken]).map(|seconds| seconds * 1e3);
    }
    let first_token = facts.ttft_ms.unwrap_or(0.0);
    // A span that ends before its first token did not wait for the answer.
    facts.duration_ms = facts.duration_ms.filter(|&ms| first_token <= ms + ROUNDING_MS);
    failure::fill(view, &mut facts);
    facts
}

/// AWS names the methods that stream: `ConverseStream`, `InvokeModelWithResponseStream`.
fn calls_stream_method(view: &SpanView<'_, '_>) -> Option<bool> {
    view.str(Key::RpcMethod)?.ends_with("Stream").then_some(true)
}

/// The model without what a client appends for itself, such as Claude Code's `[1m]`.
fn without_client_suffix(model: Text<'_>) -> Text<'_> {
    let end = model.strip_suffix(']').and_then(|model| model.rfind('[')).filter(|&start| start > 0);
    match (end, model) {
        (Some(end), Text::Borrowed(model)) => Text::Borrowed(model.get(..end).unwrap_or(model)),
        (Some(end), Text::Owned(mut model)) => {
            model.truncate(end);
            Text::Owned(model)
        }
        (None, model) => model,
    }
}

/// The first positive cost; otherwise 0 if some key reports 0, which means that the emitter knows no price.
pub(super) fn reported_cost(view: &SpanView<'_, '_>) -> Option<f64> {
    if view.text(&CURRENCY).is_some_and(|currency| !currency.eq_ignore_ascii_case("USD")) {
        return None;
    }
    let mut zero = None;
    for &key in COST {
        match view.value(key).and_then(usd) {
            Some(usd) if usd > 0.0 => return Some(usd),
            amount => zero = zero.or(amount),
        }
    }
    zero
}

/// A cost in USD, which text may name behind the number. Another currency is no cost.
fn usd(value: &Value<'_>) -> Option<f64> {
    let amount = match *value {
        Value::Str(text) => {
            let text = text.trim();
            Value::Str(text.strip_suffix("USD").or_else(|| text.strip_prefix('$')).unwrap_or(text))
        }
        other => other,
    };
    scalar::number(&amount).filter(|&usd| usd >= 0.0)
}

/// The counts under the keys of the GenAI convention.
pub(super) fn gen_ai_usage(view: &SpanView<'_, '_>) -> Usage {
    usage(view, &super::gen_ai::FIELDS.tokens)
}

fn usage(view: &SpanView<'_, '_>, tokens: &Tokens) -> Usage {
    let five_minutes = view.count(&[Key::AnthropicCacheWrite5m, Key::GenAiCacheWrite5m]);
    let mut usage = Usage {
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
    usage.cache_write = usage_text::whole_write(usage.cache_write, usage.cache_write_1h, five_minutes);
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
