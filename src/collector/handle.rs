//! [`Handle`]: what every source of calls looks like from outside.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::metrics::CollectorMetrics;
use super::snapshot::Snapshot;
use super::store::{Command, KnownSpan};

/// The questions that can be asked of a running collector, from any thread. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    commands: mpsc::UnboundedSender<Command>,
    pub(super) metrics: Arc<CollectorMetrics>,
}

impl Handle {
    /// A handle whose `commands` are answered by the publisher of `snapshots`.
    pub(crate) const fn new(
        snapshots: watch::Receiver<Arc<Snapshot>>,
        commands: mpsc::UnboundedSender<Command>,
        metrics: Arc<CollectorMetrics>,
    ) -> Self {
        Self { snapshots, commands, metrics }
    }

    /// The newest snapshot, and the means to wait for the next.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Forgets all kept calls and spans.
    pub fn clear(&self) {
        let (done, _) = std::sync::mpsc::channel();
        // A store that is gone has nothing left to clear.
        let _ = self.commands.send(Command::Clear { done });
    }

    /// Forgets all kept calls and spans, and waits on this thread until that is done.
    pub fn clear_and_wait(&self) {
        let (done, cleared) = std::sync::mpsc::channel();
        let _ = self.commands.send(Command::Clear { done });
        let _ = cleared.recv();
    }

    /// Asks for all known spans of a trace; the answer comes through the receiver, or never if the store is gone. It can be
    /// waited for, or looked for now and then, on any thread but the collector's own.
    pub fn spans(&self, trace: [u8; 16]) -> std::sync::mpsc::Receiver<Vec<KnownSpan>> {
        let (reply, answer) = std::sync::mpsc::channel();
        let _ = self.commands.send(Command::Spans { trace, reply });
        answer
    }
}
