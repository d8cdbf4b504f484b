//! End times of calls, corrected for clocks that run ahead.

use std::collections::HashMap;

use crate::call::{CallId, LlmCall};
use crate::collector::Calls;

/// Calls, in order of arrival, among which the oldest end of a full ring is looked for: arrival is nearly ordered by end.
const OLDEST_ARRIVALS: usize = 64;

/// Corrects the ends of calls whose clock runs ahead: a call cannot have ended after it was first seen. Windows and
/// buckets use the corrected end; the call itself keeps the emitted times. Ends in the past are not corrected.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    first_seen: HashMap<CallId, i64, foldhash::fast::RandomState>,
    latest: Option<i64>,
    earliest: Option<i64>,
}

impl Ends {
    /// Records a call that is new or was revised.
    pub(super) fn note(&mut self, call: &LlmCall, now_unix_nano: i64) {
        if call.end_unix_nano() > now_unix_nano {
            self.first_seen.entry(call.id()).or_insert(now_unix_nano);
        }
        let end = self.of(call);
        self.latest = self.latest.max(Some(end));
        self.earliest = Some(self.earliest.map_or(end, |earliest| earliest.min(end)));
    }

    /// The corrected end, ns since the epoch.
    pub(super) fn of(&self, call: &LlmCall) -> i64 {
        let end = call.end_unix_nano();
        if self.first_seen.is_empty() {
            return end;
        }
        self.first_seen.get(&call.id()).map_or(end, |seen| end.min(*seen))
    }

    /// The latest end of all recorded calls, evicted ones included.
    pub(super) const fn latest(&self) -> Option<i64> {
        self.latest
    }

    /// The earliest end of all recorded calls, evicted ones included.
    pub(super) const fn earliest(&self) -> Option<i64> {
        self.earliest
    }

    /// The earliest end among the calls that arrived first of those kept.
    pub(super) fn earliest_kept(&self, calls: &Calls) -> Option<i64> {
        calls.iter().take(OLDEST_ARRIVALS).map(|call| self.of(call)).min()
    }

    /// Entries held for single calls.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.first_seen.len()
    }

    /// Drops evicted calls once there are enough of them to make the pass worth it.
    pub(super) fn trim(&mut self, calls: &Calls) {
        if self.first_seen.len() / 2 > calls.len() {
            self.first_seen.retain(|id, _| *id >= calls.first_id());
        }
    }
}
