//! Percentiles by nearest rank: exact for small groups, from logarithmic buckets for large ones.

/// Up to so many calls, percentiles are exact: computed from the values themselves.
pub const EXACT_UP_TO: usize = 10_000;

/// The percentiles of one figure. Nearest rank: the smallest value that at least p percent of the values do not exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// Values: calls that have the figure.
    pub n: u64,
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}

/// The rank of the percentile among `n` values, from 1.
fn rank(percent: u64, n: u64) -> u64 {
    let rank = (u128::from(n) * u128::from(percent)).div_ceil(100);
    u64::try_from(rank).unwrap_or(u64::MAX).max(1)
}

impl Quantiles {
    /// The percentiles of these values, exactly. Reorders them; what is no figure ([`is_figure`]) must not be among them.
    pub fn exact(values: &mut [f64]) -> Self {
        let n = values.len() as u64;
        let p99 = select(values, rank(99, n));
        let p95 = select(values, rank(95, n));
        let p50 = select(values, rank(50, n));
        Self { n, p50, p95, p99 }
    }
}

/// The value of this rank.
fn select(values: &mut [f64], rank: u64) -> Option<f64> {
    let at = usize::try_from(rank).ok()?.checked_sub(1)?;
    (at < values.len()).then(|| *values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Whether a value takes part in a distribution: times and rates are finite and not negative.
pub fn is_figure(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

/// Mantissa bits that tell buckets apart: 64 buckets an octave, each 1/64 of its lower bound wide or narrower,
/// so that its middle is at most 1/128 = 0.8% off.
const SUB_BITS: u32 = 6;
/// Buckets stand in pages of this many bits' worth: a page is a quarter octave.
const PAGE_BITS: u32 = 4;
const PAGE: usize = 1 << PAGE_BITS;
const MANTISSA_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// A bucket's number: exponent and leading mantissa bits of the values in it. Orders as the values do.
fn bucket(value: f64) -> u32 {
    u32::try_from(value.abs().to_bits() >> (MANTISSA_BITS - SUB_BITS)).unwrap_or(u32::MAX)
}

/// The middle of a bucket; the lowest bucket stands for zero.
fn middle(bucket: u32) -> f64 {
    const HALF: u64 = 1 << (MANTISSA_BITS - SUB_BITS - 1);
    if bucket == 0 { 0.0 } else { f64::from_bits(u64::from(bucket) << (MANTISSA_BITS - SUB_BITS) | HALF) }
}

/// Sixteen neighbouring buckets. Pages without values are not kept, so that a distribution's memory follows
/// how many different values it has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    key: u32,
    total: u64,
    counts: [u32; PAGE],
}

/// A counter of values from which percentiles are read, at most 1% off. Any finite value from 0 up has its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    n: u64,
    pages: Vec<Page>,
}

impl Distribution {
    /// Counts a value; absent or impossible ones count nothing.
    pub fn add(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| is_figure(*value)) else { return };
        let bucket = bucket(value);
        let key = bucket >> PAGE_BITS;
        let at = match self.find(key) {
            Ok(at) => at,
            Err(at) => {
                self.pages.insert(at, Page { key, total: 0, counts: [0; PAGE] });
                at
            }
        };
        self.n += 1;
        if let Some((page, count)) = slot(&mut self.pages, at, bucket) {
            *page += 1;
            *count = count.saturating_add(1);
        }
    }

    /// Takes back what [`Distribution::add`] counted.
    pub fn remove(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| is_figure(*value)) else { return };
        let bucket = bucket(value);
        let Ok(at) = self.find(bucket >> PAGE_BITS) else { return };
        self.n = self.n.saturating_sub(1);
        let Some((page, count)) = slot(&mut self.pages, at, bucket) else { return };
        *count = count.saturating_sub(1);
        *page = page.saturating_sub(1);
        if *page == 0 {
            self.pages.remove(at);
        }
    }

    fn find(&self, key: u32) -> Result<usize, usize> {
        self.pages.binary_search_by_key(&key, |page| page.key)
    }

    /// The percentiles, each at most 1% off.
    pub fn quantiles(&self) -> Quantiles {
        let at = |percent| self.value_of_rank(rank(percent, self.n));
        Quantiles { n: self.n, p50: at(50), p95: at(95), p99: at(99) }
    }

    fn value_of_rank(&self, rank: u64) -> Option<f64> {
        let mut below = 0;
        let page = self.pages.iter().find(|page| {
            let reached = below + page.total >= rank;
            below += if reached { 0 } else { page.total };
            reached
        })?;
        let sub = page.counts.iter().position(|&count| {
            below += u64::from(count);
            below >= rank
        })?;
        Some(middle((page.key << PAGE_BITS) | u32::try_from(sub).ok()?))
    }
}

