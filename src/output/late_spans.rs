//! Records to rewrite because more spans of their trace arrived without a revision of the call (`--explain-spans`).

use std::collections::VecDeque;

use super::interval::Interval;
use crate::call::CallId;

/// Number of recent records that are checked. Traces complete within seconds, so older records are final.
const RECENT: usize = 256;

/// Interval between checks, ns. Each check queries the store.
const PAUSE_NANOS: i64 = 1_000_000_000;

/// The latest written calls with the number of spans in their records.
#[derive(Debug)]
pub(super) struct LateSpans {
    recent: VecDeque<(CallId, usize)>,
    timer: Interval,
}

impl Default for LateSpans {
    fn default() -> Self {
        Self { recent: VecDeque::new(), timer: Interval::immediate(PAUSE_NANOS) }
    }
}

impl LateSpans {
    /// Records the number of spans written for a call.
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

    /// The calls to check now, each with its number of written spans; empty if no check is due.
    pub(super) fn due(&mut self, now_unix_nano: i64) -> Vec<(CallId, usize)> {
        if self.timer.is_due(now_unix_nano) { self.recent.iter().copied().collect() } else { Vec::new() }
    }

    /// Makes a check due.
    pub(super) const fn expire(&mut self) {
        self.timer.expire();
    }
}
