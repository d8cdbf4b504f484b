//! The calls that pass filter and window, and their figures, updated incrementally.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::{Equivalent, HashMap};

use super::ends::Ends;
use super::id_set::IdSet;
use super::view::Window;
use crate::call::{CallId, LlmCall, Name, Status};
use crate::collector::Calls;
use crate::query::filter::Filter;
use crate::stats::{Burn, Chart, EXACT_UP_TO, Exact, Figures, Group, Series, SeriesPoint, Share, Tally, Timeline};

/// A model or a route and its figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollup {
    /// Empty for calls whose model is unknown.
    pub name: Name,
    /// Figures of its calls.
    pub figures: Figures,
}

const SECOND: i64 = 1_000_000_000;

/// Width in ns of the buckets in which [`Window::All`] measures spending, five minutes in total.
const BURN_BUCKET: i64 = 5 * SECOND;
/// The shortest time in ns over which spending is measured: one call in the first second is no trend.
const SHORTEST_BURN: i64 = 10 * SECOND;
/// A rate of spending is shown when it was measured over at least this time in ns, or over [`BURN_CALLS`].
const BURN_TIME: i64 = 60 * SECOND;
/// The number of calls that makes up for a short time.
const BURN_CALLS: u64 = 20;

/// The ends of charts, ns since the epoch: a window ends now, all calls end with the latest end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: i64,
    pub(super) latest_end: i64,
    /// The time from which on a scan sees all calls; `None` where it sees every one.
    pub(super) complete_since: Option<i64>,
}

impl Moment {
    const fn chart_end(self, window: Window) -> i64 {
        match window {
            Window::All => self.latest_end,
            Window::Minute | Window::FiveMinutes | Window::QuarterHour | Window::Hour => self.now,
        }
    }
}

/// What decides whether a call matches.
pub(super) struct Criteria<'a> {
    pub(super) filter: &'a Filter,
    pub(super) ends: &'a Ends,
    pub(super) now: i64,
}

/// The calls of one model on one route, so that each call is counted in one group only. Models, routes and totals are
/// merged from these groups when a picture is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct GroupKey {
    model: Name,
    route: Option<Name>,
}

/// A [`GroupKey`] of borrowed names.
#[derive(Hash)]
struct GroupKeyRef<'a> {
    model: &'a str,
    route: Option<&'a str>,
}

impl<'a> GroupKeyRef<'a> {
    fn call(call: &'a LlmCall) -> Self {
        Self { model: call.shown_model(), route: call.route_name().map(Name::as_str) }
    }
}

impl Equivalent<GroupKey> for GroupKeyRef<'_> {
    fn equivalent(&self, key: &GroupKey) -> bool {
        self.model == key.model && self.route == key.route.as_deref()
    }
}

impl From<&GroupKeyRef<'_>> for GroupKey {
    fn from(key: &GroupKeyRef<'_>) -> Self {
        Self { model: key.model.into(), route: key.route.map(Name::from) }
    }
}

type Groups<T> = HashMap<GroupKey, T, foldhash::fast::RandomState>;

/// The calls that pass and their figures.
#[derive(Debug)]
pub(super) struct Matching {
    window: Window,
    /// Incremented whenever a call is added or removed.
    state: u64,
    pub(super) ids: IdSet,
    pub(super) failed: IdSet,
    groups: Groups<Group>,
    failures: BTreeMap<Status, u64>,
    /// Calls per session, for sessions that have any.
    sessions: HashMap<Name, u32, foldhash::fast::RandomState>,
    chart: Chart,
    /// For [`Window::All`]. Evicted calls stay in it: spending does not depend on the capacity.
    spending: Timeline,
    /// The time from which on `spending` has all calls; `None` where it has every one.
    complete_since: Option<i64>,
    /// When calls have to be checked again because they may pass or fail as time goes on, the soonest first. May hold
    /// stale entries of calls that changed or left meanwhile: checking a call once more is harmless.
    due: BinaryHeap<Reverse<(i64, CallId)>>,
}

/// The figures of a picture.
pub(super) struct MatchingFigures {
    pub(super) all: Figures,
    pub(super) failures: Vec<(Status, u64)>,
    pub(super) models: Vec<Rollup>,
    pub(super) routes: Vec<Rollup>,
}

