//! The row of the call: outcome, timing, tokens, identity.

use super::{Facts, Line, Section, Tone};
use crate::call::{Convention, LlmCall, Name, Status, hex};
use crate::text::format::{UNKNOWN, count, duration, moment, money, rate};

/// Lines without a value are left out.
#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn line(&mut self, label: &'static str, value: String) {
        self.0.push(Line::new(label, value));
    }

    fn known(&mut self, label: &'static str, value: Option<String>) {
        self.0.extend(value.map(|value| Line::new(label, value)));
    }

    fn name(&mut self, label: &'static str, name: Option<&Name>) {
        self.known(label, name.map(ToString::to_string));
    }

    fn toned(&mut self, label: &'static str, value: String, tone: Tone) {
        self.0.push(Line::new(label, value).toned(tone));
    }
}

/// What was called and how it ended.
pub(super) fn overview(facts: Facts<'_>) -> Section {
    let call = facts.call;
    let labels = call.labels();
    let mut lines = Lines::default();
    lines.toned("status", outcome(call.status()), Tone::Status(call.status()));
    lines.known("model", Some(call.shown_model().to_owned()).filter(|model| !model.is_empty()));
    lines.name("asked for", call.request_model().filter(|asked| asked.as_str() != call.shown_model()));
    // A gateway's dispatched model has its place in the routing audit.
    let is_gateway = labels.convention == Convention::Plano;
    lines.name("upstream", call.upstream_model().filter(|name| !is_gateway && name.as_str() != call.shown_model()));
    lines.line("provider", call.provider().to_owned());
    lines.name("operation", labels.operation.as_ref());
    lines.known("streamed", call.is_streaming().map(|streamed| if streamed { "yes" } else { "no" }.to_owned()));
    lines.name("finished", labels.finish_reasons.as_ref());
    lines.name("session", call.session_id());
    lines.name("user", call.user_id());
    lines.line("started", moment(call.start_unix_nano(), facts.zone));
    Section::new("", lines.0)
}

fn outcome(status: Status) -> String {
    match status {
        Status::Code(code) => code.to_string(),
        Status::Ok => "ok, without a status code".to_owned(),
        Status::Error => "error, without a status code".to_owned(),
        Status::NoResponse => "no response".to_owned(),
    }
}

/// How long it took.
pub(super) fn timing(facts: Facts<'_>) -> Section {
    let call = facts.call;
    let mut lines = Lines::default();
    if let Some(ms) = call.duration_ms() {
        lines.toned("latency", duration(ms), Tone::Latency(ms));
    }
    if let Some(ms) = call.ttft_ms() {
        lines.toned("first token", duration(ms), Tone::FirstToken(ms));
    }
    lines.known("per token", call.tpt_ms().filter(|_| call.generation_rate().is_some()).map(duration));
    lines.0.push(speed(call));
    Section::new("timing", lines.0)
}

/// Generated tokens a second; without a generation window the end-to-end rate, said to be one.
fn speed(call: &LlmCall) -> Line {
    if let Some(per_second) = call.generation_rate() {
        return Line::new("speed", format!("{} tok/s", rate(per_second)));
    }
    match call.end_to_end_rate() {
        Some(per_second) => Line::new("speed", format!("≈{} tok/s end to end", rate(per_second))),
        None => Line::new("speed", UNKNOWN),
    }
    .toned(Tone::Dim)
}

/// What went in and came out.
pub(super) fn tokens(facts: Facts<'_>) -> Section {
    let usage = facts.call.usage();
    let is_split = usage.cache_read.is_some() || usage.cache_write.is_some();
    let counts = [
        ("input", usage.input_total()),
        ("  fresh", usage.input_fresh().filter(|_| is_split)),
        ("  cached", usage.cache_read),
        ("  written", usage.cache_write),
        ("    for 1h", usage.cache_write_1h),
        ("  audio", usage.input_audio),
        ("output", usage.output),
        ("  reasoning", usage.reasoning),
        ("  audio", usage.output_audio),
        ("total", usage.total),
    ];
    let mut lines: Vec<Line> =
        counts.into_iter().filter_map(|(label, figure)| Some(Line::new(label, count(figure?)))).collect();
    if lines.is_empty() {
        lines.push(Line::remark("none reported"));
    }
    Section::new("tokens", lines)
}

/// The attempts that the call took, where there were several.
pub(super) fn attempts(facts: Facts<'_>) -> Section {
    let mut lines = Lines::default();
    let known = facts.call.known_attempts();
    if known.is_empty() {
        lines.known("attempts", facts.call.attempts().map(|count| count.to_string()));
    }
    for attempt in known {
        let outcome = match (attempt.status_code, attempt.is_error) {
            (Some(code), _) => code.to_string(),
            (None, true) => "error".to_owned(),
            (None, false) => "ok".to_owned(),
        };
        let tokens = attempt.usage.output.map(|output| format!("{} out", count(output)));
        let parts = [
            attempt.model.as_deref().map(ToOwned::to_owned),
            attempt.provider.as_deref().map(ToOwned::to_owned),
            attempt.duration_ms.map(duration),
            attempt.ttft_ms.map(|ms| format!("first token {}", duration(ms))),
            tokens,
            attempt.cost.map(|cost| money(cost.usd)),
            attempt.error.as_deref().map(ToOwned::to_owned),
        ];
        let parts: Vec<String> = [Some(outcome)].into_iter().chain(parts).flatten().collect();
        lines.line("attempt", parts.join(" · "));
    }
    lines.known("time lost", facts.call.failed_attempts_ms().map(duration));
    lines.known("money lost", facts.call.failed_attempts_usd().map(money));
    Section::new("attempts", lines.0)
}

/// What the call can be found by elsewhere.
pub(super) fn identity(facts: Facts<'_>) -> Section {
    let call = facts.call;
    let (trace, span) = call.ids();
    let mut lines = Lines::default();
    lines.line("request id", call.request_id());
    lines.line("trace", hex(trace));
    lines.line("span", hex(span));
    lines.name("service", call.labels().service_name.as_ref());
    lines.line("convention", call.labels().convention.name().to_owned());
    lines.toned("call", format!("{} revision {}", call.id().0, call.revision()), Tone::Dim);
    Section::new("identity", lines.0)
}
