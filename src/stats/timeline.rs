//! Calls, errors and money over time, bucketed by the end of the calls: what the sparklines show.

use std::collections::VecDeque;

use super::{Share, usd};

/// Buckets in a series.
pub const BUCKETS: usize = 60;
/// The same for arithmetic on time.
const BUCKETS_I64: i64 = 60;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// What one bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeriesPoint {
    /// Calls that ended in the bucket.
    pub calls: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Cost of the priced ones, 1e-15 USD.
    pub cost_femto_usd: i128,
}

/// The buckets of a stretch of time, oldest first; always [`BUCKETS`] of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Start of the oldest bucket, ns since the epoch.
    pub start_unix_nano: i64,
    /// Width of a bucket, ns.
    pub bucket_nanos: i64,
    /// The buckets.
    pub points: Vec<SeriesPoint>,
    /// What ended before the oldest bucket: at most 1% of the calls.
    pub earlier: SeriesPoint,
}

impl Series {
    fn bucket_secs(&self) -> f64 {
        self.bucket_nanos.max(1) as f64 / SECOND as f64
    }

    /// Calls a second, a figure for each bucket.
    pub fn calls_per_sec(&self) -> impl Iterator<Item = f64> {
        self.points.iter().map(|point| point.calls as f64 / self.bucket_secs())
    }

    /// Failed calls, a count for each bucket.
    pub fn errors(&self) -> impl Iterator<Item = u64> {
        self.points.iter().map(|point| point.errors)
    }

    /// USD a minute, a figure for each bucket.
    pub fn usd_per_min(&self) -> impl Iterator<Item = f64> {
        self.points.iter().map(|point| usd(point.cost_femto_usd) / self.bucket_secs() * 60.0)
    }
}

/// Spending as an hourly rate, with what it was measured over, so that it can be explained:
/// the priced cost of the calls that ended in the last `over_secs`, scaled to an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Burn {
    /// USD an hour.
    pub usd_per_hour: f64,
    /// Seconds measured.
    pub over_secs: f64,
}

impl Burn {
    /// The rate of this cost over this time; nothing was measured in no time.
    pub fn of(cost_femto_usd: i128, over_nanos: i64) -> Option<Self> {
        let over_secs = over_nanos as f64 / SECOND as f64;
        (over_nanos > 0).then(|| Self { usd_per_hour: usd(cost_femto_usd) / over_secs * 3600.0, over_secs })
    }
}

impl SeriesPoint {
    /// What one call adds.
    pub fn of(share: &Share) -> Self {
        Self { calls: 1, errors: share.failed.into(), cost_femto_usd: share.cost_femto_usd.unwrap_or(0) }
    }

    const fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.cost_femto_usd = self.cost_femto_usd.saturating_add(other.cost_femto_usd);
    }

    const fn remove(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.errors = self.errors.saturating_sub(other.errors);
        self.cost_femto_usd = self.cost_femto_usd.saturating_sub(other.cost_femto_usd);
    }
}

/// Counts of the last [`BUCKETS`] buckets of one width. Constant in size and exact: a call older than the
/// buckets is not in it, and removing it then changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    bucket_nanos: i64,
    /// Number of the newest bucket since the epoch.
    last: i64,
    points: VecDeque<SeriesPoint>,
}

impl Timeline {
    /// A timeline without calls that ends at `end_unix_nano`. A width below 1 ns is taken as 1 ns.
    pub fn new(bucket_nanos: i64, end_unix_nano: i64) -> Self {
        let bucket_nanos = bucket_nanos.max(1);
        Self {
            bucket_nanos,
            last: end_unix_nano.div_euclid(bucket_nanos),
            points: VecDeque::from([SeriesPoint::default(); BUCKETS]),
        }
    }

    /// Moves the end on and returns the buckets that fell out at the old end, with their starts. It never moves back.
    pub fn advance(&mut self, end_unix_nano: i64) -> Vec<(i64, SeriesPoint)> {
        let last = end_unix_nano.div_euclid(self.bucket_nanos).max(self.last);
        let steps = usize::try_from(last.saturating_sub(self.last)).unwrap_or(usize::MAX).min(BUCKETS);
        let fallen = self.starts().zip(self.points.drain(..steps)).collect();
        self.points.resize(BUCKETS, SeriesPoint::default());
        self.last = last;
        fallen
    }

    /// Counts what ended then; false when that is before the oldest bucket. What lies beyond the end counts in the newest.
    pub fn add(&mut self, end_unix_nano: i64, point: SeriesPoint) -> bool {
        self.point_at(end_unix_nano).map(|bucket| bucket.add(point)).is_some()
    }

