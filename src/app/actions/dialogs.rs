//! Inside dialogs: typing, completing, taking over, answering.

use super::super::action::Step;
use super::super::filter_line::FilterLine;
use super::super::line_edit::LineEdit;
use super::super::pace::Draw;
use super::super::picker::{Picker, Subject};
use super::super::{App, Dialog, Effect, Outcome, PaneState};
use crate::query::column::Column;
use crate::query::filter::Filter;

impl App {
    pub(super) fn accept(&mut self) -> Outcome {
        match self.dialog.take() {
            Some(Dialog::Export(line)) => match line.text().trim() {
                "" => self.dialog = Some(Dialog::Export(line)),
                path => return Outcome::effect(Effect::Export { path: path.to_owned(), overwrite: false }),
            },
            Some(Dialog::GoTo(line)) => return self.go_to(line),
            Some(Dialog::Pick(picker)) if picker.subject == Subject::Columns => self.toggle_column(picker),
            Some(Dialog::Pick(picker)) => self.set_picked(&picker),
            Some(Dialog::Filter(line)) => match line.filter() {
                Some(filter) => {
                    self.history.push(line.input.text());
                    self.set_filter(filter);
                }
                // A mistake keeps the line open.
                None => self.dialog = Some(Dialog::Filter(line)),
            },
            Some(Dialog::Find(line)) => line.text().clone_into(&mut self.find),
            dialog => self.dialog = dialog,
        }
        Outcome::draw(Draw::Now)
    }

    pub(super) fn set_picked(&mut self, picker: &Picker) {
        // Nothing passes what was typed: there is nothing to set, and nothing to lift.
        if picker.shown.is_empty() {
            return;
        }
        let filter = Filter::clone(&self.spec.filter);
        match picker.subject {
            Subject::Model => self.set_filter(filter.with_model(picker.picked())),
            Subject::Route => self.set_filter(filter.with_route(picker.picked())),
            Subject::Sort => {
                let column = picker.picked().and_then(|name| Column::parse(&name));
                self.spec.sort = column.map(Column::with_first_direction);
            }
            Subject::Columns => {}
        }
    }

    pub(super) fn edit(&mut self, step: Step) {
        match &mut self.dialog {
            Some(Dialog::Pick(picker)) => picker.edit(step),
            Some(Dialog::Filter(line)) => {
                line.edit(step, &mut self.history);
                self.preview();
            }
            Some(Dialog::Export(line)) => step.take(line),
            Some(Dialog::GoTo(line)) => {
                step.take(&mut line.input);
                line.error = None;
            }
            Some(Dialog::Find(line)) => {
                step.take(line);
                line.text().clone_into(&mut self.find);
            }
            _ => {}
        }
    }

    pub(super) fn edit_filter(&mut self) {
        self.dialog = Some(if self.is_reading() {
            Dialog::Find(LineEdit::new(&self.find))
        } else {
            Dialog::Filter(FilterLine::new(&self.spec.filter, self.known()))
        });
    }

    pub(super) fn complete(&mut self) {
        if let Some(Dialog::Filter(line)) = &mut self.dialog {
            line.complete();
            self.preview();
        }
    }

    pub(super) fn confirm(&mut self) -> Outcome {
        match self.dialog.take() {
            Some(Dialog::AskClear) => self.clear(),
            Some(Dialog::AskOverwrite(path)) => Outcome::effect(Effect::Export { path, overwrite: true }),
            _ => Outcome::default(),
        }
    }

    pub(super) fn clear(&mut self) -> Outcome {
        self.frozen = None;
        self.pane = PaneState::default();
        self.views.forget_all();
        self.notify(if self.about.attached.is_some() { "cleared here; the collector keeps them" } else { "cleared" });
        Outcome::effect(Effect::Clear)
    }
}
