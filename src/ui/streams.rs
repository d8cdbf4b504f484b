//! Recording and forwarding: in the header in short, beside the account in full.

use super::Look;
use super::format::{bytes, count};
use super::pen::Strip;
use super::text::Safe;
use super::theme::Role;
use crate::collector::forward::ForwardCounters;
use crate::output::Forwarded;
use crate::output::recorder::RecordCounters;

/// Cells of a target's name in the header.
const HOST: usize = 28;
/// Cells of a target, and of what went wrong, in the account.
const TARGET: usize = 34;
const ERROR: usize = 100;

/// `● rec 12 MB`, and what is missing of it.
pub fn recording(look: Look<'_>) -> Strip<'static> {
    let Some(recorded) = &look.app.streams.recorded else { return Strip::new() };
    let strip = |role: Role| Strip::of("● rec ", look.style(role)).then(bytes(recorded.bytes), look.style(role));
    match (recorded.lost(), &recorded.error) {
        (0, None) => strip(Role::Text),
        (0, Some(_)) => strip(Role::Bad).then(" failing", look.style(Role::Bad)),
        (lost, _) => strip(Role::Bad).then(format!(" · {} lost", count(lost)), look.style(Role::Bad)),
    }
}

/// The least that must be told of it; nothing, where nothing went wrong.
pub fn recording_loss(look: Look<'_>) -> Strip<'static> {
    let bad = look.style(Role::Bad);
    match look.app.streams.recorded.as_ref().map(|recorded| (recorded.lost(), recorded.error.is_some())) {
        None | Some((0, false)) => Strip::new(),
        Some((0, true)) => Strip::of("● rec failing", bad),
        Some((lost, _)) => Strip::of(format!("● rec {} lost", count(lost)), bad),
    }
}

/// `→ 2/2 ok`, or who of them is in trouble and what it costs.
pub fn forwarding(look: Look<'_>) -> Strip<'static> {
    let all = &look.app.streams.forwarded;
    if all.is_empty() {
        return Strip::new();
    }
    let lost = lost(all);
    let failing: Vec<&Forwarded> = all.iter().filter(|forwarded| forwarded.counters.is_failing()).collect();
    let role = match (lost, failing.as_slice()) {
        (0, []) => Role::Good,
        (0, _) => Role::Fair,
        _ => Role::Bad,
    };
    let style = look.style(role);
    let mut strip = match failing.as_slice() {
        [one] => {
            Strip::of("→ ", style).then(host(&one.target), style).then(format!(" {}", state(&one.counters)), style)
        }
        failing => Strip::of(format!("→ {}/{} ok", all.len() - failing.len(), all.len()), style),
    };
    let waiting: u64 = failing.iter().map(|forwarded| forwarded.counters.waiting).fold(0, u64::saturating_add);
    if waiting > 0 {
        strip.add(format!(" · {} waiting", count(waiting)), style);
    }
    if lost > 0 {
        strip.add(format!(" · {} lost", count(lost)), style);
    }
    strip
}

/// The least that must be told of it; nothing, where nothing went wrong.
pub fn forwarding_loss(look: Look<'_>) -> Strip<'static> {
    let all = &look.app.streams.forwarded;
    let failing = all.iter().filter(|forwarded| forwarded.counters.is_failing()).count();
    let ok = format!("→ {}/{} ok", all.len() - failing, all.len());
    match (lost(all), failing) {
        (0, 0) => Strip::new(),
        (0, _) => Strip::of(ok, look.style(Role::Fair)),
        (lost, _) => Strip::of(format!("{ok} · {} lost", count(lost)), look.style(Role::Bad)),
    }
}

fn lost(all: &[Forwarded]) -> u64 {
    all.iter().map(|forwarded| forwarded.counters.lost()).fold(0, u64::saturating_add)
}

/// `host:4317` of `grpc://host:4317/path`.
fn host(target: &str) -> Safe<'static> {
    let host = target.split_once("://").map_or(target, |(_, rest)| rest).split('/').next().unwrap_or_default();
    Safe::fit(host, HOST).into_owned()
}

/// One word for how a target is.
const fn state(counters: &ForwardCounters) -> &'static str {
    match (counters.is_failing(), counters.waiting, counters.refused, counters.sent) {
        (true, 0, 1.., _) => "refuses",
        (true, ..) => "down",
        (false, 0, 0, 0) => "ready",
        (false, ..) => "ok",
    }
}

/// All of it: a line for the recording and for each target, and another where something went wrong.
pub fn lines(look: Look<'_>) -> Vec<Strip<'static>> {
    let streams = &look.app.streams;
    let mut lines = Vec::new();
    if let Some(recorded) = &streams.recorded {
        lines.push(recorded_line(look, recorded));
        let losses = [(recorded.dropped, "dropped"), (recorded.failed, "failed")];
        lines.extend(trouble(look, &losses, recorded.error.as_deref()));
    }
    for Forwarded { target, counters } in &streams.forwarded {
        lines.push(forwarded_line(look, target, counters));
        let losses = [
            (counters.dropped, "dropped"),
            (counters.refused, "refused"),
            (counters.given_up, "given up"),
            (counters.rejected_spans, "spans rejected"),
        ];
        lines.extend(trouble(look, &losses, counters.error.as_deref()));
    }
    if !lines.is_empty() {
        lines.push(Strip::new());
    }
    lines
}

fn recorded_line(look: Look<'_>, recorded: &RecordCounters) -> Strip<'static> {
    let (text, dim) = (look.style(Role::Text), look.style(Role::Dim));
    Strip::of("● recorded ", dim)
        .then(count(recorded.written), text)
        .then(" requests, ", dim)
        .then(bytes(recorded.bytes), text)
}

fn forwarded_line(look: Look<'_>, target: &str, counters: &ForwardCounters) -> Strip<'static> {
    let (text, dim) = (look.style(Role::Text), look.style(Role::Dim));
    let role = if counters.is_failing() { Role::Bad } else { Role::Good };
    let strip = Strip::of("→ ", dim)
        .then(Safe::fit(target, TARGET).into_owned(), text)
        .then(format!(" {}", state(counters)), look.style(role))
        .then(format!(" {}", count(counters.sent)), text)
        .then(" sent", dim);
    match counters.waiting {
        0 => strip,
        waiting => strip.then(format!(" {}", count(waiting)), text).then(" waiting", dim),
    }
}

/// What was lost and why the last attempt failed.
fn trouble(look: Look<'_>, losses: &[(u64, &str)], error: Option<&str>) -> Option<Strip<'static>> {
    let bad = look.style(Role::Bad);
    let losses = losses.iter().filter(|(figure, _)| *figure > 0);
    let losses: Vec<_> = losses.map(|(figure, what)| format!("{} {what}", count(*figure))).collect();
    let error = Safe::fit_start(error.unwrap_or_default(), ERROR).into_owned();
    let between = if losses.is_empty() || error.as_str().is_empty() { "" } else { ": " };
    let strip = Strip::of(losses.join(", "), bad).then(between, bad).then(error, bad);
    (!strip.is_empty()).then(|| Strip::of("    ", bad).with(strip))
}
