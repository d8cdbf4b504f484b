//! A program that talks to a provider directly and is instrumented by the OpenTelemetry `GenAI` conventions: an agent
//! span around one chat call, or one embedding.

use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    trace::v1::{Span, Status, span::SpanKind, status::StatusCode},
};

use super::{
    attributes::{double, flag, int, list, text},
    random::Random,
    session::whole,
};

/// `service.name` of the program.
pub(super) const SERVICE: &str = "docs-assistant";
/// The instrumentation scope of its spans.
pub(super) const SCOPE: &str = "opentelemetry.instrumentation.genai.openai";

const NANOS_PER_MS: u64 = 1_000_000;

/// The spans of one question to the program, ending at `end` (ns since the epoch).
pub(super) fn spans(end: u64, random: &mut Random) -> Vec<Span> {
    if random.chance(0.25) {
        return vec![embeddings(end, random)];
    }
    let agent_id = random.span_id();
    let chat = chat(end.saturating_sub(2 * NANOS_PER_MS), &agent_id, random);
    let agent = Span {
        trace_id: chat.trace_id.clone(),
        span_id: agent_id,
        name: "invoke_agent docs".to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: chat.start_time_unix_nano.saturating_sub(3 * NANOS_PER_MS),
        end_time_unix_nano: end,
        attributes: vec![
            text("gen_ai.operation.name", "invoke_agent"),
            text("gen_ai.agent.name", "docs"),
            text("gen_ai.provider.name", "openai"),
        ],
        ..Span::default()
    };
    vec![chat, agent]
}

fn chat(end: u64, agent_id: &[u8], random: &mut Random) -> Span {
    let ttft_ms = random.around(520.0, 0.4);
    let output = whole(random.around(210.0, 0.5)).max(1);
    let duration_ms = ttft_ms + output as f64 / random.around(95.0, 0.2).max(1.0) * 1000.0;
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "gpt-5-mini"),
        flag("gen_ai.request.stream", true),
        text("gen_ai.conversation.id", format!("docs-{}", random.between(1, 4))),
    ];
    let failed = random.chance(0.05);
    if failed {
        attributes.push(text("error.type", "RateLimitError"));
        attributes.push(int("http.response.status_code", 429));
    } else {
        attributes.extend([
            text("gen_ai.response.model", "gpt-5-mini-2025-08-07"),
            text("gen_ai.response.id", format!("chatcmpl-{:016x}", random.bits())),
            list("gen_ai.response.finish_reasons", "stop"),
            int("gen_ai.usage.input_tokens", random.between(1_800, 6_000)),
            int("gen_ai.usage.output_tokens", output),
            int("gen_ai.usage.cache_read.input_tokens", random.between(0, 12) * 128),
            double("gen_ai.response.time_to_first_chunk", ttft_ms / 1000.0),
        ]);
    }
    let status = failed.then(|| Status {
        message: "Error code: 429 - rate limit reached for requests".to_owned(),
        code: StatusCode::Error.into(),
    });
    let duration_ms = if failed { 180.0 } else { duration_ms };
    Span {
        status,
        parent_span_id: agent_id.to_vec(),
        ..client("chat gpt-5-mini", end, duration_ms, attributes, random)
    }
}

fn embeddings(end: u64, random: &mut Random) -> Span {
    let attributes = vec![
        text("gen_ai.operation.name", "embeddings"),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "text-embedding-3-small"),
        text("gen_ai.response.model", "text-embedding-3-small"),
        int("gen_ai.usage.input_tokens", random.between(60, 900)),
    ];
    let duration_ms = random.around(95.0, 0.3);
    client("embeddings text-embedding-3-small", end, duration_ms, attributes, random)
}

fn client(name: &str, end: u64, duration_ms: f64, attributes: Vec<KeyValue>, random: &mut Random) -> Span {
    Span {
        trace_id: random.trace_id(),
        span_id: random.span_id(),
        flags: 0x101,
        name: name.to_owned(),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: end.saturating_sub(whole(duration_ms * NANOS_PER_MS as f64)),
        end_time_unix_nano: end,
        attributes,
        ..Span::default()
    }
}
