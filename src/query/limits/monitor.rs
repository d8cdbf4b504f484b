//! Following snapshots with limits.

use std::sync::Arc;

use super::breach::{Breach, MeasuredWindow, WINDOW};
use super::measured::{Evicted, Measured};
use super::thresholds::CallLimits;
use crate::call::{CallId, LlmCall};
use crate::collector::Snapshot;
use crate::query::analysis::{Analysis, Picture, ViewSpec};
use crate::query::filter::Filter;
use crate::stats::Totals;

/// Checks limits on snapshot after snapshot, independently of the filter and window of the screen.
#[derive(Debug)]
pub struct LimitMonitor {
    limits: CallLimits,
    spec: ViewSpec,
    analysis: Analysis,
    picture: Arc<Picture>,
    evicted: Evicted,
    /// All calls seen so far, as [`Snapshot::totals`] counts them; `None` before the first snapshot.
    seen: Option<Totals>,
    next: CallId,
    newest: Newest,
}

/// The end of the newest call, and when it was seen, ns since the epoch.
#[derive(Clone, Copy, Debug)]
struct Newest {
    end: i64,
    seen_at: i64,
}

impl Default for Newest {
    fn default() -> Self {
        Self { end: i64::MIN, seen_at: 0 }
    }
}

impl LimitMonitor {
    /// Checks the calls that pass `filter`; `None` without limits.
    pub fn new(limits: CallLimits, filter: Arc<Filter>) -> Option<Self> {
        let spec = ViewSpec { filter, window: WINDOW, ..ViewSpec::default() };
        (limits != CallLimits::default()).then(|| Self {
            limits,
            spec,
            analysis: Analysis::default(),
            picture: Arc::default(),
            evicted: Evicted::default(),
            seen: None,
            next: CallId::default(),
            newest: Newest::default(),
        })
    }

    /// The first limit that is exceeded in the newest snapshot. Reads only what changed since the previous one.
    pub fn check(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Option<Breach> {
        self.follow(snapshot, now_unix_nano);
        self.breaches(snapshot, self.newest.end).into_iter().next()
    }

    /// All limits that are exceeded. The measured window moves on with time even where no calls arrive, so that a breach
    /// ends when its calls have left the window.
    pub(super) fn check_all(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Vec<Breach> {
        self.follow(snapshot, now_unix_nano);
        let passed = now_unix_nano.saturating_sub(self.newest.seen_at).max(0);
        self.breaches(snapshot, self.newest.end.saturating_add(passed))
    }

    fn breaches(&mut self, snapshot: &Arc<Snapshot>, until_unix_nano: i64) -> Vec<Breach> {
        self.picture = self.analysis.update(&self.spec, snapshot, until_unix_nano);
        let now = self.picture.now_unix_nano;
        let from = now.saturating_sub(WINDOW.nanos().unwrap_or(i64::MAX));
        let evicted = self.evicted.since(from);
        let tally = &self.picture.summary.figures.tally;
        let mut measured = Measured {
            calls: tally.calls,
            errors: tally.errors,
            cost_femto_usd: tally.cost_femto_usd,
            ..Measured::default()
        };
        measured.add(&evicted);
        let nanos = now.saturating_sub(self.analysis.earliest_end().unwrap_or(now).max(from));
        self.limits.check(&MeasuredWindow { picture: &self.picture, measured, evicted, nanos })
    }

    /// Keeps the sums of the calls evicted since the previous snapshot.
    fn note_evicted(&mut self, snapshot: &Snapshot) {
        let first = snapshot.calls.first_id();
        let before = &self.picture.snapshot.calls;
        let leaving = before.iter().take_while(|call| call.id() < first);
        for call in leaving.filter(|call| self.picture.rows.contains(call.id())) {
            self.evicted.add(self.analysis.end_of(call), &Measured::of(call, self.limits.max_p95));
        }
    }

    /// Counts the calls that arrived and were evicted between two snapshots, which only the totals hold, at the end of the
    /// former newest call: they ended after it and before those that are kept. Which of them pass a filter is unknown.
    fn note_unseen(&mut self, snapshot: &Snapshot) {
        let Some(seen) = &mut self.seen else {
            self.seen = Some(snapshot.totals);
            return;
        };
        let before = &self.picture.snapshot.calls;
        snapshot.calls.revised_since(before).for_each(|(old, new)| seen.replace(old, new));
        snapshot.calls.since(before.next_id()).for_each(|call| seen.add(call));
        let unseen = Measured::unseen(seen, &snapshot.totals);
        *seen = snapshot.totals;
        if self.spec.filter.is_empty() && unseen.calls > 0 {
            self.evicted.add(self.newest.end, &unseen);
        }
    }

    fn follow(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) {
        let calls = &snapshot.calls;
        // All calls were dropped, as after a replay was restarted: new calls may be older.
        if calls.begun_id() >= self.next && self.next > CallId::default() {
            (self.analysis, self.picture, self.evicted, self.newest) = Default::default();
            self.seen = None;
        }
        self.note_evicted(snapshot);
        self.note_unseen(snapshot);
        let ends = calls.since(self.next).map(LlmCall::end_unix_nano);
        // A clock that runs ahead does not move the window.
        let newest = ends.map(|end| end.min(now_unix_nano)).max();
        if let Some(end) = newest.filter(|end| *end > self.newest.end) {
            self.newest = Newest { end, seen_at: now_unix_nano };
        }
        self.next = calls.next_id();
    }
}
