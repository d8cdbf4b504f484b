//! A list to pick one name from, narrowed by typing.

use super::action::{Motion, Step};
use super::cursor::{Cursor, Named};
use super::line_edit::LineEdit;
use crate::call::Name;

/// What is picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A model to filter by.
    Model,
    /// A route to filter by.
    Route,
    /// The column to sort by.
    Sort,
}

impl Subject {
    /// Title of the list.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Route => "route",
            Self::Sort => "sort by",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The name.
    pub name: Name,
    /// Kept calls that bear it, where that is known.
    pub calls: Option<u64>,
}

impl Named for Choice {
    fn name(&self) -> &Name {
        &self.name
    }
}

/// A list being picked from.
#[derive(Clone, Debug)]
pub struct Picker {
    /// What is picked.
    pub subject: Subject,
    /// What narrows the list.
    pub input: LineEdit,
    /// The entries that pass.
    pub shown: Vec<Choice>,
    /// The selected entry.
    pub cursor: Cursor<Name>,
    /// What is set now; picking it again lifts it.
    pub current: Option<Name>,
    choices: Vec<Choice>,
}

impl Picker {
    /// A list with the cursor on what is set now.
    pub fn new(subject: Subject, choices: Vec<Choice>, current: Option<Name>) -> Self {
        let cursor = current.clone().map_or_else(Cursor::default, Cursor::on);
        let mut picker = Self { subject, input: LineEdit::default(), shown: Vec::new(), cursor, current, choices };
        picker.narrow();
        picker
    }

    /// Takes over entries that changed meanwhile; the cursor stays on its entry.
    pub fn refresh(&mut self, choices: Vec<Choice>) {
        self.choices = choices;
        self.narrow();
    }

    /// Inserts typed or pasted text.
    pub fn insert(&mut self, text: &str) {
        self.input.insert(text);
        self.retyped();
    }

    /// Takes a step in the narrowing text.
    pub fn edit(&mut self, step: Step) {
        let before = self.input.text().to_owned();
        step.take(&mut self.input);
        if self.input.text() != before {
            self.retyped();
        }
    }

    /// Moves in the list, of which `page` lines are seen.
    pub fn step(&mut self, motion: Motion, page: usize) {
        self.cursor.step(motion, self.shown.as_slice(), page);
        self.cursor.hold();
    }

    /// What Enter sets: the selected name, or nothing where it was set already.
    pub fn picked(&self) -> Option<Name> {
        let name = self.cursor.key()?;
        (self.current.as_ref() != Some(name)).then(|| name.clone())
    }

    /// The best match is what a typist means.
    fn retyped(&mut self) {
        self.narrow();
        self.cursor.follow(self.shown.as_slice());
        self.cursor.hold();
    }

    fn narrow(&mut self) {
        let words: Vec<_> = self.input.text().split_whitespace().map(str::to_lowercase).collect();
        let passes = |choice: &&Choice| {
            let name = choice.name.to_lowercase();
            words.iter().all(|word| name.contains(word))
        };
        self.shown = self.choices.iter().filter(passes).cloned().collect();
        self.cursor.settle(self.shown.as_slice());
        self.cursor.hold();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(names: &[&str]) -> Vec<Choice> {
        names.iter().map(|&name| Choice { name: name.into(), calls: Some(1) }).collect()
    }

    fn shown(picker: &Picker) -> Vec<&str> {
        picker.shown.iter().map(|choice| choice.name.as_str()).collect()
    }

    #[test]
    fn typing_narrows_and_enter_sets_or_lifts() {
        let all = ["gpt-4o", "gpt-5", "claude-sonnet-4-5", "GPT-4o-mini"];
        let mut picker = Picker::new(Subject::Model, choices(&all), Some("gpt-5".into()));
        assert_eq!(picker.picked(), None, "the cursor is on what is set: Enter lifts it");
        picker.insert("gpt 4O");
        assert_eq!(shown(&picker), ["gpt-4o", "GPT-4o-mini"]);
        assert_eq!(picker.picked().as_deref(), Some("gpt-4o"));
        picker.step(Motion::Down, 5);
        assert_eq!(picker.picked().as_deref(), Some("GPT-4o-mini"));
        picker.insert(" nothing like it");
        assert_eq!((shown(&picker), picker.picked()), (vec![], None));
        picker.edit(Step::DeleteToStart);
        assert_eq!(shown(&picker), all);
        assert_eq!(picker.picked().as_deref(), Some("gpt-4o"));
    }

    #[test]
    fn entries_that_arrive_do_not_move_the_cursor() {
        let mut picker = Picker::new(Subject::Route, choices(&["a", "b"]), None);
        assert_eq!(picker.picked().as_deref(), Some("a"));
        picker.refresh(choices(&["new", "a", "b"]));
        assert_eq!(picker.picked().as_deref(), Some("a"));
    }
}
