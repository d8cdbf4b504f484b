//! Calls, errors and money over time, bucketed by the start of the calls: what the sparklines show.

use std::collections::VecDeque;

use super::{Share, usd};

/// Buckets in a series.
pub const BUCKETS: usize = 60;
/// The same for arithmetic on time.
const BUCKETS_I64: i64 = 60;

const SECOND: i64 = 1_000_000_000;

/// What one bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeriesPoint {
    /// Calls that started in the bucket.
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
/// the priced cost of the calls that started in the last `over_secs`, scaled to an hour.
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

    /// A timeline whose buckets make up `nanos` in all.
    pub fn spanning(nanos: i64, end_unix_nano: i64) -> Self {
        Self::new(nanos / BUCKETS_I64, end_unix_nano)
    }

    /// Moves the end on; buckets that fall out at the old end are forgotten. It never moves back.
    pub fn advance(&mut self, end_unix_nano: i64) {
        let last = end_unix_nano.div_euclid(self.bucket_nanos).max(self.last);
        let steps = usize::try_from(last.saturating_sub(self.last)).unwrap_or(usize::MAX).min(BUCKETS);
        self.points.drain(..steps);
        self.points.resize(BUCKETS, SeriesPoint::default());
        self.last = last;
    }

    /// Counts a call that started then; the start must not lie beyond the end, or it counts in the newest bucket.
    pub fn add(&mut self, start_unix_nano: i64, share: &Share) {
        if let Some(point) = self.point_at(start_unix_nano) {
            point.calls = point.calls.saturating_add(1);
            point.errors = point.errors.saturating_add(share.failed.into());
            point.cost_femto_usd = point.cost_femto_usd.saturating_add(share.cost_femto_usd.unwrap_or(0));
        }
    }

    /// Takes back what [`Timeline::add`] counted.
    pub fn remove(&mut self, start_unix_nano: i64, share: &Share) {
        if let Some(point) = self.point_at(start_unix_nano) {
            point.calls = point.calls.saturating_sub(1);
            point.errors = point.errors.saturating_sub(share.failed.into());
            point.cost_femto_usd = point.cost_femto_usd.saturating_sub(share.cost_femto_usd.unwrap_or(0));
        }
    }

    fn point_at(&mut self, start_unix_nano: i64) -> Option<&mut SeriesPoint> {
        let age = self.last.saturating_sub(start_unix_nano.div_euclid(self.bucket_nanos)).max(0);
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
    pub fn start_unix_nano(&self) -> i64 {
        self.last.saturating_sub(BUCKETS_I64 - 1).saturating_mul(self.bucket_nanos)
    }

    /// The buckets as they are now.
    pub fn series(&self) -> Series {
        Series {
            start_unix_nano: self.start_unix_nano(),
            bucket_nanos: self.bucket_nanos,
            points: self.points.iter().copied().collect(),
        }
    }
}

/// Of timelines over the same calls, finest first: the finest that shows at least 99% of what the coarsest does.
/// A few calls with a wrong clock then do not squeeze all others into one bucket.
pub fn finest_complete(timelines: &[Timeline]) -> Option<&Timeline> {
    let most = timelines.last()?.calls();
    timelines.iter().find(|timeline| u128::from(timeline.calls()) * 100 >= u128::from(most) * 99)
}
