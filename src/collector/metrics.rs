//! Counters of what happens before the store: connections, and requests that never reach it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, error, info, warn};

use super::counters::{AtomicCounters, Counters};
use super::notice::{ListenerNotice, Notice};
use super::sink::Refusal;

/// Shared counters; a change wakes the store, which publishes it.
#[derive(Debug, Default)]
pub struct CollectorMetrics {
    counters: AtomicCounters,
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
        self.count(&self.counters.connections);
    }

    /// Counts a connection that was closed at once.
    pub(crate) fn connection_refused(&self) {
        debug!("connection refused: too many connections");
        self.count(&self.counters.connections_refused);
    }

    /// Counts a listener that accepts no connections, for now or for good, and sends `notice`.
    pub(crate) fn listener_failed(&self, notice: ListenerNotice) {
        self.counters.listeners_failing.fetch_add(1, Relaxed);
        self.count(&self.counters.listener_failures);
        self.send_notice(notice);
    }

    /// Counts a failed listener that accepts connections again, and sends `notice`.
    pub(crate) fn listener_recovered(&self, notice: ListenerNotice) {
        self.counters.listeners_failing.fetch_sub(1, Relaxed);
        self.changed.notify_one();
        self.send_notice(notice);
    }

    /// Counts a viewer whose connection was refused.
    pub(crate) fn viewer_refused(&self) {
        warn!("viewer refused");
        self.count(&self.counters.viewers_refused);
    }

    /// Counts a request with metrics or logs, which was accepted and dropped.
    pub(crate) fn other_signal(&self) {
        self.count(&self.counters.other_signals);
    }

    /// Counts a refused request.
    pub(crate) fn refusal(&self, refusal: &Refusal) {
        match refusal {
            Refusal::Internal => error!(reason = %refusal, "request failed"),
            Refusal::Unavailable => debug!(reason = %refusal, "request refused"),
            Refusal::Malformed(_)
            | Refusal::TooLarge { .. }
            | Refusal::TooManySpans { .. }
            | Refusal::Unauthorised
            | Refusal::Protocol(_) => warn!(reason = %refusal, "request refused"),
        }
        match refusal {
            Refusal::Malformed(_) => self.count(&self.counters.requests_malformed),
            Refusal::Unavailable => self.count(&self.counters.requests_unavailable),
            Refusal::Unauthorised => self.count(&self.counters.requests_unauthorised),
            Refusal::Internal => self.count(&self.counters.requests_failed),
            Refusal::TooLarge { .. } | Refusal::TooManySpans { .. } => self.count(&self.counters.requests_too_large),
            Refusal::Protocol(_) => self.count(&self.counters.requests_protocol),
        }
        #[cfg(test)]
        self.refusals.lock().unwrap().push(refusal.clone());
        self.count(&self.counters.requests_refused);
    }

    /// The refusals counted since the last call, in order.
    #[cfg(test)]
    pub(crate) fn take_refusals(&self) -> Vec<Refusal> {
        std::mem::take(&mut *self.refusals.lock().unwrap())
    }

    /// Counts the spans of a request that was read but refused.
    pub(crate) fn spans_refused(&self, spans: u64) {
        self.counters.spans_refused.fetch_add(spans, Relaxed);
        self.changed.notify_one();
    }

    /// Waits until something was counted.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Adds what was counted here to the store's counters.
    pub fn add_to(&self, counters: &mut Counters) {
        self.counters.add_to(counters);
        counters.spans_received += self.counters.spans_refused.load(Relaxed);
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
        self.changed.notify_one();
    }

    fn send_notice(&self, notice: ListenerNotice) {
        match &notice {
            ListenerNotice::Recovered { .. } => info!("{notice}"),
            ListenerNotice::Failed { .. } | ListenerNotice::Died { .. } => error!("{notice}"),
        }
        if let Some(notices) = &self.notices {
            // The receiver is gone while the program exits.
            let _ = notices.send(Notice::Listener(notice));
        }
    }
}

/// The clients of a listener. Viewers are counted apart from those that send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clients {
    /// Connections of OTLP exporters.
    Exporters,
    /// Viewers of `--serve-viewers`, whose accepted connections are not counted.
    Viewers,
}

/// What a listener counts, under the counters of its clients.
#[derive(Clone, Debug)]
pub struct ConnectionMetrics {
    pub(super) metrics: Arc<CollectorMetrics>,
    pub(super) clients: Clients,
    /// Whether nothing but HTTP/2 is spoken here.
    pub(super) is_http2: bool,
}

/// What a connection begins with although its listener does not speak it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    Http1,
    Tls,
}

impl ConnectionMetrics {
    /// For a listener that speaks nothing but HTTP/2.
    pub(super) fn http2_only(self) -> Self {
        Self { is_http2: true, ..self }
    }

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

    /// Counts a connection in a protocol that is not that of the port.
    pub(super) fn foreign(&self, foreign: Foreign) {
        let why = match foreign {
            Foreign::Http1 => "HTTP/1 on the port of gRPC",
            Foreign::Tls => "TLS on a port without it",
        };
        match self.clients {
            Clients::Exporters => self.metrics.refusal(&Refusal::Protocol(why.to_owned())),
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
