//! `--replay FILE…`: sends recordings through the same ingest as live traffic, at their own pace or another.
//!
//! A thread reads requests and sends each when it is due; it can be paused, stepped, sought, and set to another speed.
//! Entries that cannot be read are reported with their line and skipped. The end of the recording is found by another
//! thread, started when the player first waits.

mod clock;
mod end_scan;
mod open;
mod player;
mod progress;
mod reader;
mod request_time;
mod shift;
mod speed;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use thiserror::Error;
use tokio::sync::watch;

pub use open::{Input, unpacked};
pub use progress::{Broken, Progress, State};
pub use reader::{Entry, Reader};
pub use speed::{NotASpeed, Speed};

use self::player::Player;
use crate::collector::sink::Sink;

/// What is replayed and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayConfig {
    /// Read one after the other.
    pub inputs: Vec<Input>,
    /// Factor of the recording's own pace.
    pub speed: Speed,
    /// Shift the times of each request so that it ends when it is sent, instead of keeping them.
    pub now: bool,
}

impl ReplayConfig {
    /// Replays these files (`-` is standard input) at their own pace.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { inputs: files.into_iter().map(Input::from_argument).collect(), speed: Speed::Times(1.0), now: false }
    }
}

/// A command to a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Pauses, or resumes.
    TogglePause,
    /// Sends the next request, and pauses.
    Step,
    /// Seeks to this time of the recording, ns since the epoch. Requests before it are sent without waiting. Seeking
    /// back restarts the recording: calls received so far must be cleared, see [`Progress::beginnings`].
    SeekTo(u64),
    /// Changes the speed from now on.
    Speed(Speed),
}

/// A message to the player.
#[derive(Clone, Copy, Debug)]
enum Message {
    Command(Command),
    /// The time of the last request of all files, ns since the epoch.
    Ends(u64),
    /// Ends the thread without sending more.
    Stop,
}

/// Why a replay cannot start.
#[derive(Debug, Error)]
#[error("cannot replay {input}: {error}")]
pub struct ReplayError {
    /// The file, as given on the command line.
    pub input: String,
    /// The operating system's error.
    pub error: io::Error,
}

/// A running replay. Dropping it stops it.
#[derive(Debug)]
pub struct Replay {
    handle: ReplayHandle,
    /// Joined when dropped; `None` if it reads a pipe, since a read from it may block forever.
    thread: Option<JoinHandle<()>>,
}

/// Watches and controls a replay from any thread. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct ReplayHandle {
    messages: mpsc::Sender<Message>,
    progress: watch::Receiver<Progress>,
}

impl ReplayHandle {
    /// A channel of its progress.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Sends a command. A replay that is done still seeks.
    pub fn send(&self, command: Command) {
        // Fails if the replay ended because the collector stopped.
        let _ = self.messages.send(Message::Command(command));
    }
}

impl Replay {
    /// Replays into `sink`. `on_rewind` is called when a seek backwards restarts the recording, before a request is sent
    /// again.
    ///
    /// # Errors
    /// [`ReplayError`] if a file cannot be opened or no thread spawned.
    pub fn start<S: Sink>(
        config: ReplayConfig,
        sink: S,
        on_rewind: impl Fn() + Send + 'static,
    ) -> Result<Self, ReplayError> {
        for input in &config.inputs {
            input.check().map_err(|error| ReplayError { input: input.name(), error })?;
        }
        let (messages, inbox) = mpsc::channel();
        let (publish, progress) = watch::channel(Progress::default());
        let can_rewind = config.inputs.iter().all(Input::can_rewind);
        let player = Player::new(config, sink, inbox, publish, messages.clone());
        let thread = thread::Builder::new()
            .name("replay".to_owned())
            .spawn(move || player.run(&on_rewind))
            .map_err(|error| ReplayError { input: "anything".to_owned(), error })?;
        Ok(Self { handle: ReplayHandle { messages, progress }, thread: can_rewind.then_some(thread) })
    }

    /// A handle that watches and controls it.
    pub fn handle(&self) -> ReplayHandle {
        self.handle.clone()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.handle.messages.send(Message::Stop);
        // A panic of the thread is ignored: it is gone either way.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
