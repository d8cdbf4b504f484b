//! The figures of everything that passes filter and window, in one line or two.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::frame::is_roomy;
use super::spark::spark;
use super::status::status_word;
use super::text_line::{Item, SafeLine, fit_by_priority, join, line_of};
use super::theme::{Role, latency_role, ttft_role};
use crate::query::analysis::Summary;
use crate::stats::{Quantiles, Tally, TokenSum};
use crate::text::format::{compact, count, duration, known, money_short, money_sum, percent, rate};

/// Failures that are spelled out; the rest is summed up.
const FAILURES_SHOWN: usize = 3;

/// How many lines it takes on a screen of this size.
pub(super) fn height(screen: Rect) -> u16 {
    if is_roomy(screen) && screen.height >= 30 { 2 } else { 1 }
}

pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) {
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let summary = &ctx.app.picture.summary;
    let has_more = area.height > 1;
    let cells = usize::from(room.width);
    join(fit_by_priority(first(ctx, summary, !has_more), cells, 3), 3).draw(line_of(room, 0), buf);
    if has_more {
        join(fit_by_priority(second(ctx, summary), cells, 3), 3).draw(line_of(room, 1), buf);
    }
}

fn first(ctx: DrawContext<'_>, summary: &Summary, is_alone: bool) -> Vec<Item<'static>> {
    let tally = &summary.figures.tally;
    let mut items = vec![
        Item::new(99, labelled(ctx, "calls", count(tally.calls))),
        Item::new(55, errors(ctx, summary)).or(95, error_count(ctx, tally)),
        Item::new(62, cost(ctx, summary).with(burn(ctx, summary))).or(97, cost(ctx, summary)),
        Item::new(60, input(ctx, tally)),
        Item::new(58, labelled(ctx, "out", token_sum(tally, tally.tokens.output))),
        Item::new(20, reasoning(ctx, tally)),
    ];
    if is_alone {
        let figures = &summary.figures;
        items.push(Item::new(70, quantiles(ctx, "latency", &figures.latency_ms, latency_role, &[95])));
        items.push(Item::new(65, quantiles(ctx, "TTFT", &figures.ttft_ms, ttft_role, &[95])));
    }
    items.push(Item::new(68, speed(ctx, summary)));
    items
}

fn second(ctx: DrawContext<'_>, summary: &Summary) -> Vec<Item<'static>> {
    use CellScale::{Mean, Sum};
    let figures = &summary.figures;
    let series = &ctx.app.picture.series;
    vec![
        Item::new(90, quantiles(ctx, "latency", &figures.latency_ms, latency_role, &[50, 95, 99])),
        Item::new(80, quantiles(ctx, "TTFT", &figures.ttft_ms, ttft_role, &[50, 95, 99])),
        Item::new(50, trend(ctx, "calls/s", Mean, &series.calls_per_sec().collect::<Vec<_>>())),
        Item::new(40, trend(ctx, "errors", Sum, &series.errors().map(|errors| errors as f64).collect::<Vec<_>>())),
        Item::new(30, trend(ctx, "$/min", Mean, &series.usd_per_min().collect::<Vec<_>>())),
        Item::new(25, span(ctx)),
        Item::new(10, sessions(ctx, summary)).or(35, session_count(ctx, summary)),
    ]
}

fn labelled(ctx: DrawContext<'_>, label: &'static str, figure: String) -> SafeLine<'static> {
    SafeLine::of(label, ctx.style(Role::Dim)).gap(1).then(figure, ctx.style(Role::Text))
}

/// `errors 14 (1.2%: 9×429 5×503)`
fn errors(ctx: DrawContext<'_>, summary: &Summary) -> SafeLine<'static> {
    let tally = &summary.figures.tally;
    let strip = error_count(ctx, tally);
    let Some(share) = tally.error_rate().filter(|_| tally.errors > 0) else { return strip };
    let shown = summary.failures.iter().take(FAILURES_SHOWN);
    let mut kinds: Vec<_> =
        shown.map(|(status, calls)| format!("{}×{}", count(*calls), status_word(*status))).collect();
    if summary.failures.len() > FAILURES_SHOWN {
        kinds.push("…".to_owned());
    }
    strip.then(format!(" ({}: {})", percent(share), kinds.join(" ")), ctx.style(Role::Dim))
}

/// `errors 14`
fn error_count(ctx: DrawContext<'_>, tally: &Tally) -> SafeLine<'static> {
    let role = if tally.errors > 0 { Role::Bad } else { Role::Text };
    SafeLine::of("errors ", ctx.style(Role::Dim)).then(count(tally.errors), ctx.style(role))
}

/// `cost ≥ $1.2340 (3 unpriced)`
fn cost(ctx: DrawContext<'_>, summary: &Summary) -> SafeLine<'static> {
    let tally = &summary.figures.tally;
    labelled(ctx, "cost", money_sum(tally.cost_usd().unwrap_or(0.0), tally.calls, tally.unpriced))
}

/// ` · ≥ $7.2/h over 5m00s`: a lower bound like the cost, since unpriced calls of that time are not counted separately.
fn burn(ctx: DrawContext<'_>, summary: &Summary) -> SafeLine<'static> {
    let at_least = if summary.figures.tally.unpriced > 0 { "≥ " } else { "" };
    summary.burn.as_ref().map_or_else(SafeLine::new, |burn| {
        let over = duration(burn.over_secs * 1000.0);
        SafeLine::of(format!(" · {at_least}{}/h over {over}", money_short(burn.usd_per_hour)), ctx.style(Role::Dim))
    })
}

/// A sum of tokens; unknown if no call reported any.
fn token_sum(tally: &Tally, sum: TokenSum) -> String {
    if tally.calls == 0 { compact(0_u64) } else { known(sum.known(), compact) }
}

/// `in 1.2M (62% cached)`
fn input(ctx: DrawContext<'_>, tally: &Tally) -> SafeLine<'static> {
    let strip = labelled(ctx, "in", token_sum(tally, tally.tokens.input));
    match tally.cached_share().filter(|_| tally.tokens.cached.tokens > 0) {
        Some(share) => strip.then(format!(" ({} cached)", percent(share)), ctx.style(Role::Dim)),
        None => strip,
    }
}

fn reasoning(ctx: DrawContext<'_>, tally: &Tally) -> SafeLine<'static> {
    match tally.tokens.reasoning.tokens {
        0 => SafeLine::new(),
        tokens => labelled(ctx, "reasoning", compact(tokens)),
    }
}

fn speed(ctx: DrawContext<'_>, summary: &Summary) -> SafeLine<'static> {
    let rates = &summary.figures.tokens_per_sec;
    let mark = if rates.is_approximate { "≈" } else { "" };
    labelled(ctx, "tok/s p50", known(rates.p50, |per_sec| format!("{mark}{}", rate(per_sec))))
}

/// `latency p50 1.2s p95 4.0s p99 5.9s`; `≈` marks figures that may be off.
fn quantiles(
    ctx: DrawContext<'_>,
    label: &'static str,
    quantiles: &Quantiles,
    role: impl Fn(f64) -> Role,
    shown: &[u8],
) -> SafeLine<'static> {
    let mut strip = SafeLine::of(label, ctx.style(Role::Dim));
    let mark = if quantiles.is_approximate { "≈" } else { "" };
    for (percentile, value) in [(50, quantiles.p50), (95, quantiles.p95), (99, quantiles.p99)] {
        if shown.contains(&percentile) {
            strip.add(format!(" p{percentile} "), ctx.style(Role::Dim));
            strip.add(known(value, |ms| format!("{mark}{}", duration(ms))), ctx.style(value.map_or(Role::Dim, &role)));
        }
    }
    strip
}

/// Cells of a sparkline: a cell for three of the series' points.
const TREND_CELLS: usize = 20;

/// `in 15.0s steps, 2 earlier`: the time of a sparkline's cell, the newest of which is not over, and the calls that ended
/// before the oldest.
fn span(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let series = &ctx.app.picture.series;
    if series.points.iter().all(|point| point.calls == 0) {
        return SafeLine::new();
    }
    let cell_ms = series.bucket_nanos as f64 * series.points.len().div_ceil(TREND_CELLS) as f64 / 1e6;
    let earlier = match series.earlier.calls {
        0 => String::new(),
        calls => format!(", {} earlier", count(calls)),
    };
    SafeLine::of(format!("in {} steps{earlier}", duration(cell_ms)), ctx.style(Role::Dim))
}

/// What the scale of a sparkline means where a cell stands for several points.
#[derive(Clone, Copy)]
enum CellScale {
    /// Of a rate.
    Mean,
    /// Of a count.
    Sum,
}

/// `▂▅█ calls/s ≤2.4`: the highest cell is what follows the label.
fn trend(ctx: DrawContext<'_>, label: &'static str, scale: CellScale, points: &[f64]) -> SafeLine<'static> {
    let width = points.len().div_ceil(TREND_CELLS).max(1);
    let highest = points.rchunks(width).map(|cell| cell.iter().sum()).fold(0.0, f64::max);
    let highest = match scale {
        CellScale::Mean => highest / width as f64,
        CellScale::Sum => highest,
    };
    let label = if highest > 0.0 { format!("{label} ≤{}", rate(highest)) } else { label.to_owned() };
    SafeLine::of(spark(points, TREND_CELLS), ctx.style(Role::Accent)).gap(1).then(label, ctx.style(Role::Dim))
}

fn session_count(ctx: DrawContext<'_>, summary: &Summary) -> SafeLine<'static> {
    match summary.sessions {
        0 => SafeLine::new(),
        sessions => labelled(ctx, "sessions", count(sessions)),
    }
}

/// `sessions 12, now sess-alpha`
fn sessions(ctx: DrawContext<'_>, summary: &Summary) -> SafeLine<'static> {
    let strip = session_count(ctx, summary);
    match &summary.current_session {
        Some(session) => {
            let name = ctx.text(session, 20).into_owned();
            strip.then(", now ", ctx.style(Role::Dim)).then(name, ctx.style(Role::Text))
        }
        None => strip,
    }
}
