//! Which keys hold which field, in order of trust: a convention is mostly such a table, and one function
//! reads any of them.

use super::keys::Key;
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

/// Sessions and conversations, whoever emits them.
const SESSION: &[Key] = &[
    Key::GenAiConversationId,
    Key::SessionId,
    Key::LangfuseSessionId,
    Key::TraceloopSessionId,
    Key::TraceloopSessionIdCamel,
    Key::TraceloopConversationId,
    Key::VercelSessionId,
    Key::Vercel7SessionId,
    Key::LangSmithSessionId,
    Key::LangSmithThreadId,
    Key::LangSmithConversationId,
    Key::AdkSessionId,
];

/// End users, whoever emits them.
const USER: &[Key] = &[
    Key::UserId,
    Key::LlmUser,
    Key::GenAiUser,
    Key::GenAiRequestUser,
    Key::LangfuseUserId,
    Key::TraceloopUserId,
    Key::TraceloopUserIdCamel,
    Key::VercelUserId,
    Key::Vercel7UserId,
    Key::LangSmithUserId,
    Key::LiteLlmEndUserId,
    Key::LiteLlmMetadataEndUserId,
    Key::EndUserId,
];

/// What the call cost, USD, as some library computed it, whoever emits the rest of the span (PRICING.md, section 3).
const COST: &[Key] =
    &[Key::GenAiUsageCost, Key::GenAiTotalCost, Key::LlmCostTotal, Key::LiteLlmCostTotal, Key::OperationCost];

/// Whether [`session`] or [`user`] reads this key.
pub(super) fn tells_whose(key: Key) -> bool {
    SESSION.contains(&key) || USER.contains(&key)
}

/// Session or conversation of the span.
pub(super) fn session<'a>(evidence: &SpanView<'a, '_>) -> Option<Text<'a>> {
    evidence.text(SESSION)
}

/// End user of the span.
pub(super) fn user<'a>(evidence: &SpanView<'a, '_>) -> Option<Text<'a>> {
    evidence.text(USER)
}

/// What every convention shares: identity, times and resource.
pub(super) fn identity<'a>(evidence: &SpanView<'a, '_>, convention: Convention) -> CallFacts<'a> {
    let span = evidence.span;
    CallFacts {
        convention,
        start_unix_nano: Some(span.start_unix_nano).filter(|&nano| nano != 0),
        service_name: evidence.resource("service.name"),
        trace_id: span.trace_id,
        span_id: span.span_id,
        ..CallFacts::default()
    }
}

/// What the span says of the call, read through the convention's keys.
pub(super) fn draft<'a>(evidence: &SpanView<'a, '_>, fields: &Fields) -> CallFacts<'a> {
    let mut draft = CallFacts {
        request_id: evidence.name(fields.request_id).map_or(RequestId::SpanId, RequestId::Emitted),
        model: evidence.name(fields.model),
        request_model: evidence.name(fields.request_model),
        upstream_model: evidence.text(fields.upstream_model),
        provider: evidence.text(fields.provider),
        operation: evidence.text(fields.operation),
        session_id: session(evidence),
        user_id: user(evidence),
        is_streaming: evidence.flag(fields.streaming),
        finish_reasons: finish_reason::reasons(evidence, fields.finish_reasons),
        service_tier: evidence.text(fields.service_tier),
        reported_cost_usd: reported_cost(evidence),
        usage: usage(evidence, &fields.tokens),
        ttft_ms: first_token::ms(evidence),
        duration_ms: evidence.lasted_ms(),
        ..identity(evidence, fields.convention)
    };
    failure::fill(evidence, &mut draft);
    draft
}

/// A cost above zero before a zero, which stays what it is: reported, and no price.
pub(super) fn reported_cost(evidence: &SpanView<'_, '_>) -> Option<f64> {
    let mut nothing = None;
    for &key in COST {
        match evidence.amount(&[key]) {
            Some(usd) if usd > 0.0 => return Some(usd),
            said => nothing = nothing.or(said),
        }
    }
    nothing
}

fn usage(evidence: &SpanView<'_, '_>, tokens: &Tokens) -> Usage {
    let usage = Usage {
        input: evidence.count(tokens.input),
        output: evidence.count(tokens.output),
        total: evidence.count(tokens.total),
        cache_read: evidence.count(tokens.cache_read),
        cache_write: evidence.count(tokens.cache_write),
        cache_write_1h: evidence.count(tokens.cache_write_1h),
        reasoning: evidence.count(tokens.reasoning),
        fresh: evidence.count(tokens.fresh),
        input_audio: evidence.count(tokens.input_audio),
        cache_read_audio: evidence.count(tokens.cache_read_audio),
        output_audio: evidence.count(tokens.output_audio),
        ..Usage::default()
    };
    Usage {
        input_count: if total_counts_cached_apart(&usage) { InputCount::Exclusive } else { InputCount::Inclusive },
        ..usage
    }
}

/// A total that is input + output + cached proves that the input count excludes what was cached.
fn total_counts_cached_apart(usage: &Usage) -> bool {
    let cached = usage.cached();
    let parts = [usage.input, usage.output].into_iter().flatten().fold(cached, u64::saturating_add);
    cached > 0 && usage.input.is_some() && usage.total == Some(parts)
}

/// Whether the API of this provider counts as input only what was neither read from nor written to the cache: Anthropic's
/// does, and Bedrock's, whatever the model. It tells how emitters count that hand the API's own count on.
pub(super) fn counts_cached_apart(provider: Option<&str>) -> bool {
    provider.is_some_and(|provider| ["anthropic", "bedrock"].iter().any(|name| scalar::mentions(provider, name)))
}
