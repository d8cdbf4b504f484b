//! A kept call as a message and back, and so with the rest of a snapshot. Every field is named on both ways, so that a new
//! one does not compile until it travels, too.

use std::borrow::Cow;

use super::protocol::{self, MOST_CALLS};
use crate::call::{
    CallFacts, CallId, Convention, Cost, CostBasis, InputCount, LlmCall, Names, PlanoFacts, Quality, RequestId, Text,
    Usage,
};
use crate::collector::snapshot::Counters;
use crate::stats::Totals;

/// The call as it travels.
pub(crate) fn call_message(call: &LlmCall) -> protocol::Call {
    let CallFacts {
        convention,
        request_id,
        start_unix_nano,
        model,
        provider,
        request_model,
        upstream_model,
        session_id,
        route_name,
        is_streaming,
        status_code,
        span_error,
        usage,
        ttft_ms,
        duration_ms,
        routing_strategy,
        routing_reason,
        reported_cost_usd,
        fallback_cost_usd,
        operation,
        error_type,
        error_message,
        user_id,
        finish_reasons,
        service_tier,
        service_name,
        trace_id,
        span_id,
        plano: PlanoFacts { quality, flagged, session_switches, session_overhead_pct },
    } = call.facts();
    let owned = |text: Option<Text<'_>>| text.map(Cow::into_owned);
    protocol::Call {
        id: call.id().0,
        revision: call.revision().into(),
        is_merged_away: call.is_merged_away(),
        cost: call.cost().map(|cost| protocol::Cost { usd: cost.usd, basis: basis_code(cost.basis) }),
        start_or_arrival_unix_nano: call.start_unix_nano(),
        convention: convention_code(convention),
        emitted_request_id: match request_id {
            RequestId::SpanId => None,
            RequestId::Emitted(text) => Some(text.into_owned()),
        },
        start_unix_nano,
        model: owned(model),
        provider: owned(provider),
        request_model: owned(request_model),
        upstream_model: owned(upstream_model),
        session_id: owned(session_id),
        route_name: owned(route_name),
        is_streaming,
        status_code: status_code.map(u32::from),
        span_error,
        usage: Some(usage_message(usage)),
        ttft_ms,
        duration_ms,
        routing_strategy: owned(routing_strategy),
        routing_reason: owned(routing_reason),
        reported_cost_usd,
        fallback_cost_usd,
        operation: owned(operation),
        error_type: owned(error_type),
        error_message: owned(error_message),
        user_id: owned(user_id),
        finish_reasons: owned(finish_reasons),
        service_tier: owned(service_tier),
        service_name: owned(service_name),
        trace_id: trace_id.to_vec(),
        span_id: span_id.to_vec(),
        quality: quality.map(quality_code),
        flagged,
        session_switches,
        session_overhead_pct,
    }
}

/// The call that travelled, in its place; `None` for a message that no collector of this version sends. Its texts are cut
/// to what a kept call holds, whatever was sent.
pub(crate) fn call_of(message: &protocol::Call, names: &mut Names) -> Option<LlmCall> {
    fn text(text: Option<&str>) -> Option<Text<'_>> {
        text.map(Cow::Borrowed)
    }
    let protocol::Call {
        id,
        revision,
        is_merged_away,
        cost,
        start_or_arrival_unix_nano,
        convention,
        emitted_request_id,
        start_unix_nano,
        model,
        provider,
        request_model,
        upstream_model,
        session_id,
        route_name,
        is_streaming,
        status_code,
        span_error,
        usage,
        ttft_ms,
        duration_ms,
        routing_strategy,
        routing_reason,
        reported_cost_usd,
        fallback_cost_usd,
        operation,
        error_type,
        error_message,
        user_id,
        finish_reasons,
        service_tier,
        service_name,
        trace_id,
        span_id,
        quality,
        flagged,
        session_switches,
        session_overhead_pct,
    } = message;
    let draft = CallFacts {
        convention: convention_of(*convention)?,
        request_id: text(emitted_request_id.as_deref()).map_or(RequestId::SpanId, RequestId::Emitted),
        start_unix_nano: *start_unix_nano,
        model: text(model.as_deref()),
        provider: text(provider.as_deref()),
        request_model: text(request_model.as_deref()),
        upstream_model: text(upstream_model.as_deref()),
        session_id: text(session_id.as_deref()),
        route_name: text(route_name.as_deref()),
        is_streaming: *is_streaming,
        status_code: status_code.map(u16::try_from).transpose().ok()?,
        span_error: *span_error,
        usage: usage_of((*usage)?),
        ttft_ms: *ttft_ms,
        duration_ms: *duration_ms,
        routing_strategy: text(routing_strategy.as_deref()),
        routing_reason: text(routing_reason.as_deref()),
        reported_cost_usd: *reported_cost_usd,
        fallback_cost_usd: *fallback_cost_usd,
        operation: text(operation.as_deref()),
        error_type: text(error_type.as_deref()),
        error_message: text(error_message.as_deref()),
        user_id: text(user_id.as_deref()),
        finish_reasons: text(finish_reasons.as_deref()),
        service_tier: text(service_tier.as_deref()),
        service_name: text(service_name.as_deref()),
        trace_id,
        span_id,
        plano: PlanoFacts {
            quality: match quality {
                None => None,
                Some(code) => Some(quality_of(*code)?),
            },
            flagged: *flagged,
            session_switches: *session_switches,
            session_overhead_pct: *session_overhead_pct,
        },
    };
    let cost = match cost {
        None => None,
        Some(cost) => Some(Cost { usd: cost.usd, basis: basis_of(cost.basis)? }),
    };
    let mut call = LlmCall::from_facts(&draft, names, *start_or_arrival_unix_nano);
    call.set_cost(cost);
    call.place(CallId(*id), u16::try_from(*revision).ok()?);
    if *is_merged_away {
        call.mark_merged();
    }
    Some(call)
}