impl Matching {
    pub(super) fn new(window: Window, moment: Moment, state: u64) -> Self {
        let end = moment.chart_end(window);
        Self {
            window,
            state,
            ids: IdSet::default(),
            failed: IdSet::default(),
            groups: Groups::default(),
            failures: BTreeMap::new(),
            sessions: HashMap::default(),
            chart: window.nanos().map_or_else(|| Chart::open(end), |nanos| Chart::spanning(nanos, end)),
            spending: Timeline::new(BURN_BUCKET, moment.now),
            complete_since: moment.complete_since,
            due: BinaryHeap::new(),
        }
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }

    /// Differs for different sets of calls.
    pub(super) const fn state(&self) -> u64 {
        self.state
    }

    /// Moves the charts on; has to precede the calls of the new moment.
    pub(super) fn advance(&mut self, moment: Moment) {
        self.chart.advance(moment.chart_end(self.window));
        self.spending.advance(moment.now);
    }

    /// Adds the call if it passes. It must not be in the set.
    pub(super) fn consider(&mut self, call: &LlmCall, criteria: &Criteria<'_>) {
        let end = criteria.ends.of(call);
        // A call that has left the window or was merged into another row does not come back.
        if call.is_merged_away() || !self.window.contains(end, criteria.now) {
            return;
        }
        let passes = criteria.filter.matches(call, criteria.now);
        if passes {
            self.add(call, end);
        }
        let leaves = self.window.nanos().filter(|_| passes).map(|nanos| end.saturating_add(nanos));
        let changes = criteria.filter.next_change(call, criteria.now);
        if let Some(moment) = leaves.into_iter().chain(changes).min() {
            self.due.push(Reverse((moment, call.id())));
        }
    }

    fn add(&mut self, call: &LlmCall, end: i64) {
        let share = Share::of(call);
        self.state += 1;
        self.ids.insert(call.id());
        if share.failed {
            self.failed.insert(call.id());
            *self.failures.entry(call.status()).or_insert(0) += 1;
        }
        self.groups.entry_ref(&GroupKeyRef::call(call)).or_default().add(&share);
        if let Some(session) = call.session_id() {
            *self.sessions.entry(session.clone()).or_insert(0) += 1;
        }
        self.chart.add(end, &share);
        self.spending.add(end, SeriesPoint::of(&share));
    }

    /// Removes the call, given as it was when it was added, if it is in the set.
    pub(super) fn remove(&mut self, call: &LlmCall, ends: &Ends) {
        if self.evict(call, ends) {
            self.spending.remove(ends.of(call), SeriesPoint::of(&Share::of(call)));
        }
    }

    /// Removes a call that is no longer kept; its cost stays in the spending. False when it is not in the set.
    pub(super) fn evict(&mut self, call: &LlmCall, ends: &Ends) -> bool {
        if !self.ids.remove(call.id()) {
            return false;
        }
        self.state += 1;
        let share = Share::of(call);
        if self.failed.remove(call.id())
            && let Some(count) = self.failures.get_mut(&call.status())
        {
            *count = count.saturating_sub(1);
        }
        if let Some(group) = self.groups.get_mut(&GroupKeyRef::call(call)) {
            group.remove(&share);
            if group.is_empty() {
                self.groups.remove(&GroupKeyRef::call(call));
            }
        }
        self.leave_session(call);
        self.chart.remove(ends.of(call), &share);
        true
    }

    fn leave_session(&mut self, call: &LlmCall) {
        if let Some(session) = call.session_id()
            && let Some(calls) = self.sessions.get_mut(session)
        {
            *calls -= 1;
            if *calls == 0 {
                self.sessions.remove(session);
            }
        }
    }

    pub(super) fn sessions(&self) -> u64 {
        self.sessions.len() as u64
    }

    /// Checks again the calls whose result may have changed as time went on, and adds them to `touched`.
    pub(super) fn reconsider(&mut self, calls: &Calls, criteria: &Criteria<'_>, touched: &mut IdSet) {
        while let Some(Reverse((moment, id))) = self.due.peek().copied()
            && moment <= criteria.now
        {
            self.due.pop();
            if let Some(call) = calls.get(id) {
                self.remove(call, criteria.ends);
                self.consider(call, criteria);
                touched.insert(id);
            }
        }
    }

