//! The calls that pass filter and window, and their figures, kept incrementally.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use hashbrown::HashMap;

use super::rows::IdSet;
use super::starts::Starts;
use super::view::Window;
use crate::app::filter::Filter;
use crate::call::{CallId, LlmCall, Name, Status};
use crate::collector::Calls;
use crate::stats::{Burn, EXACT_UP_TO, Exact, Figures, Group, Series, Share, Timeline, finest_complete};

/// A model or a route and its figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollup {
    /// The name; empty for calls whose model is unknown.
    pub name: Name,
    /// The figures of its calls.
    pub figures: Figures,
}

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Bucket widths tried for [`Window::All`]: from one minute shown in all up to more than a year.
const WIDTHS: [i64; 10] =
    [SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR];

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

#[derive(Debug, Default)]
struct Groups(HashMap<Name, Group, foldhash::fast::RandomState>);

impl Groups {
    fn add(&mut self, name: &str, share: &Share) {
        self.0.entry_ref(name).or_default().add(share);
    }

    fn remove(&mut self, name: &str, share: &Share) {
        if let Some(group) = self.0.get_mut(name) {
            group.remove(share);
            if group.is_empty() {
                self.0.remove(name);
            }
        }
    }

    fn rollups(&self) -> Vec<Rollup> {
        self.0.iter().map(|(name, group)| Rollup { name: name.clone(), figures: group.figures() }).collect()
    }
}

/// The calls that pass, and what is told of them.
#[derive(Debug)]
pub(super) struct Matching {
    window: Window,
    pub(super) ids: IdSet,
    pub(super) failed: IdSet,
    all: Group,
    failures: BTreeMap<Status, u64>,
    models: Groups,
    routes: Groups,
    charts: Vec<Timeline>,
    spending: Timeline,
    /// Starts of the calls that pass, earliest first, where a window will end their stay. May hold leftovers.
    leaving: BinaryHeap<Reverse<(i64, CallId)>>,
}

/// The figures of a picture.
pub(super) struct Told {
    pub(super) all: Figures,
    pub(super) failures: Vec<(Status, u64)>,
    pub(super) models: Vec<Rollup>,
    pub(super) routes: Vec<Rollup>,
}

impl Matching {
    pub(super) fn new(window: Window, moment: Moment) -> Self {
        let end = moment.chart_end(window);
        let charts = match window.nanos() {
            Some(nanos) => vec![Timeline::spanning(nanos, end)],
            None => WIDTHS.iter().map(|width| Timeline::new(*width, end)).collect(),
        };
        Self {
            window,
            ids: IdSet::default(),
            failed: IdSet::default(),
            all: Group::default(),
            failures: BTreeMap::new(),
            models: Groups::default(),
            routes: Groups::default(),
            charts,
            spending: Timeline::new(BURN_BUCKET, moment.now),
            leaving: BinaryHeap::new(),
        }
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }

    /// Moves the charts on; comes before the calls of the new moment.
    pub(super) fn advance(&mut self, moment: Moment) {
        let end = moment.chart_end(self.window);
        self.charts.iter_mut().for_each(|chart| chart.advance(end));
        self.spending.advance(moment.now);
    }

    /// Takes the call in if it passes. It must not be in.
    pub(super) fn consider(&mut self, call: &LlmCall, filter: &Filter, starts: &Starts, now: i64) {
        let start = starts.of(call);
        let passes = !call.is_merged_away() && self.window.contains(start, now) && filter.matches(call, now);
        if passes {
            self.add(call, start);
        }
    }

    fn add(&mut self, call: &LlmCall, start: i64) {
        let share = Share::of(call);
        self.ids.insert(call.id());
        if share.failed {
            self.failed.insert(call.id());
            *self.failures.entry(call.status()).or_insert(0) += 1;
        }
        self.all.add(&share);
        self.models.add(call.shown_model(), &share);
        if let Some(route) = call.route_name() {
            self.routes.add(route, &share);
        }
        self.charts.iter_mut().for_each(|chart| chart.add(start, &share));
        self.spending.add(start, &share);
        if self.window.nanos().is_some() {
            self.leaving.push(Reverse((start, call.id())));
        }
    }