fn usage_message(usage: Usage) -> protocol::Usage {
    let Usage {
        input,
        output,
        total,
        cache_read,
        cache_write,
        cache_write_1h,
        reasoning,
        fresh,
        input_audio,
        cache_read_audio,
        output_audio,
        input_count,
    } = usage;
    protocol::Usage {
        input,
        output,
        total,
        cache_read,
        cache_write,
        cache_write_1h,
        reasoning,
        fresh,
        input_audio,
        cache_read_audio,
        output_audio,
        input_excludes_cached: match input_count {
            InputCount::Inclusive => false,
            InputCount::Exclusive => true,
        },
    }
}

fn usage_of(message: protocol::Usage) -> Usage {
    let protocol::Usage {
        input,
        output,
        total,
        cache_read,
        cache_write,
        cache_write_1h,
        reasoning,
        fresh,
        input_audio,
        cache_read_audio,
        output_audio,
        input_excludes_cached,
    } = message;
    Usage {
        input,
        output,
        total,
        cache_read,
        cache_write,
        cache_write_1h,
        reasoning,
        fresh,
        input_audio,
        cache_read_audio,
        output_audio,
        input_count: if input_excludes_cached { InputCount::Exclusive } else { InputCount::Inclusive },
    }
}

const fn convention_code(convention: Convention) -> u32 {
    match convention {
        Convention::Plano => 1,
        Convention::GenAi => 2,
        Convention::OpenInference => 3,
        Convention::OpenLlmetry => 4,
        Convention::Vercel => 5,
        Convention::LiteLlm => 6,
        Convention::LangSmith => 7,
        Convention::Langfuse => 8,
    }
}

const fn convention_of(code: u32) -> Option<Convention> {
    Some(match code {
        1 => Convention::Plano,
        2 => Convention::GenAi,
        3 => Convention::OpenInference,
        4 => Convention::OpenLlmetry,
        5 => Convention::Vercel,
        6 => Convention::LiteLlm,
        7 => Convention::LangSmith,
        8 => Convention::Langfuse,
        _ => return None,
    })
}

const fn basis_code(basis: CostBasis) -> u32 {
    match basis {
        CostBasis::Reported => 1,
        CostBasis::Priced => 2,
        CostBasis::Estimate => 3,
        CostBasis::Refreshed => 4,
    }
}

const fn basis_of(code: u32) -> Option<CostBasis> {
    Some(match code {
        1 => CostBasis::Reported,
        2 => CostBasis::Priced,
        3 => CostBasis::Estimate,
        4 => CostBasis::Refreshed,
        _ => return None,
    })
}

const fn quality_code(quality: Quality) -> u32 {
    match quality {
        Quality::Excellent => 1,
        Quality::Good => 2,
        Quality::Neutral => 3,
        Quality::Poor => 4,
        Quality::Severe => 5,
    }
}

const fn quality_of(code: u32) -> Option<Quality> {
    Some(match code {
        1 => Quality::Excellent,
        2 => Quality::Good,
        3 => Quality::Neutral,
        4 => Quality::Poor,
        5 => Quality::Severe,
        _ => return None,
    })
}

