//! Lists of names and columns: what is picked, sorted by, shown.

use super::super::motion::Motion;
use super::super::picker::{Choice, Picker, Subject};
use super::super::{App, Dialog};
use crate::call::Name;
use crate::query::analysis::Picture;
use crate::query::column::Column;
use crate::query::filter::Filter;

/// The entry of the sort menu that means no sorting.
const ARRIVAL: &str = "arrival";

impl App {
    /// Shows the selected column, or no longer; the list stays open.
    pub(super) fn toggle_column(&mut self, mut picker: Picker) {
        if let Some(column) = picker.selected().and_then(|choice| Column::parse(&choice.name)) {
            let mut columns = self.shown_columns();
            match columns.iter().position(|shown| *shown == column) {
                Some(at) => drop(columns.remove(at)),
                None => columns.push(column),
            }
            self.columns = Some(columns).filter(|columns| !columns.is_empty());
            picker.input.take();
            picker.refresh(self.column_choices());
        }
        self.dialog = Some(Dialog::Pick(picker));
    }

    /// Moves the selected column among those that are shown.
    pub(super) fn shift_column(&mut self, motion: Motion) {
        let mut columns = self.shown_columns();
        let Some(Dialog::Pick(picker)) = &self.dialog else { return };
        let column = picker.selected().and_then(|choice| Column::parse(&choice.name));
        let Some(at) = columns.iter().position(|shown| Some(shown) == column.as_ref()) else { return };
        let to = if motion == Motion::Up { at.saturating_sub(1) } else { (at + 1).min(columns.len() - 1) };
        columns.swap(at, to);
        self.columns = Some(columns);
        let choices = self.column_choices();
        if let Some(Dialog::Pick(picker)) = &mut self.dialog {
            picker.refresh(choices);
        }
    }

    /// The columns that are shown in their order, then the others, then attributes of the call whose detail was read last.
    pub(super) fn column_choices(&self) -> Vec<Choice> {
        let shown = self.shown_columns();
        let looked_into = self.detail.iter().flat_map(|detail| &detail.spans).filter_map(|span| span.span.as_ref());
        let keys =
            looked_into.flat_map(|span| &span.attributes).map(|field| Column::Attribute(field.key.as_str().into()));
        let mut others: Vec<Column> = Vec::new();
        for column in Column::BUILT_IN.into_iter().chain(keys) {
            if !shown.contains(&column) && !others.contains(&column) {
                others.push(column);
            }
        }
        let choice =
            |is_set: bool| move |column: Column| Choice { name: Name::from(&*column.name()), calls: None, is_set };
        shown.into_iter().map(choice(true)).chain(others.into_iter().map(choice(false))).collect()
    }

    pub(super) fn pick(&mut self, subject: Subject) {
        let choices = choices(subject, &self.picture, &self.spec.filter).unwrap_or_else(|| match subject {
            Subject::Columns => self.column_choices(),
            Subject::Model | Subject::Route | Subject::Sort => self.sort_choices(),
        });
        self.dialog = Some(Dialog::Pick(Picker::new(subject, choices)));
    }

    pub(super) fn sort_choices(&self) -> Vec<Choice> {
        let set = self.spec.sort.as_ref().map_or(Name::from(ARRIVAL), |(column, _)| Name::from(&*column.name()));
        let columns = self.sortable().into_iter().map(|column| Name::from(&*column.name()));
        let names = std::iter::once(Name::from(ARRIVAL)).chain(columns);
        names.map(|name| Choice { is_set: name == set, name, calls: None }).collect()
    }

    pub(super) fn sortable(&self) -> Vec<Column> {
        Column::BUILT_IN.into_iter().filter(|column| self.picture.has_data(column)).collect()
    }

    /// Sorts by the column `by` places further on; before the first comes arrival.
    pub(super) fn sort_by_neighbour(&mut self, by: isize) {
        let columns = self.sortable();
        let sorted = self.spec.sort.as_ref();
        let at = sorted.and_then(|(column, _)| columns.iter().position(|other| other == column)).map_or(0, |at| at + 1);
        let next = at.checked_add_signed(by).unwrap_or(columns.len());
        let column = next.checked_sub(1).and_then(|at| columns.into_iter().nth(at));
        self.spec.sort = column.map(Column::with_first_direction);
    }
}

/// The entries of a picker that follow the calls; `None` for one that does not.
pub(in crate::app) fn choices(subject: Subject, picture: &Picture, filter: &Filter) -> Option<Vec<Choice>> {
    let (names, set) = match subject {
        Subject::Model => (&picture.names.models, filter.model()),
        Subject::Route => (&picture.names.routes, filter.route()),
        Subject::Sort | Subject::Columns => return None,
    };
    let choice =
        |(name, calls): &(Name, u64)| Choice { name: name.clone(), calls: Some(*calls), is_set: set == Some(name) };
    Some(names.iter().map(choice).collect())
}
