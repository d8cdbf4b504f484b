//! Turns the bytes of an export request into a batch for the store: all of it or nothing.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::byte_budget::ByteBudget;
use super::catch_panic::catch_panic;
use super::join::Part;
use super::metrics::CollectorMetrics;
use super::sampling;
use super::semconv::{self, Classification, SpanRole};
use super::shared_names::SharedNames;
use super::signal::Signal;
use super::sink::{Refusal, Sink};
use super::store::{Arrival, Batch, QueuedBatch};
use super::taps::queue::Tap;
use super::wire::{self, Origin, Span, WireError};
use crate::call::{CallFacts, LlmCall, Names};

/// The most spans of one request. An empty span takes two bytes on the wire and a hundred in memory, so that a limit on
/// bytes is not enough; exporters send some hundreds.
const MOST_SPANS: usize = 128 * 1024;

/// The most bytes that batches may take while they wait for the store, all together.
const QUEUED_BYTES: usize = 256 * 1024 * 1024;

/// Typical bytes of a span and spans of a request, for which memory is allocated at once.
const USUAL_SPAN: usize = 1024;
const USUAL_SPANS: usize = 512;

/// The sink of a running collector.
#[derive(Clone, Debug)]
pub struct Ingest(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    batches: mpsc::Sender<QueuedBatch>,
    names: SharedNames,
    metrics: Arc<CollectorMetrics>,
    /// Of batches on their way to the store.
    queued: ByteBudget,
    taps: Box<[Arc<dyn Tap>]>,
}

impl Ingest {
    /// Queues batches into `batches`; counts what never gets there in `metrics`.
    pub fn new(batches: mpsc::Sender<QueuedBatch>, names: SharedNames, metrics: Arc<CollectorMetrics>) -> Self {
        Self::with_taps(batches, names, metrics, &[])
    }

    /// As [`Ingest::new`]; also offers every accepted request to `taps`.
    pub(super) fn with_taps(
        batches: mpsc::Sender<QueuedBatch>,
        names: SharedNames,
        metrics: Arc<CollectorMetrics>,
        taps: &[Arc<dyn Tap>],
    ) -> Self {
        let queued = ByteBudget::new(QUEUED_BYTES);
        Self(Arc::new(Inner { batches, names, metrics, queued, taps: taps.into() }))
    }

    /// What it counts refused requests in.
    pub fn metrics(&self) -> &Arc<CollectorMetrics> {
        &self.0.metrics
    }
}

impl Inner {
    /// Traces are read and queued; metrics and logs are counted and dropped, so that exporters do not log errors.
    fn export(
        &self,
        signal: Signal,
        request: &Bytes,
        queue: impl FnOnce(Batch) -> Result<(), Batch>,
    ) -> Result<(), Refusal> {
        match signal {
            Signal::Traces => self.traces(request, queue),
            Signal::Metrics | Signal::Logs => {
                self.metrics.other_signal();
                Ok(())
            }
        }
    }

    /// Reads a request and queues it with `queue`, which returns a batch that it has no room for.
    fn traces(&self, request: &Bytes, queue: impl FnOnce(Batch) -> Result<(), Batch>) -> Result<(), Refusal> {
        let received_unix_nano = unix_nano_now();
        let read = || read(request, &mut self.names.lock(), received_unix_nano);
        let taken = catch_panic(read)
            .map(|arrivals| Batch { request: request.clone(), arrivals, received_unix_nano })
            .and_then(|batch| queue(batch).map_err(|refused| self.queue_full(&refused)))
            .inspect(|()| self.taps.iter().for_each(|tap| tap.offer(Signal::Traces, request)));
        taken.inspect_err(|refusal| self.metrics.refusal(refusal))
    }

    fn try_queue(&self, batch: Batch) -> Result<(), Batch> {
        match self.queued.try_reserve(batch.weight()) {
            Some(reservation) => {
                let sent = self.batches.try_send(QueuedBatch { batch, reservation });
                sent.map_err(|refused| refused.into_inner().batch)
            }
            None => Err(batch),
        }
    }

