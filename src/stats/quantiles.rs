//! Percentiles by nearest rank: exact for small groups, from a sketch of logarithmic buckets for large ones.
//!
//! The sketch keeps the count and the exact sum of each bucket and answers with a bucket's mean. That is the value itself
//! where all values of the bucket are equal, lies within the smallest and the largest value, and is at most a bucket's
//! width, 1/128, off. Sums are integers, so that removing and merging leave what a recomputation would find.

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
    /// Whether a percentile may be off, by 1/128 of it at the most.
    pub is_approximate: bool,
}

/// The rank of the percentile among `n` values, from 1.
fn rank(percent: u64, n: u64) -> u64 {
    let rank = (u128::from(n) * u128::from(percent)).div_ceil(100);
    u64::try_from(rank).unwrap_or(u64::MAX).max(1)
}

impl Quantiles {
    /// The percentiles of these values, exactly. Reorders them; what is no figure (`is_figure`) must not be among them.
    pub fn exact(values: &mut [f64]) -> Self {
        let n = values.len() as u64;
        let p99 = select(values, rank(99, n));
        let p95 = select(values, rank(95, n));
        let p50 = select(values, rank(50, n));
        Self { n, p50, p95, p99, is_approximate: false }
    }
}

/// The value of this rank.
fn select(values: &mut [f64], rank: u64) -> Option<f64> {
    let at = usize::try_from(rank).ok()?.checked_sub(1)?;
    (at < values.len()).then(|| *values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Whether a value takes part in a distribution: times and rates are finite and not negative.
pub(super) fn is_figure(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

/// Mantissa bits that select the bucket: 128 buckets an octave, each at most 1/128 of its lower bound wide.
const SUB_BITS: u32 = 7;
/// Mantissa bits that are ignored.
const FINE_BITS: u32 = f64::MANTISSA_DIGITS - 1 - SUB_BITS;
const FINE: u64 = (1 << FINE_BITS) - 1;
/// The first bucket above zero: 2^-32. What lies below (a quarter of a picosecond, as ms) counts as zero.
const LOWEST: u64 = (1023 - 32) << SUB_BITS;
/// The last bucket: up to 2^48 (9,000 years, as ms). What lies above counts as its upper end.
const HIGHEST: u64 = ((1023 + 48) << SUB_BITS) - 1;

/// Where a value is counted: its bucket, 0 for zero, and how far above the bucket's lower bound it lies, in units of
/// the last place.
#[expect(clippy::cast_possible_truncation, reason = "80 octaves of 128 buckets")]
fn place(value: f64) -> (u16, u64) {
    let bits = value.abs().to_bits();
    let bucket = bits >> FINE_BITS;
    if bucket < LOWEST {
        return (0, 0);
    }
    let above = if bucket > HIGHEST { FINE } else { bits & FINE };
    ((bucket.min(HIGHEST) - LOWEST + 1) as u16, above)
}

/// The value so far above the lower bound of a bucket.
fn value_at(bucket: u16, above: u64) -> f64 {
    let Some(nth) = bucket.checked_sub(1) else { return 0.0 };
    f64::from_bits(((LOWEST + u64::from(nth)) << FINE_BITS) + above.min(FINE))
}

/// The values of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    at: u16,
    /// Whether they may differ. Stays so until one is left.
    is_mixed: bool,
    count: u64,
    /// How far they lie above the lower bound, summed.
    above: u128,
}

impl Bucket {
    const fn one(at: u16, above: u64) -> Self {
        Self { at, is_mixed: false, count: 1, above: above as u128 }
    }

    /// Counts the values of another set in the same bucket.
    const fn merge(&mut self, other: &Self) {
        // Means are equal where the products are; those of equal values fit, being of 45 and 64 bits.
        let is_same = self.above.saturating_mul(other.count as u128) == other.above.saturating_mul(self.count as u128);
        self.is_mixed = self.is_mixed || other.is_mixed || !is_same;
        self.count = self.count.saturating_add(other.count);
        self.above = self.above.saturating_add(other.above);
    }

    const fn remove(&mut self, above: u64) {
        self.count = self.count.saturating_sub(1);
        self.above = self.above.saturating_sub(above as u128);
        self.is_mixed = self.is_mixed && self.count > 1;
    }

    fn mean(&self) -> f64 {
        let above = self.above / u128::from(self.count.max(1));
        value_at(self.at, u64::try_from(above).unwrap_or(FINE))
    }
}

/// A counter of values from which percentiles are read, at most 1/128 off.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    n: u64,
    /// Buckets that hold values, lowest first.
    buckets: Vec<Bucket>,
}

impl Distribution {
    /// Counts a value; absent or impossible ones count nothing.
    pub fn add(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| is_figure(*value)) else { return };
        let (at, above) = place(value);
        let one = Bucket::one(at, above);
        match self.find(at) {
            Ok(nth) => self.buckets.get_mut(nth).into_iter().for_each(|bucket| bucket.merge(&one)),
            Err(nth) => self.buckets.insert(nth, one),
        }
        self.n += 1;
    }

    /// Takes back what [`Distribution::add`] counted.
    pub fn remove(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| is_figure(*value)) else { return };
        let (at, above) = place(value);
        let Ok(nth) = self.find(at) else { return };
        let Some(bucket) = self.buckets.get_mut(nth) else { return };
        bucket.remove(above);
        self.n = self.n.saturating_sub(1);
        if bucket.count == 0 {
            self.buckets.remove(nth);
        }
    }

    fn find(&self, at: u16) -> Result<usize, usize> {
        self.buckets.binary_search_by_key(&at, |bucket| bucket.at)
    }

    /// Counts all values of another distribution.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
            return;
        }
        let merged = Vec::with_capacity(self.buckets.len() + other.buckets.len());
        let mine = std::mem::replace(&mut self.buckets, merged);
        let mut theirs = other.buckets.iter().peekable();
        for mut bucket in mine {
            while let Some(before) = theirs.next_if(|their| their.at < bucket.at) {
                self.buckets.push(*before);
            }
            if let Some(same) = theirs.next_if(|their| their.at == bucket.at) {
                bucket.merge(same);
            }
            self.buckets.push(bucket);
        }
        self.buckets.extend(theirs);
    }

    /// The percentiles, each at most 1/128 off and within the smallest and the largest value.
    pub fn quantiles(&self) -> Quantiles {
        let at = |percent| self.bucket_of_rank(rank(percent, self.n));
        let found = [at(50), at(95), at(99)];
        let is_approximate = found.iter().flatten().any(|bucket| bucket.is_mixed);
        let [p50, p95, p99] = found.map(|bucket| bucket.map(Bucket::mean));
        Quantiles { n: self.n, p50, p95, p99, is_approximate }
    }

    fn bucket_of_rank(&self, rank: u64) -> Option<&Bucket> {
        let mut below = 0_u64;
        self.buckets.iter().find(|bucket| {
            below = below.saturating_add(bucket.count);
            below >= rank
        })
    }
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
        prop_assert!((found - expected).abs() <= expected / 128.0, "{} is not within 1/128 of {}", found, expected);
        Ok(())
    }

    fn counted(values: &[f64]) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.add(Some(*value));
        }
        distribution
    }

    /// What is counted, apart from what is only known of removed values.
    fn buckets(distribution: &Distribution) -> Vec<(u16, u64, u128)> {
        distribution.buckets.iter().map(|bucket| (bucket.at, bucket.count, bucket.above)).collect()
    }

    fn figures() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => 0.001_f64..100_000.0,
            1 => Just(0.0),
            1 => (-20.0_f64..20.0).prop_map(f64::exp),
            1 => prop_oneof![Just(2.9e-10), Just(2.8e14)],
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
        fn percentiles_never_leave_the_values(
            kept in prop::collection::vec(figures(), 1..50),
            gone in prop::collection::vec(figures(), 0..50),
        ) {
            let mut distribution = counted(&[kept.clone(), gone.clone()].concat());
            for value in gone {
                distribution.remove(Some(value));
            }
            let found = distribution.quantiles();
            // What lies below the lowest bucket counts as zero.
            let least = kept.iter().copied().fold(f64::MAX, f64::min);
            let least = if least < 2.4e-10 { 0.0 } else { least };
            let most = kept.iter().copied().fold(0.0, f64::max);
            for value in [found.p50, found.p95, found.p99].into_iter().flatten() {
                prop_assert!((least..=most).contains(&value), "{} is not within {} and {}", value, least, most);
            }
        }

        #[test]
        fn repeated_values_are_exact(
            value in figures(),
            times in 1_usize..300,
            gone in prop::collection::vec(figures(), 0..5),
        ) {
            let mut distribution = counted(&vec![value; times]);
            let mut halves = counted(&vec![value; times / 2]);
            halves.merge(&counted(&vec![value; times - times / 2]));
            let exact = Quantiles {
                n: times as u64,
                p50: Some(value),
                p95: Some(value),
                p99: Some(value),
                is_approximate: false,
            };
            prop_assert_eq!(distribution.quantiles(), exact);
            prop_assert_eq!(halves.quantiles(), exact);
            for value in &gone {
                distribution.add(Some(*value));
            }
            for value in gone {
                distribution.remove(Some(value));
            }
            prop_assert_eq!(Quantiles { is_approximate: false, ..distribution.quantiles() }, exact);
        }

        #[test]
        fn merging_counts_the_values_of_both(
            ours in prop::collection::vec(figures(), 0..100),
            theirs in prop::collection::vec(figures(), 0..100),
        ) {
            let mut merged = counted(&ours);
            merged.merge(&counted(&theirs));
            prop_assert_eq!(buckets(&merged), buckets(&counted(&[ours, theirs].concat())));
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
            prop_assert_eq!(buckets(&storm), buckets(&counted(&kept)));
            prop_assert_eq!(storm.n, kept.len() as u64);
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

    fn every_percentile(value: f64) -> Quantiles {
        Quantiles { n: 1, p50: Some(value), p95: Some(value), p99: Some(value), is_approximate: false }
    }

    #[test]
    fn what_is_approximate_is_marked() {
        let mut distribution = counted(&[499.0; 2_000]);
        assert_eq!(distribution.quantiles().p99, Some(499.0));
        distribution.add(Some(499.5));
        assert!(distribution.quantiles().is_approximate);
        assert!(distribution.quantiles().p99.is_some_and(|p99| (499.0..=499.5).contains(&p99)));
        assert!(!counted(&[499.0, 600.0]).quantiles().is_approximate);
    }

    #[test]
    fn zero_is_zero_and_one_value_is_every_percentile() {
        let mut distribution = Distribution::default();
        distribution.add(Some(0.0));
        assert_eq!(distribution.quantiles(), every_percentile(0.0));
        assert_eq!(Quantiles::exact(&mut [7.0]), every_percentile(7.0));
    }

    #[test]
    fn extremes_have_a_place() {
        let mut distribution = Distribution::default();
        for value in [f64::MAX, f64::MIN_POSITIVE, 1e-300] {
            distribution.add(Some(value));
        }
        assert_eq!(distribution.quantiles().p50, Some(0.0));
        assert!(distribution.quantiles().p99.is_some_and(|highest| highest > 2.7e14 && highest.is_finite()));
        for value in [f64::MAX, f64::MIN_POSITIVE, 1e-300] {
            distribution.remove(Some(value));
        }
        assert_eq!(distribution.quantiles(), Quantiles::default());
    }

    #[test]
    fn ranks_round_up() {
        for (percent, n, expected) in [(50, 1, 1), (50, 2, 1), (50, 3, 2), (95, 20, 19), (95, 21, 20), (99, 100, 99)] {
            assert_eq!(rank(percent, n), expected, "p{percent} of {n}");
        }
        assert_eq!(rank(99, u64::MAX), 18_262_276_632_972_456_099);
    }
}
