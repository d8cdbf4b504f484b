//! What the collector shows to others: one immutable picture of a moment.

use super::counters::Counters;
use super::ring::Calls;
use crate::stats::Totals;

/// One immutable picture of the collector. Cloning is cheap; it never changes under a reader.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Goes up with every snapshot that differs from the one before.
    pub version: u64,
    /// The calls in the ring, oldest first.
    pub calls: Calls,
    /// Where everything that arrived ended.
    pub counters: Counters,
    /// Sums over all calls since start; eviction does not touch them.
    pub totals: Totals,
    /// Most calls kept at once.
    pub capacity: usize,
}
