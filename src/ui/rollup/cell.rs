//! How the values of grouped tables are written and coloured.

use super::super::draw_context::DrawContext;
use super::super::table::Cell;
use super::super::text::Safe;
use super::super::theme::{Role, latency_role, ttft_role};
use crate::call::Name;
use crate::text::format::{UNKNOWN, age, compact, count, duration, money, percent, rate};

/// What the figures of a row are measured against.
#[derive(Clone, Copy)]
pub(in crate::ui) struct Basis {
    /// Calls that pass filter and window.
    pub calls: u64,
    /// Their cost, 1e-15 USD.
    pub cost_femto_usd: i128,
    pub now_unix_nano: i64,
}

impl Basis {
    pub(super) fn of(ctx: DrawContext<'_>) -> Self {
        let tally = &ctx.app.picture.summary.figures.tally;
        let now_unix_nano = ctx.app.clock.unix_nano;
        Self { calls: tally.calls, cost_femto_usd: tally.cost_femto_usd, now_unix_nano }
    }
}

/// What a cell of a grouped table shows.
#[derive(Clone, Copy)]
pub(in crate::ui) enum GroupValue<'a> {
    /// Empty for calls that have no name.
    Name(&'a Name),
    Names(&'a [Name]),
    Calls(u64),
    Errors(u64),
    Count(u64),
    Tokens(u128),
    /// Generated tokens per second.
    Rate(f64),
    /// Time to first token, ms, and whether it may be off.
    FirstToken(f64, bool),
    /// Duration of calls, ms, and whether it may be off.
    Latency(f64, bool),
    /// Duration of a session, ms.
    Duration(f64),
    /// A share of 1.
    Share(f64),
    /// Some calls have no price where `is_at_least`.
    Cost {
        usd: f64,
        is_at_least: bool,
    },
    /// Time before now, ns.
    Age(i64),
}

/// The cell that shows `value`.
pub(super) fn cell<'a>(ctx: DrawContext<'_>, value: Option<GroupValue<'a>>) -> Cell<'a> {
    let plain = |text: String| Cell::new(text, ctx.style(Role::Text));
    match value {
        None => Cell::new(UNKNOWN, ctx.style(Role::Dim)),
        Some(GroupValue::Name(shown)) if is_marked(ctx, shown) => {
            Cell { style: ctx.style(Role::Accent), ..name(ctx, shown) }
        }
        Some(GroupValue::Name(shown)) => name(ctx, shown),
        Some(GroupValue::Names(names)) => {
            let names: Vec<_> = names.iter().map(|name| ctx.text(name, LONGEST_NAME)).collect();
            plain(names.iter().map(Safe::as_str).collect::<Vec<_>>().join(", "))
        }
        Some(GroupValue::Calls(calls)) => plain(narrow_count(calls)),
        Some(GroupValue::Errors(errors)) => {
            let role = if errors > 0 { Role::Bad } else { Role::Dim };
            Cell::new(narrow_count(errors), ctx.style(role))
        }
        Some(GroupValue::Count(many)) => plain(count(many)),
        Some(GroupValue::Tokens(tokens)) => plain(compact(tokens)),
        Some(GroupValue::Rate(per_sec)) => plain(rate(per_sec)),
        Some(GroupValue::FirstToken(ms, is_off)) => Cell::new(marked(is_off, ms), ctx.style(ttft_role(ms))),
        Some(GroupValue::Latency(ms, is_off)) => Cell::new(marked(is_off, ms), ctx.style(latency_role(ms))),
        Some(GroupValue::Duration(ms)) => plain(duration(ms)),
        Some(GroupValue::Share(share)) => plain(percent(share)),
        Some(GroupValue::Cost { usd, is_at_least }) => {
            plain(format!("{}{}", if is_at_least { "≥" } else { "" }, money(usd)))
        }
        Some(GroupValue::Age(nanos)) => plain(age(nanos)),
    }
}

/// A duration with `≈` before it if it may be off.
fn marked(is_approximate: bool, ms: f64) -> String {
    format!("{}{}", if is_approximate { "≈" } else { "" }, duration(ms))
}

/// The most cells of a name.
const LONGEST_NAME: usize = 60;

fn name<'a>(ctx: DrawContext<'_>, name: &'a Name) -> Cell<'a> {
    match name.as_str() {
        "" => Cell::new("(unknown)", ctx.style(Role::Dim)),
        name => Cell::new(ctx.text(name, LONGEST_NAME), ctx.style(Role::Text)),
    }
}

fn is_marked(ctx: DrawContext<'_>, name: &Name) -> bool {
    ctx.app.marked.as_ref().is_some_and(|(view, marked)| *view == ctx.app.views.tab && marked == name)
}

/// Exact while it fits six cells.
fn narrow_count(figure: u64) -> String {
    if figure < 100_000 { count(figure) } else { compact(figure) }
}
