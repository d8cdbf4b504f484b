//! From snapshots to what the screen shows: filter, window, sort order, figures. Runs off the drawing thread.
//!
//! [`Analysis`] is the pure part: given what is wanted, the newest snapshot and the time, it brings its figures up to
//! date and makes a [`Picture`]. Work follows what changed: calls that arrived, were revised, were evicted or left the
//! window. A changed filter or window scans the kept calls once; a changed sort order sorts once.
//! [`Worker`] runs it on a thread of its own.

mod ends;
mod id_set;
mod kept;
mod matching;
mod order;
mod picture;
mod rows;
mod view;
mod worker;

use std::sync::Arc;

use crate::call::{CallId, LlmCall};
use crate::collector::{Calls, Snapshot};
use crate::stats::sessions;

use ends::Ends;
use id_set::IdSet;
use kept::KeptCounts;
use matching::{Criteria, Matching, MatchingFigures, Moment};
use order::Sorted;

pub use kept::KnownNames;
pub use matching::Rollup;
pub use picture::{Picture, Summary};
pub use rows::Rows;
pub use view::{ViewSpec, Window};
pub use worker::{PictureRequest, Worker};

/// Incremental analysis of snapshots. Has no clock and no thread.
#[derive(Debug)]
pub struct Analysis {
    picture: Arc<Picture>,
    ends: Ends,
    kept: KeptCounts,
    matching: Matching,
    sorted: Option<Sorted>,
    /// [`Matching::state`] when the picture was made.
    shown: u64,
}

#[cfg(test)]
mod tests;

impl Default for Analysis {
    fn default() -> Self {
        let moment = Moment { now: 0, latest_end: 0, complete_since: None };
        Self {
            picture: Arc::default(),
            ends: Ends::default(),
            kept: KeptCounts::default(),
            matching: Matching::new(Window::default(), moment, 0),
            sorted: None,
            shown: 0,
        }
    }
}

/// What changed between two sets of kept calls.
struct Changes<'a> {
    before: &'a Calls,
    now: &'a Calls,
    /// Calls in both sets that changed: before and now.
    revised: Vec<(&'a LlmCall, &'a LlmCall)>,
}

impl<'a> Changes<'a> {
    fn between(before: &'a Calls, now: &'a Calls) -> Self {
        Self { before, now, revised: now.revised_since(before).collect() }
    }

    fn evicted(&self) -> impl Iterator<Item = &'a LlmCall> {
        let first = self.now.first_id();
        self.before.iter().take_while(move |call| call.id() < first)
    }

    fn arrived(&self) -> impl Iterator<Item = &'a LlmCall> {
        self.now.since(self.before.next_id())
    }

    /// Whether a scan of all calls is less work than following the changes.
    fn outweigh_a_scan(&self) -> bool {
        let evicted = self.now.first_id().0.saturating_sub(self.before.first_id().0).min(self.before.len() as u64);
        let arrived = self.now.next_id().0.saturating_sub(self.before.next_id().0).min(self.now.len() as u64);
        evicted + arrived > self.now.len() as u64
    }
}

