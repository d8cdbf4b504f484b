//! Counters of what happens before the store: connections, and requests that never reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::notice::{ListenerNotice, Notice};
use super::sink::Refusal;
use super::snapshot::Counters;

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
    changed: Notify,
    notices: Option<UnboundedSender<Notice>>,
    #[cfg(test)]
    refusals: std::sync::Mutex<Vec<Refusal>>,
}

impl CollectorMetrics {
    /// All zero. `notices` receives failures and recoveries of listeners.
    pub(crate) fn with_notices(notices: Option<UnboundedSender<Notice>>) -> Self {
        Self { notices, ..Self::default() }
    }

    /// Counts an accepted connection.
    pub(crate) fn connection(&self) {
        self.count(&self.connections);
    }

    /// Counts a connection that was closed at once.
    pub(crate) fn connection_refused(&self) {
        self.count(&self.connections_refused);
    }

    /// Counts a listener that accepts no connections, for now or for good, and sends `notice`.
    pub(crate) fn listener_failed(&self, notice: ListenerNotice) {
        self.listeners_failing.fetch_add(1, Relaxed);
        self.count(&self.listener_failures);
        self.send_notice(notice);
    }

    /// Counts a failed listener that accepts connections again, and sends `notice`.
    pub(crate) fn listener_recovered(&self, notice: ListenerNotice) {
        self.listeners_failing.fetch_sub(1, Relaxed);
        self.changed.notify_one();
        self.send_notice(notice);
    }

    /// Counts a viewer whose connection was refused.
    pub(crate) fn viewer_refused(&self) {
        self.count(&self.viewers_refused);
    }

    /// Counts a request with metrics or logs, which was accepted and dropped.
    pub(crate) fn other_signal(&self) {
        self.count(&self.other_signals);
    }

    /// Counts a refused request.
    pub(crate) fn refusal(&self, refusal: &Refusal) {
        match refusal {
            Refusal::Malformed(_) => self.count(&self.malformed),
            Refusal::Unavailable => self.count(&self.unavailable),
            Refusal::Unauthorised => self.count(&self.unauthorised),
            Refusal::Internal => self.count(&self.faults),
            Refusal::TooLarge { .. } | Refusal::TooManySpans { .. } => self.count(&self.too_large),
            Refusal::Protocol(_) => {}
        }
        #[cfg(test)]
        self.refusals.lock().unwrap().push(refusal.clone());
        self.count(&self.refused);
    }

    /// The refusals counted since the last call, in order.
    #[cfg(test)]
    pub(crate) fn take_refusals(&self) -> Vec<Refusal> {
        std::mem::take(&mut *self.refusals.lock().unwrap())
    }

    /// Counts the spans of a request that was read but refused.
    pub(crate) fn spans_refused(&self, spans: u64) {
        self.spans_refused.fetch_add(spans, Relaxed);
        self.changed.notify_one();
    }

    /// Waits until something was counted.
    pub(crate) async fn changed(&self) {
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

    fn send_notice(&self, notice: ListenerNotice) {
        if let Some(notices) = &self.notices {
            // The receiver is gone while the program exits.
            let _ = notices.send(Notice::Listener(notice));
        }
    }
}

/// The clients of a listener. Viewers are counted apart from those that send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clients {
    /// OTLP exporters.
    Exporters,
    /// Viewers of `--serve-viewers`, whose accepted connections are not counted.
    Viewers,
}

/// What a listener counts, under the counters of its clients.
#[derive(Clone, Debug)]
pub struct ConnectionMetrics {
    pub(super) metrics: Arc<CollectorMetrics>,
    pub(super) clients: Clients,
}

impl ConnectionMetrics {
    /// Counts an accepted connection.
    pub(super) fn accepted(&self) {
        match self.clients {
            Clients::Exporters => self.metrics.connection(),
            Clients::Viewers => {}
        }
    }

    /// Counts a connection that was closed because there are too many.
    pub(super) fn over_limit(&self) {
        match self.clients {
            Clients::Exporters => self.metrics.connection_refused(),
            Clients::Viewers => self.metrics.viewer_refused(),
        }
    }

    /// Counts a connection whose TLS handshake failed.
    pub(super) fn handshake_failed(&self) {
        match self.clients {
            Clients::Exporters => self.metrics.refusal(&Refusal::Unauthorised),
            Clients::Viewers => self.metrics.viewer_refused(),
        }
    }
}