/// The page's total and the bucket's count.
fn slot(pages: &mut [Page], at: usize, bucket: u32) -> Option<(&mut u64, &mut u32)> {
    let page = pages.get_mut(at)?;
    let sub = usize::try_from(bucket).ok()? % PAGE;
    Some((&mut page.total, page.counts.get_mut(sub)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition itself: the smallest value that at least p percent of the values do not exceed.
    fn naive(values: &[f64], percent: usize) -> Option<f64> {
        let not_above = |bound: f64| values.iter().filter(|value| **value <= bound).count();
        let enough = |bound: &f64| not_above(*bound) * 100 >= percent * values.len();
        values.iter().copied().filter(enough).min_by(f64::total_cmp)
    }

    fn assert_close(found: Option<f64>, expected: Option<f64>) -> Result<(), TestCaseError> {
        let (Some(found), Some(expected)) = (found, expected) else {
            prop_assert_eq!(found, expected);
            return Ok(());
        };
        prop_assert!((found - expected).abs() <= 0.01 * expected, "{} is not within 1% of {}", found, expected);
        Ok(())
    }

    fn counted(values: &[f64]) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.add(Some(*value));
        }
        distribution
    }

    fn figures() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => 0.001_f64..100_000.0,
            1 => Just(0.0),
            1 => (-20.0_f64..20.0).prop_map(f64::exp),
            1 => prop_oneof![Just(f64::MAX), Just(1e-300)],
        ]
    }

    proptest! {
        #[test]
        fn exact_is_nearest_rank(values in prop::collection::vec(figures(), 0..300)) {
            let found = Quantiles::exact(&mut values.clone());
            prop_assert_eq!(found.n, values.len() as u64);
            prop_assert_eq!(found.p50, naive(&values, 50));
            prop_assert_eq!(found.p95, naive(&values, 95));
            prop_assert_eq!(found.p99, naive(&values, 99));
        }

        #[test]
        fn buckets_are_within_one_percent(values in prop::collection::vec(figures(), 0..600)) {
            let distribution = counted(&values);
            let found = distribution.quantiles();
            prop_assert_eq!(found.n, values.len() as u64);
            assert_close(found.p50, naive(&values, 50))?;
            assert_close(found.p95, naive(&values, 95))?;
            assert_close(found.p99, naive(&values, 99))?;
        }

        #[test]
        fn removing_leaves_what_was_never_removed(
            kept in prop::collection::vec(figures(), 0..100),
            gone in prop::collection::vec(figures(), 0..100),
        ) {
            let mut storm = counted(&[gone.clone(), kept.clone()].concat());
            for value in gone {
                storm.remove(Some(value));
            }
            prop_assert_eq!(storm, counted(&kept));
        }
    }

    #[test]
    fn what_is_no_figure_counts_nothing() {
        let mut distribution = Distribution::default();
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0)] {
            distribution.add(value);
            distribution.remove(value);
        }
        assert_eq!(distribution.quantiles(), Quantiles::default());
        assert_eq!(Quantiles::exact(&mut []), Quantiles::default());
    }

    #[test]
    fn zero_is_zero_and_one_value_is_every_percentile() {
        let mut distribution = Distribution::default();
        distribution.add(Some(0.0));
        assert_eq!(distribution.quantiles(), Quantiles { n: 1, p50: Some(0.0), p95: Some(0.0), p99: Some(0.0) });
        assert_eq!(Quantiles::exact(&mut [7.0]), Quantiles { n: 1, p50: Some(7.0), p95: Some(7.0), p99: Some(7.0) });
    }

    #[test]
    fn ranks_round_up() {
        for (percent, n, expected) in [(50, 1, 1), (50, 2, 1), (50, 3, 2), (95, 20, 19), (95, 21, 20), (99, 100, 99)] {
            assert_eq!(rank(percent, n), expected, "p{percent} of {n}");
        }
        assert_eq!(rank(99, u64::MAX), 18_262_276_632_972_456_099);
    }
}
