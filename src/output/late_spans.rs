//! Which records lack spans by now although their calls were not revised: the spans of a trace arrive one by one, and
//! whoever asked for them shall see all of them in the end.

use std::collections::VecDeque;

use super::interval::Interval;
use crate::call::CallId;

/// Traces are complete within seconds; records older than these stay as they were written.
const RECENT: usize = 256;

/// Between two looks at the same records, ns: each costs a question to the store.
const PAUSE_NANOS: i64 = 1_000_000_000;

/// The calls written latest, each with how many spans its record lists.
#[derive(Debug)]
pub(super) struct LateSpans {
    recent: VecDeque<(CallId, usize)>,
    looks: Interval,
}

impl Default for LateSpans {
    fn default() -> Self {
        Self { recent: VecDeque::new(), looks: Interval::from_now(PAUSE_NANOS) }
    }
}

impl LateSpans {
    /// Remembers how many spans were listed.
    pub(super) fn note(&mut self, id: CallId, spans: usize) {
        if let Some((_, known)) = self.recent.iter_mut().find(|(known, _)| *known == id) {
            *known = spans;
            return;
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((id, spans));
    }

    /// The calls to look at now, if it is time, each with how many of its spans were listed.
    pub(super) fn due(&mut self, now_unix_nano: i64) -> Vec<(CallId, usize)> {
        if self.looks.is_due(now_unix_nano) { self.recent.iter().copied().collect() } else { Vec::new() }
    }

    /// Has all of them looked at once more, whatever the time.
    pub(super) const fn hurry(&mut self) {
        self.looks.hurry();
    }
}
