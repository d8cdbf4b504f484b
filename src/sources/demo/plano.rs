//! A turn as Plano's brightstaff exports it: an `llm` span and its `routing` child. The attributes, their types and
//! their order are those of captured traffic of Plano 0.4.39's line.

use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    trace::v1::{Span, span::Event, span::SpanKind},
};

use super::{
    attributes::{double, event, flag, int, text},
    cast::{Complaint, Endpoint},
    random::Random,
    session::{Outcome, Routed, Switch, Turn, Usage},
};

/// `service.name` of the resource that `llm` spans come under.
pub(super) const LLM_SERVICE: &str = "plano(llm)";
/// `service.name` of the resource that `routing` spans come under.
pub(super) const ROUTING_SERVICE: &str = "plano(routing)";
/// The instrumentation scope of both.
pub(super) const SCOPE: &str = "brightstaff";

/// Sampled, and the parent is known not to be remote, as brightstaff's spans say.
const FLAGS: u32 = 0x101;
const NANOS_PER_MS: u64 = 1_000_000;

/// The spans of one call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spans {
    pub routing: Span,
    pub llm: Span,
}

/// Writes a turn that ends at `end` (ns since the epoch) as spans.
pub(super) fn spans(turn: &Turn, end: u64, random: &mut Random) -> Spans {
    let trace_id = random.trace_id();
    let span_id = random.span_id();
    let spent = (turn.timing.overhead + turn.timing.duration) * NANOS_PER_MS + random.between(10_000, 900_000);
    let start = end.saturating_sub(spent);
    Spans {
        routing: routing(turn, start, &trace_id, &span_id, random),
        llm: Span {
            trace_id,
            span_id,
            flags: FLAGS,
            name: llm_name(turn),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes: llm_attributes(turn, random),
            events: llm_events(turn, start, end),
            ..Span::default()
        },
    }
}

/// A request that the gateway rejected before it chose a model: a bare span named `llm`.
pub(super) fn rejected(end: u64, random: &mut Random) -> Span {
    let start = end.saturating_sub(random.between(40_000, 200_000));
    let why = vec![
        text("level", "WARN"),
        text("target", "brightstaff::handlers::llm"),
        text("model", "unknown/model"),
        text("code.file.path", "brightstaff/src/handlers/llm/mod.rs"),
        text("code.module.name", "brightstaff::handlers::llm"),
        int("code.line.number", 657),
    ];
    Span {
        trace_id: random.trace_id(),
        span_id: random.span_id(),
        flags: FLAGS,
        name: "llm".to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes: opening(Endpoint::ChatCompletions, random),
        events: vec![event(end, "model not found in configured providers", why)],
        ..Span::default()
    }
}

fn routing(turn: &Turn, start: u64, trace_id: &[u8], parent: &[u8], random: &mut Random) -> Span {
    let begin = start + random.between(200_000, 4_000_000);
    let end = begin + turn.timing.determination * NANOS_PER_MS + random.between(100_000, 900_000);
    let selected = turn.proposed.map_or("none", |routed| routed.model.dispatched);
    Span {
        trace_id: trace_id.to_vec(),
        span_id: random.span_id(),
        parent_span_id: parent.to_vec(),
        flags: FLAGS,
        name: "routing".to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: begin,
        end_time_unix_nano: end,
        attributes: vec![
            text("component", "routing"),
            text("http.method", "POST"),
            text("http.target", turn.client.endpoint.path()),
            text("model.requested", turn.client.requested),
            text("model.alias_resolved", alias_resolved(turn)),
            text("service.name.override", ROUTING_SERVICE),
            int("routing.determination_ms", turn.timing.determination),
            text("route.selected_model", selected),
        ],
        events: routing_events(turn, begin, end),
        ..Span::default()
    }
}

/// An alias (a name without a provider) resolves to the client's default model.
fn alias_resolved(turn: &Turn) -> &'static str {
    if turn.client.requested.contains('/') { turn.client.requested } else { turn.client.default.dispatched }
}

