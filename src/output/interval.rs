//! What is done at most every so often.

/// A pause between two times, by a wall clock that may be set back.
#[derive(Debug)]
pub(super) struct Interval {
    nanos: i64,
    not_before: i64,
}

impl Interval {
    /// Every so many ns, the first time at once.
    pub(super) const fn from_now(nanos: i64) -> Self {
        Self { nanos, not_before: i64::MIN }
    }

    /// Every so many ns, the first time one pause after the first question.
    pub(super) const fn after_a_pause(nanos: i64) -> Self {
        Self { nanos, not_before: i64::MAX }
    }

    /// Whether it is time again; if so, the next pause begins.
    pub(super) fn is_due(&mut self, now_unix_nano: i64) -> bool {
        let next = now_unix_nano.saturating_add(self.nanos);
        // Further away than a pause it is only where the clock was set back.
        self.not_before = self.not_before.min(next);
        let is_due = now_unix_nano >= self.not_before;
        if is_due {
            self.not_before = next;
        }
        is_due
    }

    /// Makes it time, whatever the clock says.
    pub(super) const fn hurry(&mut self) {
        self.not_before = i64::MIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_costs_one_pause() {
        let mut every = Interval::from_now(10);
        let due: Vec<_> = [1000, 1009, 1010, 20, 29, 30, 31].map(|now| every.is_due(now)).into();
        assert_eq!(due, [true, false, true, false, false, true, false]);
        every.hurry();
        assert!(every.is_due(31));
        let mut later = Interval::after_a_pause(10);
        assert_eq!([5, 14, 15].map(|now| later.is_due(now)), [false, false, true]);
    }
}
