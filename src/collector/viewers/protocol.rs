//! The messages of the gRPC service `planoai.obs.v1.Viewers`.
//!
//! `Watch` answers one [`WatchRequest`] with a stream of [`Update`]s, `Spans` one [`SpansRequest`] with a stream of
//! [`SpansPart`]s. Requests and envelopes are protobuf, so that a peer of any version reads the other's [`PROTOCOL`] and
//! refuses it. What they carry are the domain types themselves, in postcard: a field more or less is another version.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::call::{CallFacts, CallId, Cost, LlmCall, Names};
use crate::collector::{Counters, Snapshot};
use crate::stats::Totals;

/// The version of these messages and of every type that they carry.
pub(crate) const PROTOCOL: u32 = 4;

pub(crate) const SERVICE: &str = "planoai.obs.v1.Viewers";

/// The path of [`WatchRequest`].
pub(crate) const WATCH: &str = "/planoai.obs.v1.Viewers/Watch";

/// The path of [`SpansRequest`].
pub(crate) const SPANS: &str = "/planoai.obs.v1.Viewers/Spans";

/// The most calls in one message.
pub(crate) const CHUNK_CALLS: usize = 2_000;

/// A message is closed once its calls or spans take so many bytes.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;

/// The most bytes of an [`Update`]: a chunk, and what its last call takes beyond it.
pub(crate) const UPDATE_LIMIT: usize = 4 * CHUNK_BYTES;

/// The most bytes of a [`SpansPart`]: a single span may take a whole export request.
pub(crate) const SPANS_LIMIT: usize = crate::collector::grpc::MESSAGE_LIMIT + 2 * CHUNK_BYTES;

/// Asks for all calls and then for what changes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct WatchRequest {
    /// The viewer's [`PROTOCOL`].
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// Only the newest so many calls; 0 is all.
    #[prost(uint64, tag = "2")]
    pub most_calls: u64,
}

/// A part of a snapshot. The parts up to one with a `state` are applied together.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Update {
    /// In the first message of a stream, and only there.
    #[prost(message, optional, tag = "1")]
    pub hello: Option<Hello>,
    /// Earlier calls are no longer kept.
    #[prost(uint64, tag = "2")]
    pub first_kept: u64,
    /// Each an encoded [`Call`]: revised ones first, then new ones in order of arrival.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub calls: Vec<Bytes>,
    /// An encoded [`State`], in the last part of a snapshot.
    #[prost(bytes = "bytes", optional, tag = "4")]
    pub state: Option<Bytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Hello {
    /// The collector's [`PROTOCOL`].
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// Differs between runs of a collector: arrival numbers begin at 0 in each.
    #[prost(fixed64, tag = "2")]
    pub run: u64,
    /// Most calls the collector keeps.
    #[prost(uint64, tag = "3")]
    pub capacity: u64,
}

/// Asks for the known spans of a trace.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct SpansRequest {
    /// The viewer's [`PROTOCOL`].
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// Trace id, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub trace_id: Vec<u8>,
}

/// Some of the spans, in order of arrival.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct SpansPart {
    #[prost(message, repeated, tag = "1")]
    pub spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Span {
    /// An encoded [`KnownSpan`](crate::collector::KnownSpan), without its bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub known: Bytes,
    /// An export request that holds this span alone, under its resource and scope; absent when its bytes are no longer kept.
    #[prost(bytes = "bytes", optional, tag = "2")]
    pub request: Option<Bytes>,
    /// Where in the request the span begins; it ends with the request.
    #[prost(uint64, tag = "3")]
    pub begins_at: u64,
}

/// A stored call on the wire, borrowed from the ring or the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Call<'a> {
    id: CallId,
    revision: u16,
    is_merged_away: bool,
    cost: Option<Cost>,
    /// The start, or the arrival where none was emitted.
    start_or_arrival_unix_nano: i64,
    #[serde(borrow)]
    facts: CallFacts<'a>,
}

impl<'a> From<&'a LlmCall> for Call<'a> {
    fn from(call: &'a LlmCall) -> Self {
        Self {
            id: call.id(),
            revision: call.revision(),
            is_merged_away: call.is_merged_away(),
            cost: call.cost(),
            start_or_arrival_unix_nano: call.start_unix_nano(),
            facts: call.facts(),
        }
    }
}

impl Call<'_> {
    /// The call as it is kept, its texts within [`LONGEST_TEXT`](crate::call::LONGEST_TEXT).
    pub(crate) fn keep(&self, names: &mut Names) -> LlmCall {
        let mut call = LlmCall::from_facts(&self.facts, names, self.start_or_arrival_unix_nano);
        call.set_cost(self.cost);
        call.place(self.id, self.revision);
        if self.is_merged_away {
            call.mark_merged();
        }
        call
    }
}

/// All of a snapshot but its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The arrival number of the next call.
    pub next_id: CallId,
    counters: Counters,
    /// Not part of [`Counters`] in any serialised form.
    clock_ahead_nanos: i64,
    last_batch_unix_nano: Option<i64>,
    totals: Totals,
}

impl From<&Snapshot> for State {
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot { calls, counters, totals, version: _, capacity: _ } = snapshot;
        Self {
            next_id: calls.next_id(),
            counters: *counters,
            clock_ahead_nanos: counters.clock_ahead_nanos,
            last_batch_unix_nano: counters.last_batch_unix_nano,
            totals: *totals,
        }
    }
}

impl State {
    /// A snapshot without calls.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let Self { next_id: _, counters, clock_ahead_nanos, last_batch_unix_nano, totals } = *self;
        let counters = Counters { clock_ahead_nanos, last_batch_unix_nano, ..counters };
        Snapshot { counters, totals, ..Snapshot::default() }
    }
}

/// The bytes of a value that a message carries.
pub(crate) fn encode<T: Serialize>(value: &T) -> Bytes {
    // Only a type that postcard cannot express fails; empty bytes are none of the types here, so that the peer refuses them.
    postcard::to_allocvec(value).unwrap_or_default().into()
}

/// The value of exactly these bytes. Whatever they hold, no more is allocated than a few times their length.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

#[cfg(test)]
mod tests;
