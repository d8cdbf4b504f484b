//! The state behind the screen: [`App`], what keys do, what is shown. Draws nothing, reads no clock, does no I/O.
//!
//! Everything that happens is an [`Event`]; [`App::update`] takes it in and says what is to be done outside
//! ([`Effect`]) and how soon the screen should follow ([`Draw`]). Figures come as [`Picture`]s that the analysis made
//! of a snapshot, as [`App::request`] asked for.

mod act;
pub mod action;
pub mod analysis;
pub mod attributes;
pub mod column;
pub mod cursor;
pub mod detail;
pub mod export;
pub mod filter;
pub mod filter_line;
pub mod guard;
pub mod keymap;
pub mod line_edit;
pub mod live;
mod mouse;
pub mod pace;
pub mod picker;
pub mod run;
pub mod terminal;
pub mod trace;
pub mod turns;
pub mod view;

use std::sync::Arc;
use std::time::Duration;

use chrono::{FixedOffset, Offset, Utc};
use ratatui::crossterm::event::{Event as Input, KeyEventKind};
use ratatui::layout::{Position, Rect};

use crate::call::{CallId, LlmCall, Name};
use crate::collector::Snapshot;
use crate::stats::Arrivals;
use analysis::{Picture, Request, Rollup, ViewSpec};
use attributes::{Attributes, Lookup, Read};
use column::Column;
use cursor::Cursor;
use detail::{Detail, Facts, Wanted};
use export::Exported;
use filter::{Filter, History, Known};
use filter_line::FilterLine;
use keymap::{Key, Scene};
use line_edit::LineEdit;
use pace::Draw;
use picker::{Choice, Picker, Subject};
use trace::Waterfall;
use turns::TurnsView;
use view::View;

/// What the program is and where it listens: fixed at start, shown in the header and on the empty screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Where OTLP/gRPC is taken in, `0.0.0.0:4317`.
    pub grpc: String,
    /// Where OTLP/HTTP is taken in, or why it is not.
    pub http: Option<Result<String, String>>,
    /// Anybody who reaches the machine may send: a listener beyond loopback without token or client certificate.
    pub is_open: bool,
    /// Traffic is made up (`--demo`).
    pub is_demo: bool,
    /// Where prices come from, in a line.
    pub prices: String,
}

/// The time as the last tick told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// ns since the epoch.
    pub unix_nano: i64,
    /// Local time's offset from UTC.
    pub offset: FixedOffset,
}

impl Default for Clock {
    fn default() -> Self {
        Self { unix_nano: 0, offset: Utc.fix() }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key, a paste, a resize.
    Input(Input),
    /// The collector has news.
    Snapshot(Arc<Snapshot>),
    /// The analysis has figures.
    Picture(Arc<Picture>),
    /// Time went on.
    Tick(Clock),
    /// Something to tell the user, in a line.
    Note(String),
    /// Prices now come from elsewhere.
    Prices(String),
    /// A call was looked into.
    Detail(Box<Detail>),
    /// Attributes were read.
    Attributes(Vec<Read>),
    /// What is shown was written to the file of this name, or not.
    Exported(String, Exported),
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Hand the terminal back until resumed.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Have the collector forget all calls.
    Clear,
    /// Write what is shown to a file.
    Export {
        /// The path as written.
        path: String,
        /// Replace what is there.
        overwrite: bool,
    },
    /// Put text into the clipboard.
    Copy(String),
    /// Put several lines into the clipboard.
    CopyLines(Vec<String>),
}

/// What an event leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How soon the screen should follow.
    pub draw: Draw,
    /// What is to be done outside, in order.
    pub effects: Vec<Effect>,
}

impl Outcome {
    fn draw(draw: Draw) -> Self {
        Self { draw, effects: Vec::new() }
    }

    fn effect(effect: Effect) -> Self {
        Self { draw: Draw::Now, effects: vec![effect] }
    }
}

/// What is open over the view.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The keys, scrolled down by so many lines.
    Help(usize),
    /// A list to pick from.
    Pick(Picker),
    /// The filter expression.
    Filter(FilterLine),
    /// Text to find in the pane.
    Find(LineEdit),
    /// Where to write what is shown.
    Export(LineEdit),
    /// Whether to write over a file that is there.
    AskOverwrite(String),
    /// Whether to forget all calls.
    AskClear,
    /// The waterfall of a call's trace.
    Trace(Box<TraceView>),
    /// The turns of a session.
    Turns(TurnsView),
    /// Two models or routes side by side.
    Compare(Pair),
    /// Where everything that arrived ended.
    Accounting,
}