    /// Takes back what [`Timeline::add`] counted; false when that is before the oldest bucket.
    pub fn remove(&mut self, end_unix_nano: i64, point: SeriesPoint) -> bool {
        self.point_at(end_unix_nano).map(|bucket| bucket.remove(point)).is_some()
    }

    fn point_at(&mut self, end_unix_nano: i64) -> Option<&mut SeriesPoint> {
        let age = self.last.saturating_sub(end_unix_nano.div_euclid(self.bucket_nanos)).max(0);
        let from_end = usize::try_from(age).ok()?;
        self.points.get_mut(BUCKETS.checked_sub(1)?.checked_sub(from_end)?)
    }

    /// Calls in all buckets.
    pub fn calls(&self) -> u64 {
        self.points.iter().map(|point| point.calls).sum()
    }

    /// Cost in all buckets, 1e-15 USD.
    pub fn cost_femto_usd(&self) -> i128 {
        self.points.iter().map(|point| point.cost_femto_usd).sum()
    }

    /// Start of the oldest bucket, ns since the epoch.
    pub const fn start_unix_nano(&self) -> i64 {
        self.last.saturating_sub(BUCKETS_I64 - 1).saturating_mul(self.bucket_nanos)
    }

    /// The starts of the buckets, oldest first.
    fn starts(&self) -> impl Iterator<Item = i64> + use<> {
        let (first, width) = (self.start_unix_nano(), self.bucket_nanos);
        (0..BUCKETS_I64).map(move |nth| first.saturating_add(nth.saturating_mul(width)))
    }

    fn filled(&self) -> impl Iterator<Item = (i64, SeriesPoint)> {
        self.starts().zip(self.points.iter().copied()).filter(|(_, point)| point.calls > 0)
    }

    fn series(&self) -> Series {
        Series {
            start_unix_nano: self.start_unix_nano(),
            bucket_nanos: self.bucket_nanos,
            points: self.points.iter().copied().collect(),
            earlier: SeriesPoint::default(),
        }
    }
}

/// A chart that finds its own bucket width. Its timelines have ever wider buckets; a call is counted in the finest one
/// that still reaches back to it and moves on to the next as time passes, so that counting touches one bucket only.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Finest first; each width is a multiple of the one before.
    timelines: Vec<Timeline>,
}

/// Bucket widths of a chart over all kept calls: from one minute shown in all up to more than a year.
const WIDTHS: [i64; 10] =
    [SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 7 * 24 * HOUR];

impl Chart {
    /// A chart of any stretch of time.
    pub fn open(end_unix_nano: i64) -> Self {
        Self { timelines: WIDTHS.iter().map(|width| Timeline::new(*width, end_unix_nano)).collect() }
    }

    /// A chart of just this stretch of time, ns.
    pub fn spanning(nanos: i64, end_unix_nano: i64) -> Self {
        Self { timelines: vec![Timeline::new(nanos / BUCKETS_I64, end_unix_nano)] }
    }

    /// Moves the end on. It never moves back.
    pub fn advance(&mut self, end_unix_nano: i64) {
        for nth in 0..self.timelines.len() {
            let from_here = self.timelines.get_mut(nth..).and_then(<[Timeline]>::split_first_mut);
            let Some((timeline, coarser)) = from_here else { return };
            for (start, point) in timeline.advance(end_unix_nano) {
                coarser.iter_mut().any(|timeline| timeline.add(start, point));
            }
        }
    }

    /// Counts a call that ended then, if any bucket reaches back to it.
    pub fn add(&mut self, end_unix_nano: i64, share: &Share) {
        self.timelines.iter_mut().any(|timeline| timeline.add(end_unix_nano, SeriesPoint::of(share)));
    }

    /// Takes back what [`Chart::add`] counted.
    pub fn remove(&mut self, end_unix_nano: i64, share: &Share) {
        self.timelines.iter_mut().any(|timeline| timeline.remove(end_unix_nano, SeriesPoint::of(share)));
    }