/// The counters as they travel.
pub(crate) const fn counters_message(counters: &Counters) -> protocol::Counters {
    let Counters {
        connections,
        connections_refused,
        listener_failures,
        listeners_failing,
        viewers_refused,
        requests,
        requests_refused,
        requests_malformed,
        requests_too_large,
        requests_unavailable,
        requests_unauthorised,
        requests_failed,
        other_signals,
        spans_received,
        llm_calls,
        merged,
        not_llm,
        rejected,
        spans_refused,
        spans_sampled,
        clock_ahead_nanos,
        last_batch_unix_nano,
    } = *counters;
    protocol::Counters {
        connections,
        connections_refused,
        requests,
        requests_refused,
        requests_malformed,
        requests_too_large,
        requests_unavailable,
        requests_unauthorised,
        requests_failed,
        other_signals,
        spans_received,
        llm_calls,
        merged,
        not_llm,
        rejected,
        spans_refused,
        spans_sampled,
        clock_ahead_nanos,
        last_batch_unix_nano,
        listener_failures,
        listeners_failing,
        viewers_refused,
    }
}

/// The counters that travelled.
pub(crate) const fn counters_of(message: protocol::Counters) -> Counters {
    let protocol::Counters {
        connections,
        connections_refused,
        listener_failures,
        listeners_failing,
        viewers_refused,
        requests,
        requests_refused,
        requests_malformed,
        requests_too_large,
        requests_unavailable,
        requests_unauthorised,
        requests_failed,
        other_signals,
        spans_received,
        llm_calls,
        merged,
        not_llm,
        rejected,
        spans_refused,
        spans_sampled,
        clock_ahead_nanos,
        last_batch_unix_nano,
    } = message;
    Counters {
        connections,
        connections_refused,
        listener_failures,
        listeners_failing,
        viewers_refused,
        requests,
        requests_refused,
        requests_malformed,
        requests_too_large,
        requests_unavailable,
        requests_unauthorised,
        requests_failed,
        other_signals,
        spans_received,
        llm_calls,
        merged,
        not_llm,
        rejected,
        spans_refused,
        spans_sampled,
        clock_ahead_nanos,
        last_batch_unix_nano,
    }
}

/// The totals as they travel.
pub(crate) fn totals_message(totals: &Totals) -> protocol::Totals {
    let Totals { calls, errors, unpriced, input_tokens, output_tokens, cost_femto_usd } = *totals;
    protocol::Totals {
        calls,
        errors,
        unpriced,
        input_tokens: input_tokens.to_be_bytes().to_vec(),
        output_tokens: output_tokens.to_be_bytes().to_vec(),
        cost_femto_usd: cost_femto_usd.to_be_bytes().to_vec(),
    }
}

/// The totals that travelled; `None` where a sum is not one.
pub(crate) fn totals_of(message: &protocol::Totals) -> Option<Totals> {
    let protocol::Totals { calls, errors, unpriced, input_tokens, output_tokens, cost_femto_usd } = message;
    let bytes = |sum: &[u8]| <[u8; 16]>::try_from(sum).ok();
    Some(Totals {
        calls: *calls,
        errors: *errors,
        unpriced: *unpriced,
        input_tokens: u128::from_be_bytes(bytes(input_tokens)?),
        output_tokens: u128::from_be_bytes(bytes(output_tokens)?),
        cost_femto_usd: i128::from_be_bytes(bytes(cost_femto_usd)?),
    })
}

