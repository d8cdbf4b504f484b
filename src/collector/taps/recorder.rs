//! `--record FILE`: writes every accepted export request, as it arrived, from a separate thread.
//!
//! Its queue is bounded: if the disk is too slow, requests are dropped from the recording and counted, never from the
//! screen. Failed writes are retried and reported.

mod file;
mod format;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use prost::encoding::encode_varint;
use serde::Serialize;
use tracing::{error, info};

pub use file::Rotation;

use self::{file::RecordFile, format::Framing};
use crate::collector::json;
use crate::collector::signal::Signal;
use crate::collector::taps::queue;
use crate::collector::taps::queue::Tap;

/// A packed file is flushed at least after this many bytes went into it.
const FLUSH_AFTER: usize = 1024 * 1024;
/// How long writing rests after the disk refused.
const REST: Duration = Duration::from_secs(1);

/// How long a recording that is dropped may take to end.
const DROP_GRACE: Duration = Duration::from_secs(2);

/// What is recorded where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordConfig {
    /// The file. Its extensions determine the format: `.binpb` is delimited protobuf, anything else OTLP JSON lines; `.gz` and
    /// `.zst` are packed.
    pub path: PathBuf,
    /// When to begin a new file; `None` for never.
    pub rotation: Option<Rotation>,
    /// Bytes of requests that may wait for the disk.
    pub queue_bytes: usize,
}

/// How a recording goes.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
pub struct RecordCounters {
    /// Requests queued or being written.
    pub waiting: u64,
    /// Requests written to the file.
    pub written: u64,
    /// Bytes written, before packing.
    pub bytes: u64,
    /// Requests lost because the disk was too slow.
    pub dropped: u64,
    /// Requests lost because the disk refused them.
    pub failed: u64,
    /// What the disk said last, while it refuses.
    pub error: Option<String>,
}

impl RecordCounters {
    /// Requests that are missing from the recording.
    pub const fn lost(&self) -> u64 {
        self.dropped.saturating_add(self.failed)
    }
}

/// A recording under way.
#[derive(Debug)]
pub struct Recorder {
    queue: queue::Sender,
    counters: Arc<Mutex<RecordCounters>>,
    /// Why the last requests were lost, also after a recovery.
    loss_reason: Arc<Mutex<Option<String>>>,
    /// Hangs up when the thread is done.
    thread: Mutex<Option<(JoinHandle<()>, Receiver<()>)>>,
}

impl Recorder {
    /// Opens the file and begins to record.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start(config: &RecordConfig) -> io::Result<Self> {
        let file = RecordFile::open(&config.path, config.rotation)?;
        info!(path = %config.path.display(), "recording started");
        let (queue, requests) = queue::queue(config.queue_bytes);
        let counters = Arc::new(Mutex::new(RecordCounters::default()));
        let loss_reason = Arc::default();
        let writer = Writer {
            file,
            counters: Arc::clone(&counters),
            loss_reason: Arc::clone(&loss_reason),
            framed: Vec::new(),
            unflushed: (0, 0),
            rest_until: None,
        };
        let (at_work, done) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("record".to_owned()).spawn(move || {
            let _at_work = at_work;
            writer.run(requests);
        })?;
        Ok(Self { queue, counters, loss_reason, thread: Mutex::new(Some((thread, done))) })
    }

    /// Requests written and lost so far.
    pub fn counters(&self) -> RecordCounters {
        RecordCounters { dropped: self.queue.dropped(), ..lock(&self.counters).clone() }
    }

    /// Why requests were lost last, also after a recovery.
    pub fn loss_reason(&self) -> Option<String> {
        lock(&self.loss_reason).clone()
    }

    /// Writes what still waits and ends the file, both within `grace`, and returns how it went. Later offers are dropped.
    pub fn finish(&self, grace: Duration) -> RecordCounters {
        self.queue.close();
        if let Some((thread, done)) = lock(&self.thread).take() {
            match done.recv_timeout(grace) {
                // A file that takes nothing, such as a full pipe, would be waited for in vain.
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    lock(&self.loss_reason).get_or_insert_with(|| "the file takes no more".to_owned());
                }
                // A panic of the writer cost the rest of the recording; the counters say how far it came.
                Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => drop(thread.join()),
            }
        }
        self.counters()
    }
}

impl Tap for Recorder {
    fn offer(&self, signal: Signal, request: &Bytes) {
        match signal {
            Signal::Traces => {
                // Held meanwhile, so that it is counted as waiting before it can be counted as anything else.
                let mut counters = lock(&self.counters);
                if self.queue.offer(signal, request) {
                    counters.waiting += 1;
                }
            }
            // The formats of a recording hold traces only.
            Signal::Metrics | Signal::Logs => {}
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish(DROP_GRACE);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer {
    file: RecordFile,
    counters: Arc<Mutex<RecordCounters>>,
    loss_reason: Arc<Mutex<Option<String>>>,
    framed: Vec<u8>,
    /// Requests and bytes that are counted as written but may still be in the packer.
    unflushed: (u64, usize),
    rest_until: Option<Instant>,
}

impl Writer {
    fn run(mut self, mut requests: queue::Receiver) {
        while let Some(taken) = requests.blocking_recv() {
            self.record(&taken.request);
            while let Some(taken) = requests.try_recv() {
                self.record(&taken.request);
            }
            self.flush();
        }
        if let Err(error) = self.file.finish() {
            self.refused(0, &error);
        }
    }

    fn record(&mut self, request: &[u8]) {
        let rests = self.rest_until.is_some_and(|until| Instant::now() < until);
        if rests || self.frame(request).is_err() {
            let mut counters = lock(&self.counters);
            counters.waiting -= 1;
            counters.failed += 1;
            return;
        }
        match self.file.write(&self.framed) {
            Ok(()) => self.written(),
            Err(error) => self.refused(1, &error),
        }
        if self.unflushed.1 > FLUSH_AFTER {
            self.flush();
        }
    }

    fn frame(&mut self, request: &[u8]) -> Result<(), json::WriteError> {
        self.framed.clear();
        match self.file.framing() {
            Framing::JsonLines => {
                json::traces_to_json(request, &mut self.framed)?;
                self.framed.push(b'\n');
            }
            Framing::Delimited => {
                encode_varint(request.len() as u64, &mut self.framed);
                self.framed.extend_from_slice(request);
            }
        }
        Ok(())
    }

    fn written(&mut self) {
        self.unflushed.0 += 1;
        self.unflushed.1 += self.framed.len();
        self.rest_until = None;
        let mut counters = lock(&self.counters);
        counters.waiting -= 1;
        counters.written += 1;
        counters.bytes += self.framed.len() as u64;
        counters.error = None;
    }

    fn flush(&mut self) {
        match self.file.flush() {
            Ok(()) => self.unflushed = (0, 0),
            Err(error) => self.refused(0, &error),
        }
    }

    /// `lost`: requests that were not counted yet. Those that never left the packer are lost with them.
    fn refused(&mut self, lost: u64, error: &io::Error) {
        let (unflushed, bytes) = if self.file.is_packed() { self.unflushed } else { (0, 0) };
        self.unflushed = (0, 0);
        error!(%error, "recording failed");
        self.rest_until = Some(Instant::now() + REST);
        *lock(&self.loss_reason) = Some(error.to_string());
        let mut counters = lock(&self.counters);
        counters.waiting -= lost;
        counters.written -= unflushed;
        counters.bytes -= bytes as u64;
        counters.failed += lost + unflushed;
        counters.error = Some(error.to_string());
    }
}