    /// The finest buckets that show at least 99% of the calls: a few with a wrong clock then do not squeeze all others
    /// into one bucket.
    pub fn series(&self) -> Series {
        let all: u64 = self.timelines.iter().map(Timeline::calls).sum();
        let mut shown = 0;
        let reaches = |timeline: &Timeline| {
            shown += timeline.calls();
            u128::from(shown) * 100 >= u128::from(all) * 99
        };
        let nth = self.timelines.iter().position(reaches).unwrap_or(0);
        let Some((timeline, finer)) = self.timelines.get(..=nth).and_then(<[Timeline]>::split_last) else {
            return Series::default();
        };
        let mut timeline = timeline.clone();
        for (start, point) in finer.iter().flat_map(Timeline::filled) {
            timeline.add(start, point);
        }
        let mut earlier = SeriesPoint::default();
        let coarser = self.timelines.iter().skip(nth + 1);
        coarser.flat_map(Timeline::filled).for_each(|(_, point)| earlier.add(point));
        Series { earlier, ..timeline.series() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(failed: bool, femto: i128) -> Share {
        Share { failed, cost_femto_usd: Some(femto), ..Share::default() }
    }

    /// A call in a chart test: ns before the end at which it comes, and whether it goes again.
    type Coming = (i64, bool);

    fn comings() -> impl Strategy<Value = Vec<(i64, Vec<Coming>)>> {
        let age = prop_oneof![0..MINUTE, 0..HOUR, 0..100 * 24 * HOUR, Just(60 * 365 * 24 * HOUR)];
        let step = prop_oneof![0..10 * SECOND, 0..HOUR, 0..30 * 24 * HOUR];
        prop::collection::vec((step, prop::collection::vec((age, any::<bool>()), 0..6)), 1..12)
    }

    proptest! {
        /// However calls come, go and age: every bucket holds what started in it, and the buckets are the finest that do.
        #[test]
        fn a_chart_counts_what_started_when(comings in comings()) {
            let mut end = 1_800_000_000 * SECOND;
            let mut chart = Chart::open(end);
            let mut here: Vec<i64> = Vec::new();
            for (step, calls) in comings {
                end += step;
                chart.advance(end);
                for (age, leaves) in calls {
                    chart.add(end - age, &share(age % 2 == 0, 7));
                    if leaves {
                        chart.remove(end - age, &share(age % 2 == 0, 7));
                    } else {
                        here.push(end - age);
                    }
                }
                if here.len() > 7 {
                    chart.remove(here.remove(here.len() / 2), &share(false, 7));
                }
                let series = chart.series();
                let reach = |width: i64| (end.div_euclid(width) - 59) * width;
                let within = |width: i64| here.iter().filter(|start| **start >= reach(width)).count() * 100;
                let most = within(7 * 24 * HOUR) / 100;
                let finest = WIDTHS.into_iter().find(|width| within(*width) >= most * 99);
                prop_assert_eq!(Some(series.bucket_nanos), finest);
                prop_assert_eq!(series.start_unix_nano, reach(series.bucket_nanos));
                let before = here.iter().filter(|start| (reach(7 * 24 * HOUR)..series.start_unix_nano).contains(*start));
                prop_assert_eq!(series.earlier.calls, before.count() as u64);
                for (point, nth) in series.points.iter().zip(0..) {
                    let from = series.start_unix_nano + nth * series.bucket_nanos;
                    let inside = here.iter().filter(|start| (from..from + series.bucket_nanos).contains(*start));
                    prop_assert_eq!(point.calls, inside.count() as u64);
                }
            }
        }
    }

    #[test]
    fn figures_are_per_time() {
        let mut chart = Chart::spanning(5 * MINUTE, HOUR);
        for (age, failed) in [(0, true), (SECOND, false), (5 * SECOND, false)] {
            chart.add(HOUR - age, &share(failed, 500_000_000_000_000));
        }
        let series = chart.series();
        assert_eq!(series.bucket_nanos, 5 * SECOND);
        let newest = |figures: Vec<f64>| figures.into_iter().rev().take(3).collect::<Vec<_>>();
        assert_eq!(newest(series.calls_per_sec().collect()), [0.2, 0.4, 0.0]);
        assert_eq!(newest(series.usd_per_min().collect()), [6.0, 12.0, 0.0]);
        assert_eq!(series.errors().last(), Some(1));
    }

    #[test]
    fn the_ends_of_time_are_times_too() {
        let mut chart = Chart::open(0);
        for start in [i64::MIN, -1, 0, i64::MAX] {
            chart.add(start, &share(false, 1));
        }
        chart.advance(i64::MAX);
        assert_eq!(chart.series().points.len(), BUCKETS);
        chart.advance(0);
        chart.remove(i64::MIN, &share(false, 1));
    }

    #[test]
    fn burn_names_its_window() {
        let burn = Burn::of(2_000_000_000_000_000, 30 * 60 * SECOND);
        assert_eq!(burn, Some(Burn { usd_per_hour: 4.0, over_secs: 1800.0 }));
        assert_eq!(Burn::of(1, 0), None);
    }
}
