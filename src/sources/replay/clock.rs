//! The time of the recording while it is replayed: how it follows the wall clock.

use std::time::{Duration, Instant};

use super::Speed;

/// A clock that is set by the first request it is asked about, runs at a speed, and can be stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    speed: Speed,
    /// At this moment, it was this time of the recording.
    set: Option<(Instant, u64)>,
    stopped: bool,
}

impl Clock {
    /// A running clock that is not set yet.
    pub(super) const fn new(speed: Speed) -> Self {
        Self { speed, set: None, stopped: false }
    }

    /// How long it is until `time`, ns since the epoch; `None` if it is that time or later. The first answer sets the
    /// clock.
    pub(super) fn until(&mut self, time: u64, moment: Instant) -> Option<Duration> {
        let Speed::Times(factor) = self.speed else { return None };
        let now = self.time(moment).unwrap_or_else(|| {
            self.set = Some((moment, time));
            time
        });
        let ahead = Duration::from_nanos(time.checked_sub(now).filter(|ahead| *ahead > 0)?);
        // A pause too long to be a duration is never over.
        Some(Duration::try_from_secs_f64(ahead.as_secs_f64() / factor).unwrap_or(Duration::MAX))
    }

    pub(super) fn stop(&mut self, moment: Instant) {
        self.hold(moment);
        self.stopped = true;
    }

    /// Runs again from where it stood.
    pub(super) fn go_on(&mut self, moment: Instant) {
        self.hold(moment);
        self.stopped = false;
    }

    /// Runs at another speed from now on.
    pub(super) fn set_speed(&mut self, speed: Speed, moment: Instant) {
        self.hold(moment);
        self.speed = speed;
        if speed == Speed::Max {
            self.set = None;
        }
    }

    /// It is `time` now. At full speed no time is kept.
    pub(super) fn set(&mut self, time: u64, moment: Instant) {
        self.set = (self.speed != Speed::Max).then_some((moment, time));
    }

    /// The next request sets it anew.
    pub(super) fn forget(&mut self) {
        self.set = None;
    }

    fn hold(&mut self, moment: Instant) {
        self.set = self.time(moment).map(|time| (moment, time));
    }

    /// What time it is, ns since the epoch; `None` while it is not set.
    pub(super) fn time(&self, moment: Instant) -> Option<u64> {
        let (set_at, time) = self.set?;
        let Speed::Times(factor) = self.speed else { return Some(time) };
        let passed = if self.stopped { 0.0 } else { moment.saturating_duration_since(set_at).as_secs_f64() * factor };
        let passed = Duration::try_from_secs_f64(passed).unwrap_or(Duration::MAX).as_nanos();
        Some(time.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn runs_at_its_speed_and_stands_still_when_stopped() {
        let start = Instant::now();
        let at = |count| start + Duration::from_secs(count);
        let mut clock = Clock::new(Speed::Times(10.0));
        assert_eq!(clock.until(100 * SECOND, at(0)), None, "the first request sets the clock");
        assert_eq!(clock.until(200 * SECOND, at(0)), Some(Duration::from_secs(10)));
        assert_eq!(clock.until(200 * SECOND, at(4)), Some(Duration::from_secs(6)));
        clock.stop(at(4));
        clock.go_on(at(1000));
        assert_eq!(clock.until(200 * SECOND, at(1000)), Some(Duration::from_secs(6)), "the pause did not count");
        clock.set_speed(Speed::Times(1.0), at(1001));
        assert_eq!(clock.until(200 * SECOND, at(1001)), Some(Duration::from_secs(50)));
        assert_eq!(clock.until(100 * SECOND, at(1001)), None, "what is late is not waited for");
        clock.set_speed(Speed::Max, at(1002));
        assert_eq!(clock.until(u64::MAX, at(1002)), None);
        clock.set_speed(Speed::Times(1.0), at(1003));
        assert_eq!(clock.until(300 * SECOND, at(1003)), None, "set anew");
        assert_eq!(clock.until(301 * SECOND, at(1003)), Some(Duration::from_secs(1)));
        clock.set(250 * SECOND, at(1003));
        assert_eq!(clock.until(300 * SECOND, at(1013)), Some(Duration::from_secs(40)));
        assert_eq!(clock.time(at(1013)), Some(260 * SECOND));
        clock.forget();
        assert_eq!(clock.until(5, at(1003)), None);
        assert!(Clock { speed: Speed::Times(1e-300), ..clock }.until(u64::MAX, at(1003)).is_some());
    }
}