/// Two models, or two routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Which of both.
    pub view: View,
    /// The one marked first.
    pub left: Name,
    /// The one it is compared with.
    pub right: Name,
}

impl Pair {
    /// The rows both are among.
    pub fn rows<'a>(&self, picture: &'a Picture) -> &'a [Rollup] {
        match self.view {
            View::Routes => &picture.routes,
            View::Calls | View::Models | View::Sessions | View::Errors => &picture.models,
        }
    }
}

/// The waterfall of a trace, and the span selected in it.
#[derive(Clone, Debug)]
pub struct TraceView {
    /// The call whose trace it is.
    pub call: LlmCall,
    /// The bars; none until the spans are known.
    pub waterfall: Waterfall,
    /// The selected span's number among the spans.
    pub cursor: Cursor<usize>,
    /// Whether the selected span is shown in full below.
    pub is_open: bool,
    /// Lines that is scrolled down.
    pub scroll: usize,
}

/// The pane beside or below the table: the selected call in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pane {
    /// It has the whole body.
    pub is_expanded: bool,
    /// Lines scrolled down.
    pub scroll: usize,
}

/// Whether the pane is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaneState {
    /// Nobody said: open where there is plenty of room.
    #[default]
    Auto,
    /// Opened.
    Open(Pane),
    /// Closed.
    Closed,
}

/// A body at least this large has the pane unasked.
const PLENTY: (u16, u16) = (170, 30);

