//! A call with every fact set.

use super::facts::Others;
use super::{
    Attempt, Attempts, CallFacts, Convention, Cost, CostBasis, InputCount, PlanoFacts, Quality, RequestId, Usage,
};

/// Every fact set to a value of its own. The texts follow the list of facts; the others are written out, so that a new one
/// does not compile until it is here. The tests that use it fail where a fact is lost.
pub(crate) fn whole() -> CallFacts<'static> {
    let mut facts = CallFacts::with_all_texts(Others {
        convention: Convention::Langfuse,
        request_id: RequestId::Emitted("req-1".into()),
        start_unix_nano: Some(1_795_424_977_505_544_123),
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
        reported_cost_usd: Some(1e-9),
        fallback_cost_usd: Some(2e-9),
        attempts: Attempts {
            count: Some(4),
            known: vec![Attempt {
                model: Some("first".into()),
                provider: Some("seller".into()),
                status_code: Some(503),
                is_error: true,
                error: Some("overloaded".into()),
                start_unix_nano: -1,
                duration_ms: Some(12.5),
                ttft_ms: Some(1.5),
                usage: Usage { input: Some(12), ..Usage::default() },
                cost: Some(Cost { usd: 3e-9, basis: CostBasis::Estimate }),
            }],
        },
        trace_id: &[1; 16],
        span_id: &[2; 8],
        plano: PlanoFacts {
            quality: Some(Quality::Severe),
            flagged: true,
            session_switches: Some(3),
            session_overhead_pct: Some(-1.5),
        },
    });
    facts.error_message = Some("message\n\u{202e}".into());
    facts.service_name = Some("".into());
    facts
}
