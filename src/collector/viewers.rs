//! `--serve-viewers`: serves the calls of a collector to remote viewers over gRPC. Each receives all calls first and then what
//! changes.
//!
//! Reads a [`Handle`] only, on a thread of its own, so that viewers do not slow ingest. Nothing is queued for a viewer: a
//! message is encoded once the previous one was taken, and after a whole snapshot follows the difference to the newest one,
//! skipping those in between. A viewer that takes no message for too long is disconnected, which frees its snapshot.

mod delta;
pub(crate) mod protocol;
mod service;
pub(crate) mod spans;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::service::SharedState;
use super::Handle;
use super::access::Access;
use super::listener::{self, ConnectionLimits};
use super::metrics::{Clients, ConnectionMetrics};

/// The most concurrent viewers.
pub const MOST_VIEWERS: usize = 32;

/// Concurrent connections: viewers, and those that will be refused.
const CONNECTIONS: usize = 2 * MOST_VIEWERS;

/// See [`ViewersConfig::stalled`].
const STALLED: Duration = Duration::from_secs(30);

/// Settings of the viewers' listener.
#[derive(Clone, Debug)]
pub struct ViewersConfig {
    /// Address or name to listen on.
    pub host: String,
    /// Port; 0 picks a free one.
    pub port: u16,
    /// Token and TLS that viewers need.
    pub access: Access,
    /// A viewer that does not take a message for this long is disconnected.
    pub stalled: Duration,
}

impl ViewersConfig {
    /// Settings with the default timeout of 30 s.
    pub const fn new(host: String, port: u16, access: Access) -> Self {
        Self { host, port, access, stalled: STALLED }
    }
}

/// Why viewers cannot be served.
#[derive(Debug, Error)]
pub enum ViewersError {
    /// The port is in use.
    #[error(
        "Failed to bind the viewers' listener on {host}:{port}: port already in use. Pick another port with --serve-viewers."
    )]
    PortTaken {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
    },
    /// The address cannot be listened on.
    #[error(
        "Failed to bind the viewers' listener on {host}:{port}: {source}. Pick another address with --serve-viewers."
    )]
    Bind {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// The operating system's error.
        source: io::Error,
    },
    /// The runtime or thread could not be created.
    #[error("Failed to start serving viewers: {0}")]
    Thread(#[from] io::Error),
}

/// A running viewers' listener. Dropping it stops it at once.
#[derive(Debug)]
pub struct Viewers {
    address: SocketAddr,
    stop: CancellationToken,
    /// The receiver disconnects when the thread ends.
    thread: Option<(JoinHandle<()>, Receiver<()>)>,
}

impl Viewers {
    /// Binds the listener and serves viewers on a thread of its own.
    ///
    /// # Errors
    /// When the listener cannot be bound.
    pub fn start(config: ViewersConfig, handle: Handle) -> Result<Self, ViewersError> {
        let ViewersConfig { host, port, access, stalled } = config;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((host.as_str(), port)));
        let listener = listener.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ViewersError::PortTaken { host, port },
            _ => ViewersError::Bind { host, port, source },
        })?;
        let address = listener.local_addr()?;
        info!(%address, "viewers' listener bound");
        let stop = CancellationToken::new();
        let limits = ConnectionLimits { connections: CONNECTIONS, ..ConnectionLimits::default() };
        let (at_work, done) = mpsc::channel::<()>();
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("viewers".to_owned()).spawn(move || {
            let _at_work = at_work;
            runtime.block_on(async {
                let metrics = Arc::clone(&handle.metrics);
                let metrics = ConnectionMetrics { metrics, clients: Clients::Viewers, is_http2: true };
                let incoming = listener::accept(listener, access.tls.clone(), limits, metrics, stopped.clone());
                let _guard = listener::ExitGuard::new("viewers", Arc::clone(&handle.metrics), stopped.clone());
                // Arrival numbers are unique within one run only; a random number identifies the run.
                let run = RandomState::new().hash_one(0);
                let state = SharedState::new(access, handle, run, stalled, stopped.clone());
                // An error here means that the transport failed, which the guard reports.
                let _ = service::serve(state, incoming, stopped).await;
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, stop, thread: Some((thread, done)) })
    }

    /// The address it is bound to, with the port chosen for `:0`.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and waits up to `grace` for viewers to take the last snapshot.
    pub fn finish(mut self, grace: Duration) {
        self.stop.cancel();
        if let Some((_, done)) = &self.thread {
            // Either all have it or the time is up.
            let _ = done.recv_timeout(grace);
        }
        self.thread = None;
    }
}

impl Drop for Viewers {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
