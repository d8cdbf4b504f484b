//! Taps: whoever else wants the bytes of accepted requests, unchanged. A tap never makes ingest wait.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Takes every accepted export request.
pub trait Tap: Send + Sync + fmt::Debug {
    /// Offers the bytes of an `ExportTraceServiceRequest`. Returns at once; what finds no room is dropped and counted.
    fn offer(&self, request: &Bytes);
}

/// A queue bounded by the bytes in it, as requests differ in size by orders of magnitude.
///
/// [`queue`] makes one; the sending side never waits.
#[derive(Debug)]
pub(crate) struct Sender {
    /// `None` once closed.
    requests: Mutex<Option<mpsc::UnboundedSender<Bytes>>>,
    room: Arc<Room>,
}

/// The receiving side of a queue.
#[derive(Debug)]
pub(crate) struct Receiver {
    requests: mpsc::UnboundedReceiver<Bytes>,
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    limit: usize,
    held: AtomicUsize,
    dropped: AtomicU64,
}

/// What a request costs in the queue beyond its bytes: many tiny ones must not fill memory either.
const OVERHEAD: usize = 128;

/// A request taken from a queue. It keeps its room there until it is dropped, so that what is being worked on counts.
#[derive(Debug)]
pub(crate) struct Taken {
    pub request: Bytes,
    room: Arc<Room>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.held.fetch_sub(cost(&self.request), Relaxed);
    }
}

/// A queue with room for `limit` bytes of requests.
pub(crate) fn queue(limit: usize) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Room { limit, held: AtomicUsize::new(0), dropped: AtomicU64::new(0) });
    let sender = Sender { requests: Mutex::new(Some(sender)), room: Arc::clone(&room) };
    (sender, Receiver { requests: receiver, room })
}

fn cost(request: &Bytes) -> usize {
    request.len().saturating_add(OVERHEAD)
}

impl Sender {
    /// Queues a request, or drops and counts it; says which.
    pub(crate) fn offer(&self, request: &Bytes) -> bool {
        let cost = cost(request);
        let held = self.room.held.fetch_add(cost, Relaxed);
        let queued = held.saturating_add(cost) <= self.room.limit && self.send(request);
        if !queued {
            self.room.held.fetch_sub(cost, Relaxed);
            self.room.dropped.fetch_add(1, Relaxed);
        }
        queued
    }

    /// Takes no more: the receiver ends once it has emptied the queue.
    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn send(&self, request: &Bytes) -> bool {
        self.lock().as_ref().is_some_and(|requests| requests.send(request.clone()).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<Bytes>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that found no room.
    pub(crate) fn dropped(&self) -> u64 {
        self.room.dropped.load(Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.room.held.load(Relaxed)
    }
}

impl Receiver {
    /// The next request, waited for on this thread; `None` once the queue is closed and empty.
    pub(crate) fn blocking_recv(&mut self) -> Option<Taken> {
        self.requests.blocking_recv().map(|request| self.taken(request))
    }

    /// The next request if one waits.
    pub(crate) fn try_recv(&mut self) -> Option<Taken> {
        self.requests.try_recv().ok().map(|request| self.taken(request))
    }

    /// The next request; `None` once the queue is closed and empty.
    pub(crate) async fn recv(&mut self) -> Option<Taken> {
        self.requests.recv().await.map(|request| self.taken(request))
    }

    fn taken(&self, request: Bytes) -> Taken {
        Taken { request, room: Arc::clone(&self.room) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_until_the_work_is_done() {
        let (sender, mut receiver) = queue(2 * (100 + OVERHEAD));
        let request = Bytes::from(vec![0; 100]);
        sender.offer(&request);
        sender.offer(&request);
        sender.offer(&request);
        assert_eq!(sender.dropped(), 1);
        let taken = receiver.try_recv().unwrap();
        sender.offer(&request);
        assert_eq!(sender.dropped(), 2, "being worked on");
        drop(taken);
        sender.offer(&request);
        assert_eq!((sender.dropped(), sender.held()), (2, 2 * (100 + OVERHEAD)));
        sender.close();
        sender.offer(&request);
        assert_eq!(sender.dropped(), 3, "closed");
        assert!(receiver.blocking_recv().is_some() && receiver.blocking_recv().is_some());
        assert!(receiver.blocking_recv().is_none());
    }

    #[test]
    fn nobody_receiving_is_a_drop_not_a_leak() {
        let (sender, receiver) = queue(10_000);
        drop(receiver);
        sender.offer(&Bytes::from_static(b"x"));
        assert_eq!((sender.dropped(), sender.held()), (1, 0));
    }
}
