//! What actions do to the state.

mod columns;
mod copy;
mod dialogs;

use std::sync::Arc;
use std::time::Duration;

use super::action::Action;
use super::cursor::{Cursor, RowKey};
use super::line_edit::LineEdit;
use super::motion::Motion;
use super::pace::Draw;
use super::picker::Subject;
use super::views::{Opening, View, ViewState as _};
use super::{App, Dialog, Effect, Frozen, Outcome, Pair, Pane, PaneState, REFRESH_MS};
use crate::call::CallId;
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
            Action::NextView => self.go(self.views.tab.neighbour(1)),
            Action::PreviousView => self.go(self.views.tab.neighbour(-1)),
            Action::EditFilter => self.edit_filter(),
            Action::PickModel => self.pick(Subject::Model),
            Action::PickRoute => self.pick(Subject::Route),
            Action::PickSort | Action::SortNext | Action::SortPrevious | Action::InvertSort
                if !self.views.current().is_sortable() =>
            {
                self.notify("only the calls (view 1) can be sorted");
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
            Action::Follow => self.views.follow(&self.picture),
            Action::Expand => {
                if let Some(pane) = self.shown_pane() {
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
            Some(_) => {}
            None if self.views.opened.is_some() => {
                if !self.views.current_mut().close_inner() {
                    self.views.opened = None;
                }
            }
            None if self.is_reading() && !self.find.is_empty() => self.find.clear(),
            None => {
                self.find.clear();
                match self.shown_pane() {
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
            Some(Dialog::Help(scroll)) => *scroll = scrolled(*scroll, motion, self.layout.list, self.layout.scroll),
            Some(Dialog::Pick(picker)) => picker.step(motion, self.layout.list),
            Some(Dialog::Filter(line)) => {
                line.browse(motion, &mut self.history);
                self.preview();
            }
            Some(_) => {}
            None if is_reading => self.scroll_pane(motion),
            None => self.step_view(motion),
        }
    }

    fn step_view(&mut self, motion: Motion) {
        self.views.current_mut().step(motion, &self.picture, self.layout.rows);
        if self.views.opened.is_none() {
            self.rewind_pane();
        }
    }

    /// Another call is shown from its first line on.
    const fn rewind_pane(&mut self) {
        if let PaneState::Open(pane) = &mut self.pane {
            pane.scroll = 0;
        }
    }

    fn scroll_pane(&mut self, motion: Motion) {
        if let Some(scroll) = self.views.current_mut().scroll_mut() {
            *scroll = scrolled(*scroll, motion, self.layout.pane, self.layout.scroll);
        } else if let Some(pane) = self.shown_pane() {
            let scroll = scrolled(pane.scroll, motion, self.layout.pane, self.layout.scroll);
            self.pane = PaneState::Open(Pane { scroll, ..pane });
        }
    }

    fn open(&mut self) {
        match self.views.current_mut().open(&self.spec.filter) {
            Opening::Pane if self.selected_call().is_some() => {
                let pane = self.shown_pane().map_or_else(Pane::default, |pane| Pane { is_expanded: true, ..pane });
                self.pane = PaneState::Open(pane);
            }
            Opening::Nothing | Opening::Pane => {}
            Opening::Filtered(filter) => {
                self.set_filter(filter);
                self.go(View::Calls);
            }
            Opening::Call(call) => self.go_to_call(call),
        }
    }

    /// Shows a call in the calls table, opened.
    fn go_to_call(&mut self, call: CallId) {
        self.go(View::Calls);
        self.views.calls.cursor = Cursor::on(RowKey::Call(call));
        self.views.calls.settle(&self.picture);
        self.pane = PaneState::Open(Pane::default());
    }

    /// Marks the selected model or route, or compares it with the marked one.
    fn compare(&mut self) {
        if matches!(self.dialog.take(), Some(Dialog::Compare(_))) {
            return;
        }
        let view = self.views.tab;
        let state = self.views.current();
        if state.comparable(&self.picture).is_none() {
            self.notify("only models (view 2) and routes (view 3) can be compared");
            return;
        }
        let name = state.cursor().key().and_then(RowKey::name).cloned();
        let Some(name) = name else { return };
        match self.marked.take() {
            Some((marked_in, left)) if marked_in == view && left != name => {
                self.marked = Some((view, left.clone()));
                self.dialog = Some(Dialog::Compare(Pair { view, left, right: name }));
            }
            Some((marked_in, same)) if marked_in == view && same == name => self.notify("unmarked"),
            Some(_) | None => {
                let shown = self.about.secrets.in_text(&name).into_owned();
                self.notify(format!("marked {shown}; press = on another to compare"));
                self.marked = Some((view, name));
            }
        }
    }

    fn go(&mut self, view: View) {
        self.views.opened = None;
        self.views.tab = view;
        self.spec.sessions = self.views.tab().needs_sessions();
        self.rewind_pane();
    }

    fn toggle_trace(&mut self) {
        if matches!(self.dialog.take(), Some(Dialog::Compare(_))) || self.views.opened.take().is_some() {
            return;
        }
        self.views.opened = self.views.tab().inspect(&self.picture);
        if let Some(detail) = &self.detail {
            self.views.current_mut().take_detail(detail);
        }
    }

    fn toggle_pause(&mut self) {
        self.frozen = match self.frozen.take() {
            Some(_) => None,
            None => {
                Some(Frozen { snapshot: Arc::clone(&self.picture.snapshot), unix_nano: self.picture.now_unix_nano })
            }
        };
    }

    fn change_refresh(&mut self, by: isize) {
        let now = self.refresh.as_millis();
        let at = REFRESH_MS.iter().position(|&step| u128::from(step) >= now).unwrap_or(REFRESH_MS.len() - 1);
        let step = at.checked_add_signed(by).and_then(|at| REFRESH_MS.get(at));
        if let Some(&ms) = step {
            self.refresh = Duration::from_millis(ms);
        }
        self.notify(format!("refresh every {} ms", self.refresh.as_millis()));
    }
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