    fn blocking_queue(&self, batch: Batch) -> Result<(), Batch> {
        // Such a source waits for a place in the queue, so that it adds at most one batch.
        let reservation = self.queued.reserve_beyond_limit(batch.weight());
        self.batches.blocking_send(QueuedBatch { batch, reservation }).map_err(|refused| refused.0.batch)
    }

    fn queue_full(&self, refused: &Batch) -> Refusal {
        self.metrics.spans_refused(refused.arrivals.len() as u64);
        Refusal::Unavailable
    }
}

impl Sink for Ingest {
    fn try_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        self.0.export(signal, &request, |batch| self.0.try_queue(batch))
    }

    fn blocking_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        self.0.export(signal, &request, |batch| self.0.blocking_queue(batch))
    }
}

/// Reads all spans of a request.
///
/// # Errors
/// [`Refusal::Malformed`] when any part of the bytes violates the protocol, [`Refusal::TooManySpans`] beyond 131,072 spans.
pub fn read(request: &[u8], names: &mut Names, received_unix_nano: i64) -> Result<Vec<Arrival>, Refusal> {
    let mut spans = ArrivalReader::new(request, names, received_unix_nano);
    let mut walked = wire::walk_at_once(request, |origin, span| spans.take(origin, span));
    if walked == Err(WireError::LateHead) {
        spans = ArrivalReader::new(request, names, received_unix_nano);
        walked = wire::walk(request, |origin, span| spans.take(origin, span));
    }
    walked.map_err(|error| Refusal::Malformed(error.to_string()))?;
    if spans.count > MOST_SPANS { Err(Refusal::TooManySpans { limit: MOST_SPANS }) } else { Ok(spans.arrivals) }
}

/// Collects the spans of a request during its walk.
struct ArrivalReader<'n> {
    arrivals: Vec<Arrival>,
    count: usize,
    reader: semconv::SpanReader,
    names: &'n mut Names,
    received_unix_nano: i64,
}

impl<'n> ArrivalReader<'n> {
    fn new(request: &[u8], names: &'n mut Names, received_unix_nano: i64) -> Self {
        let arrivals = Vec::with_capacity((request.len() / USUAL_SPAN).min(USUAL_SPANS));
        Self { arrivals, count: 0, reader: semconv::SpanReader::default(), names, received_unix_nano }
    }

    fn take(&mut self, origin: &Origin<'_, '_>, span: &Span<'_, '_>) {
        self.count += 1;
        if self.count <= MOST_SPANS {
            let reading = self.reader.read(origin, span);
            self.arrivals.push(arrival(reading, span, self.names, self.received_unix_nano));
        }
    }
}

fn arrival(reading: Classification<'_>, span: &Span<'_, '_>, names: &mut Names, received_unix_nano: i64) -> Arrival {
    let place = span.raw_range();
    let trace = span.trace_id.try_into().ok().filter(|id: &[u8; 16]| *id != [0; 16]);
    Arrival {
        acts: reading.acts,
        adds_up: reading.adds_up,
        ids: trace.zip(span_id(span.span_id)),
        parent: span_id(span.parent_span_id).unwrap_or(0),
        why: reading.why,
        range: wire::offset(place.start)..wire::offset(place.end),
        is_sampled: sampling::is_sampled(span.trace_state),
        part: part(reading.role, names, received_unix_nano),
    }
}

fn part(role: SpanRole<'_>, names: &mut Names, received_unix_nano: i64) -> Part {
    let mut keep = |draft: &CallFacts<'_>| LlmCall::from_facts(draft, names, received_unix_nano);
    match role {
        SpanRole::Call(draft) => Part::Call(keep(&draft)),
        SpanRole::Completes(draft) => Part::Completes(Box::new(keep(&draft))),
        SpanRole::Context { session_id, user_id } => {
            Part::Context(Box::new(keep(&CallFacts { session_id, user_id, ..CallFacts::default() })))
        }
        SpanRole::Rejected => Part::Rejected,
        SpanRole::Other => Part::Other,
    }
}

/// A span id as a number, when it is one: 8 bytes, not all zero.
fn span_id(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes).filter(|&id| id != 0)
}

/// The wall clock, ns since the epoch; 0 before it.
pub fn unix_nano_now() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
