//! The columns of the grouped tables: a new column is a new entry here, named in the tables that show it.

use super::super::cells::COST_CELLS;
use super::super::table::{Align, Width};
use super::cell::{Basis, GroupValue};
use crate::query::analysis::Rollup;
use crate::stats::{SessionRow, Tally, usd};

/// A column of a table whose rows are `R`.
pub(in crate::ui) struct GroupColumn<R> {
    pub title: &'static str,
    pub width: Width,
    pub align: Align,
    /// Where not all fit, those of the lowest priority go first.
    pub priority: u8,
    /// What the column shows of a row; `None` where that is unknown.
    pub value: for<'a> fn(&'a R, Basis) -> Option<GroupValue<'a>>,
}

/// Columns of the models tab.
pub(in crate::ui) const MODELS: &[GroupColumn<Rollup>] = &[
    GroupColumn::MODEL,
    GroupColumn::CALLS,
    GroupColumn::ERRORS,
    GroupColumn::INPUT,
    GroupColumn::CACHED,
    GroupColumn::WRITTEN,
    GroupColumn::OUTPUT,
    GroupColumn::RATE,
    GroupColumn::TTFT_P95,
    GroupColumn::LATENCY_P95,
    GroupColumn::COST,
    GroupColumn::COST_SHARE,
];

pub(in crate::ui) const ROUTES: &[GroupColumn<Rollup>] = &[
    GroupColumn::ROUTE,
    GroupColumn::CALLS,
    GroupColumn::CALL_SHARE,
    GroupColumn::ERRORS,
    GroupColumn::TTFT_P95,
    GroupColumn::LATENCY_P95,
    GroupColumn::OUTPUT,
    GroupColumn::COST,
    GroupColumn::COST_SHARE,
];

pub(in crate::ui) const SESSIONS: &[GroupColumn<SessionRow>] = &[
    GroupColumn::SESSION,
    GroupColumn::CALLS,
    GroupColumn::ERRORS,
    GroupColumn::MODELS,
    GroupColumn::INPUT,
    GroupColumn::CACHED,
    GroupColumn::OUTPUT,
    GroupColumn::COST,
    GroupColumn::DURATION,
    GroupColumn::SWITCHES,
    GroupColumn::OVERHEAD,
    GroupColumn::LAST_SEEN,
];

/// A row that sums up calls.
pub(in crate::ui) trait Grouped {
    fn tally(&self) -> &Tally;
}

impl Grouped for Rollup {
    fn tally(&self) -> &Tally {
        &self.figures.tally
    }
}

