//! What the collector shows to others: one immutable picture of a moment.

use serde::{Deserialize, Serialize};

use super::ring::Calls;
use crate::stats::Totals;

/// Where every span and request ended. The sum of the span outcomes is `spans_received`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections accepted since start, both transports.
    pub connections: u64,
    /// Connections closed at once because there were too many.
    pub connections_refused: u64,
    /// How often a listener stopped accepting connections: no file descriptor was to be had, or its socket or task died.
    pub listener_failures: u64,
    /// Listeners that accept no connections now.
    pub listeners_failing: u64,
    /// Viewers, or their connections, that were turned away: too many, or without the right token, certificate or version.
    pub viewers_refused: u64,
    /// Trace export requests accepted.
    pub requests: u64,
    /// Trace export requests refused as a whole: malformed, too large, unauthorised, or the queue was full.
    pub requests_refused: u64,
    /// Of those: the bytes were no export request.
    pub requests_malformed: u64,
    /// Of those: over the limit of bytes or spans.
    pub requests_too_large: u64,
    /// Of those: the queue was full, the client was told to retry.
    pub requests_unavailable: u64,
    /// Of those: the token or certificate was missing or wrong.
    pub requests_unauthorised: u64,
    /// Of those: a fault of our own while reading them.
    pub requests_failed: u64,
    /// Export requests for metrics and logs, accepted and dropped.
    pub other_signals: u64,
    /// Spans in all requests that could be read, refused ones included.
    pub spans_received: u64,
    /// Spans that became a row.
    pub llm_calls: u64,
    /// Spans that are part of another row: wrappers' inner spans, completions, repeats.
    pub merged: u64,
    /// Spans that are no LLM calls.
    pub not_llm: u64,
    /// Calls that the gateway rejected before they had a model.
    pub rejected: u64,
    /// Spans of requests that were read but refused.
    pub spans_refused: u64,
    /// Of all accepted spans, those that say that only a share of all traces was kept: figures are too low then.
    pub spans_sampled: u64,
    /// By how much the start of a call was furthest ahead of its arrival, ns; 0 if none was. More than a little means that
    /// an emitter's clock is wrong.
    #[serde(skip)]
    pub clock_ahead_nanos: i64,
    /// Arrival of the last accepted batch, ns since the epoch.
    #[serde(skip)]
    pub last_batch_unix_nano: Option<i64>,
}

/// One immutable picture of the collector. Cloning is cheap; it never changes under a reader.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Goes up with every snapshot that differs from the one before.
    pub version: u64,
    /// The kept calls.
    pub calls: Calls,
    /// Where everything that arrived ended.
    pub counters: Counters,
    /// Sums over all calls since start; eviction does not touch them.
    pub totals: Totals,
    /// Most calls kept at once.
    pub capacity: usize,
}
