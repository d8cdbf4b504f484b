//! How many calls a second arrive, by the moment they were seen.

use std::collections::VecDeque;

/// How far back the rate looks.
const WINDOW_NANOS: i64 = 10_000_000_000;
/// A rate over less than this means little, so a meter younger than this divides by it.
const SHORTEST_NANOS: i64 = 1_000_000_000;

/// A meter of calls a second over the last ten seconds. It is fed with the running total of every snapshot as
/// it comes, paused or not, so that the header stays live while the view is frozen.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    started: Option<i64>,
    total: u64,
    seen: VecDeque<(i64, u64)>,
}

impl Arrivals {
    /// Notes the calls since start ([`super::Totals::calls`]) as of now.
    pub fn note(&mut self, total: u64, now_unix_nano: i64) {
        self.follow_a_clock_set_back(now_unix_nano);
        self.started.get_or_insert(now_unix_nano);
        let new = total.saturating_sub(self.total);
        self.total = total;
        if new > 0 {
            self.seen.push_back((now_unix_nano, new));
        }
        while self.seen.front().is_some_and(|(at, _)| *at <= now_unix_nano.saturating_sub(WINDOW_NANOS)) {
            self.seen.pop_front();
        }
    }

    /// Takes the calls since start as the beginning: they arrived before.
    pub const fn begin(&mut self, total: u64) {
        self.total = total;
    }

    /// What was seen in what is the future now was seen just now, lest it count until the clock is there again.
    fn follow_a_clock_set_back(&mut self, now_unix_nano: i64) {
        self.started = self.started.map(|started| started.min(now_unix_nano));
        self.seen
            .iter_mut()
            .rev()
            .map(|(at, _)| at)
            .take_while(|at| **at > now_unix_nano)
            .for_each(|at| *at = now_unix_nano);
    }

    /// Calls a second over the last ten seconds, or since the first note where that is less.
    pub fn per_second(&self, now_unix_nano: i64) -> f64 {
        let from = now_unix_nano.saturating_sub(WINDOW_NANOS);
        let calls: u64 = self.seen.iter().filter(|(at, _)| *at > from).map(|(_, calls)| calls).sum();
        let age = now_unix_nano.saturating_sub(self.started.unwrap_or(now_unix_nano));
        calls as f64 / (age.clamp(SHORTEST_NANOS, WINDOW_NANOS) as f64 / 1e9)
    }

    /// Whether the rate will change by the mere passing of time.
    pub fn is_moving(&self, now_unix_nano: i64) -> bool {
        self.seen.back().is_some_and(|(at, _)| *at > now_unix_nano.saturating_sub(WINDOW_NANOS))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the rates asked for are quotients of whole numbers")]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_rate_follows_and_fades() {
        let mut arrivals = Arrivals::default();
        arrivals.note(0, 0);
        for second in 1_u8..=20 {
            arrivals.note(u64::from(second) * 5, i64::from(second) * SECOND);
        }
        assert_eq!(arrivals.per_second(20 * SECOND), 5.0);
        assert_eq!(arrivals.per_second(25 * SECOND), 2.5);
        assert!(arrivals.is_moving(29 * SECOND));
        assert_eq!(arrivals.per_second(30 * SECOND), 0.0);
        assert!(!arrivals.is_moving(30 * SECOND));
    }

    #[test]
    fn a_young_meter_divides_by_its_age() {
        let mut arrivals = Arrivals::default();
        assert_eq!(arrivals.per_second(7), 0.0);
        arrivals.note(3, 0);
        assert_eq!(arrivals.per_second(0), 3.0);
        assert_eq!(arrivals.per_second(2 * SECOND), 1.5);
    }

    #[test]
    fn a_clock_that_jumps_leaves_no_rate_standing() {
        for (before, after) in [(3600, 0), (0, 7_258_118_400), (7_258_118_400, 0)] {
            let mut arrivals = Arrivals::default();
            arrivals.note(0, before * SECOND);
            arrivals.note(50, before * SECOND);
            arrivals.note(50, after * SECOND);
            assert!(arrivals.per_second(after * SECOND) <= 50.0);
            assert_eq!(arrivals.per_second((after + 10) * SECOND), 0.0, "from {before} to {after}");
            assert!(!arrivals.is_moving((after + 10) * SECOND));
            arrivals.note(60, (after + 10) * SECOND);
            assert!(arrivals.per_second((after + 10) * SECOND) >= 1.0);
        }
    }

    #[test]
    fn a_backlog_is_no_arrival() {
        let mut arrivals = Arrivals::default();
        arrivals.note(0, 0);
        arrivals.begin(10_000);
        arrivals.note(10_000, SECOND);
        assert_eq!(arrivals.per_second(SECOND), 0.0);
        arrivals.note(10_002, 2 * SECOND);
        assert_eq!(arrivals.per_second(2 * SECOND), 1.0);
    }

    #[test]
    fn totals_that_shrink_do_no_harm() {
        let mut arrivals = Arrivals::default();
        arrivals.note(10, 0);
        arrivals.note(9, SECOND);
        arrivals.note(12, 2 * SECOND);
        assert_eq!(arrivals.per_second(5 * SECOND), 13.0 / 5.0);
    }
}
