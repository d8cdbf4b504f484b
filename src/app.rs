//! The state behind the screen: [`App`], what keys do, what is shown. Draws nothing; but for the loop around it ([`run`],
//! [`terminal`], [`live`], [`export`]) it reads no clock and does no I/O.
//!
//! Everything that happens is an [`Event`]; [`App::update`] takes it in and says what is to be done outside
//! ([`Effect`]) and how soon the screen should follow ([`pace::Draw`]). Figures come as [`Picture`]s that the analysis made
//! of a snapshot, as [`App::request`] asked for.

pub(crate) mod action;
mod actions;
pub(crate) mod attributes;
pub(crate) mod cursor;
pub mod detail;
mod dialog;
mod event;
pub(crate) mod export;
pub(crate) mod filter_line;
pub mod keymap;
pub(crate) mod line_edit;
pub mod live;
mod mouse;
pub(crate) mod pace;
mod pane;
pub(crate) mod picker;
pub(crate) mod replay;
mod requests;
pub mod run;
pub(crate) mod terminal;
pub(crate) mod trace;
pub(crate) mod turns;
mod update;
pub mod view;

use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::{Position, Rect};

use crate::call::{CallId, LlmCall, Name};
use crate::collector::Snapshot;
use crate::collector::taps::PipelineCounters;
use crate::query::analysis::{Picture, Request, ViewSpec};
use crate::query::column::Column;
use crate::query::filter::{Filter, History, Known};
use crate::query::limits::Breach;
use crate::sources::attach::Link;
use crate::stats::Arrivals;
use crate::text::secrets::Secrets;
use attributes::Attributes;
use cursor::Cursor;
use detail::{Detail, Facts, Wanted};
use keymap::Scene;
use replay::ReplayProgress;
use view::View;

pub use dialog::{Dialog, Pair, TraceView};
pub use event::{Clock, Effect, Event, Outcome};
pub use pane::{Pane, PaneState};

/// What the program is and where it listens: fixed at start, shown in the header and on the empty screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Where OTLP/gRPC is taken in, `0.0.0.0:4317`.
    pub grpc: String,
    /// Where OTLP/HTTP is taken in, or why it is not.
    pub http: Option<Result<String, String>>,
    /// Where viewers elsewhere are served, if they are.
    pub viewers: Option<String>,
    /// The collector elsewhere whose calls are shown; nothing is listened on then.
    pub attached: Option<String>,
    /// Anybody who reaches the machine may send: a listener beyond loopback without token or client certificate.
    pub is_open: bool,
    /// Traffic is made up (`--demo`).
    pub is_demo: bool,
    /// Where prices come from, in a line.
    pub prices: String,
    /// Ring the terminal's bell when a limit is passed (`--bell`).
    pub has_bell: bool,
    /// What becomes of credentials in text.
    pub secrets: Secrets,
}

/// The selections of the views.
#[derive(Clone, Debug, Default)]
pub struct Cursors {
    /// In the calls table.
    pub calls: Cursor<CallId>,
    /// In the table of failed calls.
    pub errors: Cursor<CallId>,
    /// Among the models.
    pub models: Cursor<Name>,
    /// Among the routes.
    pub routes: Cursor<Name>,
    /// Among the sessions.
    pub sessions: Cursor<Name>,
}

/// What drawing found out and moving needs to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayoutInfo {
    /// Rows of the view's table that fit.
    pub rows: usize,
    /// Where on the screen they are.
    pub table: Rect,
    /// Where the views' names are, in their order.
    pub tabs: [Rect; View::ALL.len()],
    /// Where the entries of the open list are.
    pub choices: Rect,
    /// Lines of the open list, or of the help, that fit.
    pub list: usize,
    /// Lines that the help or the pane can be scrolled down at most.
    pub scroll: usize,
    /// Lines of the pane that fit.
    pub pane: usize,
    /// Where the text cursor stands, if text is being edited.
    pub cursor: Option<Position>,
}

/// The moment at which the view was paused.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The calls of that moment.
    pub snapshot: Arc<Snapshot>,
    /// When it was, ns since the epoch: windows end there.
    pub unix_nano: i64,
}

/// A line for the user that goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What to tell.
    pub text: String,
    /// When it goes, ns since the epoch.
    pub until_unix_nano: i64,
}

/// How long a note stays.
const NOTE_NANOS: i64 = 5_000_000_000;