fn routing_events(turn: &Turn, begin: u64, end: u64) -> Vec<Event> {
    let selection = "brightstaff::handlers::llm::model_selection";
    let orchestrator = "brightstaff::router::orchestrator";
    let content = turn
        .proposed
        .map_or_else(|| r#"{"route": []}"#.to_owned(), |routed| format!(r#"{{"route": ["{}"]}}"#, routed.route));
    let selected = turn.proposed.map_or_else(
        || "None".to_owned(),
        |Routed { route, model }| format!(r#"Some([("{route}", "{}")])"#, model.dispatched),
    );
    let processing = vec![
        text("level", "INFO"),
        text("target", selection),
        text("path", turn.client.endpoint.path()),
        text("latest_message", turn.said),
    ];
    let determined = vec![
        text("level", "INFO"),
        text("target", orchestrator),
        text("content", content),
        text("selected_routes", selected),
        text("response_time_ms", turn.timing.determination.to_string()),
    ];
    let mut events = vec![
        event(begin + 45_000, "processing router request", processing),
        event(end - 60_000, "plano-orchestrator determined routes", determined),
    ];
    if turn.proposed.is_none() {
        let attributes = vec![text("level", "INFO"), text("target", selection)];
        events.push(event(end - 15_000, "no route determined, using default model", attributes));
    }
    events
}

fn llm_name(turn: &Turn) -> String {
    let (path, asked, dispatched) = (turn.client.endpoint.path(), turn.client.requested, turn.model.dispatched);
    let arrow = if asked == dispatched { String::new() } else { format!(" -> {dispatched}") };
    let mark = if turn.complaints.is_empty() { "" } else { " 🚩" };
    format!("POST {path} {asked}{arrow}{mark}")
}

fn opening(endpoint: Endpoint, random: &mut Random) -> Vec<KeyValue> {
    vec![
        text("component", "llm"),
        text("request_id", random.uuid()),
        text("http.method", "POST"),
        text("http.path", endpoint.path()),
        text("service.name.override", LLM_SERVICE),
    ]
}

fn llm_attributes(turn: &Turn, random: &mut Random) -> Vec<KeyValue> {
    let mut attributes = opening(turn.client.endpoint, random);
    attributes.extend(turn.client.custom.iter().map(|(key, value)| text(key, *value)));
    attributes.extend(turn.client.temperature.map(|temperature| text("llm.temperature", temperature)));
    attributes.extend(turn.client.tools.map(|tools| text("llm.tools", tools)));
    attributes.push(text("llm.user_message_preview", turn.said));
    attributes.extend(session(turn));
    attributes.extend(turn.switch.iter().flat_map(switch));
    attributes.extend(turn.route.map(|route| text("plano.route.name", route)));
    attributes.push(text("llm.model", turn.model.dispatched));
    attributes.extend(turn.model.provider.map(|provider| text("llm.provider", provider)));
    attributes.extend(upstream(turn));
    attributes.extend(signals(turn));
    attributes
}

fn session(turn: &Turn) -> Vec<KeyValue> {
    vec![
        text("plano.session_id", turn.session_id.as_str()),
        flag("plano.cache.warm", turn.idle_ms.is_some()),
        int("plano.cache.idle_ms", turn.idle_ms.unwrap_or(0)),
        double("plano.session.overhead_pct", turn.ledger.overhead_pct()),
        double("plano.session.switch_spend_in_usd", turn.ledger.switch_spend),
        double("plano.session.baseline_in_usd", turn.ledger.baseline),
        int("plano.session.switches", turn.ledger.switches),
        double("plano.session.total_cost_in_usd", turn.ledger.total),
    ]
}

fn switch(switch: &Switch) -> Vec<KeyValue> {
    let mut attributes = vec![
        double("plano.switch.cost_in_usd", switch.cost),
        int("plano.switch.candidate_warm_tokens", 0),
        double("plano.switch.overhead_ceiling_in_usd", switch.ceiling),
        text("plano.switch.decision", if switch.allowed { "allowed" } else { "retained" }),
    ];
    if !switch.allowed {
        let Routed { route, model } = switch.candidate;
        attributes.push(text("plano.switch.counterfactual_route", format!("{} ({route})", model.dispatched)));
    }
    attributes
}

fn upstream(turn: &Turn) -> Vec<KeyValue> {
    let (status, usage) = match turn.outcome {
        Outcome::Answered(usage) => (200, Some(usage)),
        Outcome::Refused(status) => (u64::from(status), None),
        Outcome::NoResponse => return Vec::new(),
    };
    let bytes = usage.map_or(71, |usage| 260 + usage.completion * 4);
    let mut attributes = vec![
        int("http.status_code", status),
        text("service.name.override", LLM_SERVICE),
        int("llm.time_to_first_token", turn.timing.ttft),
        int("llm.duration_ms", turn.timing.duration),
        int("llm.response_bytes", bytes),
    ];
    if let Some(usage) = usage {
        attributes.extend(tokens(turn.client.endpoint, &usage));
        attributes.extend(turn.model.answered.map(|model| text("llm.model", model)));
        attributes.extend(usage.cost.into_iter().flat_map(costs));
    }
    attributes
}

fn tokens(endpoint: Endpoint, usage: &Usage) -> Vec<KeyValue> {
    let mut attributes = vec![
        int("llm.usage.prompt_tokens", usage.prompt),
        int("llm.usage.completion_tokens", usage.completion),
        int("llm.usage.total_tokens", usage.prompt + usage.completion),
    ];
    match endpoint {
        Endpoint::ChatCompletions => {
            attributes.push(int("llm.usage.cached_input_tokens", usage.cached));
            attributes.push(int("llm.usage.reasoning_tokens", usage.reasoning));
        }
        Endpoint::Messages => {
            attributes.push(int("llm.usage.cached_input_tokens", usage.cached));
            attributes.push(int("llm.usage.cache_creation_tokens", usage.created));
        }
        Endpoint::Responses => {}
    }
    attributes
}

fn costs((input, output): (f64, f64)) -> [KeyValue; 3] {
    [
        double("llm.usage.input_cost_usd", input),
        double("llm.usage.output_cost_usd", output),
        double("llm.usage.total_cost_usd", input + output),
    ]
}

fn signals(turn: &Turn) -> Vec<KeyValue> {
    let (quality, score) = match turn.complaints.len() {
        0 if turn.number >= 5 => ("good", 70.0),
        0 => ("neutral", 50.0),
        1 => ("poor", 35.0),
        _ => ("severe", 0.0),
    };
    let efficiency = 1.0 / (1.0 + (turn.number.saturating_sub(5)) as f64 * 0.1);
    let mut attributes = vec![
        text("signals.quality", quality),
        double("signals.quality_score", score),
        int("signals.turn_count", turn.number),
        double("signals.efficiency_score", efficiency),
    ];
    for (kind, count) in kinds(turn.complaints) {
        attributes.push(int(&format!("signals.{kind}.count"), count));
        attributes.push(int(&format!("signals.{kind}.severity"), 1));
    }
    attributes
}

/// Complaints by `<layer>.<kind>`, in order of their first appearance.
fn kinds(complaints: &[Complaint]) -> Vec<(&str, u64)> {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for complaint in complaints {
        let kind = complaint.signal.rsplit_once('.').map_or(complaint.signal, |(kind, _)| kind);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds
}

fn llm_events(turn: &Turn, start: u64, end: u64) -> Vec<Event> {
    let asked = start + turn.timing.overhead * NANOS_PER_MS;
    let mut events: Vec<Event> = turn.switch.iter().map(|switch| switch_event(switch, asked)).collect();
    if turn.outcome == Outcome::NoResponse {
        events.push(unreachable_event(end));
    } else {
        let first = (asked + turn.timing.ttft * NANOS_PER_MS).min(end);
        let ttft = int("llm.time_to_first_token", turn.timing.ttft);
        events.push(event(first, "llm.time_to_first_token", vec![ttft]));
        events.push(completed_event(turn, end));
    }
    events.extend(turn.complaints.iter().zip(2..).map(|(complaint, index)| signal_event(complaint, index, end)));
    events
}

fn switch_event(switch: &Switch, time: u64) -> Event {
    let name = if switch.allowed {
        "switch allowed — candidate is no more expensive than staying"
    } else {
        "switch vetoed — would exceed session overhead cap, retaining anchor"
    };
    let attributes = vec![
        text("level", "INFO"),
        text("target", "brightstaff::handlers::llm::session_router"),
        text("anchor", switch.anchor.dispatched),
        text("candidate", switch.candidate.model.dispatched),
        double("switch_cost_in_usd", switch.cost),
    ];
    event(time, name, attributes)
}

fn completed_event(turn: &Turn, time: u64) -> Event {
    let chunks = if turn.streamed { turn.timing.duration / 20 + 1 } else { 1 };
    let attributes = vec![
        text("level", "INFO"),
        text("target", "brightstaff::streaming"),
        text("service", LLM_SERVICE),
        text("chunk_count", chunks.to_string()),
        text("duration_ms", turn.timing.duration.to_string()),
        text("time_to_first_token_ms", format!("Some({})", turn.timing.ttft)),
    ];
    event(time.saturating_sub(50_000), "streaming completed", attributes)
}

fn unreachable_event(time: u64) -> Event {
    let attributes = vec![
        text("level", "WARN"),
        text("target", "brightstaff::handlers::llm"),
        text("error", "error sending request: connection refused"),
    ];
    event(time, "failed to reach upstream", attributes)
}

fn signal_event(complaint: &Complaint, index: u64, time: u64) -> Event {
    let attributes = vec![
        text("signal.type", complaint.signal),
        int("signal.message_index", index),
        double("signal.confidence", 1.0),
        text("signal.snippet", complaint.said),
        text("signal.metadata", complaint.metadata),
    ];
    event(time, format!("signal.{}", complaint.signal), attributes)
}
