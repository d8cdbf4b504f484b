//! A timer for work that is due at intervals of the wall clock.

/// An interval timer that tolerates a wall clock set back.
#[derive(Debug)]
pub(super) struct Interval {
    nanos: i64,
    not_before: i64,
}

impl Interval {
    /// First due immediately, then every `nanos`.
    pub(super) const fn immediate(nanos: i64) -> Self {
        Self { nanos, not_before: i64::MIN }
    }

    /// First due `nanos` after the first check.
    pub(super) const fn delayed(nanos: i64) -> Self {
        Self { nanos, not_before: i64::MAX }
    }

    /// Whether the interval has elapsed; if so, it restarts.
    pub(super) fn is_due(&mut self, now_unix_nano: i64) -> bool {
        let next = now_unix_nano.saturating_add(self.nanos);
        // Further away than one interval only if the clock was set back.
        self.not_before = self.not_before.min(next);
        let is_due = now_unix_nano >= self.not_before;
        if is_due {
            self.not_before = next;
        }
        is_due
    }

    /// Makes the next check due.
    pub(super) const fn expire(&mut self) {
        self.not_before = i64::MIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_costs_one_pause() {
        let mut every = Interval::immediate(10);
        let due: Vec<_> = [1000, 1009, 1010, 20, 29, 30, 31].map(|now| every.is_due(now)).into();
        assert_eq!(due, [true, false, true, false, false, true, false]);
        every.expire();
        assert!(every.is_due(31));
        let mut later = Interval::delayed(10);
        assert_eq!([5, 14, 15].map(|now| later.is_due(now)), [false, false, true]);
    }
}
