//! Start times of calls, corrected for clocks that run ahead.

use std::collections::HashMap;

use crate::call::{CallId, LlmCall};
use crate::collector::Calls;

/// Corrects the starts of calls whose clock runs ahead: a call cannot have started after it was first seen. Windows and
/// buckets use the corrected start; the call itself keeps the emitted one. Starts in the past are not corrected.
#[derive(Clone, Debug, Default)]
pub(super) struct Starts {
    first_seen: HashMap<CallId, i64, foldhash::fast::RandomState>,
    latest: Option<i64>,
    earliest: Option<i64>,
}

impl Starts {
    /// Records a call that is new or was revised.
    pub(super) fn note(&mut self, call: &LlmCall, now_unix_nano: i64) {
        if call.start_unix_nano() > now_unix_nano {
            self.first_seen.entry(call.id()).or_insert(now_unix_nano);
        }
        let start = self.of(call);
        self.latest = self.latest.max(Some(start));
        self.earliest = Some(self.earliest.map_or(start, |earliest| earliest.min(start)));
    }

    /// The corrected start, ns since the epoch.
    pub(super) fn of(&self, call: &LlmCall) -> i64 {
        let start = call.start_unix_nano();
        if self.first_seen.is_empty() {
            return start;
        }
        self.first_seen.get(&call.id()).map_or(start, |seen| start.min(*seen))
    }

    /// The latest start of all recorded calls, evicted ones included.
    pub(super) const fn latest(&self) -> Option<i64> {
        self.latest
    }

    /// The earliest start of all recorded calls, evicted ones included.
    pub(super) const fn earliest(&self) -> Option<i64> {
        self.earliest
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
