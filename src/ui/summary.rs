//! The figures of everything that passes filter and window, in one line or two.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::format::{compact, count, duration, known, money_short, money_sum, percent, rate};
use super::frame::is_roomy;
use super::pen::{Item, Strip, join, line_of, shelve};
use super::spark::spark;
use super::theme::{Role, latency_role, ttft_role};
use crate::app::analysis::Summary;
use crate::call::Status;
use crate::stats::{Quantiles, Tally, TokenSum};

/// Failures that are spelled out; the rest is summed up.
const FAILURES_SHOWN: usize = 3;

/// How many lines it takes on a screen of this size.
pub fn height(screen: Rect) -> u16 {
    if is_roomy(screen) && screen.height >= 30 { 2 } else { 1 }
}

/// Draws it.
pub fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let summary = &look.app.picture.summary;
    let has_more = area.height > 1;
    let cells = usize::from(room.width);
    join(shelve(first(look, summary, !has_more), cells, 3), 3).draw(line_of(room, 0), buf);
    if has_more {
        join(shelve(second(look, summary), cells, 3), 3).draw(line_of(room, 1), buf);
    }
}

fn first(look: Look<'_>, summary: &Summary, is_alone: bool) -> Vec<Item<'static>> {
    let tally = &summary.figures.tally;
    let mut items = vec![
        Item::new(99, labelled(look, "calls", count(tally.calls))),
        Item::new(55, errors(look, summary)).or(95, error_count(look, tally)),
        Item::new(62, cost(look, summary).with(burn(look, summary))).or(97, cost(look, summary)),
        Item::new(60, input(look, tally)),
        Item::new(58, labelled(look, "out", told(tally, tally.tokens.output))),
        Item::new(20, reasoning(look, tally)),
    ];
    if is_alone {
        let figures = &summary.figures;
        items.push(Item::new(70, quantiles(look, "latency", &figures.latency_ms, latency_role, &[95])));
        items.push(Item::new(65, quantiles(look, "TTFT", &figures.ttft_ms, ttft_role, &[95])));
    }
    items.push(Item::new(68, speed(look, summary)));
    items
}

fn second(look: Look<'_>, summary: &Summary) -> Vec<Item<'static>> {
    let figures = &summary.figures;
    let series = &look.app.picture.series;
    vec![
        Item::new(90, quantiles(look, "latency", &figures.latency_ms, latency_role, &[50, 95, 99])),
        Item::new(80, quantiles(look, "TTFT", &figures.ttft_ms, ttft_role, &[50, 95, 99])),
        Item::new(50, trend(look, "calls/s", &series.calls_per_sec().collect::<Vec<_>>())),
        Item::new(40, trend(look, "errors", &series.errors().map(|errors| errors as f64).collect::<Vec<_>>())),
        Item::new(30, trend(look, "$/min", &series.usd_per_min().collect::<Vec<_>>())),
        Item::new(10, sessions(look, summary)).or(35, session_count(look, summary)),
    ]
}

fn labelled(look: Look<'_>, label: &'static str, figure: String) -> Strip<'static> {
    Strip::of(label, look.style(Role::Dim)).gap(1).then(figure, look.style(Role::Text))
}

/// `errors 14 (1.2%: 9×429 5×503)`
fn errors(look: Look<'_>, summary: &Summary) -> Strip<'static> {
    let tally = &summary.figures.tally;
    let strip = error_count(look, tally);
    let Some(share) = tally.error_rate().filter(|_| tally.errors > 0) else { return strip };
    let shown = summary.failures.iter().take(FAILURES_SHOWN);
    let mut kinds: Vec<_> =
        shown.map(|(status, calls)| format!("{}×{}", count(*calls), status_word(*status))).collect();
    if summary.failures.len() > FAILURES_SHOWN {
        kinds.push("…".to_owned());
    }
    strip.then(format!(" ({}: {})", percent(share), kinds.join(" ")), look.style(Role::Dim))
}

/// `errors 14`
fn error_count(look: Look<'_>, tally: &Tally) -> Strip<'static> {
    let role = if tally.errors > 0 { Role::Bad } else { Role::Text };
    Strip::of("errors ", look.style(Role::Dim)).then(count(tally.errors), look.style(role))
}

/// How a call ended, in a word.
pub(super) fn status_word(status: Status) -> String {
    match status {
        Status::Code(code) => code.to_string(),
        Status::Ok => "ok".to_owned(),
        Status::Error => "error".to_owned(),
        Status::NoResponse => "no resp".to_owned(),
    }
}

/// `cost ≥ $1.2340 (3 unpriced)`
fn cost(look: Look<'_>, summary: &Summary) -> Strip<'static> {
    let tally = &summary.figures.tally;
    labelled(look, "cost", money_sum(tally.cost_usd().unwrap_or(0.0), tally.calls, tally.unpriced))
}

/// ` · ≥ $7.2/h`: a lower bound like the cost, since it is not told which calls of that time are unpriced.
fn burn(look: Look<'_>, summary: &Summary) -> Strip<'static> {
    let at_least = if summary.figures.tally.unpriced > 0 { "≥ " } else { "" };
    summary.burn.as_ref().map_or_else(Strip::new, |burn| {
        Strip::of(format!(" · {at_least}{}/h", money_short(burn.usd_per_hour)), look.style(Role::Dim))
    })
}

/// A sum of tokens; unknown where there are calls, none of which told any.
fn told(tally: &Tally, sum: TokenSum) -> String {
    if tally.calls == 0 { compact(0_u64) } else { known(sum.known(), compact) }
}

/// `in 1.2M (62% cached)`
fn input(look: Look<'_>, tally: &Tally) -> Strip<'static> {
    let strip = labelled(look, "in", told(tally, tally.tokens.input));
    match tally.cached_share().filter(|_| tally.tokens.cached.tokens > 0) {
        Some(share) => strip.then(format!(" ({} cached)", percent(share)), look.style(Role::Dim)),
        None => strip,
    }
}

fn reasoning(look: Look<'_>, tally: &Tally) -> Strip<'static> {
    match tally.tokens.reasoning.tokens {
        0 => Strip::new(),
        tokens => labelled(look, "reasoning", compact(tokens)),
    }
}

fn speed(look: Look<'_>, summary: &Summary) -> Strip<'static> {
    labelled(look, "tok/s p50", known(summary.figures.tokens_per_sec.p50, rate))
}

/// `latency p50 1.2s p95 4.0s p99 5.9s`
fn quantiles(
    look: Look<'_>,
    label: &'static str,
    quantiles: &Quantiles,
    role: impl Fn(f64) -> Role,
    shown: &[u8],
) -> Strip<'static> {
    let mut strip = Strip::of(label, look.style(Role::Dim));
    for (percentile, value) in [(50, quantiles.p50), (95, quantiles.p95), (99, quantiles.p99)] {
        if shown.contains(&percentile) {
            strip.add(format!(" p{percentile} "), look.style(Role::Dim));
            strip.add(known(value, duration), look.style(value.map_or(Role::Dim, &role)));
        }
    }
    strip
}

/// Cells of a sparkline: a cell for three of the series' points.
const TREND_CELLS: usize = 20;

fn trend(look: Look<'_>, label: &'static str, points: &[f64]) -> Strip<'static> {
    Strip::of(spark(points, TREND_CELLS), look.style(Role::Accent)).gap(1).then(label, look.style(Role::Dim))
}

fn session_count(look: Look<'_>, summary: &Summary) -> Strip<'static> {
    match summary.sessions {
        0 => Strip::new(),
        sessions => labelled(look, "sessions", count(sessions)),
    }
}

/// `sessions 12, now sess-alpha`
fn sessions(look: Look<'_>, summary: &Summary) -> Strip<'static> {
    let strip = session_count(look, summary);
    match &summary.current_session {
        Some(session) => {
            let name = look.text(session, 20).into_owned();
            strip.then(", now ", look.style(Role::Dim)).then(name, look.style(Role::Text))
        }
        None => strip,
    }
}
