//! What the servers of both OTLP transports share.

use std::sync::Arc;

use super::access::Access;
use super::metrics::{Clients, CollectorMetrics, ConnectionMetrics};
use super::sink::{Refusal, Sink};

/// What a server of either transport is given.
#[derive(Clone, Debug)]
pub struct OtlpReceiver<S: Sink> {
    /// Receives the validated requests.
    pub sink: S,
    /// Counts connections, and the requests that never reach the sink.
    pub metrics: Arc<CollectorMetrics>,
    /// Checked before a body is read.
    pub access: Access,
}

impl<S: Sink> OtlpReceiver<S> {
    /// Counts the connections of exporters.
    pub fn connection_metrics(&self) -> ConnectionMetrics {
        ConnectionMetrics { metrics: Arc::clone(&self.metrics), clients: Clients::Exporters, is_http2: false }
    }

    /// Counts a request that was refused before it reached the sink.
    pub(super) fn count_refusal(&self, refusal: &Refusal) {
        self.metrics.refusal(refusal);
    }
}
