//! Calls in a table: all that pass the filter, or the failed ones among them.

use super::{Opened, Opening, TraceView, ViewState};
use crate::app::cursor::{Cursor, List, RowKey};
use crate::query::analysis::{Picture, Rows};
use crate::query::filter::Filter;

/// Which calls a table lists.
#[derive(Debug)]
pub(crate) struct CallList {
    pub(crate) rows: fn(&Picture) -> &Rows,
    /// Order and columns are the user's; otherwise newest first, with columns of its own.
    is_configurable: bool,
    /// What stands in place of the rows if there are none without a filter.
    nothing: Option<&'static str>,
}

pub(super) const ALL: CallList = CallList { rows: |picture| &picture.rows, is_configurable: true, nothing: None };
pub(super) const ERRORS: CallList =
    CallList { rows: |picture| &picture.failed, is_configurable: false, nothing: Some("no failed calls") };

/// A table of calls and the selected one.
#[derive(Debug)]
pub(crate) struct CallsView {
    pub(crate) list: &'static CallList,
    pub(crate) cursor: Cursor,
}

impl CallsView {
    pub(super) fn new(list: &'static CallList) -> Self {
        Self { list, cursor: Cursor::default() }
    }
}

impl ViewState for CallsView {
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn rows<'a>(&'a mut self, picture: &'a Picture) -> (&'a mut Cursor, &'a dyn List) {
        (&mut self.cursor, (self.list.rows)(picture))
    }

    fn reset(&mut self) {
        self.cursor = Cursor::default();
    }

    fn lists_calls(&self) -> bool {
        true
    }

    fn is_sortable(&self) -> bool {
        self.list.is_configurable
    }

    fn has_chosen_columns(&self) -> bool {
        self.list.is_configurable
    }

    fn nothing(&self) -> Option<&'static str> {
        self.list.nothing
    }

    fn exported(&self) -> fn(&Picture) -> &Rows {
        self.list.rows
    }

    fn open(&mut self, _: &Filter) -> Opening {
        Opening::Pane
    }

    fn inspect(&self, picture: &Picture) -> Option<Opened> {
        let call = self.cursor.key().and_then(RowKey::call).and_then(|id| picture.call(id))?;
        Some(Opened::Trace(Box::new(TraceView::new(call.clone()))))
    }
}
