//! Statistics of a run: span accounting, written records, and totals of the calls.

use serde::Serialize;

use super::record::timestamp;
use crate::collector::taps::PipelineCounters;
use crate::collector::{Counters, Snapshot};
use crate::stats::{Totals, usd};

/// Statistics at one point in time. Always `spans_received` = `llm_calls` + `merged` + `not_llm` + `rejected` +
/// `spans_refused`, and `llm_calls` = `calls_kept` + `calls_evicted`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunStats {
    /// Time of the statistics, RFC 3339.
    pub timestamp: String,
    /// Counters of the collector since start.
    #[serde(flatten)]
    pub counters: Counters,
    /// Calls in the ring now.
    pub calls_kept: u64,
    /// Calls evicted by later ones.
    pub calls_evicted: u64,
    /// Largest number of stored calls.
    pub capacity: u64,
    /// Start of the oldest stored call by arrival.
    pub oldest_kept: Option<String>,
    /// Time since the last accepted request, ms.
    pub last_batch_age_ms: Option<u64>,
    /// Largest lead of a call's start over its arrival, ms: a lower bound of the error of an emitter's clock.
    pub clock_ahead_ms: u64,
    /// Records written and calls lost by this output.
    #[serde(flatten)]
    pub written: WriteCounts,
    /// Sums over all calls since start, including evicted and filtered ones.
    pub totals: Sums,
    /// `recorded` and `forwarded`: counters of recording and forwarding.
    #[serde(flatten)]
    pub streams: PipelineCounters,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sums {
    pub calls: u64,
    pub errors: u64,
    /// Calls without a known cost.
    pub unpriced: u64,
    /// Input tokens, including cached ones.
    pub input_tokens: u128,
    /// Sum of output tokens, reasoning included.
    pub output_tokens: u128,
    /// Cost of the priced calls, USD; `None` if no call is priced.
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
    /// Statistics of a snapshot.
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

    /// Sets the counters of recording and forwarding.
    #[must_use]
    pub fn with_streams(self, streams: PipelineCounters) -> Self {
        Self { streams, ..self }
    }
}

/// Whole milliseconds, 0 for a negative duration after the clock was set back.
fn millis(nanos: i64) -> u64 {
    u64::try_from(nanos / 1_000_000).unwrap_or(0)
}

/// Numbers of written and missed records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WriteCounts {
    /// Calls written at least once.
    #[serde(rename = "calls_written")]
    pub calls: u64,
    /// Records that revised a written call.
    #[serde(rename = "revisions_written")]
    pub revisions: u64,
    /// Records that retracted a written call.
    #[serde(rename = "calls_taken_back")]
    pub taken_back: u64,
    /// Calls that were evicted before they could be written.
    #[serde(rename = "calls_missed")]
    pub missed: u64,
}

impl WriteCounts {
    /// A message for the user if calls are missing from the output.
    pub fn loss(self) -> Option<String> {
        let Self { calls, missed, .. } = self;
        let message = || format!("{} evicted before being written ({calls} written); raise --capacity", were(missed));
        (missed > 0).then(message)
    }
}

/// `1 call was`, `2 calls were`
fn were(calls: u64) -> String {
    if calls == 1 { "1 call was".to_owned() } else { format!("{calls} calls were") }
}
