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

/// Cells of the whole.
const WIDTH: u16 = 66;
/// Cells of a figure.
const FIGURE: usize = 14;
/// Most broken entries of a replay that are listed.
const BROKEN: usize = 3;
/// Tolerated lead of an emitter's clock, ns.
const TOLERATED_NANOS: i64 = 2_000_000_000;

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
    let line = |figure: String, what: &'static str, role: Role| {
        SafeLine::of(format!("{figure:>FIGURE$}  "), ctx.style(role)).then(what, ctx.style(Role::Dim))
    };
    let plain = |figure: u64, what| line(count(figure), what, Role::Text);
    let bad = |figure: u64, what| line(count(figure), what, if figure > 0 { Role::Bad } else { Role::Text });
    let mut lines = hints(ctx);
    lines.extend([
        plain(counters.spans_received, "spans received"),
        plain(counters.llm_calls, "= LLM calls"),
        plain(counters.merged, "+ merged into another call, or repeated"),
        plain(counters.not_llm, "+ not LLM calls"),
        bad(counters.rejected, "+ calls the gateway rejected before routing"),
        bad(counters.spans_refused, "+ refused with their requests"),
        SafeLine::new(),
        plain(counters.connections, "connections"),
        bad(counters.connections_refused, "connections refused: too many at once"),
        plain(counters.requests, "requests accepted"),
        bad(counters.requests_refused, "requests refused"),
    ]);
    let doors = [
        (counters.listener_failures, "times a listener stopped accepting connections"),
        (counters.viewers_refused, "viewers refused: too many, or unauthorised"),
    ];
    let reasons = [
        (counters.requests_malformed, "  malformed"),
        (counters.requests_too_large, "  too large"),
        (counters.requests_unavailable, "  unavailable: the queue was full"),
        (counters.requests_unauthorised, "  without the right token or certificate"),
        (counters.requests_failed, "  internal error"),
    ];
    lines.extend(
        reasons.into_iter().chain(doors).filter(|(figure, _)| *figure > 0).map(|(figure, what)| bad(figure, what)),
    );
    lines.push(plain(counters.other_signals, "requests with metrics or logs, dropped"));
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
    let mut lines = vec![
        SafeLine::of(format!("{:>FIGURE$}  ", count(progress.broken)), ctx.style(Role::Bad))
            .then("unreadable entries of the replay", ctx.style(Role::Dim)),
    ];
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
    let plain = |figure: u64, what: &'static str| line(count(figure), what.into());
    let totals = &snapshot.totals;
    let kept = snapshot.calls.visible() as u64;
    let evicted = totals.calls.saturating_sub(kept);
    let cost = usd(totals.cost_femto_usd);
    let mut lines = vec![
        plain(totals.calls, "calls since start"),
        plain(totals.errors, "failed calls since start"),
        line(
            money_at_least(cost, totals.calls, totals.unpriced),
            format!("cost since start{}", unpriced_note(totals.unpriced)).into(),
        ),
        line(
            format!("{} / {}", compact(totals.input_tokens), compact(totals.output_tokens)),
            "input / output tokens since start".into(),
        ),
        plain(kept, "calls kept"),
        plain(evicted, "calls no longer kept: evicted or cleared"),
    ];
    if let Some(oldest) = snapshot.calls.iter().find(|call| !call.is_merged_away()) {
        let start = clock_near(oldest.start_unix_nano(), app.clock.unix_nano, app.clock.offset);
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
