//! What actions do to the state.

mod columns;
mod copy;
mod dialogs;

use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, Motion};
use super::cursor::Cursor;
use super::line_edit::LineEdit;
use super::pace::Draw;
use super::picker::Subject;
use super::turns::TurnsView;
use super::view::View;
use super::{App, Dialog, Effect, Frozen, Outcome, Pair, Pane, PaneState, REFRESH_MS, TraceView};
use crate::call::CallId;
use crate::query::filter;
use crate::query::filter::Filter;

pub(super) use columns::choices;

impl App {
    /// Carries out an action. What it means depends on what is open.
    pub fn act(&mut self, action: Action) -> Outcome {
        match action {
            Action::Quit => return Outcome::effect(Effect::Quit),
            Action::Suspend => return Outcome::effect(Effect::Suspend),
            Action::Redraw => return Outcome::effect(Effect::Redraw),
            Action::Confirm => return self.confirm(),
            Action::Replay(play) => return self.steer(play),
            Action::Copy => return self.copy(),
            Action::CopyAll => return self.copy_all(),
            Action::Trace => self.toggle_trace(),
            Action::Compare => self.compare(),
            Action::Accounting => self.toggle_accounting(),
            Action::Help => self.toggle_help(),
            Action::Close => self.close(),
            Action::Move(motion) => self.step(motion),
            Action::Scroll(motion) => self.scroll_pane(motion),
            Action::Open => self.open(),
            Action::Accept => return self.accept(),
            Action::Type(step) => self.edit(step),
            Action::Complete => self.complete(),
            Action::Show(view) => self.go(view),
            Action::NextView => self.go(self.view.next()),
            Action::PreviousView => self.go(self.view.previous()),
            Action::EditFilter => self.edit_filter(),
            Action::PickModel => self.pick(Subject::Model),
            Action::PickRoute => self.pick(Subject::Route),
            Action::PickSort | Action::SortNext | Action::SortPrevious | Action::InvertSort
                if self.view != View::Calls =>
            {
                self.tell("only the calls (view 1) can be sorted");
            }
            Action::PickSort => self.pick(Subject::Sort),
            Action::PickColumns => self.pick(Subject::Columns),
            Action::Shift(motion) => self.shift_column(motion),
            Action::Export => self.dialog = Some(Dialog::Export(LineEdit::new("calls.ndjson"))),
            Action::ErrorsOnly => {
                let filter = Filter::clone(&self.spec.filter);
                self.set_filter(filter.with_errors_only(!self.spec.filter.errors_only()));
            }
            Action::ClearFilters => self.set_filter(Filter::default()),
            Action::NextWindow => self.spec.window = self.spec.window.next(),
            Action::SortNext => self.sort_by_neighbour(1),
            Action::SortPrevious => self.sort_by_neighbour(-1),
            Action::InvertSort => {
                self.spec.sort = self.spec.sort.take().map(|(column, direction)| (column, direction.inverted()));
            }
            Action::Pause => self.toggle_pause(),
            Action::Follow => self.follow(),
            Action::Expand => {
                if let Some(pane) = self.seen_pane() {
                    self.pane = PaneState::Open(Pane { is_expanded: !pane.is_expanded, ..pane });
                }
            }
            Action::Faster => self.change_refresh(-1),
            Action::Slower => self.change_refresh(1),
            Action::Clear => self.dialog = Some(Dialog::AskClear),
        }
        Outcome::draw(Draw::Now)
    }

    fn toggle_help(&mut self) {
        self.dialog = match self.dialog.take() {
            Some(Dialog::Help(_)) => None,
            Some(_) | None => Some(Dialog::Help(0)),
        };
    }

    fn toggle_accounting(&mut self) {
        self.dialog = match self.dialog.take() {
            Some(Dialog::Accounting) => None,
            Some(_) | None => Some(Dialog::Accounting),
        };
    }

