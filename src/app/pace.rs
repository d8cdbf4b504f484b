//! When to draw: on input at once, on new data at most every so often, and not at all when nothing changed.

use std::time::{Duration, Instant};

/// How soon a change is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Draw {
    #[default]
    No,
    /// With the next frame.
    Paced,
    Now,
}

/// The pacing of frames. Reads no clock.
#[derive(Debug)]
pub(crate) struct Pace {
    drawn: Option<Instant>,
    due: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new()
    }
}

impl Pace {
    /// Nothing was drawn yet and nothing is due.
    pub(crate) const fn new() -> Self {
        Self { drawn: None, due: None }
    }

    /// Notes a change; frames for data alone are `refresh` apart.
    pub(crate) fn want(&mut self, draw: Draw, now: Instant, refresh: Duration) {
        let at = match (draw, self.drawn) {
            (Draw::No, _) => return,
            (Draw::Now, _) | (Draw::Paced, None) => now,
            (Draw::Paced, Some(drawn)) => drawn + refresh,
        };
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Whether a frame is due.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// When the next frame is due, if one is.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Notes that a frame was drawn.
    pub(crate) const fn drawn(&mut self, now: Instant) {
        self.drawn = Some(now);
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFRESH: Duration = Duration::from_millis(500);

    #[test]
    fn data_waits_input_does_not_and_silence_draws_nothing() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::default();
        assert!(!pace.is_due(at(0)));
        pace.want(Draw::Paced, at(0), REFRESH);
        assert!(pace.is_due(at(0)), "the first picture is shown at once");
        pace.drawn(at(0));
        pace.want(Draw::No, at(10), REFRESH);
        assert_eq!(pace.due(), None);
        pace.want(Draw::Paced, at(100), REFRESH);
        pace.want(Draw::Paced, at(200), REFRESH);
        assert!(!pace.is_due(at(499)));
        assert!(pace.is_due(at(500)));
        pace.want(Draw::Now, at(300), REFRESH);
        assert!(pace.is_due(at(300)));
        pace.drawn(at(300));
        assert_eq!(pace.due(), None);
        pace.want(Draw::Paced, at(2000), REFRESH);
        assert!(pace.is_due(at(2000)), "after a quiet while new data shows at once");
    }
}
