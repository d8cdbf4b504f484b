//! Counters of what happens before the store: connections and requests that never got there.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Sender;

use tokio::sync::Notify;

use super::sink::Refusal;
use super::snapshot::Counters;

/// The most bytes that batches may take while they wait for the store, all together.
pub(super) const QUEUED_BYTES: usize = 256 * 1024 * 1024;

/// Shared counters; a change wakes the store, which publishes it.
#[derive(Debug, Default)]
pub struct CollectorMetrics {
    connections: AtomicU64,
    connections_refused: AtomicU64,
    listener_failures: AtomicU64,
    listeners_failing: AtomicU64,
    viewers_refused: AtomicU64,
    other_signals: AtomicU64,
    refused: AtomicU64,
    malformed: AtomicU64,
    too_large: AtomicU64,
    unavailable: AtomicU64,
    unauthorised: AtomicU64,
    faults: AtomicU64,
    spans_refused: AtomicU64,
    /// Bytes that queued batches take.
    queued: AtomicUsize,
    changed: Notify,
    /// Who is told in words what a counter cannot say.
    notes: Option<Sender<String>>,
}

impl CollectorMetrics {
    /// Nothing counted yet. What a counter cannot say is told through `notes`.
    pub fn telling(notes: Option<Sender<String>>) -> Self {
        Self { notes, ..Self::default() }
    }

    /// Counts an accepted connection.
    pub fn connection(&self) {
        self.count(&self.connections);
    }

    /// Counts a connection that was closed at once.
    pub fn connection_refused(&self) {
        self.count(&self.connections_refused);
    }

    /// Counts and tells that a listener accepts no connections, for now or for good.
    pub fn listener_failed(&self, note: String) {
        self.listeners_failing.fetch_add(1, Relaxed);
        self.count(&self.listener_failures);
        self.tell(note);
    }

    /// Tells that a listener which failed accepts connections again.
    pub fn listener_recovered(&self, note: String) {
        self.listeners_failing.fetch_sub(1, Relaxed);
        self.changed.notify_one();
        self.tell(note);
    }

    /// Counts a viewer that was turned away.
    pub fn viewer_refused(&self) {
        self.count(&self.viewers_refused);
    }

    /// Counts an accepted and dropped request of another signal.
    pub fn other_signal(&self) {
        self.count(&self.other_signals);
    }

    /// Counts a refused request.
    pub fn refusal(&self, refusal: &Refusal) {
        match refusal {
            Refusal::Malformed(_) => self.count(&self.malformed),
            Refusal::Unavailable => self.count(&self.unavailable),
            Refusal::Unauthorised => self.count(&self.unauthorised),
            Refusal::Internal => self.count(&self.faults),
            Refusal::TooLarge { .. } | Refusal::TooManySpans { .. } => self.count(&self.too_large),
            Refusal::Protocol(_) => {}
        }
        self.count(&self.refused);
    }

    /// Counts the spans of a request that was read but refused.
    pub fn spans_refused(&self, spans: u64) {
        self.spans_refused.fetch_add(spans, Relaxed);
        self.changed.notify_one();
    }

    /// Takes room for a batch of so many bytes in the queue, if there is any.
    pub fn enter(&self, bytes: usize) -> bool {
        let fits = self.queued.fetch_add(bytes, Relaxed).saturating_add(bytes) <= QUEUED_BYTES;
        if !fits {
            self.leave(bytes);
        }
        fits
    }

    /// Takes room for a batch whose source waits for its turn, whether there is any or not.
    pub fn enter_anyway(&self, bytes: usize) {
        self.queued.fetch_add(bytes, Relaxed);
    }

    /// Gives back the room of a batch that left the queue.
    pub fn leave(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Relaxed);
    }

    /// Waits until something was counted.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Adds what was counted here to the store's counters.
    pub fn add_to(&self, counters: &mut Counters) {
        let spans_refused = self.spans_refused.load(Relaxed);
        counters.connections += self.connections.load(Relaxed);
        counters.connections_refused += self.connections_refused.load(Relaxed);
        counters.listener_failures += self.listener_failures.load(Relaxed);
        counters.listeners_failing += self.listeners_failing.load(Relaxed);
        counters.viewers_refused += self.viewers_refused.load(Relaxed);
        counters.other_signals += self.other_signals.load(Relaxed);
        counters.requests_refused += self.refused.load(Relaxed);
        counters.requests_malformed += self.malformed.load(Relaxed);
        counters.requests_too_large += self.too_large.load(Relaxed);
        counters.requests_unavailable += self.unavailable.load(Relaxed);
        counters.requests_unauthorised += self.unauthorised.load(Relaxed);
        counters.requests_failed += self.faults.load(Relaxed);
        counters.spans_received += spans_refused;
        counters.spans_refused += spans_refused;
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
        self.changed.notify_one();
    }

    fn tell(&self, note: String) {
        if let Some(notes) = &self.notes {
            // Whoever was told has gone when the program ends.
            let _ = notes.send(note);
        }
    }
}
