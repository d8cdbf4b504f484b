//! Span accounting: where every received span was counted, and what makes figures doubtful.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::frame::{Titles, popup};
use super::streams;
use super::text::Safe;
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::stats::usd;
use crate::text::format::{age, clock_near, compact, count, duration, money_at_least, plural, unpriced_note};

/// Width of the popup, cells.
const WIDTH: u16 = 66;
/// Width of the figures, cells.
const FIGURE: usize = 14;
/// Most broken entries of a replay that are listed.
const BROKEN: usize = 3;
/// Tolerated lead of an emitter's clock, ns.
const TOLERATED_NANOS: i64 = 2_000_000_000;

/// The label of a figure: for 1, and for any other figure.
#[derive(Clone, Copy)]
struct Label(&'static str, &'static str);

impl Label {
    /// A label that does not depend on the figure.
    const fn same(text: &'static str) -> Self {
        Self(text, text)
    }

    const fn at(self, figure: u64) -> &'static str {
        if figure == 1 { self.0 } else { self.1 }
    }
}

/// Draws it over the middle of the screen.
pub(super) fn draw(ctx: DrawContext<'_>, screen: Rect, buf: &mut Buffer) {
    let lines = lines(ctx);
    let width = WIDTH.min(screen.width.saturating_sub(2));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(screen.height);
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    let titles = Titles {
        left: SafeLine::of("span accounting", ctx.style(Role::Accent)),
        right: SafeLine::of("Esc close", ctx.style(Role::Dim)),
    };
    let inner = popup(ctx, titles, area, buf);
    for (nth, line) in (0..inner.height).zip(lines) {
        line.draw(line_of(inner, nth), buf);
    }
}

fn lines(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let snapshot = &ctx.app.newest;
    let counters = &snapshot.counters;
    let line = |figure: u64, what: Label, role: Role| {
        SafeLine::of(format!("{:>FIGURE$}  ", count(figure)), ctx.style(role))
            .then(what.at(figure), ctx.style(Role::Dim))
    };
    let plain = |figure: u64, what| line(figure, what, Role::Text);
    let bad = |figure: u64, what| line(figure, what, if figure > 0 { Role::Bad } else { Role::Text });
    let mut lines = hints(ctx);
    lines.extend([
        plain(counters.spans_received, Label("span received", "spans received")),
        plain(counters.llm_calls, Label("= LLM call", "= LLM calls")),
        plain(counters.merged, Label::same("+ merged into another call, or repeated")),
        plain(counters.not_llm, Label("+ not an LLM call", "+ not LLM calls")),
        bad(
            counters.rejected,
            Label("+ call the gateway rejected before routing", "+ calls the gateway rejected before routing"),
        ),
        bad(counters.spans_refused, Label("+ refused with its request", "+ refused with their requests")),
        SafeLine::new(),
        plain(counters.connections, Label("connection", "connections")),
        bad(
            counters.connections_refused,
            Label("connection refused: too many at once", "connections refused: too many at once"),
        ),
        plain(counters.requests, Label("request accepted", "requests accepted")),
        bad(counters.requests_refused, Label("request refused", "requests refused")),
    ]);
    let listeners = [
        (
            counters.listener_failures,
            Label("time a listener stopped accepting connections", "times a listener stopped accepting connections"),
        ),
        (
            counters.viewers_refused,
            Label("viewer refused: too many, or unauthorised", "viewers refused: too many, or unauthorised"),
        ),
    ];
    let reasons = [
        (counters.requests_malformed, Label::same("  malformed")),
        (counters.requests_too_large, Label::same("  too large")),
        (counters.requests_unavailable, Label::same("  unavailable: the queue was full")),
        (counters.requests_unauthorised, Label::same("  without the right token or certificate")),
        (counters.requests_protocol, Label::same("  not OTLP: another protocol, method, path or type")),
        (counters.requests_failed, Label("  internal error", "  internal errors")),
    ];
    lines.extend(
        reasons.into_iter().chain(listeners).filter(|(figure, _)| *figure > 0).map(|(figure, what)| bad(figure, what)),
    );
    lines.push(plain(
        counters.other_signals,
        Label("request with metrics or logs, dropped", "requests with metrics or logs, dropped"),
    ));
    lines.push(SafeLine::new());
    lines.extend(streams::lines(ctx));
    lines.extend(broken(ctx));
    lines.extend(kept(ctx));
    lines
}

/// The last entries of a replay that could not be read.
fn broken(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let Some(progress) =
        ctx.app.replay.as_ref().map(|playing| &playing.progress).filter(|progress| progress.broken > 0)
    else {
        return Vec::new();
    };
    let mut lines = vec![SafeLine::of(format!("{:>FIGURE$}  ", count(progress.broken)), ctx.style(Role::Bad)).then(
        Label("unreadable entry of the replay", "unreadable entries of the replay").at(progress.broken),
        ctx.style(Role::Dim),
    )];
    let newest = progress.last_broken.iter().skip(progress.last_broken.len().saturating_sub(BROKEN));
    lines.extend(newest.map(|broken| SafeLine::of(format!("    {broken}"), ctx.style(Role::Bad))));
    lines.push(SafeLine::new());
    lines
}

/// What is still here, and since when.
fn kept(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let snapshot = &ctx.app.newest;
    let app = ctx.app;
    let line = |figure: String, what: Safe<'static>| {
        SafeLine::of(format!("{figure:>FIGURE$}  "), ctx.style(Role::Text)).then(what, ctx.style(Role::Dim))
    };
    let plain = |figure: u64, what: Label| line(count(figure), what.at(figure).into());
    let totals = &snapshot.totals;
    let kept = snapshot.calls.visible() as u64;
    let evicted = totals.calls.saturating_sub(kept);
    let cost = usd(totals.cost_femto_usd);
    let mut lines = vec![
        plain(totals.calls, Label("call since start", "calls since start")),
        plain(totals.errors, Label("failed call since start", "failed calls since start")),
        line(
            money_at_least(cost, totals.calls, totals.unpriced),
            format!("cost since start{}", unpriced_note(totals.unpriced)).into(),
        ),
        line(
            format!("{} / {}", compact(totals.input_tokens), compact(totals.output_tokens)),
            "input / output tokens since start".into(),
        ),
        plain(kept, Label("call kept", "calls kept")),
        plain(evicted, Label("call no longer kept: evicted or cleared", "calls no longer kept: evicted or cleared")),
    ];
    if let Some(oldest) = snapshot.calls.iter().find(|call| !call.is_merged_away()) {
        let start = clock_near(oldest.start_unix_nano(), app.clock.unix_nano, app.clock.zone);
        lines.push(line(start, "oldest call kept".into()));
    }
    if let Some(at) = snapshot.counters.last_batch_unix_nano {
        lines.push(line(age(app.clock.unix_nano.saturating_sub(at)), "last batch".into()));
    }
    lines
}

/// What makes figures doubtful.
fn hints(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let counters = &ctx.app.newest.counters;
    let fair = ctx.style(Role::Fair);
    let mut hints = Vec::new();
    if counters.spans_sampled > 0 {
        let text = format!("{} sampled: figures are too low", plural(counters.spans_sampled, "span"));
        hints.push(SafeLine::of(text, fair));
    }
    if counters.clock_ahead_nanos > TOLERATED_NANOS {
        let ahead = duration(counters.clock_ahead_nanos as f64 / 1e6);
        hints.push(SafeLine::of(format!("an emitter's clock is {ahead} ahead of this machine's"), fair));
    }
    if !hints.is_empty() {
        hints.push(SafeLine::new());
    }
    hints
}
