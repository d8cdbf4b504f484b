//! What happens, and what it leads to.

use std::sync::Arc;

use ratatui::crossterm::event::Event as Input;

use super::attributes::Read;
use super::detail::Detail;
use super::export::Exported;
use super::pace::Draw;
use crate::collector::taps::PipelineCounters;
use crate::collector::{Notice, Snapshot};
use crate::query::analysis::Picture;
use crate::query::limits::Breach;
use crate::sources::attach::Link;
use crate::sources::replay::{Command, Progress};
use crate::text::Zone;

/// The time of the last tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// ns since the epoch.
    pub unix_nano: i64,
    /// The zone in which times are shown.
    pub zone: Zone,
}

/// An input of [`App::update`](super::App::update).
#[derive(Clone, Debug)]
pub enum Event {
    /// A key, a paste, a resize.
    Input(Input),
    /// The collector has news.
    Snapshot(Arc<Snapshot>),
    /// The analysis has figures.
    Picture(Arc<Picture>),
    /// The current time.
    Tick(Clock),
    /// A notice for the user, one line.
    Note(String),
    /// Background work reported something.
    Notice(Notice),
    /// The replay advanced or carried out a command.
    Replay(Box<Progress>),
    /// Counters of recording and forwarding.
    ExportPipelines(PipelineCounters),
    /// The limits that are exceeded now.
    Breaches(Vec<Breach>),
    /// The collector elsewhere was lost or found again.
    Link(Link),
    /// The detail of a call was read.
    Detail(Box<Detail>),
    /// Answer to a query for attributes of calls.
    Attributes(Vec<Read>),
    /// What is shown was written to the file of this name, or not.
    Exported(String, Exported),
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Leave the event loop.
    Quit,
    /// Hand the terminal back until resumed.
    Suspend,
    /// Clear the terminal and redraw every cell.
    Redraw,
    /// Clear the collector's calls.
    Clear,
    /// Write what is shown to a file.
    Export {
        /// The path as written.
        path: String,
        /// Replace what is there.
        overwrite: bool,
    },
    /// Send a command to the replay.
    Replay(Command),
    /// Ring the terminal's bell.
    Bell,
    /// Put text into the clipboard.
    Copy(String),
    /// Put several lines into the clipboard.
    CopyLines(Vec<String>),
}

/// What an event leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// How soon the screen should follow.
    pub draw: Draw,
    /// What is to be done outside, in order.
    pub effects: Vec<Effect>,
}

impl Outcome {
    /// Only the screen follows.
    pub(super) fn draw(draw: Draw) -> Self {
        Self { draw, effects: Vec::new() }
    }

    /// Something is to be done, and the screen follows at once.
    pub(super) fn effect(effect: Effect) -> Self {
        Self { draw: Draw::Now, effects: vec![effect] }
    }
}
