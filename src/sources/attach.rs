//! `--attach`: a remote collector that serves viewers, behind the same [`Handle`] as a local one: snapshots of the same calls
//! under the same numbers.
//!
//! A replica of the remote ring is kept; a snapshot is published when all of it has arrived. When the connection is lost the
//! last one stays, and the connection is retried. A collector that was restarted numbers its calls from 0 again; here they are
//! numbered after those already shown, as after clearing, so that two calls never share a number.
//!
//! Messages are untrusted input: a malformed one closes the connection and changes nothing.

mod address;
mod client;
mod replica;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tracing::{info, warn};

pub use address::{Address, AddressError};
pub use client::{ClientTls, ConnectionError};

use self::client::Client;
use self::replica::Replica;
use super::{CallSource, Endpoints, NothingReceived};
use crate::collector::access::Token;
use crate::collector::store::Command;
use crate::collector::taps::forward::Backoff;
use crate::collector::{Handle, KnownSpan, Snapshot};

/// Between attempts to reconnect; never gives up.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(5), give_up_after: Duration::MAX };

/// Which collector to attach to, and how.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// The address of `--serve-viewers`.
    pub address: Address,
    /// Bearer token sent with each request.
    pub token: Option<Token>,
    /// `None` is plain text.
    pub tls: Option<ClientTls>,
    /// Keeps only the newest so many calls; `None` is the remote capacity.
    pub most_calls: Option<usize>,
    /// Most bytes of raw spans fetched for one detail or trace.
    pub span_memory: usize,
    /// Between attempts to reconnect.
    pub backoff: Backoff,
}

impl RemoteConfig {
    /// Default timeouts, no token, no TLS.
    pub const fn new(address: Address) -> Self {
        let span_memory = 64 * 1024 * 1024;
        Self { address, token: None, tls: None, most_calls: None, span_memory, backoff: BACKOFF }
    }
}

/// An error that a retry would not cure.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// The collector refuses the connection, or has another version.
    #[error("cannot attach to {address}: {error}")]
    Refused {
        /// As configured.
        address: Address,
        /// The error of the last attempt.
        error: ConnectionError,
    },
    /// The runtime or thread could not be created.
    #[error("cannot attach: {0}")]
    Thread(#[from] io::Error),
}

/// The state of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Link {
    /// Connected; the first snapshot has not arrived.
    #[default]
    Attaching,
    /// The snapshot is up to date.
    Attached,
    /// The last snapshot stays while the connection is retried.
    Lost {
        /// The error in one line, with a way out if there is one.
        why: String,
    },
}

impl Link {
    /// Whether there is no connection.
    pub const fn is_lost(&self) -> bool {
        match self {
            Self::Attaching | Self::Attached => false,
            Self::Lost { .. } => true,
        }
    }
}

/// A connection to a remote collector. Dropping it closes the connection.
#[derive(Debug)]
pub struct RemoteCollector {
    address: Address,
    handle: Handle,
    link: watch::Receiver<Link>,
    stop: CancellationToken,
}

impl RemoteCollector {
    /// Connects and follows the collector on a thread of its own. An unreachable collector is retried.
    ///
    /// # Errors
    /// When the collector refuses the connection.
    pub fn start(config: &RemoteConfig) -> Result<Self, RemoteError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let refused = |error| RemoteError::Refused { address: config.address.clone(), error };
        let entered = runtime.enter();
        let client = Client::new(config).map_err(refused)?;
        drop(entered);
        let first = runtime.block_on(client.watch());
        if let Err(error @ ConnectionError::Refused(_)) = first {
            return Err(refused(error));
        }
        let (published, snapshots) = watch::channel(Arc::default());
        let (commands, asked) = mpsc::unbounded_channel();
        let link = first.as_ref().err().map_or(Link::Attaching, |error| Link::Lost { why: error.to_string() });
        let (said, link) = watch::channel(link);
        let replica = Replica::new(config.most_calls);
        let follower = Follower { client, replica, published, commands: asked, link: said, backoff: config.backoff };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        thread::Builder::new().name("remote".to_owned()).spawn(move || {
            runtime.block_on(stopped.run_until_cancelled(follower.run(first)));
            // Pending span queries are dropped.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            address: config.address.clone(),
            handle: Handle::new(snapshots, commands, Arc::default()),
            link,
            stop,
        })
    }

    fn has_snapshot(&self) -> bool {
        self.is_ready(&self.handle.snapshots().borrow())
    }
}

impl CallSource for RemoteCollector {
    /// Clearing forgets calls here only, not in the remote collector.
    fn handle(&self) -> Handle {
        self.handle.clone()
    }

