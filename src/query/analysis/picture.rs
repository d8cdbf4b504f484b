//! The immutable result of an analysis, from which the screen is drawn.

use std::sync::Arc;

use super::kept::KnownNames;
use super::matching::Rollup;
use super::rows::Rows;
use super::view::ViewSpec;
use crate::call::{CallId, LlmCall, Name, Status};
use crate::collector::Snapshot;
use crate::query::column::Column;
use crate::stats::{Burn, Figures, Series, SessionRow};

/// The figures of all calls that pass filter and window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Counts, sums and percentiles.
    pub figures: Figures,
    /// How the failed calls ended, most frequent first.
    pub failures: Vec<(Status, u64)>,
    /// Spending as an hourly rate; `None` while nothing is priced.
    pub burn: Option<Burn>,
    /// Number of distinct sessions.
    pub sessions: u64,
    /// The session of the newest call, if it has one.
    pub current_session: Option<Name>,
}

/// Figures and rows of one snapshot. Filter and window of its [`ViewSpec`] apply to everything but `names` and `columns`.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The filter, window and order it was made for.
    pub spec: ViewSpec,
    /// The calls it was made from.
    pub snapshot: Arc<Snapshot>,
    /// When it was made, ns since the epoch.
    pub now_unix_nano: i64,
    /// The rows of the calls table.
    pub rows: Rows,
    /// The failed ones, newest first in any sort order.
    pub failed: Rows,
    /// Figures of all rows.
    pub summary: Summary,
    /// By model as shown: highest cost first, then most calls.
    pub models: Vec<Rollup>,
    /// By route, in the same order; without calls that have no route.
    pub routes: Vec<Rollup>,
    /// By session, the latest first; `None` unless [`ViewSpec::sessions`] is set.
    pub sessions: Option<Vec<SessionRow>>,
    /// Calls, errors and money over time: up to now in a window, up to the latest call without one.
    pub series: Series,
    /// The matching call that arrived last.
    pub latest: Option<CallId>,
    /// The newest failed call.
    pub last_error: Option<CallId>,
    /// Distinct names of all kept calls, independent of the filter.
    pub names: KnownNames,
    /// The built-in columns in which some kept call has data, independent of the filter.
    pub columns: Vec<Column>,
    /// Whether the figures change as time goes on, so that a tick without new calls needs an update.
    pub is_moving: bool,
}

impl Picture {
    /// The call with this id, unless it was evicted before the picture was made.
    pub fn call(&self, id: CallId) -> Option<&LlmCall> {
        self.snapshot.calls.get(id)
    }

    /// Whether a column is worth showing: some kept call has data in it. Attribute columns always are.
    pub(crate) fn has_data(&self, column: &Column) -> bool {
        matches!(column, Column::Attribute(_)) || self.columns.contains(column)
    }

    /// The turns of a session among the rows, by start, then by arrival. Scans all rows: for when a session is opened,
    /// not for every frame.
    pub fn turns(&self, session: &str) -> Vec<CallId> {
        let of_session =
            |call: &LlmCall| call.session_id().is_some_and(|name| name == session) && self.rows.contains(call.id());
        let mut turns: Vec<_> = self
            .snapshot
            .calls
            .iter()
            .filter(|call| of_session(call))
            .map(|call| (call.start_unix_nano(), call.id()))
            .collect();
        turns.sort_unstable();
        turns.into_iter().map(|(_, id)| id).collect()
    }
}
