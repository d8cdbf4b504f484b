//! `--forward URL`: sends the bytes of every accepted request, unchanged, to another collector.
//!
//! Each target has its own thread, bounded queue and counters: a dead or slow target loses only its own requests.
//! Failed requests are retried as the OTLP specification requires.

mod answer;
mod backoff;
mod client;
mod target;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::Serialize;
use thiserror::Error;
use tokio::{runtime, sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

pub use backoff::Backoff;
pub use client::ClientError;
pub use target::{Headers, HeadersError, Target, TargetError, Transport};

use self::{answer::Answer, client::Client};
use super::queue;
use super::queue::{QueuedRequest, Tap};
use crate::collector::decompress::Compression;
use crate::collector::signal::Signal;

/// What is forwarded where, and how patiently.
#[derive(Clone, Debug)]
pub struct ForwardConfig {
    /// The collector that receives the requests.
    pub target: Target,
    /// Extra request headers; may hold credentials.
    pub headers: Headers,
    /// PEM certificates of the authorities to trust instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// How requests are compressed; over gRPC, gzip or not at all.
    pub compression: Compression,
    /// Bytes of requests that may wait.
    pub queue_bytes: usize,
    /// Requests on the way at once.
    pub in_flight: usize,
    /// The longest time for one attempt.
    pub timeout: Duration,
    /// Pauses between attempts.
    pub backoff: Backoff,
}

impl ForwardConfig {
    /// Forwarding with the usual patience: 64 MiB of queue, eight requests at once, ten seconds an attempt.
    pub fn new(target: Target, headers: Headers) -> Self {
        Self {
            target,
            headers,
            ca: None,
            compression: Compression::Identity,
            queue_bytes: 64 * 1024 * 1024,
            in_flight: 8,
            timeout: Duration::from_secs(10),
            backoff: Backoff::default(),
        }
    }
}

/// Why forwarding cannot begin.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// The target cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No thread could be had.
    #[error("cannot start the forwarder: {0}")]
    Thread(#[from] io::Error),
}

/// How forwarding to one target goes. Every request that was offered is in exactly one of `waiting`, `sent`, `dropped`,
/// `refused` and `given_up`.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct ForwardCounters {
    /// Requests queued or on the way.
    pub waiting: u64,
    /// Requests the target took.
    pub sent: u64,
    /// Spans of those that the target rejected (partial success).
    pub rejected_spans: u64,
    /// Requests lost because the queue was full.
    pub dropped: u64,
    /// Requests lost because the target does not want them.
    pub refused: u64,
    /// Requests lost because the target could not be reached for too long.
    pub given_up: u64,
    /// Attempts that failed and were followed by another.
    pub retries: u64,
    /// Why the last attempt failed, until one succeeds.
    pub error: Option<String>,
}

impl ForwardCounters {
    /// Requests that will not reach the target any more.
    pub const fn lost(&self) -> u64 {
        self.dropped.saturating_add(self.refused).saturating_add(self.given_up)
    }

    /// Whether the last attempt failed: the target is down, slow, or does not want what it gets.
    pub const fn is_failing(&self) -> bool {
        self.error.is_some()
    }
}

/// Forwarding to one target.
#[derive(Debug)]
pub struct Forward {
    target: Target,
    queue: queue::Sender,
    counters: Arc<Mutex<ForwardCounters>>,
    /// Why requests were lost last, also after a recovery.
    loss_reason: Arc<Mutex<Option<String>>>,
    stop: CancellationToken,
    /// Hangs up when the thread is done.
    thread: Mutex<Option<(JoinHandle<()>, Receiver<()>)>>,
}