    fn endpoints(&self) -> Endpoints {
        Endpoints { remote: Some(self.address.to_string()), ..Endpoints::default() }
    }

    fn link(&self) -> Option<watch::Receiver<Link>> {
        Some(self.link.clone())
    }

    fn is_ready(&self, snapshot: &Snapshot) -> bool {
        snapshot.version > 0
    }

    fn is_joined_late(&self) -> bool {
        true
    }

    fn check(&self) -> Result<(), NothingReceived> {
        let address = self.address.to_string();
        match &*self.link.borrow() {
            Link::Lost { why } if !self.has_snapshot() => {
                Err(NothingReceived::Unreachable { address, why: why.clone() })
            }
            Link::Attaching => Err(NothingReceived::TooLate { address }),
            Link::Lost { .. } | Link::Attached => Ok(()),
        }
    }

    fn stop(self: Box<Self>, _: Duration) {}
}

impl Drop for RemoteCollector {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Keeps the replica up to date until it is dropped.
struct Follower {
    client: Client,
    replica: Replica,
    published: watch::Sender<Arc<Snapshot>>,
    commands: mpsc::UnboundedReceiver<Command>,
    link: watch::Sender<Link>,
    backoff: Backoff,
}

/// A message of the stream, or a local command.
enum Next {
    Message(Result<Option<Bytes>, tonic::Status>),
    Command(Command),
}

impl Follower {
    async fn run(mut self, first: Result<Streaming<Bytes>, ConnectionError>) {
        let mut answer = first;
        let mut attempt = 0;
        loop {
            let error = match answer {
                Ok(stream) => {
                    let (error, was_attached) = self.follow(stream).await;
                    attempt = if was_attached { 0 } else { attempt };
                    error
                }
                Err(error) => error,
            };
            warn!(attempt, %error, "remote collector lost");
            self.link.send_replace(Link::Lost { why: error.to_string() });
            let pause = self.backoff.pause(attempt, None, Duration::ZERO).unwrap_or(self.backoff.longest);
            attempt = attempt.saturating_add(1);
            let client = self.client.clone();
            answer = self
                .meanwhile(async move {
                    tokio::time::sleep(pause).await;
                    client.watch().await
                })
                .await;
        }
    }

    /// Applies messages until the stream ends. Returns why it ended and whether a snapshot was completed.
    async fn follow(&mut self, mut stream: Streaming<Bytes>) -> (ConnectionError, bool) {
        self.replica.begin();
        let mut was_attached = false;
        loop {
            let next = tokio::select! {
                message = stream.message() => Next::Message(message),
                Some(command) = self.commands.recv() => Next::Command(command),
            };
            match next {
                Next::Command(command) => self.handle_command(command, was_attached),
                Next::Message(Ok(Some(message))) => match self.replica.take(message) {
                    Ok(None) => {}
                    Ok(Some(snapshot)) => {
                        was_attached = true;
                        self.published.send_replace(snapshot);
                        let attached = |link: &mut Link| std::mem::replace(link, Link::Attached) != Link::Attached;
                        if self.link.send_if_modified(attached) {
                            info!("remote collector attached");
                        }
                    }
                    Err(malformed) => return (ConnectionError::Malformed(malformed), was_attached),
                },
                Next::Message(Ok(None)) => return (ConnectionError::Closed, was_attached),
                Next::Message(Err(status)) => return (ConnectionError::of(&status), was_attached),
            }
        }
    }

    /// Waits for `event` and handles commands meanwhile.
    async fn meanwhile<T>(&mut self, event: impl Future<Output = T>) -> T {
        tokio::pin!(event);
        loop {
            tokio::select! {
                happened = &mut event => return happened,
                Some(command) = self.commands.recv() => self.handle_command(command, false),
            }
        }
    }

    fn handle_command(&mut self, command: Command, is_attached: bool) {
        match command {
            Command::Clear { done } => {
                self.published.send_replace(self.replica.clear());
                let _ = done.send(());
            }
            Command::Spans { trace, reply } if is_attached => {
                let client = self.client.clone();
                let here = self.replica.numbering();
                tokio::spawn(async move {
                    if let Ok(mut spans) = client.spans(trace).await {
                        for span in &mut spans {
                            span.row = span.row.and_then(|row| here.of(row));
                        }
                        answer(&reply, spans);
                    }
                });
            }
            // Dropping `reply` closes the channel: no answer.
            Command::Spans { .. } => {}
        }
    }
}

/// The receiver may be gone.
fn answer(reply: &Sender<Vec<KnownSpan>>, spans: Vec<KnownSpan>) {
    let _ = reply.send(spans);
}
