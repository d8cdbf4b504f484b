//! `--serve-viewers`: what a collector shows to viewers elsewhere, over gRPC. Each is told all calls first and then what
//! changes; several may watch at once.
//!
//! Knows a [`Handle`] only, and works on a thread of its own: whatever viewers do costs ingest nothing. Nothing is queued for
//! a viewer: when it has taken a message the next one is made, and when it has taken all of a snapshot, the difference to the
//! newest one, whatever came in between. One that takes nothing for long is let go, and with it the snapshot it held on to.

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

use self::service::Door;
use super::Handle;
use super::access::Access;
use super::listener::{self, ConnectionLimits};
use super::metrics::{Clients, ConnectionMetrics};

/// Viewers at once.
pub const MOST_VIEWERS: usize = 32;

/// Connections at once: viewers, and those who are not let in.
const CONNECTIONS: usize = 2 * MOST_VIEWERS;

/// A viewer that does not take a message for this long is let go.
const STALLED: Duration = Duration::from_secs(30);

/// What viewers are served with.
#[derive(Clone, Debug)]
pub struct ViewersConfig {
    /// Address or name to listen on.
    pub host: String,
    /// Port; 0 picks a free one.
    pub port: u16,
    /// Who may watch.
    pub access: Access,
    /// A viewer that does not take a message for this long is let go.
    pub stalled: Duration,
}

impl ViewersConfig {
    /// Serving with the usual patience of half a minute.
    pub const fn new(host: String, port: u16, access: Access) -> Self {
        Self { host, port, access, stalled: STALLED }
    }
}

/// Why viewers cannot be served.
#[derive(Debug, Error)]
pub enum ViewersError {
    /// Somebody else listens there.
    #[error(
        "Failed to bind the viewers' listener on {host}:{port}: port already in use. Pick another port with --serve-viewers."
    )]
    PortTaken {
        /// As asked for.
        host: String,
        /// As asked for.
        port: u16,
    },
    /// The address cannot be listened on.
    #[error(
        "Failed to bind the viewers' listener on {host}:{port}: {source}. Pick another address with --serve-viewers."
    )]
    Bind {
        /// As asked for.
        host: String,
        /// As asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// No thread could be had.
    #[error("Failed to start serving viewers: {0}")]
    Thread(#[from] io::Error),
}

/// Viewers being served. Dropping it ends that at once.
#[derive(Debug)]
pub struct Viewers {
    address: SocketAddr,
    stop: CancellationToken,
    /// Hangs up when the thread is done.
    thread: Option<(JoinHandle<()>, Receiver<()>)>,
}

impl Viewers {
    /// Binds the listener and serves what `handle` answers on a thread of its own.
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
        let stop = CancellationToken::new();
        let limits = ConnectionLimits { connections: CONNECTIONS, ..ConnectionLimits::default() };
        let (at_work, done) = mpsc::channel::<()>();
        let stopped = stop.clone();
        let thread = thread::Builder::new().name("viewers".to_owned()).spawn(move || {
            let _at_work = at_work;
            runtime.block_on(async {
                let metrics = ConnectionMetrics { metrics: Arc::clone(&handle.metrics), clients: Clients::Viewers };
                let incoming = listener::accept(listener, access.tls.clone(), limits, metrics, stopped.clone());
                let _guard = listener::ExitGuard::new("viewers", Arc::clone(&handle.metrics), stopped.clone());
                // Arrival numbers mean something within one run only; chance tells runs apart.
                let run = RandomState::new().hash_one(0);
                let door = Door::new(access, handle, run, stalled, stopped.clone());
                // An error here means that the transport itself died, which is told when nobody serves any more.
                let _ = service::serve(door, incoming, stopped).await;
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, stop, thread: Some((thread, done)) })
    }

    /// Where viewers are served.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening and gives viewers `grace` to take the last snapshot, which is one of a collector that has stopped.
    pub fn finish(mut self, grace: Duration) {
        self.stop.cancel();
        if let Some((_, done)) = &self.thread {
            // Either all are told or the grace is over.
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
