//! What every view yields: its rows and the selected one, and what keys do there.

use std::fmt::Debug;

use super::Opened;
use crate::app::cursor::{Cursor, List, RowKey};
use crate::app::detail::{Detail, TraceSpan};
use crate::app::motion::Motion;
use crate::app::scene::Scene;
use crate::call::{CallId, LlmCall};
use crate::query::analysis::{Picture, Rollup, Rows};
use crate::query::filter::Filter;

/// What Enter leads to.
#[derive(Debug)]
pub(crate) enum Opening {
    /// Nothing outside the view.
    Nothing,
    /// The pane with the selected call.
    Pane,
    /// The calls that pass this filter.
    Filtered(Filter),
    /// This call, in the table of calls.
    Call(CallId),
}

/// The state of a view and what it does. Rows come from the picture; the state holds which of them is selected.
pub(crate) trait ViewState: Debug {
    /// The selected row, and which rows are visible.
    fn cursor(&self) -> &Cursor;

    /// The selection, and the rows it moves among.
    fn rows<'a>(&'a mut self, picture: &'a Picture) -> (&'a mut Cursor, &'a dyn List);

    /// Which keys apply while it is active.
    fn scene(&self) -> Scene {
        Scene::Browse
    }

    /// Finds the selected row again in a new picture.
    fn settle(&mut self, picture: &Picture) {
        let (cursor, rows) = self.rows(picture);
        cursor.settle(rows);
    }

    /// Moves the selection in a window of `page` rows.
    fn step(&mut self, motion: Motion, picture: &Picture, page: usize) {
        let (cursor, rows) = self.rows(picture);
        cursor.step(motion, rows, page);
    }

    /// Selects the row on a line of a window of `page` rows; below the last row, the last.
    fn select_line(&mut self, line: usize, picture: &Picture, page: usize) {
        let (cursor, rows) = self.rows(picture);
        cursor.select(cursor.top(rows.len(), page) + line, rows, page);
    }

    /// Selects the first row, whatever it becomes.
    fn follow(&mut self, picture: &Picture) {
        let (cursor, rows) = self.rows(picture);
        cursor.follow(rows);
    }

    /// Forgets the selection.
    fn reset(&mut self) {}

    /// Whether its rows are calls in a table, shown in full in the pane.
    fn lists_calls(&self) -> bool {
        false
    }

    /// Whether its rows can be sorted by a column.
    fn is_sortable(&self) -> bool {
        false
    }

    /// Whether it shows the columns that the user chose.
    fn has_chosen_columns(&self) -> bool {
        false
    }

    /// Whether figures by session have to be gathered.
    fn needs_sessions(&self) -> bool {
        false
    }

    /// The text of an empty table without a filter; `None` for the general one.
    fn nothing(&self) -> Option<&'static str> {
        None
    }

    /// Two of these rows can be compared side by side.
    fn comparable<'a>(&self, picture: &'a Picture) -> Option<&'a [Rollup]> {
        let _ = picture;
        None
    }

    /// The calls that an export writes.
    fn exported(&self) -> fn(&Picture) -> &Rows {
        |picture| &picture.rows
    }

    /// What the copy key takes of the selected row.
    fn copied(&self, picture: &Picture) -> Option<String> {
        match self.cursor().key()? {
            RowKey::Call(id) => picture.call(*id).map(LlmCall::request_id),
            RowKey::Name(name) => Some(name.to_string()),
            RowKey::Span(_) => None,
        }
    }

    /// Enter on the selected row, while `filter` is set.
    fn open(&mut self, filter: &Filter) -> Opening;

    /// What the trace key opens over it.
    fn inspect(&self, picture: &Picture) -> Option<Opened> {
        let _ = picture;
        None
    }

    /// Closes what is open inside the view; false if there is nothing, so that the view itself closes.
    fn close_inner(&mut self) -> bool {
        false
    }

    /// Lines that its own lower part is scrolled down.
    fn scroll_mut(&mut self) -> Option<&mut usize> {
        None
    }

    /// The call whose spans it shows.
    fn traced_call(&self) -> Option<&LlmCall> {
        None
    }

    /// The selected one of the spans of [`Self::traced_call`].
    fn selected_span<'a>(&self, detail: &'a Detail) -> Option<&'a TraceSpan> {
        let _ = detail;
        None
    }

    /// Applies the detail of a call.
    fn take_detail(&mut self, detail: &Detail) {
        let _ = detail;
    }
}
