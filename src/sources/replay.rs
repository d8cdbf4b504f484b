//! `--replay FILE…`: recordings through the same ingest as live traffic, at their own pace or another.
//!
//! A thread reads, waits and hands in; it can be paused, stepped, sought in and told another speed. What cannot be read
//! is told with its line and skipped. When the recording ends is found out by another thread, and only once there is time
//! to wait.

mod clock;
mod end_scan;
mod open;
mod player;
mod progress;
mod reader;
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
    /// One after the other.
    pub inputs: Vec<Input>,
    /// How fast.
    pub speed: Speed,
    /// Times are moved so that every request happens as it is handed in, instead of being kept.
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
    /// Pauses, or goes on.
    TogglePause,
    /// Hands in the next request, and pauses.
    Step,
    /// Goes to this time of the recording, ns since the epoch. What lies between is handed in without waiting. Going
    /// back begins anew: what was handed in must be forgotten, see [`Progress::beginnings`].
    SeekTo(u64),
    /// Goes on at another speed.
    Speed(Speed),
}

/// A message to the player.
#[derive(Clone, Copy, Debug)]
enum Message {
    Command(Command),
    /// The time of the last request of all files, ns since the epoch.
    Ends(u64),
    /// Hand in nothing more.
    Stop,
}

/// Why a replay cannot begin.
#[derive(Debug, Error)]
#[error("cannot replay {input}: {error}")]
pub struct ReplayError {
    /// The file.
    pub input: String,
    /// What the system said.
    pub error: io::Error,
}

/// A running replay. Dropping it stops it.
#[derive(Debug)]
pub struct Replay {
    handle: ReplayHandle,
    /// `None` where it reads a pipe, which may keep silent for ever: nobody can wait for that.
    thread: Option<JoinHandle<()>>,
}

/// Watches and controls a replay from any thread. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct ReplayHandle {
    messages: mpsc::Sender<Message>,
    progress: watch::Receiver<Progress>,
}

impl ReplayHandle {
    /// How far it is.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Sends a command. A replay that is done still seeks.
    pub fn send(&self, command: Command) {
        // A replay that ended with ingest has no use for commands.
        let _ = self.messages.send(Message::Command(command));
    }
}

impl Replay {
    /// Begins to replay into `sink`. `on_rewind` is called when a seek backwards begins anew, before anything is handed
    /// in again.
    ///
    /// # Errors
    /// When a file cannot be opened.
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

    /// Watches and controls it.
    pub fn handle(&self) -> ReplayHandle {
        self.handle.clone()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.handle.messages.send(Message::Stop);
        // One that panicked is gone as well.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
