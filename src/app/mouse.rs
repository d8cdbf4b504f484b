//! The mouse (`--mouse`): the wheel moves, a click selects, another click opens; on a view's name it goes
//! there, on an entry of a list it sets that.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::action::Action;
use super::motion::Motion;
use super::pace::Draw;
use super::views::View;
use super::{App, Dialog, Outcome};

/// Rows that a notch of the wheel moves.
const NOTCH: usize = 3;

impl App {
    /// Applies a mouse event.
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
        let moves = self.dialog.is_some() || self.views.opened.is_some() || self.layout.table.contains(at);
        let action = if moves { Action::Move(motion) } else { Action::Scroll(motion) };
        for _ in 0..NOTCH {
            self.act(action);
        }
    }

    fn click(&mut self, at: Position) -> Outcome {
        let (list, page) = (self.layout.choices, self.layout.list);
        match &mut self.dialog {
            Some(Dialog::Pick(picker)) if list.contains(at) => {
                let is_there = picker.select_line(usize::from(at.y - list.y), page);
                return if is_there { self.act(Action::Accept) } else { Outcome::default() };
            }
            Some(_) => return Outcome::default(),
            None => {}
        }
        let tabs = View::ALL.into_iter().zip(self.layout.tabs);
        if let Some((view, _)) = tabs.into_iter().find(|(_, place)| place.contains(at)) {
            return self.act(Action::Show(view));
        }
        if !self.layout.table.contains(at) {
            return Outcome::default();
        }
        let line = usize::from(at.y - self.layout.table.y);
        let view = self.views.current_mut();
        let former = view.cursor().row();
        view.select_line(line, &self.picture, self.layout.rows);
        if view.cursor().row() == former { self.act(Action::Open) } else { Outcome::draw(Draw::Now) }
    }
}
