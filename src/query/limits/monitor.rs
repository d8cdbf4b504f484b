//! Following snapshots with limits.

use std::sync::Arc;

use super::breach::{Breach, WINDOW};
use super::thresholds::CallLimits;
use crate::call::{CallId, LlmCall};
use crate::collector::Snapshot;
use crate::query::analysis::{Analysis, ViewSpec};
use crate::query::filter::Filter;

/// Checks limits on snapshot after snapshot, independently of the filter and window of the screen.
#[derive(Debug)]
pub struct LimitMonitor {
    limits: CallLimits,
    spec: ViewSpec,
    analysis: Analysis,
    next: CallId,
    newest: Newest,
}

/// The start of the newest call, and when it was seen, ns since the epoch.
#[derive(Clone, Copy, Debug)]
struct Newest {
    start: i64,
    seen_at: i64,
}

impl Default for Newest {
    fn default() -> Self {
        Self { start: i64::MIN, seen_at: 0 }
    }
}

impl LimitMonitor {
    /// Checks the calls that pass `filter`; `None` without limits.
    pub fn new(limits: CallLimits, filter: Arc<Filter>) -> Option<Self> {
        let spec = ViewSpec { filter, window: WINDOW, ..ViewSpec::default() };
        let (analysis, next, newest) = Default::default();
        (limits != CallLimits::default()).then_some(Self { limits, spec, analysis, next, newest })
    }

    /// The first limit that is exceeded in the newest snapshot. Reads only what changed since the previous one.
    pub fn check(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Option<Breach> {
        self.follow(snapshot, now_unix_nano);
        self.breaches(snapshot, self.newest.start).into_iter().next()
    }

    /// All limits that are exceeded. The measured window moves on with time even where no calls arrive, so that a breach
    /// ends when its calls have left the window.
    pub(super) fn check_all(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Vec<Breach> {
        self.follow(snapshot, now_unix_nano);
        let passed = now_unix_nano.saturating_sub(self.newest.seen_at).max(0);
        self.breaches(snapshot, self.newest.start.saturating_add(passed))
    }

    fn breaches(&mut self, snapshot: &Arc<Snapshot>, until_unix_nano: i64) -> Vec<Breach> {
        let picture = self.analysis.update(&self.spec, snapshot, until_unix_nano);
        self.limits.check(&picture)
    }

    fn follow(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) {
        let calls = &snapshot.calls;
        // No call of the previous snapshot is left, as after a replay was restarted: new calls may be older.
        if calls.first_id() >= self.next && self.next > CallId::default() {
            (self.analysis, self.newest) = Default::default();
        }
        let starts = calls.since(self.next).map(LlmCall::start_unix_nano);
        // A clock that runs ahead does not move the window.
        let newest = starts.map(|start| start.min(now_unix_nano)).max();
        if let Some(start) = newest.filter(|start| *start > self.newest.start) {
            self.newest = Newest { start, seen_at: now_unix_nano };
        }
        self.next = calls.next_id();
    }
}