impl Forward {
    /// Begins to forward. The target is connected to with the first request.
    ///
    /// # Errors
    /// When the target cannot be used at all; one that is merely not there yet is no error.
    pub fn start(config: ForwardConfig) -> Result<Self, ForwardError> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let client = Client::new(&config)?;
        drop(entered);
        let (queue, requests) = queue::queue(config.queue_bytes);
        let counters = Arc::new(Mutex::new(ForwardCounters::default()));
        let stop = CancellationToken::new();
        let loss_reason = Arc::default();
        let courier = Courier {
            client,
            target: config.target.clone(),
            counters: Arc::clone(&counters),
            loss_reason: Arc::clone(&loss_reason),
            backoff: config.backoff,
        };
        let (target, in_flight, stopped) = (config.target, config.in_flight, stop.clone());
        let (at_work, done) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("forward".to_owned()).spawn(move || {
            let _at_work = at_work;
            runtime.block_on(stopped.run_until_cancelled(courier.run(requests, in_flight)));
            // An attempt that still hangs is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { target, queue, counters, loss_reason, stop, thread: Mutex::new(Some((thread, done))) })
    }

    /// The collector that receives the requests.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Why requests were lost last, also after a recovery.
    pub fn loss_reason(&self) -> Option<String> {
        lock(&self.loss_reason).clone()
    }

    /// Requests sent, queued and lost so far.
    pub fn counters(&self) -> ForwardCounters {
        ForwardCounters { dropped: self.queue.dropped(), ..lock(&self.counters).clone() }
    }

    /// Closes the queue, waits up to `grace` until it is sent, and returns the result; what is left then is dropped.
    pub fn finish(&self, grace: Duration) -> ForwardCounters {
        self.queue.close();
        if let Some((thread, done)) = lock(&self.thread).take() {
            // Either it is done or the grace is over.
            let _ = done.recv_timeout(grace);
            self.stop.cancel();
            // A panic of the courier cost the rest; it is counted as given up.
            let _ = thread.join();
            let mut counters = lock(&self.counters);
            counters.given_up += std::mem::take(&mut counters.waiting);
        }
        self.counters()
    }
}

impl Tap for Forward {
    fn offer(&self, signal: Signal, request: &Bytes) {
        // Held meanwhile, so that it is counted as waiting before it can be counted as anything else.
        let mut counters = lock(&self.counters);
        if self.queue.offer(signal, request) {
            counters.waiting += 1;
        }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.finish(Duration::ZERO);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries requests from the queue to the target.
#[derive(Clone)]
struct Courier {
    client: Client,
    target: Target,
    counters: Arc<Mutex<ForwardCounters>>,
    loss_reason: Arc<Mutex<Option<String>>>,
    backoff: Backoff,
}

impl Courier {
    async fn run(self, mut requests: queue::Receiver, in_flight: usize) {
        let hands = Arc::new(Semaphore::new(in_flight));
        let mut deliveries = JoinSet::new();
        while let Ok(hand) = Arc::clone(&hands).acquire_owned().await
            && let Some(queued) = requests.recv().await
        {
            let courier = self.clone();
            deliveries.spawn(async move {
                courier.deliver(queued).await;
                drop(hand);
            });
            while deliveries.try_join_next().is_some() {}
        }
        while deliveries.join_next().await.is_some() {}
    }

    async fn deliver(&self, queued: QueuedRequest) {
        let since = Instant::now();
        for attempt in 0.. {
            match self.client.send(queued.signal, queued.request.clone()).await {
                Answer::Taken { rejected_spans } => {
                    return self.count(|counters| {
                        counters.sent += 1;
                        counters.rejected_spans += rejected_spans;
                        counters.error = None;
                    });
                }
                Answer::Refused { why } => {
                    warn!(to = %self.target, %why, "request not accepted by the forward target");
                    *lock(&self.loss_reason) = Some(why.clone());
                    return self.count(|counters| {
                        counters.refused += 1;
                        counters.error = Some(why);
                    });
                }
                Answer::Retry { after, why } => match self.backoff.pause(attempt, after, since.elapsed()) {
                    None => {
                        error!(to = %self.target, %why, "forwarding a request given up");
                        *lock(&self.loss_reason) = Some(why.clone());
                        return self.count(|counters| {
                            counters.given_up += 1;
                            counters.error = Some(why);
                        });
                    }
                    Some(pause) => {
                        debug!(to = %self.target, %why, attempt, "forwarding a request is retried");
                        self.retries(why);
                        tokio::time::sleep(pause).await;
                    }
                },
            }
        }
    }

    /// A request came to its end.
    fn count(&self, end: impl FnOnce(&mut ForwardCounters)) {
        let mut counters = lock(&self.counters);
        counters.waiting -= 1;
        end(&mut counters);
    }

    fn retries(&self, why: String) {
        let mut counters = lock(&self.counters);
        counters.retries += 1;
        counters.error = Some(why);
    }
}