    /// Whether there are so many stale entries that a scan, which leaves none, pays off.
    pub(super) fn has_many_stale_entries(&self, calls: &Calls) -> bool {
        self.due.len() / 2 > calls.len() + 512
    }

    /// Entries held for single calls.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.due.len()
    }

    /// Releases the memory of evicted ids.
    pub(super) fn trim(&mut self, first: CallId) {
        self.ids.trim(first);
        self.failed.trim(first);
        self.failures.retain(|_, count| *count > 0);
    }

    /// The figures; percentiles are exact for up to [`EXACT_UP_TO`] calls.
    pub(super) fn figures(&self, calls: &Calls) -> MatchingFigures {
        if self.ids.len() <= EXACT_UP_TO {
            let mut exact: Groups<Exact> = Groups::default();
            for call in self.ids.iter().filter_map(|id| calls.get(id)) {
                exact.entry_ref(&GroupKeyRef::call(call)).or_default().add(&Share::of(call));
            }
            self.merged(&exact, Exact::merge, Exact::figures)
        } else {
            self.merged(&self.groups, Group::merge, |group| group.figures())
        }
    }

    /// The figures of models, routes and all, merged from the groups.
    fn merged<T: Default>(
        &self,
        groups: &Groups<T>,
        merge: fn(&mut T, &T),
        figures: impl Fn(T) -> Figures,
    ) -> MatchingFigures {
        let mut all = T::default();
        let mut models: HashMap<&Name, T> = HashMap::new();
        let mut routes: HashMap<&Name, T> = HashMap::new();
        for (key, group) in groups {
            merge(&mut all, group);
            merge(models.entry(&key.model).or_default(), group);
            if let Some(route) = &key.route {
                merge(routes.entry(route).or_default(), group);
            }
        }
        let rollups = |groups: HashMap<&Name, T>| {
            let rollup = |(name, group): (&Name, T)| Rollup { name: name.clone(), figures: figures(group) };
            dearest_first(groups.into_iter().map(rollup).collect())
        };
        MatchingFigures {
            models: rollups(models),
            routes: rollups(routes),
            all: figures(all),
            failures: self.failures(),
        }
    }

    fn failures(&self) -> Vec<(Status, u64)> {
        let mut failures: Vec<_> = self.failures.iter().map(|(status, count)| (*status, *count)).collect();
        failures.sort_by_key(|(_, count)| Reverse(*count));
        failures
    }

    /// Calls over time. For [`Window::All`] the finest buckets that cover nearly all calls, up to the latest one.
    pub(super) fn series(&self) -> Series {
        self.chart.series()
    }

    /// Spending over the window, but over no more time than the kept calls cover since `oldest_kept`. Without a window, over
    /// the last five minutes, evicted calls included, but over no more time than since `earliest`. `None` while both time
    /// and calls are too few for a rate.
    pub(super) fn burn(
        &self,
        tally: &Tally,
        now: i64,
        oldest_kept: Option<i64>,
        earliest: Option<i64>,
    ) -> Option<Burn> {
        let (cost, calls, from) = if let Some(nanos) = self.window.nanos() {
            (tally.cost_femto_usd, tally.priced(), now.saturating_sub(nanos).max(oldest_kept?))
        } else {
            let known_from = self.complete_since.or(earliest)?;
            let spending = &self.spending;
            (spending.cost_femto_usd(), spending.calls(), spending.start_unix_nano().max(known_from))
        };
        let covered = now.saturating_sub(from);
        let is_enough = covered >= BURN_TIME || calls >= BURN_CALLS;
        (tally.priced() > 0 && is_enough).then(|| Burn::of(cost, covered.max(SHORTEST_BURN))).flatten()
    }

    /// Whether figures change without new calls as time goes on.
    pub(super) fn is_moving(&self) -> bool {
        self.spending.calls() > 0 || !self.due.is_empty()
    }
}

/// By cost, then by calls, then by name.
fn dearest_first(mut rollups: Vec<Rollup>) -> Vec<Rollup> {
    let key = |rollup: &Rollup| Reverse((rollup.figures.tally.cost_femto_usd, rollup.figures.tally.calls));
    rollups.sort_unstable_by(|one, other| key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name)));
    rollups
}
