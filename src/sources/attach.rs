//! `--attach`: a collector that runs elsewhere and serves viewers, as if it ran here: the same [`Handle`], with snapshots of
//! the same calls under the same numbers.
//!
//! A copy of the other's ring is kept and shown whole: a snapshot is published when all of it has come. When the connection
//! is lost the last one stays, and the collector is called again until it answers. One that was started anew counts its calls
//! from 0 again; here their numbers go on after those that were shown, as after clearing, so that nobody takes a call of the
//! one for a call of the other.
//!
//! What the collector sends is outside data: a message that is not as agreed ends the connection and leaves nothing behind.

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

pub use address::{Address, AddressError};
pub use client::{ClientTls, Trouble};

use self::client::Client;
use self::replica::Replica;
use super::{CallSource, Endpoints, NothingReceived};
use crate::collector::access::Token;
use crate::collector::store::Command;
use crate::collector::taps::forward::Backoff;
use crate::collector::{Handle, KnownSpan, Snapshot};

/// Between attempts to reach the collector again, as long as it takes.
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(250), longest: Duration::from_secs(5), give_up_after: Duration::MAX };

/// Which collector to attach to, and how.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// Where it serves viewers.
    pub address: Address,
    /// The token it asks for.
    pub token: Option<Token>,
    /// How to speak TLS with it, if at all.
    pub tls: Option<ClientTls>,
    /// No more than the newest so many calls are kept; `None` is as many as there.
    pub most_calls: Option<usize>,
    /// Most bytes of raw spans taken for one detail or trace.
    pub span_memory: usize,
    /// Between attempts.
    pub backoff: Backoff,
}

impl RemoteConfig {
    /// Attaching with the usual patience, without token and TLS.
    pub const fn new(address: Address) -> Self {
        let span_memory = 64 * 1024 * 1024;
        Self { address, token: None, tls: None, most_calls: None, span_memory, backoff: BACKOFF }
    }
}

/// Why there is no use in going on.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// The collector does not let us in, or there is none of this version.
    #[error("cannot attach to {address}: {trouble}")]
    Refused {
        /// Whom we tried.
        address: Address,
        /// What came back.
        trouble: Trouble,
    },
    /// No thread could be had.
    #[error("cannot attach: {0}")]
    Thread(#[from] io::Error),
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Link {
    /// It answers, and its calls are on the way.
    #[default]
    Attaching,
    /// What is shown is what the collector has.
    Attached,
    /// What is shown is the last that was heard; it is tried again and again.
    Lost {
        /// Why, in words.
        why: String,
    },
}

impl Link {
    /// Whether nothing is heard of the collector.
    pub const fn is_lost(&self) -> bool {
        match self {
            Self::Attaching | Self::Attached => false,
            Self::Lost { .. } => true,
        }
    }
}

/// A connection to a remote collector. Dropping it closes the connection.
#[derive(Debug)]
pub struct Remote {
    address: Address,
    handle: Handle,
    link: watch::Receiver<Link>,
    stop: CancellationToken,
}

impl Remote {
    /// Calls the collector and follows it on a thread of its own. One that does not answer yet is called again and again.
    ///
    /// # Errors
    /// When the collector answers that it will not have us: trying again would not help.
    pub fn start(config: &RemoteConfig) -> Result<Self, RemoteError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let refused = |trouble| RemoteError::Refused { address: config.address.clone(), trouble };
        let entered = runtime.enter();
        let client = Client::new(config).map_err(refused)?;
        drop(entered);
        let first = runtime.block_on(client.watch());
        if let Err(trouble @ Trouble::Refused(_)) = first {
            return Err(refused(trouble));
        }
        let (published, snapshots) = watch::channel(Arc::default());
        let (commands, asked) = mpsc::unbounded_channel();
        let link = first.as_ref().err().map_or(Link::Attaching, |trouble| Link::Lost { why: trouble.to_string() });
        let (said, link) = watch::channel(link);
        let replica = Replica::new(config.most_calls);
        let follower = Follower { client, replica, published, commands: asked, link: said, backoff: config.backoff };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        thread::Builder::new().name("remote".to_owned()).spawn(move || {
            runtime.block_on(stopped.run_until_cancelled(follower.run(first)));
            // A question that still waits for its answer is not waited for.
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

impl CallSource for Remote {
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

impl Drop for Remote {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Follows the collector for as long as the program runs.
struct Follower {
    client: Client,
    replica: Replica,
    published: watch::Sender<Arc<Snapshot>>,
    commands: mpsc::UnboundedReceiver<Command>,
    link: watch::Sender<Link>,
    backoff: Backoff,
}

/// What comes next: a message of the stream, or a command from here.
enum Next {
    Message(Result<Option<Bytes>, tonic::Status>),
    Command(Command),
}

impl Follower {
    async fn run(mut self, first: Result<Streaming<Bytes>, Trouble>) {
        let mut answer = first;
        let mut attempt = 0;
        loop {
            let trouble = match answer {
                Ok(stream) => {
                    let (trouble, was_attached) = self.follow(stream).await;
                    attempt = if was_attached { 0 } else { attempt };
                    trouble
                }
                Err(trouble) => trouble,
            };
            self.link.send_replace(Link::Lost { why: trouble.to_string() });
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

    /// Takes in messages until there are no more, and says why, and whether a snapshot was among them.
    async fn follow(&mut self, mut stream: Streaming<Bytes>) -> (Trouble, bool) {
        self.replica.begin();
        let mut was_attached = false;
        loop {
            let next = tokio::select! {
                message = stream.message() => Next::Message(message),
                Some(command) = self.commands.recv() => Next::Command(command),
            };
            match next {
                Next::Command(command) => self.obey(command, was_attached),
                Next::Message(Ok(Some(message))) => match self.replica.take(message) {
                    Ok(None) => {}
                    Ok(Some(snapshot)) => {
                        was_attached = true;
                        self.published.send_replace(snapshot);
                        self.link.send_if_modified(|link| std::mem::replace(link, Link::Attached) != Link::Attached);
                    }
                    Err(malformed) => return (Trouble::Malformed(malformed), was_attached),
                },
                Next::Message(Ok(None)) => return (Trouble::HungUp, was_attached),
                Next::Message(Err(status)) => return (Trouble::of(&status), was_attached),
            }
        }
    }

    /// Waits for `event` and obeys commands meanwhile, as well as it can.
    async fn meanwhile<T>(&mut self, event: impl Future<Output = T>) -> T {
        tokio::pin!(event);
        loop {
            tokio::select! {
                happened = &mut event => return happened,
                Some(command) = self.commands.recv() => self.obey(command, false),
            }
        }
    }

    fn obey(&mut self, command: Command, is_attached: bool) {
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
            // Nobody to ask: the asker hears that there is no answer.
            Command::Spans { .. } => {}
        }
    }
}

/// The asker may have gone; then nobody misses the answer.
fn answer(reply: &Sender<Vec<KnownSpan>>, spans: Vec<KnownSpan>) {
    let _ = reply.send(spans);
}
