//! What the collector counts, as one table: a row is a field of the snapshot, of `--json` and of the viewers' protocol, and
//! one that any thread can count in.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

/// Defines [`Counters`] and [`AtomicCounters`] from one list.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How every span and request was handled. The sum of the span outcomes is `spans_received`, always.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            /// By how much the start of a call was furthest ahead of its arrival, ns; 0 if none was. More than a little means
            /// that an emitter's clock is wrong.
            #[serde(skip)]
            pub clock_ahead_nanos: i64,
            /// Arrival of the last accepted batch, ns since the epoch.
            #[serde(skip)]
            pub last_batch_unix_nano: Option<i64>,
        }

        /// [`Counters`] that several threads count in.
        #[derive(Debug, Default)]
        pub(super) struct AtomicCounters {
            $(pub(super) $name: AtomicU64,)*
        }

        impl AtomicCounters {
            pub(super) fn add_to(&self, counters: &mut Counters) {
                $(counters.$name += self.$name.load(Relaxed);)*
            }
        }
    };
}

counters! {
    /// Connections accepted since start, both transports.
    connections,
    /// Connections closed at once because there were too many.
    connections_refused,
    /// How often a listener stopped accepting connections: no file descriptor was to be had, or its socket or task died.
    listener_failures,
    /// Listeners that accept no connections now.
    listeners_failing,
    /// Viewers, or their connections, that were turned away: too many, or without the right token, certificate or version.
    viewers_refused,
    /// Trace export requests accepted.
    requests,
    /// Trace export requests refused as a whole: malformed, too large, unauthorised, or the queue was full.
    requests_refused,
    /// Of those: the bytes were no export request.
    requests_malformed,
    /// Of those: over the limit of bytes or spans.
    requests_too_large,
    /// Of those: the queue was full; clients retry.
    requests_unavailable,
    /// Of those: the token or certificate was missing or wrong.
    requests_unauthorised,
    /// Of those: not in the protocol of the port, such as another method, content type or service, HTTP/1 or TLS.
    requests_protocol,
    /// Of those: a fault of our own while reading them.
    requests_failed,
    /// Export requests for metrics and logs, accepted and dropped.
    other_signals,
    /// Spans in all requests that could be read, refused ones included.
    spans_received,
    /// Spans that became a row.
    llm_calls,
    /// Spans that are part of another row: wrappers' inner spans, completions, repeats.
    merged,
    /// Spans that are no LLM calls.
    not_llm,
    /// Calls that the gateway rejected before they had a model.
    rejected,
    /// Spans of requests that were read but refused.
    spans_refused,
    /// Of all accepted spans, those that say that only a share of all traces was kept: figures are too low then.
    spans_sampled,
}
