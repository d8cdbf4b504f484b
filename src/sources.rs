//! Where calls come from.
//!
//! A run has one [`CallSource`]: the collector of this process ([`local`]) or one in another process ([`attach`]). Everything
//! downstream reads its [`Handle`]. [`replay`] and [`demo`] send export requests to the local collector and are part of it.

pub mod attach;
pub mod demo;
pub mod local;
pub mod replay;

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;

use self::attach::Link;
use self::replay::ReplayHandle;
use crate::collector::{Handle, HttpListener, Snapshot};

/// A running source of calls.
pub trait CallSource {
    /// Its snapshots, and the queries it answers.
    fn handle(&self) -> Handle;

    /// The addresses that are shown to the user.
    fn endpoints(&self) -> Endpoints;

    /// The state of the connection, if there is one that can be lost.
    fn link(&self) -> Option<watch::Receiver<Link>> {
        None
    }

    /// The replay that feeds it. Its end is the end of a run without a screen.
    fn replay(&self) -> Option<ReplayHandle> {
        None
    }

    /// Whether `snapshot` holds calls of the source, not only the initial value of the channel.
    fn is_ready(&self, snapshot: &Snapshot) -> bool {
        let _ = snapshot;
        true
    }

    /// Whether calls may have been dropped from the ring before the first snapshot; they do not count as lost.
    fn is_joined_late(&self) -> bool {
        false
    }

    /// Checks at the end of a run that the calls were received at all.
    ///
    /// # Errors
    /// When no calls means that none could be read.
    fn check(&self) -> Result<(), NothingReceived> {
        Ok(())
    }

    /// Stops intake and waits up to `grace` for requests in flight. The last snapshot then holds all of them, and
    /// queries are still answered.
    fn drain(&mut self, grace: Duration) {
        let _ = grace;
    }

    /// Ends it. Viewers have `grace` to receive the last snapshot.
    fn stop(self: Box<Self>, grace: Duration);
}

/// The addresses of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Bound address of the OTLP/gRPC listener.
    pub grpc: Option<SocketAddr>,
    /// State of the OTLP/HTTP listener.
    pub http: HttpListener,
    /// Bound address of the viewers' listener.
    pub viewers: Option<SocketAddr>,
    /// Address of the remote collector.
    pub remote: Option<String>,
}

impl Endpoints {
    /// A line for each listener, such as `listening on 127.0.0.1:4317 (OTLP/gRPC)`.
    pub fn lines(&self) -> Vec<String> {
        let line = |address: &SocketAddr, protocol: &str| format!("listening on {address} ({protocol})");
        let mut lines: Vec<_> = self.grpc.iter().map(|address| line(address, "OTLP/gRPC")).collect();
        match &self.http {
            HttpListener::Bound(address) => lines.push(line(address, "OTLP/HTTP")),
            HttpListener::Off => {}
            HttpListener::Failed(reason) => lines.push(format!("no OTLP/HTTP: {reason}")),
        }
        lines.extend(self.viewers.iter().map(|address| line(address, "viewers")));
        lines
    }

    /// Whether a listener for OTLP/gRPC or viewers is reachable from other machines.
    pub fn is_public(&self) -> bool {
        [self.grpc, self.viewers].iter().flatten().any(|address| !address.ip().is_loopback())
    }
}

/// Why a run ends without having received calls.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NothingReceived {
    /// The remote collector did not answer.
    #[error("{address} was never reached: {why}")]
    Unreachable {
        /// Address of the remote collector.
        address: String,
        /// The error of the last attempt.
        why: String,
    },
    /// The run ended before the first snapshot.
    #[error("the calls of {address} did not come in time")]
    TooLate {
        /// Address of the remote collector.
        address: String,
    },
}
