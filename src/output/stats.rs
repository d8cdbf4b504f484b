//! The account of a run: where everything that arrived ended, and what the calls add up to.

use serde::Serialize;

use super::record::timestamp;
use super::writer::WriteCounts;
use crate::collector::taps::PipelineCounters;
use crate::collector::{Counters, Snapshot};
use crate::stats::{Totals, usd};

/// Where everything that arrived ended. Always `spans_received` = `llm_calls` + `merged` + `not_llm` + `rejected` +
/// `spans_refused`, and `llm_calls` = `calls_kept` + `calls_evicted`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunStats {
    /// When this was so.
    pub timestamp: String,
    /// What arrived and where it ended.
    #[serde(flatten)]
    pub counters: Counters,
    /// Calls at hand.
    pub calls_kept: u64,
    /// Calls that made room for later ones.
    pub calls_evicted: u64,
    /// Most calls kept.
    pub capacity: u64,
    /// Start of the call at hand that arrived first.
    pub oldest_kept: Option<String>,
    /// Time since the last request that was accepted, ms.
    pub last_batch_age_ms: Option<u64>,
    /// By how much the start of a call was furthest ahead of its arrival, ms: an emitter's clock is wrong by that or more.
    pub clock_ahead_ms: u64,
    /// What was written.
    #[serde(flatten)]
    pub written: WriteCounts,
    /// Sums over all calls since start, evicted ones and those that the filter leaves out included.
    pub totals: Sums,
    /// `recorded` and `forwarded`: where accepted requests went on to.
    #[serde(flatten)]
    pub streams: PipelineCounters,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sums {
    pub calls: u64,
    pub errors: u64,
    /// Of those, without a known cost.
    pub unpriced: u64,
    /// Input tokens, cached ones included.
    pub input_tokens: u128,
    /// Output tokens.
    pub output_tokens: u128,
    /// Cost of the priced calls, USD; `None` when none is.
    pub cost_usd: Option<f64>,
}

impl From<&Totals> for Sums {
    fn from(totals: &Totals) -> Self {
        let Totals { calls, errors, unpriced, input_tokens, output_tokens, cost_femto_usd } = *totals;
        let cost_usd = (calls > unpriced).then(|| usd(cost_femto_usd));
        Self { calls, errors, unpriced, input_tokens, output_tokens, cost_usd }
    }
}

impl RunStats {
    /// The account of this moment.
    pub fn of(snapshot: &Snapshot, written: WriteCounts, now_unix_nano: i64) -> Self {
        let Snapshot { calls, counters, totals, capacity, .. } = snapshot;
        let calls_kept = calls.visible() as u64;
        let age = |at: i64| millis(now_unix_nano.saturating_sub(at));
        Self {
            timestamp: timestamp(now_unix_nano),
            counters: *counters,
            calls_kept,
            calls_evicted: counters.llm_calls.saturating_sub(calls_kept),
            capacity: *capacity as u64,
            oldest_kept: calls.iter().find(|call| !call.is_merged_away()).map(|call| timestamp(call.start_unix_nano())),
            last_batch_age_ms: counters.last_batch_unix_nano.map(age),
            clock_ahead_ms: millis(counters.clock_ahead_nanos),
            written,
            totals: totals.into(),
            streams: PipelineCounters::default(),
        }
    }

    /// This account, with where accepted requests went on to.
    #[must_use]
    pub fn with_streams(self, streams: PipelineCounters) -> Self {
        Self { streams, ..self }
    }
}

/// Whole milliseconds; a clock that was set back makes nothing negative.
fn millis(nanos: i64) -> u64 {
    u64::try_from(nanos / 1_000_000).unwrap_or(0)
}
