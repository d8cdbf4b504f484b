//! What tests of several sources share.

use std::io::Write as _;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::access::Access;
use super::counters::Counters;
use super::metrics::{Clients, CollectorMetrics, ConnectionMetrics};
use super::notice::Notice;
use super::receiver::OtlpReceiver;
use super::signal::Signal;
use super::sink::{Refusal, Sink};

/// A request at which [`Kept`] panics.
pub(crate) const FAULT: &[u8] = b"a fault of ours";

/// A sink that keeps what it receives and answers with `answer`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(pub Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    /// Requests with traces, in order of arrival.
    pub requests: Mutex<Vec<Bytes>>,
    /// What to refuse with from now on.
    pub answer: Mutex<Option<Refusal>>,
    /// Requests with metrics or logs.
    pub others: AtomicUsize,
    /// What the listeners before it count.
    pub metrics: Arc<CollectorMetrics>,
    /// What they report, and the reports read so far.
    notices: Mutex<(UnboundedReceiver<Notice>, Vec<String>)>,
}

impl Default for Inner {
    fn default() -> Self {
        let (sender, notices) = unbounded_channel();
        Self {
            requests: Mutex::default(),
            answer: Mutex::default(),
            others: AtomicUsize::default(),
            metrics: Arc::new(CollectorMetrics::with_notices(Some(sender))),
            notices: Mutex::new((notices, Vec::new())),
        }
    }
}

impl Kept {
    /// For the servers of either transport.
    pub(crate) fn receiver(&self, access: Access) -> OtlpReceiver<Self> {
        OtlpReceiver { sink: self.clone(), metrics: Arc::clone(&self.0.metrics), access }
    }

    pub(crate) fn connection_metrics(&self) -> ConnectionMetrics {
        ConnectionMetrics { metrics: Arc::clone(&self.0.metrics), clients: Clients::Exporters, is_http2: false }
    }

    pub(crate) fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        self.0.metrics.add_to(&mut counters);
        counters
    }

    /// What was reported of listeners that failed and recovered.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = self.0.notices.lock().unwrap();
        let (receiver, read) = &mut *notes;
        read.extend(std::iter::from_fn(|| receiver.try_recv().ok()).map(|notice| notice.to_string()));
        read.clone()
    }
}

impl Sink for Kept {
    fn try_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        match signal {
            Signal::Traces => {
                assert_ne!(request, FAULT, "on purpose");
                self.0.requests.lock().unwrap().push(request);
                self.0.answer.lock().unwrap().clone().map_or(Ok(()), Err)
            }
            Signal::Metrics | Signal::Logs => {
                self.0.others.fetch_add(1, SeqCst);
                Ok(())
            }
        }
    }

    fn blocking_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        self.try_send(signal, request)
    }
}

/// An authority, and a server and a client certificate that it signed, as PEM files.
pub(crate) fn pki() -> tempfile::TempDir {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    for name in ["server", "client"] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    folder
}

/// Bytes packed with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// How long something awaited may take on a busy machine before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `found` finds something.
pub(crate) fn eventually<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came to that");
        std::thread::yield_now();
    }
}
