//! What tests of several sources share.

use std::io::Write as _;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use super::sink::{Refusal, Sink};

/// A request at which [`Kept`] panics.
pub(crate) const FAULT: &[u8] = b"a fault of ours";

/// A sink that keeps what it is given and answers as told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(pub Arc<Inner>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// Requests in order of arrival.
    pub requests: Mutex<Vec<Bytes>>,
    /// Refusals that were not ours.
    pub refusals: Mutex<Vec<Refusal>>,
    /// What to refuse with from now on.
    pub answer: Mutex<Option<Refusal>>,
    /// Requests of other signals.
    pub others: AtomicUsize,
    pub connections: AtomicUsize,
    /// Connections closed at once.
    pub connections_refused: AtomicUsize,
    /// What was told of listeners that failed and recovered.
    pub listeners: Mutex<Vec<String>>,
}

impl Sink for Kept {
    fn traces(&self, bytes: Bytes) -> Result<(), Refusal> {
        assert_ne!(bytes, FAULT, "told to");
        self.0.requests.lock().unwrap().push(bytes);
        self.0.answer.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn traces_waiting(&self, bytes: Bytes) -> Result<(), Refusal> {
        self.traces(bytes)
    }

    fn other_signal(&self) {
        self.0.others.fetch_add(1, SeqCst);
    }

    fn refused(&self, refusal: &Refusal) {
        self.0.refusals.lock().unwrap().push(refusal.clone());
    }

    fn connection_opened(&self) {
        self.0.connections.fetch_add(1, SeqCst);
    }

    fn connection_refused(&self) {
        self.0.connections_refused.fetch_add(1, SeqCst);
    }

    fn listener_failed(&self, note: String) {
        self.0.listeners.lock().unwrap().push(note);
    }

    fn listener_recovered(&self, note: String) {
        self.0.listeners.lock().unwrap().push(note);
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
