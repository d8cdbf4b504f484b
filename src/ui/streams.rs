//! Recording and forwarding: in the header in short, beside the account in full.

use super::draw_context::DrawContext;
use super::text::Safe;
use super::text_line::SafeLine;
use super::theme::Role;
use crate::collector::taps::Forwarded;
use crate::collector::taps::forward::ForwardCounters;
use crate::collector::taps::recorder::RecordCounters;
use crate::text::format::{bytes, count};

/// Cells of a target's name in the header.
const HOST: usize = 28;
/// Cells of a target, and of what went wrong, in the account.
const TARGET: usize = 34;
const ERROR: usize = 100;

/// `● rec 12 MB`, and what is missing of it.
pub(super) fn recording(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let Some(recorded) = &ctx.app.streams.recorded else { return SafeLine::new() };
    let strip = |role: Role| SafeLine::of("● rec ", ctx.style(role)).then(bytes(recorded.bytes), ctx.style(role));
    match (recorded.lost(), &recorded.error) {
        (0, None) => strip(Role::Text),
        (0, Some(_)) => strip(Role::Bad).then(" failing", ctx.style(Role::Bad)),
        (lost, _) => strip(Role::Bad).then(format!(" · {} lost", count(lost)), ctx.style(Role::Bad)),
    }
}

/// Only the losses, for narrow headers; empty if there are none.
pub(super) fn recording_loss(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let bad = ctx.style(Role::Bad);
    match ctx.app.streams.recorded.as_ref().map(|recorded| (recorded.lost(), recorded.error.is_some())) {
        None | Some((0, false)) => SafeLine::new(),
        Some((0, true)) => SafeLine::of("● rec failing", bad),
        Some((lost, _)) => SafeLine::of(format!("● rec {} lost", count(lost)), bad),
    }
}

/// `→ 2/2 ok`, or who of them is in trouble and what it costs.
pub(super) fn forwarding(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let all = &ctx.app.streams.forwarded;
    if all.is_empty() {
        return SafeLine::new();
    }
    let lost = lost(all);
    let failing: Vec<&Forwarded> = all.iter().filter(|forwarded| forwarded.counters.is_failing()).collect();
    let role = match (lost, failing.as_slice()) {
        (0, []) => Role::Good,
        (0, _) => Role::Fair,
        _ => Role::Bad,
    };
    let style = ctx.style(role);
    let mut strip = match failing.as_slice() {
        [one] => {
            SafeLine::of("→ ", style).then(host(&one.target), style).then(format!(" {}", state(&one.counters)), style)
        }
        failing => SafeLine::of(format!("→ {}/{} ok", all.len() - failing.len(), all.len()), style),
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

/// Only the losses, for narrow headers; empty if there are none.
pub(super) fn forwarding_loss(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let all = &ctx.app.streams.forwarded;
    let failing = all.iter().filter(|forwarded| forwarded.counters.is_failing()).count();
    let ok = format!("→ {}/{} ok", all.len() - failing, all.len());
    match (lost(all), failing) {
        (0, 0) => SafeLine::new(),
        (0, _) => SafeLine::of(ok, ctx.style(Role::Fair)),
        (lost, _) => SafeLine::of(format!("{ok} · {} lost", count(lost)), ctx.style(Role::Bad)),
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
pub(super) fn lines(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let streams = &ctx.app.streams;
    let mut lines = Vec::new();
    if let Some(recorded) = &streams.recorded {
        lines.push(recorded_line(ctx, recorded));
        let losses = [(recorded.dropped, "dropped"), (recorded.failed, "failed")];
        lines.extend(trouble(ctx, &losses, recorded.error.as_deref()));
    }
    for Forwarded { target, counters } in &streams.forwarded {
        lines.push(forwarded_line(ctx, target, counters));
        let losses = [
            (counters.dropped, "dropped"),
            (counters.refused, "refused"),
            (counters.given_up, "given up"),
            (counters.rejected_spans, if counters.rejected_spans == 1 { "span rejected" } else { "spans rejected" }),
        ];
        lines.extend(trouble(ctx, &losses, counters.error.as_deref()));
    }
    if !lines.is_empty() {
        lines.push(SafeLine::new());
    }
    lines
}

fn recorded_line(ctx: DrawContext<'_>, recorded: &RecordCounters) -> SafeLine<'static> {
    let (text, dim) = (ctx.style(Role::Text), ctx.style(Role::Dim));
    SafeLine::of("● recorded ", dim)
        .then(count(recorded.written), text)
        .then(if recorded.written == 1 { " request, " } else { " requests, " }, dim)
        .then(bytes(recorded.bytes), text)
}

fn forwarded_line(ctx: DrawContext<'_>, target: &str, counters: &ForwardCounters) -> SafeLine<'static> {
    let (text, dim) = (ctx.style(Role::Text), ctx.style(Role::Dim));
    let role = if counters.is_failing() { Role::Bad } else { Role::Good };
    let strip = SafeLine::of("→ ", dim)
        .then(Safe::fit(target, TARGET).into_owned(), text)
        .then(format!(" {}", state(counters)), ctx.style(role))
        .then(format!(" {}", count(counters.sent)), text)
        .then(" sent", dim);
    match counters.waiting {
        0 => strip,
        waiting => strip.then(format!(" {}", count(waiting)), text).then(" waiting", dim),
    }
}

/// What was lost and why the last attempt failed.
fn trouble(ctx: DrawContext<'_>, losses: &[(u64, &str)], error: Option<&str>) -> Option<SafeLine<'static>> {
    let bad = ctx.style(Role::Bad);
    let losses = losses.iter().filter(|(figure, _)| *figure > 0);
    let losses: Vec<_> = losses.map(|(figure, what)| format!("{} {what}", count(*figure))).collect();
    let error = Safe::fit_start(error.unwrap_or_default(), ERROR).into_owned();
    let between = if losses.is_empty() || error.as_str().is_empty() { "" } else { ": " };
    let strip = SafeLine::of(losses.join(", "), bad).then(between, bad).then(error, bad);
    (!strip.is_empty()).then(|| SafeLine::of("    ", bad).with(strip))
}
