//! How long to wait before the next attempt, and when to stop trying.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Exponential backoff with jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// Upper bound of a pause.
    pub longest: Duration,
    /// A request older than this is given up.
    pub give_up_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            give_up_after: Duration::from_mins(5),
        }
    }
}

impl Backoff {
    /// The pause after the `attempt`th failure, counted from 0; at least what the target asks for. `None` if that lies
    /// beyond giving up, for a request that has waited for `age`.
    pub fn pause(&self, attempt: u32, asked: Option<Duration>, age: Duration) -> Option<Duration> {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt)).min(self.longest);
        let pause = doubled.mul_f64(jitter()).max(asked.unwrap_or_default());
        (age.saturating_add(pause) <= self.give_up_after).then_some(pause)
    }
}

/// From 0.5 to 1.5, so that many senders do not knock all at once.
fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0);
    0.5 + (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(8),
        give_up_after: Duration::from_mins(1),
    };

    #[test]
    fn pauses_double_to_a_limit() {
        for (attempt, middle) in [(0, 1.0), (1, 2.0), (3, 8.0), (4, 8.0), (1000, 8.0)] {
            let pause = BACKOFF.pause(attempt, None, Duration::ZERO).unwrap().as_secs_f64();
            assert!((middle * 0.5..=middle * 1.5).contains(&pause), "{attempt}: {pause}");
        }
    }

    #[test]
    fn targets_may_ask_for_more_but_not_for_ever() {
        let asked = Some(Duration::from_secs(20));
        assert_eq!(BACKOFF.pause(0, asked, Duration::ZERO), asked);
        assert_eq!(BACKOFF.pause(0, asked, Duration::from_secs(41)), None);
        assert_eq!(BACKOFF.pause(0, Some(Duration::MAX), Duration::ZERO), None);
        assert_eq!(BACKOFF.pause(0, None, Duration::from_mins(1)), None);
    }
}
