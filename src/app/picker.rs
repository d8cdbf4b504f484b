//! A list to pick one name from, narrowed by typing.

use super::action::Step;
use super::cursor::{Cursor, Named, RowKey};
use super::line_edit::LineEdit;
use super::motion::Motion;
use crate::call::Name;
use crate::query::column::{ATTRIBUTE_PREFIX, Column};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A model to filter by.
    Model,
    /// A route to filter by.
    Route,
    /// The column to sort by.
    Sort,
    /// The columns of the calls table.
    Columns,
}

impl Subject {
    /// Title of the list.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Route => "route",
            Self::Sort => "sort by",
            Self::Columns => "columns",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub name: Name,
    /// Number of kept calls with this name, if known.
    pub calls: Option<u64>,
    /// It is set now; picking it again lifts it.
    pub is_set: bool,
}

impl Named for Choice {
    fn name(&self) -> &Name {
        &self.name
    }
}

/// A list being picked from.
#[derive(Clone, Debug)]
pub struct Picker {
    pub subject: Subject,
    /// What narrows the list.
    pub input: LineEdit,
    /// The entries that pass.
    pub shown: Vec<Choice>,
    pub(crate) cursor: Cursor,
    choices: Vec<Choice>,
}

impl Picker {
    /// A list with the cursor on what is set now.
    pub fn new(subject: Subject, choices: Vec<Choice>) -> Self {
        let set = choices.iter().find(|choice| choice.is_set).map(|choice| choice.name.clone());
        let cursor = set.map_or_else(Cursor::default, |name| Cursor::on(RowKey::Name(name)));
        let mut picker = Self { subject, input: LineEdit::default(), shown: Vec::new(), cursor, choices };
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
        self.cursor.step(motion, &self.shown, page);
        self.cursor.hold();
    }

    /// Goes to the entry on a line of the list, of which `page` lines are visible; false if there is none.
    pub fn select_line(&mut self, line: usize, page: usize) -> bool {
        let row = self.cursor.top(self.shown.len(), page) + line;
        let is_there = row < self.shown.len();
        if is_there {
            self.cursor.select(row, &self.shown, page);
            self.cursor.hold();
        }
        is_there
    }

    /// What Enter sets: the selected name, or nothing where it was set already.
    pub fn picked(&self) -> Option<Name> {
        self.selected().filter(|choice| !choice.is_set).map(|choice| choice.name.clone())
    }

    /// The entry under the cursor.
    pub fn selected(&self) -> Option<&Choice> {
        let name = self.cursor.key()?.name()?;
        self.shown.iter().find(|choice| choice.name == *name)
    }

    /// Whether anything is set.
    pub fn has_set(&self) -> bool {
        self.choices.iter().any(|choice| choice.is_set)
    }

    /// What is typed, as the key of an attribute to make a column of.
    fn attribute(&self) -> Option<Choice> {
        let typed = self.input.text().trim();
        let key = typed.strip_prefix(ATTRIBUTE_PREFIX).unwrap_or(typed);
        let name = Column::Attribute(Name::from(key)).name();
        let is_listed = self.choices.iter().any(|choice| *choice.name == *name);
        let can_be = self.subject == Subject::Columns && !key.is_empty() && !is_listed;
        can_be.then(|| Choice { name: Name::from(&*name), calls: None, is_set: false })
    }

    /// The best match is what a typist means.
    fn retyped(&mut self) {
        self.narrow();
        self.cursor.follow(&self.shown);
        self.cursor.hold();
    }

    fn narrow(&mut self) {
        let words: Vec<_> = self.input.text().split_whitespace().map(str::to_lowercase).collect();
        let passes = |choice: &&Choice| {
            let name = choice.name.to_lowercase();
            words.iter().all(|word| name.contains(word))
        };
        self.shown = self.choices.iter().filter(passes).cloned().collect();
        self.shown.extend(self.attribute());
        self.cursor.settle(&self.shown);
        self.cursor.hold();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(names: &[&str]) -> Vec<Choice> {
        names.iter().map(|&name| Choice { name: name.into(), calls: Some(1), is_set: name == "gpt-5" }).collect()
    }

    fn shown(picker: &Picker) -> Vec<&str> {
        picker.shown.iter().map(|choice| choice.name.as_str()).collect()
    }

    #[test]
    fn typing_narrows_and_enter_sets_or_lifts() {
        let all = ["gpt-4o", "gpt-5", "claude-sonnet-4-5", "GPT-4o-mini"];
        let mut picker = Picker::new(Subject::Model, choices(&all));
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
    fn any_attribute_can_become_a_column_by_its_key() {
        let mut picker = Picker::new(Subject::Columns, choices(&["model", "cost"]));
        picker.insert("team");
        assert_eq!(shown(&picker), ["attr:team"]);
        picker.edit(Step::DeleteToStart);
        picker.insert("attr:team");
        assert_eq!(shown(&picker), ["attr:team"], "as the list itself names it");
        picker.edit(Step::DeleteToStart);
        picker.insert("cos");
        assert_eq!(shown(&picker), ["cost", "attr:cos"]);
    }

    #[test]
    fn entries_that_arrive_do_not_move_the_cursor() {
        let mut picker = Picker::new(Subject::Route, choices(&["a", "b"]));
        assert_eq!(picker.picked().as_deref(), Some("a"));
        picker.refresh(choices(&["new", "a", "b"]));
        assert_eq!(picker.picked().as_deref(), Some("a"));
    }
}