impl Analysis {
    /// Makes the picture of a snapshot, or returns the former one where nothing changed. Time does not run backwards: an
    /// earlier `now_unix_nano` than before counts as the former one.
    pub fn update(&mut self, spec: &ViewSpec, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Arc<Picture> {
        let now = now_unix_nano.max(self.picture.now_unix_nano);
        if !self.is_outdated(spec, snapshot, now) {
            return Arc::clone(&self.picture);
        }
        let before = Arc::clone(&self.picture.snapshot);
        if snapshot.calls.next_id() < before.calls.next_id() || snapshot.version < before.version {
            *self = Self::default();
        }
        let before = Arc::clone(&self.picture.snapshot);
        if snapshot.calls.begun_id() >= before.calls.next_id() {
            // All former calls were dropped: a replay may have gone back.
            self.ends = Ends::default();
        }
        let changes = Changes::between(&before.calls, &snapshot.calls);
        let touched = self.follow(spec, &changes, now, snapshot.capacity);
        self.sort(spec, &snapshot.calls, touched.as_ref());
        self.picture = Arc::new(self.picture(spec, snapshot, now));
        self.shown = self.matching.state();
        Arc::clone(&self.picture)
    }

    /// The end of a call by which it belongs to a window: the emitted one, but no later than the call was first seen.
    pub(super) fn end_of(&self, call: &LlmCall) -> i64 {
        self.ends.of(call)
    }

    /// The earliest such end of all calls, evicted ones included.
    pub(super) const fn earliest_end(&self) -> Option<i64> {
        self.ends.earliest()
    }

    fn is_outdated(&self, spec: &ViewSpec, snapshot: &Arc<Snapshot>, now: i64) -> bool {
        let former = &self.picture;
        let news = !Arc::ptr_eq(&former.snapshot, snapshot) || former.spec != *spec;
        news || (former.is_moving && now != former.now_unix_nano)
    }

    /// Applies the changes to all figures. Returns the new and changed calls, or `None` after a scan of all.
    fn follow(&mut self, spec: &ViewSpec, changes: &Changes<'_>, now: i64, capacity: usize) -> Option<IdSet> {
        changes.revised.iter().for_each(|(_, call)| self.ends.note(call, now));
        changes.arrived().for_each(|call| self.ends.note(call, now));
        let has_all = changes.now.len() < capacity;
        let complete_since = if has_all { None } else { self.ends.earliest_kept(changes.now) };
        let moment = Moment { now, latest_end: self.ends.latest().unwrap_or(0), complete_since };
        let touched = if changes.outweigh_a_scan() {
            self.kept = KeptCounts::default();
            changes.now.iter().for_each(|call| self.kept.add(call));
            self.scan(spec, changes.now, moment);
            None
        } else {
            self.follow_kept(changes);
            self.follow_matching(spec, changes, moment)
        };
        self.ends.trim(changes.now);
        self.matching.trim(changes.now.first_id());
        touched
    }

    fn follow_kept(&mut self, changes: &Changes<'_>) {
        changes.evicted().for_each(|call| self.kept.remove(call));
        for (before, call) in &changes.revised {
            self.kept.remove(before);
            self.kept.add(call);
        }
        changes.arrived().for_each(|call| self.kept.add(call));
    }

    fn follow_matching(&mut self, spec: &ViewSpec, changes: &Changes<'_>, moment: Moment) -> Option<IdSet> {
        let is_other_query = spec.filter != self.picture.spec.filter || spec.window != self.matching.window();
        if is_other_query || self.matching.has_many_stale_entries(changes.now) {
            self.scan(spec, changes.now, moment);
            return None;
        }
        let criteria = Criteria { filter: &spec.filter, ends: &self.ends, now: moment.now };
        let mut touched = IdSet::default();
        self.matching.advance(moment);
        for call in changes.evicted() {
            self.matching.evict(call, criteria.ends);
        }
        for (before, call) in &changes.revised {
            self.matching.remove(before, criteria.ends);
            self.matching.consider(call, &criteria);
            touched.insert(call.id());
        }
        for call in changes.arrived() {
            self.matching.consider(call, &criteria);
            touched.insert(call.id());
        }
        self.matching.reconsider(changes.now, &criteria, &mut touched);
        Some(touched)
    }

    fn scan(&mut self, spec: &ViewSpec, calls: &Calls, moment: Moment) {
        let criteria = Criteria { filter: &spec.filter, ends: &self.ends, now: moment.now };
        self.matching = Matching::new(spec.window, moment, self.matching.state() + 1);
        calls.iter().for_each(|call| self.matching.consider(call, &criteria));
    }

    fn sort(&mut self, spec: &ViewSpec, calls: &Calls, touched: Option<&IdSet>) {
        let former = self.sorted.take();
        self.sorted = spec.sort.as_ref().map(|sort| match (former, touched) {
            (Some(former), Some(touched)) if former.is_by(sort) => former.updated(&self.matching.ids, touched, calls),
            _ => Sorted::new(sort, &self.matching.ids, calls),
        });
    }

    fn picture(&self, spec: &ViewSpec, snapshot: &Arc<Snapshot>, now: i64) -> Picture {
        let calls = &snapshot.calls;
        let matching = &self.matching;
        // Where only time went on, figures that do not depend on it are reused.
        let former = (matching.state() == self.shown).then_some(&*self.picture);
        let figures = former.map_or_else(|| matching.figures(calls), former_figures);
        let of_all = || sessions(matching.ids.iter().filter_map(|id| calls.get(id)));
        let sessions = || former.and_then(|former| former.sessions.clone()).unwrap_or_else(of_all);
        let latest = matching.ids.newest();
        let has_all = calls.len() < snapshot.capacity;
        let oldest_kept = if has_all { self.ends.earliest() } else { self.ends.earliest_kept(calls) };
        let session_of = |id: CallId| calls.get(id)?.session_id().cloned();
        Picture {
            spec: spec.clone(),
            snapshot: Arc::clone(snapshot),
            now_unix_nano: now,
            rows: Rows::new(&matching.ids, self.sorted.clone(), snapshot),
            failed: Rows::new(&matching.failed, None, snapshot),
            summary: Summary {
                burn: matching.burn(&figures.all.tally, now, oldest_kept, self.ends.earliest()),
                figures: figures.all,
                failures: figures.failures,
                sessions: matching.sessions(),
                current_session: latest.and_then(session_of),
            },
            models: figures.models,
            routes: figures.routes,
            sessions: spec.sessions.then(sessions),
            series: matching.series(),
            latest,
            last_error: matching.failed.newest(),
            names: self.kept.names(),
            columns: self.kept.columns(),
            is_moving: matching.is_moving(),
        }
    }
}

fn former_figures(former: &Picture) -> MatchingFigures {
    MatchingFigures {
        all: former.summary.figures,
        failures: former.summary.failures.clone(),
        models: former.models.clone(),
        routes: former.routes.clone(),
    }
}
