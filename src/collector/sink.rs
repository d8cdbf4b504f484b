//! The interface between sources and ingest: export requests go in as bytes, a refusal may come back.

use bytes::Bytes;
use thiserror::Error;

use super::signal::Signal;

/// Why an export request was not accepted. Every refusal is counted where it is made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The bytes are not an export request. Not retryable.
    #[error("malformed export request: {0}")]
    Malformed(String),
    /// The message, decompressed, is over the limit. Not retryable.
    #[error("export request too large: the limit is {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The request has more spans than one may have. Not retryable.
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
    /// The transport refused it for another reason, such as its method or content type.
    #[error("refused: {0}")]
    Protocol(String),
    /// The handler panicked. Only this request fails.
    #[error("internal error")]
    Internal,
}

/// Receives export requests from listeners and other sources. Counts what it refuses.
pub trait Sink: Clone + Send + Sync + 'static {
    /// Validates the whole of `request`, an export request of `signal` in protobuf, then queues all of it or nothing.
    /// Never blocks.
    ///
    /// # Errors
    /// The [`Refusal`] to answer the client with; already counted.
    fn try_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal>;

    /// As [`Sink::try_send`], but blocks this thread until the queue has room. Must not be called from asynchronous code.
    ///
    /// # Errors
    /// As [`Sink::try_send`]; [`Refusal::Unavailable`] means that the queue is closed for good.
    fn blocking_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal>;
}
