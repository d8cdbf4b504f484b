//! Figures over many calls: sums that do not drift, percentiles, windows, rollups.

/// Sums over all calls since start. They only grow; a revised call replaces its former share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