/// A capacity that travelled; `None` beyond what any collector has.
pub(crate) fn capacity_of(capacity: u64) -> Option<usize> {
    (1..=MOST_CALLS).contains(&capacity).then(|| usize::try_from(capacity).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::call::LONGEST_TEXT;

    /// A call with everything set, each field to something of its own.
    fn whole() -> LlmCall {
        let text = |text: &'static str| Some(Text::from(text));
        let draft = CallFacts {
            convention: Convention::Langfuse,
            request_id: RequestId::Emitted("req-1".into()),
            start_unix_nano: Some(1_795_424_977_505_544_123),
            model: text("model"),
            provider: text("provider"),
            request_model: text("request model"),
            upstream_model: text("upstream model"),
            session_id: text("session"),
            route_name: text("route"),
            is_streaming: Some(false),
            status_code: Some(429),
            span_error: true,
            usage: Usage {
                input: Some(u64::MAX),
                output: Some(0),
                total: Some(3),
                cache_read: Some(4),
                cache_write: Some(5),
                cache_write_1h: Some(6),
                reasoning: Some(7),
                fresh: Some(8),
                input_audio: Some(9),
                cache_read_audio: Some(10),
                output_audio: Some(11),
                input_count: InputCount::Exclusive,
            },
            ttft_ms: Some(0.0),
            duration_ms: Some(1e-3),
            routing_strategy: text("strategy"),
            routing_reason: text("reason"),
            reported_cost_usd: Some(1e-9),
            fallback_cost_usd: Some(2e-9),
            operation: text("operation"),
            error_type: text("type"),
            error_message: text("message\n\u{202e}"),
            user_id: text("user"),
            finish_reasons: text("stop"),
            service_tier: text("priority"),
            service_name: text(""),
            trace_id: &[1; 16],
            span_id: &[2; 8],
            plano: PlanoFacts {
                quality: Some(Quality::Severe),
                flagged: true,
                session_switches: Some(3),
                session_overhead_pct: Some(-1.5),
            },
        };
        let mut call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
        assert_eq!(call.facts(), draft, "nothing of it is lost by keeping it");
        call.set_cost(Some(Cost { usd: 0.1 + 0.2, basis: CostBasis::Estimate }));
        call.place(CallId(u64::from(u32::MAX) + 1), u16::MAX);
        call.mark_merged();
        call
    }

    fn travelled(call: &LlmCall) -> Option<LlmCall> {
        let bytes = call_message(call).encode_to_vec();
        call_of(&protocol::Call::decode(bytes.as_slice()).unwrap(), &mut Names::default())
    }

    fn assert_travels(call: &LlmCall) {
        let there = travelled(call).expect("a call of this version");
        let place = |call: &LlmCall| (call.id(), call.revision(), call.is_merged_away(), call.start_unix_nano());
        assert_eq!(place(&there), place(call));
        assert_eq!((there.facts(), there.cost()), (call.facts(), call.cost()));
    }

    #[test]
    fn every_field_survives() {
        assert_travels(&whole());
        assert_travels(&LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), -5));
        let odd = CallFacts { trace_id: &[7; 3], span_id: &[], ..CallFacts::default() };
        assert_travels(&LlmCall::from_facts(&odd, &mut Names::default(), i64::MAX));
    }

    #[test]
    fn every_word_survives() {
        use Convention::{GenAi, LangSmith, Langfuse, LiteLlm, OpenInference, OpenLlmetry, Plano, Vercel};
        for convention in [Plano, GenAi, OpenInference, OpenLlmetry, Vercel, LiteLlm, LangSmith, Langfuse] {
            assert_eq!(convention_of(convention_code(convention)), Some(convention));
        }
        for basis in [CostBasis::Reported, CostBasis::Priced, CostBasis::Estimate, CostBasis::Refreshed] {
            assert_eq!(basis_of(basis_code(basis)), Some(basis));
        }
        for quality in [Quality::Excellent, Quality::Good, Quality::Neutral, Quality::Poor, Quality::Severe] {
            assert_eq!(quality_of(quality_code(quality)), Some(quality));
        }
    }

    #[test]
    fn what_no_collector_sends_is_no_call() {
        let message = || call_message(&whole());
        let broken = [
            protocol::Call { convention: 0, ..message() },
            protocol::Call { convention: 99, ..message() },
            protocol::Call { quality: Some(6), ..message() },
            protocol::Call { status_code: Some(65_536), ..message() },
            protocol::Call { revision: 65_536, ..message() },
            protocol::Call { usage: None, ..message() },
            protocol::Call { cost: Some(protocol::Cost { usd: 1.0, basis: 5 }), ..message() },
        ];
        for (nth, message) in broken.iter().enumerate() {
            assert!(call_of(message, &mut Names::default()).is_none(), "case {nth}");
        }
    }

    #[test]
    fn texts_and_ids_are_cut_whatever_was_sent() {
        let long = "x".repeat(10 * LONGEST_TEXT);
        let message = protocol::Call {
            model: Some(long.clone()),
            error_message: Some(long.clone()),
            emitted_request_id: Some(long),
            trace_id: vec![1; 10_000],
            ..call_message(&whole())
        };
        let call = call_of(&message, &mut Names::default()).unwrap();
        assert!(call.shown_model().len() <= LONGEST_TEXT && call.request_id().len() <= LONGEST_TEXT);
        assert!(call.error_message().is_some_and(|text| text.len() <= LONGEST_TEXT));
        assert!(call.ids().0.len() < 100);
    }

    proptest! {
        #[test]
        fn sums_survive(tokens in any::<u128>(), femto in any::<i128>(), calls in any::<u64>()) {
            let totals = Totals { calls, input_tokens: tokens, cost_femto_usd: femto, ..Totals::default() };
            prop_assert_eq!(totals_of(&totals_message(&totals)), Some(totals));
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = protocol::Call::decode(bytes.as_slice()) {
                let _ = call_of(&message, &mut Names::default());
            }
        }
    }
}