impl Grouped for SessionRow {
    fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Columns of every grouped table.
impl<R: Grouped> GroupColumn<R> {
    const CALLS: Self = Self {
        title: "calls",
        width: Width::Fixed(7),
        align: Align::Right,
        priority: 99,
        value: |row, _| Some(GroupValue::Calls(row.tally().calls)),
    };
    const ERRORS: Self = Self {
        title: "errors",
        width: Width::Fixed(6),
        align: Align::Right,
        priority: 95,
        value: |row, _| Some(GroupValue::Errors(row.tally().errors)),
    };
    /// Cached tokens included.
    const INPUT: Self = Self {
        title: "in",
        width: Width::Fixed(5),
        align: Align::Right,
        priority: 58,
        value: |row, _| row.tally().tokens.input.known().map(GroupValue::Tokens),
    };
    const CACHED: Self = Self {
        title: "in·cache",
        width: Width::Fixed(8),
        align: Align::Right,
        priority: 40,
        value: |row, _| row.tally().tokens.cached.known().map(GroupValue::Tokens),
    };
    /// Input tokens written to the cache.
    const WRITTEN: Self = Self {
        title: "in·write",
        width: Width::Fixed(8),
        align: Align::Right,
        priority: 30,
        value: |row, _| row.tally().tokens.written.known().map(GroupValue::Tokens),
    };
    const OUTPUT: Self = Self {
        title: "out",
        width: Width::Fixed(5),
        align: Align::Right,
        priority: 60,
        value: |row, _| row.tally().tokens.output.known().map(GroupValue::Tokens),
    };
    const COST: Self = Self {
        title: "cost",
        width: Width::Fixed(COST_CELLS),
        align: Align::Right,
        priority: 98,
        value: |row, _| {
            let tally = row.tally();
            Some(GroupValue::Cost { usd: tally.cost_usd()?, is_at_least: tally.unpriced > 0 })
        },
    };
}

/// Columns of models and routes.
impl GroupColumn<Rollup> {
    const MODEL: Self = Self {
        title: "model",
        width: Width::Flexible { min: 20, want: 28, max: 36 },
        align: Align::Left,
        priority: 100,
        value: |row, _| Some(GroupValue::Name(&row.name)),
    };
    const ROUTE: Self = Self { title: "route", width: Width::Flexible { min: 12, want: 20, max: 28 }, ..Self::MODEL };
    /// Weighted by tokens.
    const RATE: Self = Self {
        title: "tok/s",
        width: Width::Fixed(6),
        align: Align::Right,
        priority: 90,
        value: |row, _| row.figures.tally.tokens_per_sec().map(GroupValue::Rate),
    };
    const TTFT_P95: Self = Self {
        title: "TTFT p95",
        width: Width::Fixed(8),
        align: Align::Right,
        priority: 80,
        value: |row, _| {
            row.figures.ttft_ms.p95.map(|ms| GroupValue::FirstToken(ms, row.figures.ttft_ms.is_approximate))
        },
    };
    const LATENCY_P95: Self = Self {
        title: "lat. p95",
        width: Width::Fixed(8),
        align: Align::Right,
        priority: 85,
        value: |row, _| {
            row.figures.latency_ms.p95.map(|ms| GroupValue::Latency(ms, row.figures.latency_ms.is_approximate))
        },
    };
    /// Calls in proportion to all that are shown.
    const CALL_SHARE: Self = Self {
        title: "share",
        width: Width::Fixed(6),
        align: Align::Right,
        priority: 75,
        value: |row, basis| {
            (basis.calls > 0).then(|| GroupValue::Share(row.figures.tally.calls as f64 / basis.calls as f64))
        },
    };
    /// Cost in proportion to all that is shown.
    const COST_SHARE: Self = Self {
        title: "share",
        width: Width::Fixed(6),
        align: Align::Right,
        priority: 70,
        value: |row, basis| {
            let tally = &row.figures.tally;
            let share = || usd(tally.cost_femto_usd) / usd(basis.cost_femto_usd);
            (basis.cost_femto_usd > 0 && tally.priced() > 0).then(|| GroupValue::Share(share()))
        },
    };
}

/// Columns that only sessions have.
impl GroupColumn<SessionRow> {
    const SESSION: Self = Self {
        title: "session",
        width: Width::Flexible { min: 12, want: 24, max: 40 },
        align: Align::Left,
        priority: 100,
        value: |row, _| Some(GroupValue::Name(&row.session)),
    };
    /// The models that answered.
    const MODELS: Self = Self {
        title: "models",
        width: Width::Flexible { min: 12, want: 30, max: 50 },
        align: Align::Prose,
        priority: 75,
        value: |row, _| Some(GroupValue::Names(&row.models)),
    };
    /// From the start of the first turn to the end of the last.
    const DURATION: Self = Self {
        title: "lasted",
        width: Width::Fixed(7),
        align: Align::Right,
        priority: 60,
        value: |row, _| Some(GroupValue::Duration(row.duration_nanos() as f64 / 1e6)),
    };
    /// Model switches counted over the turns that are shown, as in the list of turns. What the gateway counted is in the
    /// detail of a call.
    const SWITCHES: Self = Self {
        title: "switches",
        width: Width::Fixed(8),
        align: Align::Right,
        priority: 85,
        value: |row, _| Some(GroupValue::Count(row.model_switches)),
    };
    /// What switching cost against the baseline.
    const OVERHEAD: Self = Self {
        title: "overhead",
        width: Width::Fixed(8),
        align: Align::Right,
        priority: 90,
        value: |row, _| row.overhead_pct.map(|percent| GroupValue::Share(percent / 100.0)),
    };
    /// How long ago the last turn ended.
    const LAST_SEEN: Self = Self {
        title: "last seen",
        width: Width::Fixed(9),
        align: Align::Right,
        priority: 92,
        value: |row, basis| Some(GroupValue::Age(basis.now_unix_nano.saturating_sub(row.end_unix_nano).max(0))),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_defined() {
        let page = include_str!("../../../docs/FIGURES.md");
        let titles = |columns: &[GroupColumn<Rollup>]| columns.iter().map(|column| column.title).collect::<Vec<_>>();
        let sessions = SESSIONS.iter().map(|column| column.title).collect();
        for title in [titles(MODELS), titles(ROUTES), sessions].concat() {
            assert!(page.contains(&format!("`{title}`")), "docs/FIGURES.md does not define {title}");
        }
    }
}
