//! The state behind the screen: [`App`], what keys do, what is shown. Draws nothing; but for the loop around it ([`run`],
//! [`terminal`], [`live`], [`export`]) it reads no clock and does no I/O.
//!
//! Everything that happens is an [`Event`]; [`App::update`] applies it and returns the effects to be carried out outside
//! ([`Effect`]) and how soon the screen should follow ([`pace::Draw`]). Figures come as [`Picture`]s that the analysis made
//! of a snapshot, as [`App::request`] asked for.

mod about;
pub(crate) mod action;
mod actions;
pub(crate) mod attributes;
pub(crate) mod cursor;
pub mod detail;
mod dialog;
mod event;
pub(crate) mod export;
pub(crate) mod filter_line;
mod frozen;
pub(crate) mod goto_line;
pub mod keymap;
mod layout;
pub(crate) mod line_edit;
pub mod live;
mod motion;
mod mouse;
mod note;
pub(crate) mod pace;
mod pane;
pub(crate) mod picker;
mod replay;
pub(crate) mod replay_progress;
mod requests;
pub mod run;
mod scene;
pub(crate) mod terminal;
mod update;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use crate::call::{LlmCall, Name};
use crate::collector::Snapshot;
use crate::collector::taps::PipelineCounters;
use crate::query::analysis::{Picture, PictureRequest, ViewSpec};
use crate::query::column::Column;
use crate::query::filter::{Filter, History, Known};
use crate::query::limits::Breach;
use crate::sources::attach::Link;
use crate::stats::Arrivals;
use attributes::Attributes;
use detail::{Detail, Facts, Wanted};
use note::NOTE_NANOS;
use replay_progress::ReplayProgress;
use scene::Scene;
use views::{View, Views};

pub use about::About;
pub use dialog::{Dialog, Pair};
pub use event::{Clock, Effect, Event, Outcome};
pub use frozen::Frozen;
pub use layout::LayoutInfo;
pub use note::Note;
pub use pane::{Pane, PaneState};

/// The steps of the refresh rate.
pub const REFRESH_MS: [u64; 8] = [50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// All state behind the screen.
#[derive(Debug)]
pub struct App {
    /// What the program is.
    pub about: About,
    /// Time as of the last tick.
    pub clock: Clock,
    /// The newest snapshot of the collector, paused or not.
    pub newest: Arc<Snapshot>,
    /// The frozen snapshot while paused.
    pub frozen: Option<Frozen>,
    /// The figures that are shown.
    pub picture: Arc<Picture>,
    /// The requested filter, window and order. The picture may lag behind.
    pub spec: ViewSpec,
    /// Rate of arriving calls, 1/s.
    pub arrivals: Arrivals,
    /// The replay, if there is one.
    pub replay: Option<ReplayProgress>,
    /// Counters of recording and forwarding.
    pub streams: PipelineCounters,
    /// The limits that are exceeded now.
    pub breaches: Vec<Breach>,
    /// The views of the body, and which of them is active.
    pub views: Views,
    /// The columns of the calls table, where others than the usual ones were chosen.
    pub columns: Option<Vec<Column>>,
    /// What attribute columns show.
    pub attributes: Attributes,
    /// The model or route to compare with.
    pub marked: Option<(View, Name)>,
    /// Scroll and size of the detail pane.
    pub pane: PaneState,
    /// What the pane shows is narrowed to lines with this text.
    pub find: String,
    /// The detail that was read last.
    pub detail: Option<Box<Detail>>,
    /// What is open over the view.
    pub dialog: Option<Dialog>,
    /// State of the connection to a remote collector, if attached.
    pub link: Link,
    /// The last notice to the user.
    pub note: Option<Note>,
    /// Least time between frames that show new data.
    pub refresh: Duration,
    history: History,
    layout: LayoutInfo,
    last_request: Option<PictureRequest>,
    last_detail_request: Option<(Wanted, u64)>,
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
            views: Views::default(),
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
            layout: LayoutInfo::default(),
            last_request: None,
            last_detail_request: None,
        }
    }

    fn open_call(&self) -> Option<&LlmCall> {
        self.views.current().traced_call().or_else(|| self.shown_pane().and_then(|_| self.selected_call()))
    }

    /// The detail of a call, if it was read.
    pub fn detail_of(&self, call: &LlmCall) -> Option<&Detail> {
        self.detail.as_deref().filter(|detail| detail.wanted.call == call.id())
    }

    /// The input to a call's sections; values are cut to `most_chars` characters.
    pub fn facts<'a>(&'a self, call: &'a LlmCall, most_chars: usize) -> Facts<'a> {
        Facts { call, detail: self.detail_of(call), zone: self.clock.zone, most_chars, secrets: self.about.secrets }
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

    /// Stores the layout of the last frame.
    pub fn set_layout(&mut self, layout: LayoutInfo) {
        self.layout = layout;
        let scrolled = match (&mut self.dialog, self.views.current_mut().scroll_mut(), &mut self.pane) {
            (Some(Dialog::Help(scroll)), ..) | (_, Some(scroll), _) => Some(scroll),
            (_, None, PaneState::Open(pane)) => Some(&mut pane.scroll),
            (_, None, PaneState::Auto | PaneState::Closed) => None,
        };
        if let Some(scroll) = scrolled {
            *scroll = (*scroll).min(layout.scroll);
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

    /// The call that is selected in the active tab, if that lists calls.
    pub fn selected_call(&self) -> Option<&LlmCall> {
        self.picture.call(self.views.tab().cursor().key()?.call()?)
    }

    /// Whether the selected call has all the room.
    pub fn is_reading(&self) -> bool {
        self.shown_pane().is_some_and(|pane| pane.is_expanded)
    }

    /// The pane as it was last seen; `None` when it was not, as in a view without calls.
    fn shown_pane(&self) -> Option<Pane> {
        if self.views.opened.is_some() {
            return None;
        }
        self.selected_call()?;
        match self.pane {
            PaneState::Auto => (self.layout.pane > 0).then(Pane::default),
            PaneState::Open(pane) => Some(pane),
            PaneState::Closed => None,
        }
    }

    fn notify(&mut self, text: impl Into<String>) {
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

    /// The scene whose keys apply.
    pub fn scene(&self) -> Scene {
        match &self.dialog {
            Some(dialog) => dialog.scene(),
            None if self.is_reading() => Scene::Read,
            None => self.views.current().scene(),
        }
    }
}

#[cfg(test)]
mod tests;
