//! The columns of the calls table as data.
//!
//! `table` has one entry per column; menus, the header, cells, sorting and the reference documentation are made from it.
//! A column yields a [`CellValue`], which is what calls are sorted by and what the screen turns into text.

mod layout;
mod order;
mod table;

use std::borrow::Cow;

use crate::call::{LlmCall, Name};

pub(crate) use layout::{Align, ColumnWidth};
pub use order::Direction;
pub(crate) use order::SortKey;
pub(crate) use table::{CellValue, GenerationRate};
pub use table::{Column, ColumnSpec};

/// The start of an attribute column's name, before the attribute's key.
pub(crate) const ATTRIBUTE_PREFIX: &str = "attr:";

impl Column {
    /// The built-in columns in their order, then what holds for every attribute column: for the reference documentation.
    pub fn documented() -> impl Iterator<Item = &'static ColumnSpec> {
        let attribute = Self::Attribute(Name::default()).spec();
        Self::BUILT_IN.into_iter().map(|column| column.spec()).chain([attribute])
    }

    /// The columns that are shown unless others were chosen.
    pub(crate) fn default_set() -> Vec<Self> {
        Self::BUILT_IN.into_iter().filter(Self::is_default).collect()
    }

    pub(crate) const fn is_default(&self) -> bool {
        self.spec().is_default
    }

    /// The name by which menus know the column; [`Column::parse`] reads it.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Attribute(key) => Cow::Owned(format!("{ATTRIBUTE_PREFIX}{key}")),
            column => Cow::Borrowed(column.spec().name),
        }
    }

    /// The key of an attribute column.
    pub(crate) const fn attribute(&self) -> Option<&Name> {
        match self {
            Self::Attribute(key) => Some(key),
            _ => None,
        }
    }

    /// The column of this name, in any case; `attr:KEY` is the column of a span attribute.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix(ATTRIBUTE_PREFIX) {
            Some("") => None,
            Some(key) => Some(Self::Attribute(Name::from(key))),
            None => Self::BUILT_IN.into_iter().find(|column| column.spec().name.eq_ignore_ascii_case(name)),
        }
    }

    pub(crate) fn title(&self) -> &str {
        self.attribute().map_or(self.spec().title, Name::as_str)
    }

    pub(crate) const fn width(&self) -> ColumnWidth {
        self.spec().width
    }

    pub(crate) const fn align(&self) -> Align {
        self.spec().align
    }

    /// Columns with the lowest priority leave a narrow table first.
    pub(crate) const fn priority(&self) -> u8 {
        self.spec().priority
    }

    /// This column with the direction in which a table sorted anew by it runs.
    pub(crate) const fn with_first_direction(self) -> (Self, Direction) {
        let direction = self.spec().direction;
        (self, direction)
    }

    /// What the column shows of a call. `None` where that is unknown, and for attributes, which are not kept with the call.
    pub(crate) fn value<'a>(&self, call: &'a LlmCall) -> Option<CellValue<'a>> {
        (self.spec().value)(call)
    }

    /// What the table is sorted by. An attribute column does not sort.
    pub(crate) fn key<'a>(&self, call: &'a LlmCall) -> SortKey<'a> {
        self.value(call).map_or(SortKey::Absent, CellValue::sort_key)
    }

    /// Whether the call has anything to show in this column. An attribute column never counts as empty.
    pub(crate) fn has_data(&self, call: &LlmCall) -> bool {
        self.attribute().is_some() || self.value(call).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Names};
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_and_read_back() {
        let names: HashSet<_> = Column::BUILT_IN.iter().map(Column::name).collect();
        assert_eq!(names.len(), Column::COUNT);
        for column in Column::BUILT_IN.into_iter().chain([Column::Attribute("http.path".into())]) {
            assert_eq!(Column::parse(&column.name()), Some(column));
        }
        assert_eq!(Column::parse("TTFT"), Some(Column::Ttft));
        assert_eq!(Column::parse("attr:"), None);
        assert_eq!(Column::parse("nonsense"), None);
    }

    #[test]
    fn the_narrow_screen_keeps_its_six() {
        let mut columns = Column::default_set();
        assert_eq!(columns.len(), 13);
        columns.sort_by_key(|column| std::cmp::Reverse(column.priority()));
        columns.truncate(6);
        let kept: HashSet<_> = columns.into_iter().collect();
        let six = [Column::Time, Column::Status, Column::Model, Column::TokensPerSec, Column::Ttft, Column::Cost];
        assert_eq!(kept, six.into_iter().collect());
        let priorities: HashSet<_> = Column::BUILT_IN.iter().map(Column::priority).collect();
        assert_eq!(priorities.len(), Column::COUNT, "ties would make dropping arbitrary");
    }

    #[test]
    fn an_empty_call_has_data_only_where_every_call_has() {
        let call = LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), 0);
        let with_data: Vec<_> = Column::BUILT_IN.into_iter().filter(|column| column.has_data(&call)).collect();
        let always = [Column::Time, Column::Status, Column::Provider, Column::Convention, Column::RequestId];
        assert_eq!(with_data, always);
    }

    #[test]
    fn unknown_is_not_zero() {
        let draft = CallFacts { ttft_ms: Some(0.0), route_name: Some("".into()), ..CallFacts::default() };
        let call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
        assert_eq!(Column::Ttft.key(&call), SortKey::Number(0.0));
        assert_eq!(Column::Latency.key(&call), SortKey::Absent);
        assert_eq!(Column::Route.key(&call), SortKey::Absent);
        assert!(!Column::Route.has_data(&call));
    }
}