    /// Closes the topmost thing that is open.
    fn close(&mut self) {
        match self.dialog.take() {
            Some(Dialog::Filter(line)) => self.spec.filter = line.before,
            Some(Dialog::Find(_)) => self.find.clear(),
            Some(Dialog::Trace(mut trace)) if trace.is_open => {
                trace.is_open = false;
                self.dialog = Some(Dialog::Trace(trace));
            }
            Some(_) => {}
            None if self.is_reading() && !self.find.is_empty() => self.find.clear(),
            None => {
                self.find.clear();
                match self.seen_pane() {
                    Some(pane) if pane.is_expanded => self.pane = PaneState::Open(Pane { is_expanded: false, ..pane }),
                    Some(_) => self.pane = PaneState::Closed,
                    None => self.note = None,
                }
            }
        }
    }

    fn step(&mut self, motion: Motion) {
        let is_reading = self.is_reading();
        match &mut self.dialog {
            Some(Dialog::Help(scroll)) => *scroll = scrolled(*scroll, motion, self.seen.list, self.seen.scroll),
            Some(Dialog::Pick(picker)) => picker.step(motion, self.seen.list),
            Some(Dialog::Filter(line)) => {
                line.browse(motion, &mut self.history);
                self.preview();
            }
            Some(Dialog::Trace(trace)) => {
                trace.cursor.step(motion, &trace.waterfall, self.seen.list);
                trace.cursor.hold();
                trace.scroll = 0;
            }
            Some(Dialog::Turns(turns)) => {
                turns.cursor.step(motion, turns.turns.as_slice(), self.seen.list);
                turns.cursor.hold();
            }
            Some(_) => {}
            None if is_reading => self.scroll_pane(motion),
            None => self.step_view(motion),
        }
    }

    fn step_view(&mut self, motion: Motion) {
        let (picture, cursors, page) = (&self.picture, &mut self.cursors, self.seen.rows);
        match self.view {
            View::Calls => cursors.calls.step(motion, &picture.rows, page),
            View::Errors => cursors.errors.step(motion, &picture.failed, page),
            View::Models => cursors.models.step_held(motion, picture.models.as_slice(), page),
            View::Routes => cursors.routes.step_held(motion, picture.routes.as_slice(), page),
            View::Sessions => {
                cursors.sessions.step_held(motion, picture.sessions.as_deref().unwrap_or_default(), page);
            }
        }
        if let PaneState::Open(pane) = &mut self.pane {
            pane.scroll = 0;
        }
    }

    fn scroll_pane(&mut self, motion: Motion) {
        if let Some(Dialog::Trace(trace)) = &mut self.dialog {
            trace.scroll = scrolled(trace.scroll, motion, self.seen.pane, self.seen.scroll);
            return;
        }
        if let Some(pane) = self.seen_pane() {
            let scroll = scrolled(pane.scroll, motion, self.seen.pane, self.seen.scroll);
            self.pane = PaneState::Open(Pane { scroll, ..pane });
        }
    }

    fn open(&mut self) {
        match &mut self.dialog {
            Some(Dialog::Trace(trace)) => {
                trace.is_open = !trace.is_open;
                return;
            }
            Some(Dialog::Turns(turns)) => {
                if let Some(call) = turns.cursor.key().copied() {
                    self.jump(call);
                }
                return;
            }
            _ => {}
        }
        match self.view {
            View::Calls | View::Errors if self.selected_call().is_some() => {
                let pane = self.seen_pane().map_or_else(Pane::default, |pane| Pane { is_expanded: true, ..pane });
                self.pane = PaneState::Open(pane);
            }
            View::Calls | View::Errors => {}
            View::Models => {
                let model = self.cursors.models.key().cloned();
                self.drill(|filter| Some(filter.with_model(model)));
            }
            View::Routes => {
                let route = self.cursors.routes.key().cloned();
                self.drill(|filter| Some(filter.with_route(route)));
            }
            View::Sessions => {
                let Some(session) = self.cursors.sessions.key().cloned() else { return };
                self.drill(|filter| narrowed_to_session(&filter, &session));
            }
        }
    }

    /// Shows a call in the calls table, opened.
    fn jump(&mut self, call: CallId) {
        self.dialog = None;
        self.go(View::Calls);
        self.cursors.calls = Cursor::on(call);
        self.cursors.calls.settle(&self.picture.rows);
        self.pane = PaneState::Open(Pane::default());
    }