/// The steps of the refresh rate.
pub const REFRESH_MS: [u64; 8] = [50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// All state behind the screen.
#[derive(Debug)]
pub struct App {
    /// What the program is.
    pub about: About,
    /// Time as of the last tick.
    pub clock: Clock,
    /// The newest news of the collector, paused or not.
    pub newest: Arc<Snapshot>,
    /// What is looked at while paused.
    pub frozen: Option<Frozen>,
    /// The figures that are shown.
    pub picture: Arc<Picture>,
    /// Filter, window, order: what is asked for. The picture may lag behind by a moment.
    pub spec: ViewSpec,
    /// Calls a second.
    pub arrivals: Arrivals,
    /// The replay, if there is one.
    pub replay: Option<ReplayProgress>,
    /// How recording and forwarding go.
    pub streams: PipelineCounters,
    /// The limits that are passed now.
    pub breaches: Vec<Breach>,
    /// What the body shows.
    pub view: View,
    /// What is selected in each view.
    pub cursors: Cursors,
    /// The columns of the calls table, where others than the usual ones were chosen.
    pub columns: Option<Vec<Column>>,
    /// What attribute columns show.
    pub attributes: Attributes,
    /// The model or route to compare with.
    pub marked: Option<(View, Name)>,
    /// The pane.
    pub pane: PaneState,
    /// What the pane shows is narrowed to lines with this text.
    pub find: String,
    /// The call that was looked into last.
    pub detail: Option<Box<Detail>>,
    /// What is open over the view.
    pub dialog: Option<Dialog>,
    /// How the connection to the collector elsewhere is, if one is shown.
    pub link: Link,
    /// What the user was last told.
    pub note: Option<Note>,
    /// Frames for data alone are this far apart.
    pub refresh: Duration,
    history: History,
    seen: LayoutInfo,
    asked: Option<Request>,
    looked_into: Option<(Wanted, u64)>,
}

impl App {
    /// The state at start.
    pub fn new(about: About, spec: ViewSpec, refresh: Duration, clock: Clock) -> Self {
        Self {
            about,
            clock,
            newest: Arc::default(),
            frozen: None,
            picture: Arc::default(),
            spec,
            arrivals: Arrivals::default(),
            replay: None,
            streams: PipelineCounters::default(),
            breaches: Vec::new(),
            view: View::default(),
            cursors: Cursors::default(),
            columns: None,
            attributes: Attributes::default(),
            marked: None,
            pane: PaneState::default(),
            find: String::new(),
            detail: None,
            dialog: None,
            link: Link::default(),
            note: None,
            refresh,
            history: History::default(),
            seen: LayoutInfo::default(),
            asked: None,
            looked_into: None,
        }
    }

    fn open_call(&self) -> Option<&LlmCall> {
        match &self.dialog {
            Some(Dialog::Trace(trace)) => Some(&trace.call),
            _ => self.seen_pane().and_then(|_| self.selected_call()),
        }
    }

    /// What is known of a call beyond its row, once it was looked into.
    pub fn detail_of(&self, call: &LlmCall) -> Option<&Detail> {
        self.detail.as_deref().filter(|detail| detail.wanted.call == call.id())
    }

    /// What the sections of a call are made of; `most_chars` of each value are told.
    pub fn facts<'a>(&'a self, call: &'a LlmCall, most_chars: usize) -> Facts<'a> {
        Facts { call, detail: self.detail_of(call), offset: self.clock.offset, most_chars, secrets: self.about.secrets }
    }

    /// The columns of the calls table that are worth showing.
    pub fn shown_columns(&self) -> Vec<Column> {
        let mut columns = self.columns.clone().unwrap_or_else(Column::default_set);
        // What was chosen by hand stays, empty or not.
        if self.columns.is_none() {
            columns.retain(|column| self.picture.has_data(column));
        }
        columns
    }

    /// Takes in how much of everything was visible.
    pub fn see(&mut self, seen: LayoutInfo) {
        self.seen = seen;
        let scrolled = match (&mut self.dialog, &mut self.pane) {
            (Some(Dialog::Help(scroll)), _) => Some(scroll),
            (Some(Dialog::Trace(trace)), _) => Some(&mut trace.scroll),
            (_, PaneState::Open(pane)) => Some(&mut pane.scroll),
            (_, PaneState::Auto | PaneState::Closed) => None,
        };
        if let Some(scroll) = scrolled {
            *scroll = (*scroll).min(seen.scroll);
        }
    }

    /// Calls that arrived since the view was frozen; `None` unless it is.
    pub fn new_while_paused(&self) -> Option<u64> {
        let frozen = self.frozen.as_ref()?;
        Some(self.newest.totals.calls.saturating_sub(frozen.snapshot.totals.calls))
    }

    /// The snapshot that the header counts: the one that is shown, so that both agree, or while the view is frozen the newest.
    pub fn counted(&self) -> &Snapshot {
        if self.frozen.is_some() { &self.newest } else { &self.picture.snapshot }
    }

    /// The call that is selected in the view, where it shows calls.
    pub fn selected_call(&self) -> Option<&LlmCall> {
        let id = match self.view {
            View::Calls => self.cursors.calls.key(),
            View::Errors => self.cursors.errors.key(),
            View::Models | View::Routes | View::Sessions => None,
        };
        self.picture.call(*id?)
    }

    /// Whether the selected call has all the room.
    pub fn is_reading(&self) -> bool {
        self.seen_pane().is_some_and(|pane| pane.is_expanded)
    }

    /// The pane as it was last seen; `None` when it was not, as in a view without calls.
    fn seen_pane(&self) -> Option<Pane> {
        self.selected_call()?;
        match self.pane {
            PaneState::Auto => (self.seen.pane > 0).then(Pane::default),
            PaneState::Open(pane) => Some(pane),
            PaneState::Closed => None,
        }
    }

    fn tell(&mut self, text: impl Into<String>) {
        let until_unix_nano = self.clock.unix_nano.saturating_add(NOTE_NANOS);
        self.note = Some(Note { text: text.into(), until_unix_nano });
    }

    fn set_filter(&mut self, filter: Filter) {
        if *self.spec.filter != filter {
            self.spec.filter = Arc::new(filter);
        }
    }

    fn preview(&mut self) {
        let Some(Dialog::Filter(line)) = &self.dialog else { return };
        // A mistake leaves what was in force before the line was opened.
        let filter = line.filter().unwrap_or_else(|| Filter::clone(&line.before));
        self.set_filter(filter);
    }

    fn known(&self) -> Known {
        Known::of(self.picture.snapshot.calls.iter().rev(), self.about.secrets)
    }

    /// Where keys go.
    pub fn scene(&self) -> Scene {
        match &self.dialog {
            Some(dialog) => dialog.scene(),
            None if self.is_reading() => Scene::Read,
            None => Scene::Browse,
        }
    }
}

#[cfg(test)]
mod tests;
