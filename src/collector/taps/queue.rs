//! Taps: recorders and forwarders, which receive the bytes of accepted requests unchanged. A tap never blocks ingest.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::collector::byte_budget::{ByteBudget, Reservation};
use crate::collector::signal::Signal;

/// Receives every accepted export request.
pub trait Tap: Send + Sync + fmt::Debug {
    /// Offers an export request in protobuf. Never blocks; drops and counts a request for which there is no room.
    fn offer(&self, signal: Signal, request: &Bytes);
}

/// What a request costs in the queue beyond its bytes: many tiny ones must not fill memory either.
const OVERHEAD: usize = 128;

/// The sending side of a queue that is bounded by bytes, as requests differ in size by orders of magnitude. Never blocks.
#[derive(Debug)]
pub(crate) struct Sender {
    /// `None` once closed.
    requests: Mutex<Option<mpsc::UnboundedSender<QueuedRequest>>>,
    budget: ByteBudget,
    dropped: AtomicU64,
}

/// The consumer of a queue; returns the reserved bytes as it takes requests.
#[derive(Debug)]
pub(crate) struct Receiver(mpsc::UnboundedReceiver<QueuedRequest>);

/// A request in the queue or taken from it. It counts towards the queue's limit until it is dropped, so that requests being
/// written or sent count.
#[derive(Debug)]
pub(crate) struct QueuedRequest {
    pub signal: Signal,
    pub request: Bytes,
    _reservation: Reservation,
}

/// A queue for `limit` bytes of requests.
pub(crate) fn queue(limit: usize) -> (Sender, Receiver) {
    let (requests, receiver) = mpsc::unbounded_channel();
    let budget = ByteBudget::new(limit);
    (Sender { requests: Mutex::new(Some(requests)), budget, dropped: AtomicU64::new(0) }, Receiver(receiver))
}

impl Sender {
    /// Queues a request, or drops and counts it and returns false.
    pub(crate) fn offer(&self, signal: Signal, request: &Bytes) -> bool {
        let reservation = self.budget.try_reserve(request.len().saturating_add(OVERHEAD));
        let is_queued = reservation.is_some_and(|reservation| {
            self.send(QueuedRequest { signal, request: request.clone(), _reservation: reservation })
        });
        if !is_queued {
            self.dropped.fetch_add(1, Relaxed);
        }
        is_queued
    }

    /// Drops all requests offered from now on. The receiver ends once it has emptied the queue.
    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn send(&self, request: QueuedRequest) -> bool {
        self.lock().as_ref().is_some_and(|requests| requests.send(request).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<QueuedRequest>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.budget.reserved()
    }
}

impl Receiver {
    /// The next request, for which this blocks the thread; `None` once the queue is closed and empty.
    pub(crate) fn blocking_recv(&mut self) -> Option<QueuedRequest> {
        self.0.blocking_recv()
    }

    /// The next request if there is one.
    pub(crate) fn try_recv(&mut self) -> Option<QueuedRequest> {
        self.0.try_recv().ok()
    }

    /// The next request; `None` once the queue is closed and empty.
    pub(crate) async fn recv(&mut self) -> Option<QueuedRequest> {
        self.0.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_the_work_is_done() {
        let (sender, mut receiver) = queue(2 * (100 + OVERHEAD));
        let request = Bytes::from(vec![0; 100]);
        sender.offer(Signal::Traces, &request);
        sender.offer(Signal::Traces, &request);
        sender.offer(Signal::Traces, &request);
        assert_eq!(sender.dropped(), 1);
        let taken = receiver.try_recv().unwrap();
        sender.offer(Signal::Traces, &request);
        assert_eq!(sender.dropped(), 2, "being worked on");
        drop(taken);
        sender.offer(Signal::Traces, &request);
        assert_eq!((sender.dropped(), sender.held()), (2, 2 * (100 + OVERHEAD)));
        sender.close();
        sender.offer(Signal::Traces, &request);
        assert_eq!(sender.dropped(), 3, "closed");
        assert!(receiver.blocking_recv().is_some() && receiver.blocking_recv().is_some());
        assert!(receiver.blocking_recv().is_none());
    }

    #[test]
    fn a_dropped_receiver_is_a_drop_not_a_leak() {
        let (sender, receiver) = queue(10_000);
        drop(receiver);
        sender.offer(Signal::Traces, &Bytes::from_static(b"x"));
        assert_eq!((sender.dropped(), sender.held()), (1, 0));
    }
}
