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
    /// The percentiles of these values, exactly. Reorders them; what is no figure (`is_figure`) must not be among them.
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
pub(super) fn is_figure(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

/// Mantissa bits that tell buckets apart: 64 buckets an octave, each at most 1/64 of its lower bound wide,
/// so that its middle is at most 1/128 = 0.8% off.
const SUB_BITS: u32 = 6;
const OCTAVE: usize = 1 << SUB_BITS;
/// Bits of a float that tell no buckets apart.
const FINE_BITS: u32 = f64::MANTISSA_DIGITS - 1 - SUB_BITS;
/// The first bucket above zero: 2^-32. What lies below (a quarter of a picosecond, as ms) counts as zero.
const LOWEST: u64 = (1023 - 32) << SUB_BITS;
/// The last bucket: up to 2^48 (9,000 years, as ms). What lies above counts in it.
const HIGHEST: u64 = ((1023 + 48) << SUB_BITS) - 1;

/// Where a value is counted: octave and bucket in it. Octave 0 holds but one bucket, for zero.
#[expect(clippy::cast_possible_truncation, reason = "clamped to 81 octaves of 64 buckets")]
fn place(value: f64) -> (usize, usize) {
    let bucket = value.abs().to_bits() >> FINE_BITS;
    if bucket < LOWEST {
        return (0, 0);
    }
    let nth = (bucket.min(HIGHEST) - LOWEST) as usize;
    (1 + nth / OCTAVE, nth % OCTAVE)
}

/// The middle of a bucket.
fn middle(octave: usize, bucket: usize) -> f64 {
    const HALF: u64 = 1 << (FINE_BITS - 1);
    let Some(octave) = octave.checked_sub(1) else { return 0.0 };
    f64::from_bits((LOWEST + (octave * OCTAVE + bucket) as u64) << FINE_BITS | HALF)
}

/// The buckets between a power of two and the next.
#[derive(Clone, Debug)]
struct Octave {
    total: u64,
    counts: [u32; OCTAVE],
}

impl Octave {
    fn merge(&mut self, other: &Self) {
        self.total += other.total;
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
    }
}

/// A counter of values from which percentiles are read, at most 1% off. Octaves without values take no memory.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    n: u64,
    octaves: Vec<Option<Box<Octave>>>,
}

impl Distribution {
    /// Counts a value; absent or impossible ones count nothing.
    pub fn add(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| is_figure(*value)) else { return };
        let (octave, bucket) = place(value);
        if octave >= self.octaves.len() {
            self.octaves.resize(octave + 1, None);
        }
        let Some(octave) = self.octaves.get_mut(octave) else { return };
        let octave = octave.get_or_insert_with(|| Box::new(Octave { total: 0, counts: [0; OCTAVE] }));
        if let Some(count) = octave.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
            octave.total += 1;
            self.n += 1;
        }
    }

    /// Takes back what [`Distribution::add`] counted.
    pub fn remove(&mut self, value: Option<f64>) {
        let Some(value) = value.filter(|value| is_figure(*value)) else { return };
        let (octave, bucket) = place(value);
        let Some(slot) = self.octaves.get_mut(octave) else { return };
        let Some(octave) = slot else { return };
        if let Some(count) = octave.counts.get_mut(bucket) {
            *count = count.saturating_sub(1);
            octave.total = octave.total.saturating_sub(1);
            self.n = self.n.saturating_sub(1);
        }
        if octave.total == 0 {
            *slot = None;
        }
    }

    /// Counts all values of another distribution.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.octaves.resize(self.octaves.len().max(other.octaves.len()), None);
        for (mine, theirs) in self.octaves.iter_mut().zip(&other.octaves) {
            match (mine, theirs) {
                (Some(mine), Some(theirs)) => mine.merge(theirs),
                (mine @ None, Some(theirs)) => *mine = Some(theirs.clone()),
                (_, None) => {}
            }
        }
    }

    /// The percentiles, each at most 1% off.
    pub fn quantiles(&self) -> Quantiles {
        let at = |percent| self.value_of_rank(rank(percent, self.n));
        Quantiles { n: self.n, p50: at(50), p95: at(95), p99: at(99) }
    }

    fn value_of_rank(&self, rank: u64) -> Option<f64> {
        let mut below = 0;
        let mut filled = self.octaves.iter().enumerate().filter_map(|(nth, octave)| Some((nth, octave.as_deref()?)));
        let (nth, octave) = filled.find(|(_, octave)| {
            let is_here = below + octave.total >= rank;
            below += if is_here { 0 } else { octave.total };
            is_here
        })?;
        let bucket = octave.counts.iter().position(|&count| {
            below += u64::from(count);
            below >= rank
        })?;
        Some(middle(nth, bucket))
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

    fn buckets(distribution: &Distribution) -> Vec<(usize, usize, u32)> {
        let octaves = distribution.octaves.iter().enumerate();
        let filled = octaves.filter_map(|(nth, octave)| Some((nth, octave.as_ref()?)));
        let buckets =
            filled.flat_map(|(nth, octave)| octave.counts.into_iter().zip(0..).map(move |count| (nth, count)));
        buckets.map(|(nth, (count, bucket))| (nth, bucket, count)).filter(|(.., count)| *count > 0).collect()
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

    #[test]
    fn zero_is_zero_and_one_value_is_every_percentile() {
        let mut distribution = Distribution::default();
        distribution.add(Some(0.0));
        assert_eq!(distribution.quantiles(), Quantiles { n: 1, p50: Some(0.0), p95: Some(0.0), p99: Some(0.0) });
        assert_eq!(Quantiles::exact(&mut [7.0]), Quantiles { n: 1, p50: Some(7.0), p95: Some(7.0), p99: Some(7.0) });
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
