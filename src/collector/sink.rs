//! The seam between the sources and ingest: bytes go in, a refusal may come back.

use bytes::Bytes;
use thiserror::Error;

/// Why an export request was not taken. Every refusal is counted where it is made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The bytes are no export request. Not retryable.
    #[error("malformed export request: {0}")]
    Malformed(String),
    /// The message, decompressed, is over the limit. Not retryable.
    #[error("export request too large: the limit is {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// More spans than one request may bring. Not retryable.
    #[error("export request too large: the limit is {limit} spans")]
    TooManySpans {
        /// The limit in spans.
        limit: usize,
    },
    /// The queue to the store is full. Retryable.
    #[error("busy: the queue is full, retry later")]
    Unavailable,
    /// The bearer token or client certificate is missing or wrong.
    #[error("unauthenticated: a valid bearer token is required")]
    Unauthorised,
    /// Anything else the transport refused (encoding, method, content type).
    #[error("refused: {0}")]
    Protocol(String),
    /// A fault of our own while handling the request; the request fails, the program lives.
    #[error("internal error")]
    Internal,
}

/// Where sources hand in what arrived.
pub trait Sink: Clone + Send + Sync + 'static {
    /// Parses the whole of `bytes`, an `ExportTraceServiceRequest` in protobuf, then queues all of its
    /// calls or none.
    ///
    /// # Errors
    /// The [`Refusal`] to answer the client with; already counted.
    fn traces(&self, bytes: Bytes) -> Result<(), Refusal>;

    /// As [`Sink::traces`], but waits on this thread until there is room, for sources that can wait. Never called from
    /// asynchronous code.
    ///
    /// # Errors
    /// As [`Sink::traces`]; [`Refusal::Unavailable`] means that there will never be room again.
    fn traces_waiting(&self, bytes: Bytes) -> Result<(), Refusal>;

    /// Counts a request of another signal (metrics, logs), which is accepted and dropped.
    fn other_signal(&self);

    /// Counts a request that was refused before it reached [`Sink::traces`].
    fn refused(&self, refusal: &Refusal);

    /// Counts an accepted connection.
    fn connection_opened(&self);

    /// Counts a connection that was closed at once because there are too many.
    fn connection_refused(&self);

    /// Counts that a listener accepts no connections, for now or for good, and tells it in words.
    fn listener_failed(&self, note: String);

    /// Tells that a listener which failed accepts connections again.
    fn listener_recovered(&self, note: String);
}
