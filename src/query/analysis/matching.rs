//! The calls that pass filter and window, and their figures, kept incrementally.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::{Equivalent, HashMap};

use super::rows::IdSet;
use super::starts::Starts;
use super::view::Window;
use crate::call::{CallId, LlmCall, Name, Status};
use crate::collector::Calls;
use crate::query::filter::Filter;
use crate::stats::{Burn, Chart, EXACT_UP_TO, Exact, Figures, Group, Series, SeriesPoint, Share, Tally, Timeline};

/// A model or a route and its figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollup {
    /// The name; empty for calls whose model is unknown.
    pub name: Name,
    /// The figures of its calls.
    pub figures: Figures,
}

const SECOND: i64 = 1_000_000_000;

/// Bucket width of the buckets that [`Window::All`] measures spending by: five minutes in all.
const BURN_BUCKET: i64 = 5 * SECOND;
/// Spending is measured over no less: one call in the first second is no trend.
const SHORTEST_BURN: i64 = 10 * SECOND;

/// Timed by what: a window ends now; the kept calls end with the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) now: i64,
    pub(super) latest_start: i64,
}

impl Moment {
    const fn chart_end(self, window: Window) -> i64 {
        match window {
            Window::All => self.latest_start,
            Window::Minute | Window::FiveMinutes | Window::QuarterHour | Window::Hour => self.now,
        }
    }
}

/// What decides whether a call is in.
pub(super) struct By<'a> {
    pub(super) filter: &'a Filter,
    pub(super) starts: &'a Starts,
    pub(super) now: i64,
}

/// Names a cell: the calls of one model on one route, so that a call is counted in one group only. Models, routes
/// and the whole are merged from the cells when a picture is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Cell {
    model: Name,
    route: Option<Name>,
}

/// A [`Cell`] by borrowed names.
#[derive(Hash)]
struct CellOf<'a> {
    model: &'a str,
    route: Option<&'a str>,
}

impl<'a> CellOf<'a> {
    fn call(call: &'a LlmCall) -> Self {
        Self { model: call.shown_model(), route: call.route_name().map(Name::as_str) }
    }
}

impl Equivalent<Cell> for CellOf<'_> {
    fn equivalent(&self, cell: &Cell) -> bool {
        self.model == cell.model && self.route == cell.route.as_deref()
    }
}

impl From<&CellOf<'_>> for Cell {
    fn from(cell: &CellOf<'_>) -> Self {
        Self { model: cell.model.into(), route: cell.route.map(Name::from) }
    }
}

type Cells<T> = HashMap<Cell, T, foldhash::fast::RandomState>;

/// The calls that pass, and what is told of them.
#[derive(Debug)]
pub(super) struct Matching {
    window: Window,
    /// Goes up whenever a call comes or goes.
    state: u64,
    pub(super) ids: IdSet,
    pub(super) failed: IdSet,
    cells: Cells<Group>,
    failures: BTreeMap<Status, u64>,
    /// Calls by session; sessions without any are not in it.
    sessions: HashMap<Name, u32, foldhash::fast::RandomState>,
    chart: Chart,
    spending: Timeline,
    /// When calls are to be considered again because time alone may bring them in or take them out, the soonest first.
    /// May hold leftovers of calls that changed or left in another way: considering a call once more does no harm.
    due: BinaryHeap<Reverse<(i64, CallId)>>,
}