    /// Marks the selected model or route, or compares it with the marked one.
    fn compare(&mut self) {
        if matches!(self.dialog.take(), Some(Dialog::Compare(_))) {
            return;
        }
        let name = match self.view {
            View::Models => self.cursors.models.key().cloned(),
            View::Routes => self.cursors.routes.key().cloned(),
            View::Calls | View::Sessions | View::Errors => {
                self.tell("= compares models (view 2) or routes (view 3)");
                return;
            }
        };
        let Some(name) = name else { return };
        match self.marked.take() {
            Some((view, left)) if view == self.view && left != name => {
                self.marked = Some((view, left.clone()));
                self.dialog = Some(Dialog::Compare(Pair { view, left, right: name }));
            }
            Some((view, same)) if view == self.view && same == name => self.tell("unmarked"),
            Some(_) | None => {
                let shown = self.about.secrets.in_text(&name).into_owned();
                self.tell(format!("marked {shown}; = on another compares them"));
                self.marked = Some((self.view, name));
            }
        }
    }

    /// Goes from a rollup's row to its calls.
    fn drill(&mut self, narrow: impl FnOnce(Filter) -> Option<Filter>) {
        let filter = Filter::clone(&self.spec.filter);
        if let Some(filter) = narrow(filter) {
            self.set_filter(filter);
            self.go(View::Calls);
        }
    }

    fn go(&mut self, view: View) {
        self.view = view;
        self.spec.sessions = view == View::Sessions;
        if let PaneState::Open(pane) = &mut self.pane {
            pane.scroll = 0;
        }
    }

    fn toggle_trace(&mut self) {
        if matches!(self.dialog.take(), Some(Dialog::Trace(_) | Dialog::Turns(_) | Dialog::Compare(_))) {
            return;
        }
        if self.view == View::Sessions {
            let session = self.cursors.sessions.key().cloned();
            self.dialog = session.map(|session| Dialog::Turns(TurnsView::new(session, &self.picture)));
            return;
        }
        let Some(call) = self.selected_call().cloned() else { return };
        let mut trace = TraceView::new(call);
        if let Some(detail) = self.detail_of(&trace.call) {
            trace.show(detail);
        }
        self.dialog = Some(Dialog::Trace(Box::new(trace)));
    }

    fn toggle_pause(&mut self) {
        self.frozen = match self.frozen.take() {
            Some(_) => None,
            None => {
                Some(Frozen { snapshot: Arc::clone(&self.picture.snapshot), unix_nano: self.picture.now_unix_nano })
            }
        };
    }

    fn follow(&mut self) {
        let (picture, cursors) = (&self.picture, &mut self.cursors);
        match self.view {
            View::Calls | View::Errors => {
                cursors.calls.follow(&picture.rows);
                cursors.errors.follow(&picture.failed);
            }
            View::Models => cursors.models.follow(picture.models.as_slice()),
            View::Routes => cursors.routes.follow(picture.routes.as_slice()),
            View::Sessions => cursors.sessions.follow(picture.sessions.as_deref().unwrap_or_default()),
        }
    }

    fn change_refresh(&mut self, by: isize) {
        let now = self.refresh.as_millis();
        let at = REFRESH_MS.iter().position(|&step| u128::from(step) >= now).unwrap_or(REFRESH_MS.len() - 1);
        let step = at.checked_add_signed(by).and_then(|at| REFRESH_MS.get(at));
        if let Some(&ms) = step {
            self.refresh = Duration::from_millis(ms);
        }
        self.tell(format!("refresh every {} ms", self.refresh.as_millis()));
    }
}

fn narrowed_to_session(filter: &Filter, session: &str) -> Option<Filter> {
    let term = filter::term("session", session);
    let expression = match filter.expression() {
        "" => term,
        expression if expression.split_whitespace().any(|word| word == term) => expression.to_owned(),
        expression => format!("{expression} {term}"),
    };
    filter.with_expression(&expression).ok()
}

fn scrolled(scroll: usize, motion: Motion, page: usize, most: usize) -> usize {
    let scroll = match motion {
        Motion::Up => scroll.saturating_sub(1),
        Motion::Down => scroll + 1,
        Motion::HalfPageUp => scroll.saturating_sub(page / 2),
        Motion::HalfPageDown => scroll + page / 2,
        Motion::PageUp => scroll.saturating_sub(page),
        Motion::PageDown => scroll + page,
        Motion::First => 0,
        Motion::Last => most,
    };
    scroll.min(most)
}