    /// Takes the call, in the shape in which it was added, out again if it is in.
    pub(super) fn remove(&mut self, call: &LlmCall, starts: &Starts) {
        if !self.ids.remove(call.id()) {
            return;
        }
        let share = Share::of(call);
        let start = starts.of(call);
        if self.failed.remove(call.id())
            && let Some(count) = self.failures.get_mut(&call.status())
        {
            *count = count.saturating_sub(1);
        }
        self.all.remove(&share);
        self.models.remove(call.shown_model(), &share);
        if let Some(route) = call.route_name() {
            self.routes.remove(route, &share);
        }
        self.charts.iter_mut().for_each(|chart| chart.remove(start, &share));
        self.spending.remove(start, &share);
    }

    /// Takes out the calls whose time in the window is over.
    pub(super) fn expire(&mut self, calls: &Calls, starts: &Starts, now: i64) {
        while let Some(Reverse((start, id))) = self.leaving.peek().copied()
            && !self.window.contains(start, now)
        {
            self.leaving.pop();
            if let Some(call) = calls.get(id).filter(|call| starts.of(call) == start) {
                self.remove(call, starts);
            }
        }
        if self.leaving.len() > 2 * self.ids.len() + 1024 {
            let starts_of_ids = self.ids.iter().filter_map(|id| calls.get(id)).map(|call| (starts.of(call), call.id()));
            self.leaving = starts_of_ids.map(Reverse).collect();
        }
    }

    /// Gives back the memory of ids that are no longer kept.
    pub(super) fn trim(&mut self, first: CallId) {
        self.ids.trim(first);
        self.failed.trim(first);
        self.failures.retain(|_, count| *count > 0);
    }

    /// The figures; percentiles are exact while the calls are few.
    pub(super) fn told(&self, calls: &Calls) -> Told {
        let (all, mut models, mut routes) = if self.ids.len() <= EXACT_UP_TO {
            self.exact_figures(calls)
        } else {
            (self.all.figures(), self.models.rollups(), self.routes.rollups())
        };
        dearest_first(&mut models);
        dearest_first(&mut routes);
        let mut failures: Vec<_> = self.failures.iter().map(|(status, count)| (*status, *count)).collect();
        failures.sort_by_key(|(_, count)| Reverse(*count));
        Told { all, failures, models, routes }
    }

    fn exact_figures(&self, calls: &Calls) -> (Figures, Vec<Rollup>, Vec<Rollup>) {
        let mut all = Exact::default();
        let mut models: HashMap<&str, Exact> = HashMap::new();
        let mut routes: HashMap<&str, Exact> = HashMap::new();
        for call in self.ids.iter().filter_map(|id| calls.get(id)) {
            let share = Share::of(call);
            all.add(&share);
            models.entry(call.shown_model()).or_default().add(&share);
            if let Some(route) = call.route_name() {
                routes.entry(route).or_default().add(&share);
            }
        }
        let rollups = |exact: HashMap<&str, Exact>, groups: &Groups| {
            let known = exact.into_iter().filter_map(|(name, exact)| Some((groups.0.get_key_value(name)?, exact)));
            known
                .map(|((name, group), exact)| Rollup { name: name.clone(), figures: exact.figures(*group.tally()) })
                .collect()
        };
        (all.figures(*self.all.tally()), rollups(models, &self.models), rollups(routes, &self.routes))
    }

    /// Calls over time. Under [`Window::All`] the finest buckets that show nearly all kept calls, up to the latest one.
    pub(super) fn series(&self) -> Series {
        finest_complete(&self.charts).map(Timeline::series).unwrap_or_default()
    }

    /// Spending: over the window, or over the last five minutes where there is none, and never over more time than
    /// the kept calls cover, which `oldest_start` begins.
    pub(super) fn burn(&self, now: i64, oldest_start: Option<i64>) -> Option<Burn> {
        let (cost, from) = match self.window.nanos() {
            Some(nanos) => (self.all.tally().cost_femto_usd, now.saturating_sub(nanos)),
            None => (self.spending.cost_femto_usd(), self.spending.start_unix_nano()),
        };
        let covered = now.saturating_sub(from.max(oldest_start?)).max(SHORTEST_BURN);
        (self.all.tally().priced() > 0).then(|| Burn::of(cost, covered)).flatten()
    }

    /// Whether figures change by the mere passing of time.
    pub(super) fn is_moving(&self) -> bool {
        self.spending.calls() > 0 || (self.window != Window::All && self.ids.len() > 0)
    }
}

/// By cost, then by calls, then by name.
fn dearest_first(rollups: &mut [Rollup]) {
    let key = |rollup: &Rollup| Reverse((rollup.figures.tally.cost_femto_usd, rollup.figures.tally.calls));
    rollups.sort_unstable_by(|one, other| key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name)));
}
