//! What limits are compared with: counts and sums of the calls in the window, in integers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::LlmCall;
use crate::stats::{Totals, femto_usd};

const SECOND: i64 = 1_000_000_000;

/// Counts and sums of some calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// Calls.
    pub(super) calls: u64,
    /// Of those, failed.
    pub(super) errors: u64,
    /// Cost of the priced ones, 1e-15 USD.
    pub(super) cost_femto_usd: i128,
    /// Calls with a known duration.
    pub(super) timed: u64,
    /// Of those, slower than the limit.
    pub(super) slow: u64,
}

impl Measured {
    /// One call; `slower_than` is the limit of the duration.
    pub(super) fn of(call: &LlmCall, slower_than: Option<Duration>) -> Self {
        Self {
            calls: 1,
            errors: call.status().is_error().into(),
            cost_femto_usd: call.cost().map_or(0, |cost| femto_usd(cost.usd)),
            timed: call.duration_ms().is_some().into(),
            slow: slower_than.is_some_and(|limit| is_slower(call, limit)).into(),
        }
    }

    /// The calls that came since `before` and were seen in no snapshot.
    pub(super) const fn unseen(before: &Totals, now: &Totals) -> Self {
        Self {
            calls: now.calls.saturating_sub(before.calls),
            errors: now.errors.saturating_sub(before.errors),
            cost_femto_usd: now.cost_femto_usd.saturating_sub(before.cost_femto_usd),
            timed: 0,
            slow: 0,
        }
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.cost_femto_usd = self.cost_femto_usd.saturating_add(other.cost_femto_usd);
        self.timed = self.timed.saturating_add(other.timed);
        self.slow = self.slow.saturating_add(other.slow);
    }
}

/// Whether the call took longer. Compared in whole nanoseconds: a call of 1001 ms is not slower than `1001ms`.
pub(super) fn is_slower(call: &LlmCall, limit: Duration) -> bool {
    call.duration_ms().is_some_and(|ms| nanos(ms) > limit.as_nanos())
}

/// Milliseconds as whole nanoseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float casts saturate, which is meant")]
fn nanos(ms: f64) -> u128 {
    (ms * 1e6).round() as u128
}

/// Sums of the calls that the ring evicted while they were in the window, by the second of their end. A second leaves the
/// window as a whole, with its last nanosecond.
#[derive(Clone, Debug, Default)]
pub(super) struct Evicted(BTreeMap<i64, Measured>);

impl Evicted {
    pub(super) fn add(&mut self, end_unix_nano: i64, measured: &Measured) {
        self.0.entry(end_unix_nano.div_euclid(SECOND)).or_default().add(measured);
    }

    /// The sums of what ended after `from_unix_nano`; drops what is older.
    pub(super) fn since(&mut self, from_unix_nano: i64) -> Measured {
        self.0 = self.0.split_off(&from_unix_nano.saturating_add(1).div_euclid(SECOND));
        let mut sum = Measured::default();
        self.0.values().for_each(|second| sum.add(second));
        sum
    }
}