impl PaneState {
    /// The pane in a body of this size, if it is shown.
    pub fn shown(self, width: u16, height: u16) -> Option<Pane> {
        match self {
            Self::Auto => (width >= PLENTY.0 && height >= PLENTY.1).then(Pane::default),
            Self::Open(pane) => Some(pane),
            Self::Closed => None,
        }
    }
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
pub struct Seen {
    /// Rows of the view's table that fit.
    pub rows: usize,
    /// Where on the screen they are.
    pub table: Rect,
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
    /// What the user was last told.
    pub note: Option<Note>,
    /// Frames for data alone are this far apart.
    pub refresh: Duration,
    history: History,
    seen: Seen,
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
            view: View::default(),
            cursors: Cursors::default(),
            columns: None,
            attributes: Attributes::default(),
            marked: None,
            pane: PaneState::default(),
            find: String::new(),
            detail: None,
            dialog: None,
            note: None,
            refresh,
            history: History::default(),
            seen: Seen::default(),
            asked: None,
            looked_into: None,
        }
    }

    /// Takes in what happened.
    pub fn update(&mut self, event: Event) -> Outcome {
        match event {
            Event::Input(input) => self.input(input),
            Event::Snapshot(snapshot) => Outcome::draw(self.note_snapshot(snapshot)),
            Event::Picture(picture) => Outcome::draw(self.show(picture)),
            Event::Tick(clock) => Outcome::draw(self.tick(clock)),
            Event::Detail(detail) => Outcome::draw(self.take_detail(detail)),
            Event::Attributes(read) => {
                self.attributes.learn(read);
                Outcome::draw(Draw::Paced)
            }
            Event::Exported(path, exported) => Outcome::draw(self.take_exported(path, &exported)),
            Event::Note(text) => {
                self.tell(text);
                Outcome::draw(Draw::Paced)
            }
            Event::Prices(prices) => {
                let draw = if self.about.prices == prices { Draw::No } else { Draw::Paced };
                self.about.prices = prices;
                Outcome::draw(draw)
            }
        }
    }

    /// What to ask of the analysis, if anything new is to be asked.
    pub fn request(&mut self) -> Option<Request> {
        let (snapshot, now_unix_nano) = match &self.frozen {
            Some(frozen) => (&frozen.snapshot, frozen.unix_nano),
            None => (&self.newest, self.clock.unix_nano),
        };
        let request = Request { spec: self.spec.clone(), snapshot: Arc::clone(snapshot), now_unix_nano };
        let is_new = self.asked.as_ref().is_none_or(|asked| {
            !Arc::ptr_eq(&asked.snapshot, &request.snapshot)
                || asked.spec != request.spec
                || (self.picture.is_moving && asked.now_unix_nano != request.now_unix_nano)
        });
        is_new.then(|| {
            self.asked = Some(request.clone());
            request
        })
    }

    /// The call to look into, if one is open and something about it may be new.
    pub fn look_into(&mut self) -> Option<LlmCall> {
        let call = self.open_call()?.clone();
        let looked_into = (Wanted::of(&call), self.newest.version);
        (self.looked_into != Some(looked_into)).then(|| {
            self.looked_into = Some(looked_into);
            call
        })
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
        Facts { call, detail: self.detail_of(call), offset: self.clock.offset, most_chars }
    }

    /// The attributes to read for the rows that are seen, if some are shown as columns.
    pub fn look_up(&mut self) -> Option<Lookup> {
        let keys: Vec<_> = self.columns.iter().flatten().filter_map(Column::attribute).cloned().collect();
        if keys.is_empty() || self.view != View::Calls {
            return None;
        }
        let rows = &self.picture.rows;
        let top = self.cursors.calls.top(rows.len(), self.seen.rows);
        let calls = rows.from(top).take(self.seen.rows).filter_map(|id| self.picture.call(id));
        self.attributes.ask(calls, &keys)
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

    fn take_exported(&mut self, path: String, exported: &Exported) -> Draw {
        match exported {
            Exported::Written(calls) => self.tell(format!("{calls} calls written to {path}")),
            Exported::Exists => self.dialog = Some(Dialog::AskOverwrite(path)),
            Exported::Failed(why) => self.tell(format!("{path} was not written: {why}")),
        }
        Draw::Now
    }

    fn take_detail(&mut self, detail: Box<Detail>) -> Draw {
        let is_same = self.detail.as_ref().is_some_and(|former| *former == detail);
        let is_expected = self.detail.as_ref().is_none_or(|former| former.wanted.call != detail.wanted.call);
        if let Some(Dialog::Trace(trace)) = &mut self.dialog
            && trace.call.id() == detail.wanted.call
        {
            trace.show(&detail);
        }
        self.detail = Some(detail);
        match (is_same, is_expected) {
            (true, _) => Draw::No,
            (false, true) => Draw::Now,
            (false, false) => Draw::Paced,
        }
    }

    /// Takes in how much of everything was visible.
    pub fn see(&mut self, seen: Seen) {
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

    /// The call that is selected in the view, where it shows calls.
    pub fn selected_call(&self) -> Option<&LlmCall> {
        let id = match self.view {
            View::Calls => self.cursors.calls.key(),
            View::Errors => self.cursors.errors.key(),
            View::Models | View::Routes | View::Sessions => None,
        };
        self.picture.call(*id?)
    }

    /// The pane as it was last seen; `None` when it was not.
    fn seen_pane(&self) -> Option<Pane> {
        match self.pane {
            PaneState::Auto => (self.seen.pane > 0).then(Pane::default),
            PaneState::Open(pane) => Some(pane),
            PaneState::Closed => None,
        }
    }

    /// Where keys go.
    pub const fn scene(&self) -> Scene {
        match self.dialog {
            None => Scene::Browse,
            Some(Dialog::Help(_)) => Scene::Help,
            Some(Dialog::Pick(_)) => Scene::Pick,
            Some(Dialog::Filter(_) | Dialog::Find(_) | Dialog::Export(_)) => Scene::Edit,
            Some(Dialog::AskClear | Dialog::AskOverwrite(_)) => Scene::Ask,
            Some(Dialog::Trace(_) | Dialog::Turns(_) | Dialog::Compare(_) | Dialog::Accounting) => Scene::Inspect,
        }
    }

    fn input(&mut self, input: Input) -> Outcome {
        match input {
            Input::Key(event) if event.kind != KeyEventKind::Release => {
                Key::of(event).map_or_else(Outcome::default, |key| self.key(key))
            }
            Input::Paste(text) => {
                self.insert(&text);
                Outcome::draw(Draw::Now)
            }
            Input::Resize(..) => Outcome::draw(Draw::Now),
            Input::Mouse(event) => self.mouse(event),
            Input::Key(_) | Input::FocusGained | Input::FocusLost => Outcome::default(),
        }
    }

    fn key(&mut self, key: Key) -> Outcome {
        let scene = self.scene();
        if let Some(action) = keymap::action(scene, key) {
            return self.act(action);
        }
        match (scene, key.typed()) {
            (Scene::Pick | Scene::Edit, Some(char)) => self.insert(char.encode_utf8(&mut [0; 4])),
            (Scene::Ask, _) => self.dialog = None,
            (Scene::Browse | Scene::Inspect | Scene::Help | Scene::Pick | Scene::Edit, _) => return Outcome::default(),
        }
        Outcome::draw(Draw::Now)
    }

    fn insert(&mut self, text: &str) {
        match &mut self.dialog {
            Some(Dialog::Pick(picker)) => picker.insert(text),
            Some(Dialog::Filter(line)) => {
                line.insert(text, &mut self.history);
                self.preview();
            }
            Some(Dialog::Find(line)) => {
                line.insert(text);
                line.text().clone_into(&mut self.find);
            }
            Some(Dialog::Export(line)) => line.insert(text),
            _ => {}
        }
    }

    fn note_snapshot(&mut self, snapshot: Arc<Snapshot>) -> Draw {
        self.arrivals.note(snapshot.totals.calls, self.clock.unix_nano);
        self.newest = snapshot;
        // Unless paused, a picture of it follows and is drawn.
        if self.frozen.is_some() { Draw::Paced } else { Draw::No }
    }

    fn show(&mut self, picture: Arc<Picture>) -> Draw {
        self.picture = picture;
        self.settle();
        match &mut self.dialog {
            Some(Dialog::Pick(picker)) => {
                if let Some(choices) = choices(picker.subject, &self.picture, &self.spec.filter) {
                    picker.refresh(choices);
                }
            }
            Some(Dialog::Turns(turns)) => turns.refresh(&self.picture),
            _ => {}
        }
        Draw::Paced
    }

    fn settle(&mut self) {
        let Cursors { calls, errors, models, routes, sessions } = &mut self.cursors;
        calls.settle(&self.picture.rows);
        errors.settle(&self.picture.failed);
        models.settle(self.picture.models.as_slice());
        routes.settle(self.picture.routes.as_slice());
        sessions.settle(self.picture.sessions.as_deref().unwrap_or_default());
        // A rollup is sorted by its figures: its first row is no newest one to follow.
        [models, routes, sessions].into_iter().filter(|cursor| cursor.key().is_some()).for_each(Cursor::hold);
    }

    fn tick(&mut self, clock: Clock) -> Draw {
        self.clock = clock;
        self.arrivals.note(self.newest.totals.calls, clock.unix_nano);
        self.note.take_if(|note| note.until_unix_nano <= clock.unix_nano);
        Draw::Now
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
        Known::of(self.picture.snapshot.calls.iter().rev())
    }
}

impl TraceView {
    fn new(call: LlmCall) -> Self {
        Self { call, waterfall: Waterfall::default(), cursor: Cursor::default(), is_open: false, scroll: 0 }
    }

    fn show(&mut self, detail: &Detail) {
        self.waterfall = Waterfall::of(&detail.spans);
        // At first the call's own span is selected.
        if self.cursor.key().is_none() {
            let own = self.call.ids().1.try_into().map_or(0, u64::from_be_bytes);
            if let Some(at) = detail.spans.iter().position(|span| span.id == own) {
                self.cursor = Cursor::on(at);
            }
        }
        self.cursor.settle(&self.waterfall);
        self.cursor.hold();
    }
}

/// The entries of a picker that follow the calls; `None` for one that does not.
fn choices(subject: Subject, picture: &Picture, filter: &Filter) -> Option<Vec<Choice>> {
    let (names, set) = match subject {
        Subject::Model => (&picture.names.models, filter.model()),
        Subject::Route => (&picture.names.routes, filter.route()),
        Subject::Sort | Subject::Columns => return None,
    };
    let choice =
        |(name, calls): &(Name, u64)| Choice { name: name.clone(), calls: Some(*calls), is_set: set == Some(name) };
    Some(names.iter().map(choice).collect())
}

#[cfg(test)]
mod tests;
