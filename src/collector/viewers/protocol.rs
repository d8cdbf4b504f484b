//! What a collector and its viewers say to each other: the messages of `planoai.obs.v1.Viewers`, in protobuf.
//!
//! `Watch` answers one [`WatchRequest`] with [`Update`]s for as long as both live; `Spans` answers one [`SpansRequest`] with
//! [`SpansPart`]s. Both ends refuse another [`PROTOCOL`] than theirs: a field that one of them does not know would be lost
//! in silence.

use bytes::Bytes;

/// The version of these messages. A field more or less, or one that means something else, is another version.
pub(crate) const PROTOCOL: u32 = 2;

pub(crate) const SERVICE: &str = "planoai.obs.v1.Viewers";

/// The path of the stream of calls.
pub(crate) const WATCH: &str = "/planoai.obs.v1.Viewers/Watch";

/// The path of the question for spans.
pub(crate) const SPANS: &str = "/planoai.obs.v1.Viewers/Spans";

/// The most calls in one message.
pub(crate) const CHUNK_CALLS: usize = 2_000;

/// A message is closed once its calls or spans take so many bytes.
pub(crate) const CHUNK_BYTES: usize = 1024 * 1024;

/// The most bytes of an [`Update`]: a chunk, and what the call that closed it has over.
pub(crate) const UPDATE_LIMIT: usize = 4 * CHUNK_BYTES;

/// The most bytes of a [`SpansPart`]: a single span may take a whole export request.
pub(crate) const SPANS_LIMIT: usize = crate::collector::grpc::MESSAGE_LIMIT + 2 * CHUNK_BYTES;

/// The most calls that a collector keeps and a viewer believes it to keep.
pub(crate) const MOST_CALLS: u64 = 10_000_000;

/// Asks for all calls and then for what changes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct WatchRequest {
    /// The asker's [`PROTOCOL`].
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// No more than the newest so many are wanted; 0 is all.
    #[prost(uint64, tag = "2")]
    pub most_calls: u64,
}

/// A piece of what a viewer lacks. The pieces up to one with a `state` are one snapshot, to be shown together.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Update {
    /// In the first message of a stream, and only there.
    #[prost(message, optional, tag = "1")]
    pub hello: Option<Hello>,
    /// Earlier calls are no longer kept.
    #[prost(uint64, tag = "2")]
    pub first_kept: u64,
    /// Each a [`Call`], encoded: revised ones first, then new ones in order of arrival.
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub calls: Vec<Bytes>,
    /// With the last piece of a snapshot.
    #[prost(message, optional, tag = "4")]
    pub state: Option<State>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Hello {
    /// The sender's [`PROTOCOL`].
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// Tells one run of a collector from another: arrival numbers begin anew with each.
    #[prost(fixed64, tag = "2")]
    pub run: u64,
    /// Most calls the collector keeps.
    #[prost(uint64, tag = "3")]
    pub capacity: u64,
}

/// All of a snapshot but its calls.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct State {
    /// The arrival number that the next call will get.
    #[prost(uint64, tag = "1")]
    pub next_id: u64,
    /// Where everything that arrived ended.
    #[prost(message, optional, tag = "2")]
    pub counters: Option<Counters>,
    #[prost(message, optional, tag = "3")]
    pub totals: Option<Totals>,
}

/// [`Counters`](crate::collector::Counters).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Counters {
    #[prost(uint64, tag = "1")]
    pub connections: u64,
    #[prost(uint64, tag = "2")]
    pub connections_refused: u64,
    #[prost(uint64, tag = "3")]
    pub requests: u64,
    #[prost(uint64, tag = "4")]
    pub requests_refused: u64,
    #[prost(uint64, tag = "5")]
    pub requests_malformed: u64,
    #[prost(uint64, tag = "6")]
    pub requests_too_large: u64,
    #[prost(uint64, tag = "7")]
    pub requests_unavailable: u64,
    #[prost(uint64, tag = "8")]
    pub requests_unauthorised: u64,
    #[prost(uint64, tag = "9")]
    pub requests_failed: u64,
    #[prost(uint64, tag = "10")]
    pub other_signals: u64,
    #[prost(uint64, tag = "11")]
    pub spans_received: u64,
    #[prost(uint64, tag = "12")]
    pub llm_calls: u64,
    #[prost(uint64, tag = "13")]
    pub merged: u64,
    #[prost(uint64, tag = "14")]
    pub not_llm: u64,
    #[prost(uint64, tag = "15")]
    pub rejected: u64,
    #[prost(uint64, tag = "16")]
    pub spans_refused: u64,
    #[prost(uint64, tag = "17")]
    pub spans_sampled: u64,
    #[prost(sfixed64, tag = "18")]
    pub clock_ahead_nanos: i64,
    #[prost(sfixed64, optional, tag = "19")]
    pub last_batch_unix_nano: Option<i64>,
    #[prost(uint64, tag = "20")]
    pub listener_failures: u64,
    #[prost(uint64, tag = "21")]
    pub listeners_failing: u64,
    #[prost(uint64, tag = "22")]
    pub viewers_refused: u64,
}

/// [`Totals`](crate::stats::Totals); sums of 128 bits are sixteen bytes, the highest first.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Totals {
    #[prost(uint64, tag = "1")]
    pub calls: u64,
    #[prost(uint64, tag = "2")]
    pub errors: u64,
    #[prost(uint64, tag = "3")]
    pub unpriced: u64,
    #[prost(bytes = "vec", tag = "4")]
    pub input_tokens: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub output_tokens: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub cost_femto_usd: Vec<u8>,
}

