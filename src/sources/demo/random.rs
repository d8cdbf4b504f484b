//! A small seeded generator of pseudo-random choices, so that the same seed gives the same traffic.

/// xorshift64* (Vigna 2016): plenty for a demo, and no dependency.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Any seed is good: it is mixed first, and a zero state is avoided.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((mixed ^ (mixed >> 31)).max(1))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A uniformly distributed number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low).saturating_add(1).max(1);
        low + self.bits() % width
    }

    /// Log-normal around `median`: most near it, some far above, as latencies and lengths are.
    pub fn around(&mut self, median: f64, sigma: f64) -> f64 {
        let normal: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        median * (sigma * normal).exp()
    }

    /// The time to the next event of a Poisson process with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// One of `items`; the default of nothing.
    pub fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let index = self.between(0, (items.len() as u64).saturating_sub(1));
        usize::try_from(index).ok().and_then(|index| items.get(index)).copied().unwrap_or_default()
    }

    /// A 16-byte trace id.
    pub fn trace_id(&mut self) -> Vec<u8> {
        [self.bits().to_be_bytes(), self.bits().to_be_bytes()].concat()
    }

    /// An 8-byte span id, never all zero.
    pub fn span_id(&mut self) -> Vec<u8> {
        self.bits().max(1).to_be_bytes().to_vec()
    }

    /// A random UUID (version 4) as text.
    pub fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_repeat_and_differ() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..8).map(|_| random.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(0), draw(1));
        assert!(draw(0).iter().any(|bits| *bits != 0));
    }

    #[test]
    fn ranges_hold_their_ends() {
        let mut random = Random::new(3);
        let drawn: Vec<u64> = (0..200).map(|_| random.between(2, 4)).collect();
        assert!(drawn.iter().all(|value| (2..=4).contains(value)));
        assert!(drawn.contains(&2) && drawn.contains(&4));
        assert_eq!(random.pick::<u8>(&[]), 0);
        assert!((0..200).map(|_| random.unit()).all(|unit| (0.0..1.0).contains(&unit)));
    }

    #[test]
    fn uuids_are_version_4() {
        let uuid = Random::new(1).uuid();
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4'));
        assert!(matches!(parts[3].as_bytes()[0], b'8' | b'9' | b'a' | b'b'));
    }
}
