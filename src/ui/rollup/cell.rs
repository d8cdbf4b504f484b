//! What stands in the cells of the rollups.

use super::super::draw_context::DrawContext;
use super::super::table::Cell;
use super::super::text::Safe;
use super::super::theme::{Role, latency_role, ttft_role};
use super::column::Column;
use crate::call::Name;
use crate::query::analysis::Rollup;
use crate::stats::{SessionRow, Tally, usd};
use crate::text::format::{UNKNOWN, age, compact, count, duration, known, money, percent, rate};

/// What shares are shares of.
#[derive(Clone, Copy)]
pub(super) struct Whole {
    calls: u64,
    cost_femto_usd: i128,
}

impl Whole {
    /// All that passes filter and window.
    pub(super) fn of(ctx: DrawContext<'_>) -> Self {
        let tally = &ctx.app.picture.summary.figures.tally;
        Self { calls: tally.calls, cost_femto_usd: tally.cost_femto_usd }
    }
}

fn text(ctx: DrawContext<'_>, text: impl Into<String>) -> Cell<'static> {
    Cell::new(text.into(), ctx.style(Role::Text))
}

fn figure<T>(ctx: DrawContext<'_>, figure: Option<T>, text: impl FnOnce(T) -> String) -> Cell<'static> {
    let role = if figure.is_some() { Role::Text } else { Role::Dim };
    Cell::new(known(figure, text), ctx.style(role))
}

fn timed(ctx: DrawContext<'_>, ms: Option<f64>, role: impl Fn(f64) -> Role) -> Cell<'static> {
    Cell::new(known(ms, duration), ctx.style(ms.map_or(Role::Dim, role)))
}

fn name<'a>(ctx: DrawContext<'_>, name: &'a Name) -> Cell<'a> {
    match name.as_str() {
        "" => Cell::new("(unknown)", ctx.style(Role::Dim)),
        name => Cell::new(ctx.text(name, 60), ctx.style(Role::Text)),
    }
}

fn is_marked(ctx: DrawContext<'_>, name: &Name) -> bool {
    ctx.app.marked.as_ref().is_some_and(|(view, marked)| *view == ctx.app.views.tab && marked == name)
}

/// The cell of a model or a route.
pub(super) fn rollup_cell<'a>(ctx: DrawContext<'_>, column: Column, row: &'a Rollup, whole: Whole) -> Cell<'a> {
    let figures = &row.figures;
    match column {
        Column::Model | Column::Route if is_marked(ctx, &row.name) => {
            Cell { style: ctx.style(Role::Accent), ..name(ctx, &row.name) }
        }
        Column::Model | Column::Route => name(ctx, &row.name),
        Column::Rate => figure(ctx, figures.tally.tokens_per_sec(), rate),
        Column::Ttft95 => timed(ctx, figures.ttft_ms.p95, ttft_role),
        Column::Latency95 => timed(ctx, figures.latency_ms.p95, latency_role),
        Column::CallShare => {
            figure(ctx, (whole.calls > 0).then(|| figures.tally.calls as f64 / whole.calls as f64), percent)
        }
        Column::CostShare => {
            let share = usd(figures.tally.cost_femto_usd) / usd(whole.cost_femto_usd);
            figure(ctx, (whole.cost_femto_usd > 0 && figures.tally.priced() > 0).then_some(share), percent)
        }
        other => tally_cell(ctx, other, &figures.tally),
    }
}

/// The cell of a session.
pub(super) fn session_cell<'a>(ctx: DrawContext<'_>, column: Column, row: &'a SessionRow) -> Cell<'a> {
    match column {
        Column::Session => name(ctx, &row.session),
        Column::Models => {
            let models: Vec<_> = row.models.iter().map(|model| ctx.text(model, 60)).collect();
            text(ctx, models.iter().map(Safe::as_str).collect::<Vec<_>>().join(", "))
        }
        Column::Duration => text(ctx, duration(row.duration_nanos() as f64 / 1e6)),
        Column::Switches => text(ctx, count(row.reported_switches.map_or(row.model_switches, u64::from))),
        Column::Overhead => figure(ctx, row.overhead_pct, |overhead| percent(overhead / 100.0)),
        Column::LastSeen => text(ctx, age(ctx.app.clock.unix_nano.saturating_sub(row.end_unix_nano).max(0))),
        other => tally_cell(ctx, other, &row.tally),
    }
}

fn tally_cell(ctx: DrawContext<'_>, column: Column, tally: &Tally) -> Cell<'static> {
    let tokens = &tally.tokens;
    match column {
        Column::Calls => text(ctx, narrow_count(tally.calls)),
        Column::Errors => {
            let role = if tally.errors > 0 { Role::Bad } else { Role::Dim };
            Cell::new(narrow_count(tally.errors), ctx.style(role))
        }
        Column::Input => figure(ctx, tokens.input.known(), compact),
        Column::Cached => figure(ctx, tokens.cached.known(), compact),
        Column::Written => figure(ctx, tokens.written.known(), compact),
        Column::Output => figure(ctx, tokens.output.known(), compact),
        Column::Cost => cost(ctx, tally),
        // Of models, routes or sessions only.
        Column::Model
        | Column::Route
        | Column::Session
        | Column::CallShare
        | Column::Rate
        | Column::Ttft95
        | Column::Latency95
        | Column::CostShare
        | Column::Models
        | Column::Duration
        | Column::Switches
        | Column::Overhead
        | Column::LastSeen => Cell::new(UNKNOWN, ctx.style(Role::Dim)),
    }
}

/// Exact while it fits six cells.
fn narrow_count(figure: u64) -> String {
    if figure < 100_000 { count(figure) } else { compact(figure) }
}

fn cost(ctx: DrawContext<'_>, tally: &Tally) -> Cell<'static> {
    let at_least = if tally.unpriced > 0 { "≥" } else { "" };
    figure(ctx, tally.cost_usd(), |usd| format!("{at_least}{}", money(usd)))
}