/// A kept call in its wide shape ([`CallFacts`](crate::call::CallFacts)), with its place and its cost.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Call {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(uint32, tag = "2")]
    pub revision: u32,
    #[prost(bool, tag = "3")]
    pub is_merged_away: bool,
    #[prost(message, optional, tag = "4")]
    pub cost: Option<Cost>,
    /// The start, or the arrival where none was emitted.
    #[prost(sfixed64, tag = "5")]
    pub start_or_arrival_unix_nano: i64,
    #[prost(uint32, tag = "6")]
    pub convention: u32,
    #[prost(string, optional, tag = "7")]
    pub emitted_request_id: Option<String>,
    #[prost(fixed64, optional, tag = "8")]
    pub start_unix_nano: Option<u64>,
    #[prost(string, optional, tag = "9")]
    pub model: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub provider: Option<String>,
    #[prost(string, optional, tag = "11")]
    pub request_model: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub upstream_model: Option<String>,
    #[prost(string, optional, tag = "13")]
    pub session_id: Option<String>,
    #[prost(string, optional, tag = "14")]
    pub route_name: Option<String>,
    #[prost(bool, optional, tag = "15")]
    pub is_streaming: Option<bool>,
    #[prost(uint32, optional, tag = "16")]
    pub status_code: Option<u32>,
    #[prost(bool, tag = "17")]
    pub span_error: bool,
    #[prost(message, optional, tag = "18")]
    pub usage: Option<Usage>,
    #[prost(double, optional, tag = "19")]
    pub ttft_ms: Option<f64>,
    #[prost(double, optional, tag = "20")]
    pub duration_ms: Option<f64>,
    #[prost(string, optional, tag = "21")]
    pub routing_strategy: Option<String>,
    #[prost(string, optional, tag = "22")]
    pub routing_reason: Option<String>,
    #[prost(double, optional, tag = "23")]
    pub reported_cost_usd: Option<f64>,
    #[prost(double, optional, tag = "24")]
    pub fallback_cost_usd: Option<f64>,
    #[prost(string, optional, tag = "25")]
    pub operation: Option<String>,
    #[prost(string, optional, tag = "26")]
    pub error_type: Option<String>,
    #[prost(string, optional, tag = "27")]
    pub error_message: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub user_id: Option<String>,
    #[prost(string, optional, tag = "29")]
    pub finish_reasons: Option<String>,
    #[prost(string, optional, tag = "30")]
    pub service_tier: Option<String>,
    #[prost(string, optional, tag = "31")]
    pub service_name: Option<String>,
    #[prost(bytes = "vec", tag = "32")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "33")]
    pub span_id: Vec<u8>,
    #[prost(uint32, optional, tag = "34")]
    pub quality: Option<u32>,
    #[prost(bool, tag = "35")]
    pub flagged: bool,
    #[prost(uint32, optional, tag = "36")]
    pub session_switches: Option<u32>,
    #[prost(double, optional, tag = "37")]
    pub session_overhead_pct: Option<f64>,
}

/// [`Cost`](crate::call::Cost).
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Cost {
    #[prost(double, tag = "1")]
    pub usd: f64,
    #[prost(uint32, tag = "2")]
    pub basis: u32,
}

/// [`Usage`](crate::call::Usage).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Usage {
    #[prost(uint64, optional, tag = "1")]
    pub input: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    pub output: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    pub total: Option<u64>,
    #[prost(uint64, optional, tag = "4")]
    pub cache_read: Option<u64>,
    #[prost(uint64, optional, tag = "5")]
    pub cache_write: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    pub cache_write_1h: Option<u64>,
    #[prost(uint64, optional, tag = "7")]
    pub reasoning: Option<u64>,
    #[prost(uint64, optional, tag = "8")]
    pub fresh: Option<u64>,
    #[prost(uint64, optional, tag = "9")]
    pub input_audio: Option<u64>,
    #[prost(uint64, optional, tag = "10")]
    pub cache_read_audio: Option<u64>,
    #[prost(uint64, optional, tag = "11")]
    pub output_audio: Option<u64>,
    #[prost(bool, tag = "12")]
    pub input_excludes_cached: bool,
}

/// Asks for the known spans of a trace.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct SpansRequest {
    /// The asker's [`PROTOCOL`].
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// Sixteen bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub trace_id: Vec<u8>,
}

/// Some of the spans, in order of arrival.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct SpansPart {
    #[prost(message, repeated, tag = "1")]
    pub spans: Vec<Span>,
}

/// [`KnownSpan`](crate::collector::KnownSpan).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Span {
    #[prost(fixed64, tag = "1")]
    pub id: u64,
    #[prost(fixed64, tag = "2")]
    pub parent: u64,
    #[prost(uint64, optional, tag = "3")]
    pub row: Option<u64>,
    #[prost(uint32, tag = "4")]
    pub outcome: u32,
    #[prost(string, tag = "5")]
    pub why: String,
    /// An export request that holds this span alone, under its resource and scope; absent when its bytes are no longer kept.
    #[prost(bytes = "bytes", optional, tag = "6")]
    pub request: Option<Bytes>,
    /// Where in the request the span begins; it ends with it.
    #[prost(uint64, tag = "7")]
    pub begins_at: u64,
}