/// The figures of a picture.
pub(super) struct Told {
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
            cells: Cells::default(),
            failures: BTreeMap::new(),
            sessions: HashMap::default(),
            chart: window.nanos().map_or_else(|| Chart::open(end), |nanos| Chart::spanning(nanos, end)),
            spending: Timeline::new(BURN_BUCKET, moment.now),
            due: BinaryHeap::new(),
        }
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }

    /// Tells states with different calls apart.
    pub(super) const fn state(&self) -> u64 {
        self.state
    }

    /// Moves the charts on; comes before the calls of the new moment.
    pub(super) fn advance(&mut self, moment: Moment) {
        self.chart.advance(moment.chart_end(self.window));
        self.spending.advance(moment.now);
    }

    /// Takes the call in if it passes. It must not be in.
    pub(super) fn consider(&mut self, call: &LlmCall, by: &By<'_>) {
        let start = by.starts.of(call);
        // What has left the window, or became part of another row, does not come back.
        if call.is_merged_away() || !self.window.contains(start, by.now) {
            return;
        }
        let passes = by.filter.matches(call, by.now);
        if passes {
            self.add(call, start);
        }
        let leaves = self.window.nanos().filter(|_| passes).map(|nanos| start.saturating_add(nanos));
        let changes = by.filter.next_change(call, by.now);
        if let Some(moment) = leaves.into_iter().chain(changes).min() {
            self.due.push(Reverse((moment, call.id())));
        }
    }

    fn add(&mut self, call: &LlmCall, start: i64) {
        let share = Share::of(call);
        self.state += 1;
        self.ids.insert(call.id());
        if share.failed {
            self.failed.insert(call.id());
            *self.failures.entry(call.status()).or_insert(0) += 1;
        }
        self.cells.entry_ref(&CellOf::call(call)).or_default().add(&share);
        if let Some(session) = call.session_id() {
            *self.sessions.entry(session.clone()).or_insert(0) += 1;
        }
        self.chart.add(start, &share);
        self.spending.add(start, SeriesPoint::of(&share));
    }

    /// Takes the call, in the shape in which it was added, out again if it is in.
    pub(super) fn remove(&mut self, call: &LlmCall, starts: &Starts) {
        if !self.ids.remove(call.id()) {
            return;
        }
        self.state += 1;
        let share = Share::of(call);
        let start = starts.of(call);
        if self.failed.remove(call.id())
            && let Some(count) = self.failures.get_mut(&call.status())
        {
            *count = count.saturating_sub(1);
        }
        if let Some(group) = self.cells.get_mut(&CellOf::call(call)) {
            group.remove(&share);
            if group.is_empty() {
                self.cells.remove(&CellOf::call(call));
            }
        }
        self.leave_session(call);
        self.chart.remove(start, &share);
        self.spending.remove(start, SeriesPoint::of(&share));
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

    /// Considers the calls anew for which time alone may have changed the outcome, and notes them in `touched`.
    pub(super) fn reconsider(&mut self, calls: &Calls, by: &By<'_>, touched: &mut IdSet) {
        while let Some(Reverse((moment, id))) = self.due.peek().copied()
            && moment <= by.now
        {
            self.due.pop();
            if let Some(call) = calls.get(id) {
                self.remove(call, by.starts);
                self.consider(call, by);
                touched.insert(id);
            }
        }
    }

    /// Whether leftovers are so many that a scan, which leaves none, is due.
    pub(super) fn is_littered(&self, calls: &Calls) -> bool {
        self.due.len() / 2 > calls.len() + 512
    }

    /// Entries held for single calls.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.due.len()
    }

    /// Gives back the memory of ids that are no longer kept.
    pub(super) fn trim(&mut self, first: CallId) {
        self.ids.trim(first);
        self.failed.trim(first);
        self.failures.retain(|_, count| *count > 0);
    }

    /// The figures; percentiles are exact while the calls are few.
    pub(super) fn told(&self, calls: &Calls) -> Told {
        if self.ids.len() <= EXACT_UP_TO {
            let mut exact: Cells<Exact> = Cells::default();
            for call in self.ids.iter().filter_map(|id| calls.get(id)) {
                exact.entry_ref(&CellOf::call(call)).or_default().add(&Share::of(call));
            }
            self.told_of(&exact, Exact::merge, Exact::figures)
        } else {
            self.told_of(&self.cells, Group::merge, |group| group.figures())
        }
    }

    /// The figures of groups of some kind, merged from the cells.
    fn told_of<T: Default>(&self, cells: &Cells<T>, merge: fn(&mut T, &T), figures: impl Fn(T) -> Figures) -> Told {
        let mut all = T::default();
        let mut models: HashMap<&Name, T> = HashMap::new();
        let mut routes: HashMap<&Name, T> = HashMap::new();
        for (cell, group) in cells {
            merge(&mut all, group);
            merge(models.entry(&cell.model).or_default(), group);
            if let Some(route) = &cell.route {
                merge(routes.entry(route).or_default(), group);
            }
        }
        let rollups = |groups: HashMap<&Name, T>| {
            let rollup = |(name, group): (&Name, T)| Rollup { name: name.clone(), figures: figures(group) };
            dearest_first(groups.into_iter().map(rollup).collect())
        };
        Told { models: rollups(models), routes: rollups(routes), all: figures(all), failures: self.failures() }
    }

    fn failures(&self) -> Vec<(Status, u64)> {
        let mut failures: Vec<_> = self.failures.iter().map(|(status, count)| (*status, *count)).collect();
        failures.sort_by_key(|(_, count)| Reverse(*count));
        failures
    }

    /// Calls over time. Under [`Window::All`] the finest buckets that show nearly all kept calls, up to the latest one.
    pub(super) fn series(&self) -> Series {
        self.chart.series()
    }

    /// Spending: over the window, or over the last five minutes where there is none, and never over more time than
    /// the kept calls cover, which `oldest_start` begins.
    pub(super) fn burn(&self, tally: &Tally, now: i64, oldest_start: Option<i64>) -> Option<Burn> {
        let (cost, from) = match self.window.nanos() {
            Some(nanos) => (tally.cost_femto_usd, now.saturating_sub(nanos)),
            None => (self.spending.cost_femto_usd(), self.spending.start_unix_nano()),
        };
        let covered = now.saturating_sub(from.max(oldest_start?)).max(SHORTEST_BURN);
        (tally.priced() > 0).then(|| Burn::of(cost, covered)).flatten()
    }

    /// Whether figures change by the mere passing of time.
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
