//! Figures over many calls: sums that do not drift, percentiles, series over time, rollups.
//!
//! Everything here is plain arithmetic on calls: no clock, no threads, no I/O. A figure that is kept
//! incrementally has `add` and `remove`, and both take the same call, so that adding and removing in any
//! order leaves what a recomputation would find. Rows that were merged into others
//! ([`LlmCall::is_merged_away`]) count nowhere; callers leave them out, [`Totals`] does so itself.

mod arrivals;
mod group;
mod quantiles;
mod sessions;
mod tally;
mod timeline;

use serde::{Deserialize, Serialize};

use crate::call::LlmCall;

pub use arrivals::Arrivals;
pub use group::{Comparison, Exact, Figures, Group, compare};
pub use quantiles::{Distribution, EXACT_UP_TO, Quantiles};
pub use sessions::{SessionRow, sessions};
pub use tally::{Share, Tally, TokenSum, Tokens, femto_usd, usd};
pub use timeline::{BUCKETS, Burn, Chart, Series, SeriesPoint, Timeline};

/// Sums over all calls since start. Eviction does not touch them; a revised call replaces its former share,
/// and a row that became part of another takes its share along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Calls.
    pub calls: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Of those, without a known cost.
    pub unpriced: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u128,
    /// Output tokens.
    pub output_tokens: u128,
    /// Cost of the priced calls in units of 1e-15 USD: integers, so that sums neither drift nor depend on order.
    pub cost_femto_usd: i128,
}

impl Totals {
    /// Counts a call that arrived.
    pub fn add(&mut self, call: &LlmCall) {
        let share = Self::of(call);
        self.calls = self.calls.saturating_add(share.calls);
        self.errors = self.errors.saturating_add(share.errors);
        self.unpriced = self.unpriced.saturating_add(share.unpriced);
        self.input_tokens = self.input_tokens.saturating_add(share.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(share.output_tokens);
        self.cost_femto_usd = self.cost_femto_usd.saturating_add(share.cost_femto_usd);
    }

    /// Puts the share of `new` in the place of what `old`, the same row before, had added.
    pub fn replace(&mut self, old: &LlmCall, new: &LlmCall) {
        let share = Self::of(old);
        self.calls = self.calls.saturating_sub(share.calls);
        self.errors = self.errors.saturating_sub(share.errors);
        self.unpriced = self.unpriced.saturating_sub(share.unpriced);
        self.input_tokens = self.input_tokens.saturating_sub(share.input_tokens);
        self.output_tokens = self.output_tokens.saturating_sub(share.output_tokens);
        self.cost_femto_usd = self.cost_femto_usd.saturating_sub(share.cost_femto_usd);
        self.add(new);
    }

    fn of(call: &LlmCall) -> Self {
        if call.is_merged_away() {
            return Self::default();
        }
        let usage = call.usage();
        let cost = call.cost();
        Self {
            calls: 1,
            errors: u64::from(call.status().is_error()),
            unpriced: u64::from(cost.is_none()),
            input_tokens: usage.input_total().unwrap_or(0).into(),
            output_tokens: usage.output.unwrap_or(0).into(),
            cost_femto_usd: cost.map_or(0, |cost| femto_usd(cost.usd)),
        }
    }
}
