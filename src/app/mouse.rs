//! The mouse, where it was asked for: the wheel moves, a click selects, another click opens; on a view's name it goes
//! there, on an entry of a list it sets that.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::action::{Action, Motion};
use super::pace::Draw;
use super::view::View;
use super::{App, Dialog, Outcome};

/// Rows that a notch of the wheel moves.
const NOTCH: usize = 3;

impl App {
    /// Takes in what the mouse did.
    pub(super) fn mouse(&mut self, event: MouseEvent) -> Outcome {
        let at = Position { x: event.column, y: event.row };
        match event.kind {
            MouseEventKind::ScrollUp => self.wheel(Motion::Up, at),
            MouseEventKind::ScrollDown => self.wheel(Motion::Down, at),
            MouseEventKind::Down(MouseButton::Left) => return self.click(at),
            _ => return Outcome::default(),
        }
        Outcome::draw(Draw::Now)
    }

    /// Over the table, or in a dialog, the selection moves; elsewhere the pane scrolls.
    fn wheel(&mut self, motion: Motion, at: Position) {
        let moves = self.dialog.is_some() || self.seen.table.contains(at);
        let action = if moves { Action::Move(motion) } else { Action::Scroll(motion) };
        for _ in 0..NOTCH {
            self.act(action);
        }
    }

    fn click(&mut self, at: Position) -> Outcome {
        let (list, page) = (self.seen.choices, self.seen.list);
        match &mut self.dialog {
            Some(Dialog::Pick(picker)) if list.contains(at) => {
                let is_there = picker.select_line(usize::from(at.y - list.y), page);
                return if is_there { self.act(Action::Accept) } else { Outcome::default() };
            }
            Some(_) => return Outcome::default(),
            None => {}
        }
        let tabs = View::ALL.into_iter().zip(self.seen.tabs);
        if let Some((view, _)) = tabs.into_iter().find(|(_, place)| place.contains(at)) {
            return self.act(Action::Show(view));
        }
        if !self.seen.table.contains(at) {
            return Outcome::default();
        }
        let line = usize::from(at.y - self.seen.table.y);
        let former = self.row();
        self.select_line(line);
        if self.row() == former { self.act(Action::Open) } else { Outcome::draw(Draw::Now) }
    }

    fn row(&self) -> usize {
        let cursors = &self.cursors;
        match self.view {
            View::Calls => cursors.calls.row(),
            View::Errors => cursors.errors.row(),
            View::Models => cursors.models.row(),
            View::Routes => cursors.routes.row(),
            View::Sessions => cursors.sessions.row(),
        }
    }

    /// Selects what stands on a line of the table's window; a line below the last row is the last row's.
    fn select_line(&mut self, line: usize) {
        let (picture, cursors, page) = (&self.picture, &mut self.cursors, self.seen.rows);
        match self.view {
            View::Calls => {
                let row = cursors.calls.top(picture.rows.len(), page) + line;
                cursors.calls.select(row, &picture.rows, page);
            }
            View::Errors => {
                let row = cursors.errors.top(picture.failed.len(), page) + line;
                cursors.errors.select(row, &picture.failed, page);
            }
            View::Models => {
                let row = cursors.models.top(picture.models.len(), page) + line;
                cursors.models.select(row, picture.models.as_slice(), page);
            }
            View::Routes => {
                let row = cursors.routes.top(picture.routes.len(), page) + line;
                cursors.routes.select(row, picture.routes.as_slice(), page);
            }
            View::Sessions => {
                let sessions = picture.sessions.as_deref().unwrap_or_default();
                let row = cursors.sessions.top(sessions.len(), page) + line;
                cursors.sessions.select(row, sessions, page);
            }
        }
    }
}
