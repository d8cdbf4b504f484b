//! The published progress of a replay.

use std::collections::VecDeque;
use std::fmt;

use tracing::warn;

use super::speed::Speed;
use crate::collector::Notice;

/// How many broken entries are kept with their reasons.
const REMEMBERED: usize = 20;

/// An entry that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file, as given on the command line.
    pub input: String,
    /// The line, or for binary formats the message, counted from 1; 0 for the file as a whole.
    pub number: u64,
    /// The error of reading it.
    pub why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notice().fmt(formatter)
    }
}

impl Broken {
    /// The notice that reports it.
    pub fn notice(&self) -> Notice {
        let Self { input, number, why } = self.clone();
        Notice::Replay { input, number, why }
    }
}

/// What a replay is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// Sends requests when they are due.
    #[default]
    Playing,
    /// Paused by [`Command::TogglePause`](super::Command::TogglePause) or [`Command::Step`](super::Command::Step).
    Paused,
    /// Every request was sent.
    Done,
}

/// How far a replay is.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Progress {
    /// Whether it plays, pauses or is done.
    pub state: State,
    /// Factor of the recording's pace; `None` before it started.
    pub speed: Option<Speed>,
    /// The file being read.
    pub input: String,
    /// Bytes read of all files, as they are on disk.
    pub position: u64,
    /// Bytes of all files; `None` if one of them has no size.
    pub size: Option<u64>,
    /// Requests sent since the start or the last seek backwards.
    pub requests: u64,
    /// Of all requests sent, those that ingest refused.
    pub refused: u64,
    /// Its position in the time of the recording, ns since the epoch: never before the newest request sent.
    pub clock_unix_nano: Option<u64>,
    /// The time of the newest request sent; a seek to an earlier time is a seek backwards.
    pub newest_unix_nano: Option<u64>,
    /// The time of the first request.
    pub begins_unix_nano: Option<u64>,
    /// The time of the last request; `None` until the end scan is done.
    pub ends_unix_nano: Option<u64>,
    /// The target of a running seek, ns since the epoch.
    pub seeking_unix_nano: Option<u64>,
    /// Whether it can restart; a pipe cannot be read twice.
    pub can_rewind: bool,
    /// The time of the next request, while waiting for it.
    pub next_unix_nano: Option<u64>,
    /// How often it started; a seek backwards starts it again.
    pub beginnings: u64,
    /// How many commands it has executed. If more were sent, this progress is not yet up to date with them.
    pub commands_done: u64,
    /// Entries that could not be read since the start or the last seek backwards.
    pub broken: u64,
    /// The last 20 of them, oldest first.
    pub last_broken: VecDeque<Broken>,
}

impl Progress {
    /// The part that is done, from 0 to 1: of the time if the end is known, otherwise of the bytes.
    pub fn fraction(&self) -> Option<f64> {
        self.fraction_of_time().or_else(|| {
            let size = self.size.filter(|size| *size > 0)?;
            Some((self.position as f64 / size as f64).min(1.0))
        })
    }

    fn fraction_of_time(&self) -> Option<f64> {
        let total = self.total_nanos().filter(|total| *total > 0)?;
        Some((self.elapsed_nanos()? as f64 / total as f64).min(1.0))
    }

    /// Time from the recording's start to the position, ns.
    pub fn elapsed_nanos(&self) -> Option<u64> {
        Some(self.clock_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// Time from the recording's start to the target of a running seek, ns.
    pub fn seeking_nanos(&self) -> Option<u64> {
        Some(self.seeking_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// The duration of the recording, ns.
    pub fn total_nanos(&self) -> Option<u64> {
        Some(self.ends_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// The broken entries after the first `known` of them, oldest first; only the last 20 are kept.
    pub fn broken_since(&self, known: u64) -> impl Iterator<Item = &Broken> {
        let fresh = usize::try_from(self.broken.saturating_sub(known)).unwrap_or(usize::MAX);
        self.last_broken.iter().skip(self.last_broken.len().saturating_sub(fresh))
    }

    /// Records that an entry of the current file could not be read.
    pub(super) fn note_broken(&mut self, number: u64, why: String) {
        self.broken += 1;
        let broken = Broken { input: self.input.clone(), number, why };
        warn!("{broken}");
        self.last_broken.push_back(broken);
        if self.last_broken.len() > REMEMBERED {
            self.last_broken.pop_front();
        }
    }
}
