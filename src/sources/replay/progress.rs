//! How far a replay is, as others see it.

use std::collections::VecDeque;
use std::fmt;

use tracing::warn;

use super::speed::Speed;
use crate::collector::Notice;

/// How many broken entries are remembered word for word.
const REMEMBERED: usize = 20;

/// An entry that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub input: String,
    /// The line, or for binary formats the message, counted from 1; 0 for the file as a whole.
    pub number: u64,
    /// Why.
    pub why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notice().fmt(formatter)
    }
}

impl Broken {
    /// As it is reported.
    pub fn notice(&self) -> Notice {
        let Self { input, number, why } = self.clone();
        Notice::Replay { input, number, why }
    }
}

/// What a replay is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// Handing in requests as their time comes.
    #[default]
    Playing,
    /// Waiting to be told to go on.
    Paused,
    /// Everything was handed in.
    Done,
}

/// How far a replay is.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Progress {
    /// What it is doing.
    pub state: State,
    /// How fast; `None` before it began.
    pub speed: Option<Speed>,
    /// The file being read.
    pub input: String,
    /// Bytes read of all files, as they are on disk.
    pub position: u64,
    /// Bytes of all files; `None` if one of them has no size.
    pub size: Option<u64>,
    /// Requests handed in since the beginning.
    pub requests: u64,
    /// Requests that ingest refused since the beginning.
    pub refused: u64,
    /// Where in the time of the recording it stands, ns since the epoch: never before the newest request handed in.
    pub clock_unix_nano: Option<u64>,
    /// The time of the newest request handed in; only a seek to later than that goes forward.
    pub newest_unix_nano: Option<u64>,
    /// The time of the first request.
    pub begins_unix_nano: Option<u64>,
    /// The time of the last request; `None` until that was found out.
    pub ends_unix_nano: Option<u64>,
    /// Where a seek under way leads, ns since the epoch.
    pub seeking_unix_nano: Option<u64>,
    /// Whether it can begin anew. What comes through a pipe is gone.
    pub can_rewind: bool,
    /// The time of the request that is waited for.
    pub next_unix_nano: Option<u64>,
    /// How often it began; a seek backwards begins once more.
    pub beginnings: u64,
    /// How many commands it has obeyed. Whoever gave more than that knows better than what is told here.
    pub obeyed: u64,
    /// Entries that could not be read since the beginning.
    pub broken: u64,
    /// The last of them.
    pub last_broken: VecDeque<Broken>,
}

impl Progress {
    /// How much is done, from 0 to 1: of the time where its end is known, else of the bytes.
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

    /// How far in the time of the recording it stands, ns.
    pub fn elapsed_nanos(&self) -> Option<u64> {
        Some(self.clock_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// How far a seek under way leads, ns.
    pub fn seeking_nanos(&self) -> Option<u64> {
        Some(self.seeking_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// How much time the recording spans, ns.
    pub fn total_nanos(&self) -> Option<u64> {
        Some(self.ends_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// The entries that broke since there were `told` of them, as far as they are remembered, the oldest first.
    pub fn broken_since(&self, told: u64) -> impl Iterator<Item = &Broken> {
        let fresh = usize::try_from(self.broken.saturating_sub(told)).unwrap_or(usize::MAX);
        self.last_broken.iter().skip(self.last_broken.len().saturating_sub(fresh))
    }
    /// Notes that an entry of the file being read could not be.
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
