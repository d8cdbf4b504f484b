//! What stands in the cells of the rollups.

use super::super::Look;
use super::super::table::Cell;
use super::super::text::Safe;
use super::super::theme::{Role, latency_role, ttft_role};
use super::column::Column;
use crate::app::analysis::Rollup;
use crate::call::Name;
use crate::format::{UNKNOWN, age, compact, count, duration, known, money, percent, rate};
use crate::stats::{SessionRow, Tally, usd};

/// What shares are shares of.
#[derive(Clone, Copy)]
pub struct Whole {
    calls: u64,
    cost_femto_usd: i128,
}

impl Whole {
    /// All that passes filter and window.
    pub fn of(look: Look<'_>) -> Self {
        let tally = &look.app.picture.summary.figures.tally;
        Self { calls: tally.calls, cost_femto_usd: tally.cost_femto_usd }
    }
}

fn text(look: Look<'_>, text: impl Into<String>) -> Cell<'static> {
    Cell::new(text.into(), look.style(Role::Text))
}

fn figure<T>(look: Look<'_>, figure: Option<T>, text: impl FnOnce(T) -> String) -> Cell<'static> {
    let role = if figure.is_some() { Role::Text } else { Role::Dim };
    Cell::new(known(figure, text), look.style(role))
}

fn timed(look: Look<'_>, ms: Option<f64>, role: impl Fn(f64) -> Role) -> Cell<'static> {
    Cell::new(known(ms, duration), look.style(ms.map_or(Role::Dim, role)))
}

fn name<'a>(look: Look<'_>, name: &'a Name) -> Cell<'a> {
    match name.as_str() {
        "" => Cell::new("(unknown)", look.style(Role::Dim)),
        name => Cell::new(look.text(name, 60), look.style(Role::Text)),
    }
}

fn is_marked(look: Look<'_>, name: &Name) -> bool {
    look.app.marked.as_ref().is_some_and(|(view, marked)| *view == look.app.view && marked == name)
}

/// The cell of a model or a route.
pub fn rollup_cell<'a>(look: Look<'_>, column: Column, row: &'a Rollup, whole: Whole) -> Cell<'a> {
    let figures = &row.figures;
    match column {
        Column::Model | Column::Route if is_marked(look, &row.name) => {
            Cell { style: look.style(Role::Accent), ..name(look, &row.name) }
        }
        Column::Model | Column::Route => name(look, &row.name),
        Column::Rate => figure(look, figures.tally.tokens_per_sec(), rate),
        Column::Ttft95 => timed(look, figures.ttft_ms.p95, ttft_role),
        Column::Latency95 => timed(look, figures.latency_ms.p95, latency_role),
        Column::CallShare => {
            figure(look, (whole.calls > 0).then(|| figures.tally.calls as f64 / whole.calls as f64), percent)
        }
        Column::CostShare => {
            let share = usd(figures.tally.cost_femto_usd) / usd(whole.cost_femto_usd);
            figure(look, (whole.cost_femto_usd > 0 && figures.tally.priced() > 0).then_some(share), percent)
        }
        other => tally_cell(look, other, &figures.tally),
    }
}

/// The cell of a session.
pub fn session_cell<'a>(look: Look<'_>, column: Column, row: &'a SessionRow) -> Cell<'a> {
    match column {
        Column::Session => name(look, &row.session),
        Column::Models => {
            let models: Vec<_> = row.models.iter().map(|model| look.text(model, 60)).collect();
            text(look, models.iter().map(Safe::as_str).collect::<Vec<_>>().join(", "))
        }
        Column::Duration => text(look, duration(row.duration_nanos() as f64 / 1e6)),
        Column::Switches => text(look, count(row.reported_switches.map_or(row.model_switches, u64::from))),
        Column::Overhead => figure(look, row.overhead_pct, |overhead| percent(overhead / 100.0)),
        Column::LastSeen => text(look, age(look.app.clock.unix_nano.saturating_sub(row.end_unix_nano).max(0))),
        other => tally_cell(look, other, &row.tally),
    }
}

fn tally_cell(look: Look<'_>, column: Column, tally: &Tally) -> Cell<'static> {
    let tokens = &tally.tokens;
    match column {
        Column::Calls => text(look, narrow_count(tally.calls)),
        Column::Errors => {
            let role = if tally.errors > 0 { Role::Bad } else { Role::Dim };
            Cell::new(narrow_count(tally.errors), look.style(role))
        }
        Column::Input => figure(look, tokens.input.known(), compact),
        Column::Cached => figure(look, tokens.cached.known(), compact),
        Column::Written => figure(look, tokens.written.known(), compact),
        Column::Output => figure(look, tokens.output.known(), compact),
        Column::Cost => cost(look, tally),
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
        | Column::LastSeen => Cell::new(UNKNOWN, look.style(Role::Dim)),
    }
}

/// Exact while it fits six cells.
fn narrow_count(figure: u64) -> String {
    if figure < 100_000 { count(figure) } else { compact(figure) }
}

fn cost(look: Look<'_>, tally: &Tally) -> Cell<'static> {
    let at_least = if tally.unpriced > 0 { "≥" } else { "" };
    figure(look, tally.cost_usd(), |usd| format!("{at_least}{}", money(usd)))
}
