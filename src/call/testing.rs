//! A call with every fact set.

use super::{CallFacts, Convention, InputCount, PlanoFacts, Quality, RequestId, Text, Usage};

/// Every fact set, each to something of its own. Written out in full, so that a new fact does not compile until it is here,
/// and the tests that use it fail where the fact is lost.
pub(crate) fn whole() -> CallFacts<'static> {
    let text = |text: &'static str| Some(Text::from(text));
    CallFacts {
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
    }
}
