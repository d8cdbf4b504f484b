//! Which row is selected, and where on the screen it stands.
//!
//! A cursor follows a row's identity, never its number: rows may arrive above it, leave, or be sorted again, and
//! it stays on its row and its line of the screen. When its row is gone it takes the nearest neighbour.

use super::motion::Motion;
use crate::call::{CallId, Name};
use crate::query::analysis::{Rollup, Rows};
use crate::stats::SessionRow;

/// What identifies a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowKey {
    /// A call, by arrival number.
    Call(CallId),
    /// The name of a group, or of an entry of a list.
    Name(Name),
    /// The number of a span in its trace.
    Span(usize),
}

impl RowKey {
    pub(crate) const fn call(&self) -> Option<CallId> {
        match self {
            Self::Call(id) => Some(*id),
            Self::Name(_) | Self::Span(_) => None,
        }
    }

    pub(crate) const fn name(&self) -> Option<&Name> {
        match self {
            Self::Name(name) => Some(name),
            Self::Call(_) | Self::Span(_) => None,
        }
    }

    pub(crate) const fn span(&self) -> Option<usize> {
        match self {
            Self::Span(number) => Some(*number),
            Self::Call(_) | Self::Name(_) => None,
        }
    }
}

/// Rows that a cursor can select one of.
pub(crate) trait List {
    /// How many rows there are.
    fn len(&self) -> usize;

    /// The identity of a row.
    fn key(&self, row: usize) -> Option<RowKey>;

    /// The row of `key`.
    fn position(&self, key: &RowKey) -> Option<usize>;

    /// The row of `key` or, if it has none any more, of its nearest neighbour, which may depend on the row it had
    /// before. `None` only if there is no row at all.
    fn find(&self, key: &RowKey, former_row: usize) -> Option<usize> {
        let lowest = self.len().checked_sub(1)?;
        Some(self.position(key).unwrap_or(former_row.min(lowest)))
    }
}

/// A list without rows.
pub(crate) struct NoRows;

impl List for NoRows {
    fn len(&self) -> usize {
        0
    }

    fn key(&self, _: usize) -> Option<RowKey> {
        None
    }

    fn position(&self, _: &RowKey) -> Option<usize> {
        None
    }
}

impl List for Rows {
    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self, row: usize) -> Option<RowKey> {
        self.nth(row).map(RowKey::Call)
    }

    fn position(&self, key: &RowKey) -> Option<usize> {
        self.position(key.call()?)
    }

    fn find(&self, key: &RowKey, former_row: usize) -> Option<usize> {
        self.nearest(key.call()?, former_row)
    }
}

/// A row identified by a name.
pub(crate) trait Named {
    fn name(&self) -> &Name;
}

impl Named for Rollup {
    fn name(&self) -> &Name {
        &self.name
    }
}

impl Named for SessionRow {
    fn name(&self) -> &Name {
        &self.session
    }
}

impl<T: Named> List for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self, row: usize) -> Option<RowKey> {
        self.get(row).map(|row| RowKey::Name(row.name().clone()))
    }

    fn position(&self, key: &RowKey) -> Option<usize> {
        self.iter().position(|row| key.name() == Some(row.name()))
    }
}

/// The selected row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    key: Option<RowKey>,
    row: usize,
    /// The line of the table's window on which the row stands.
    line: usize,
    is_following: bool,
}

impl Default for Cursor {
    /// On the first row, whatever it is.
    fn default() -> Self {
        Self { key: None, row: 0, line: 0, is_following: true }
    }
}

impl Cursor {
    /// A cursor on the row `key`.
    pub(crate) const fn on(key: RowKey) -> Self {
        Self { key: Some(key), row: 0, line: 0, is_following: false }
    }

    /// The selected row's identity; `None` when there are no rows.
    pub(crate) const fn key(&self) -> Option<&RowKey> {
        self.key.as_ref()
    }

    /// The selected row's number; 0 when there are no rows.
    pub(crate) const fn row(&self) -> usize {
        self.row
    }

    /// Whether it stays on the first row, whatever that is.
    #[cfg(test)]
    pub(crate) const fn is_following(&self) -> bool {
        self.is_following
    }

    /// Stays on the first row from now on.
    pub(crate) fn follow(&mut self, list: &dyn List) {
        *self = Self::default();
        self.settle(list);
    }

    /// Stays on the row it stands on from now on.
    pub(crate) const fn hold(&mut self) {
        self.is_following = false;
    }

    /// Finds its row again in rows that changed.
    pub(crate) fn settle(&mut self, list: &dyn List) {
        let row = match &self.key {
            Some(key) if !self.is_following => list.find(key, self.row),
            Some(_) | None => Some(0),
        };
        self.stand(list, row.unwrap_or(0));
    }

    /// Moves in a window of `page` lines.
    pub(crate) fn step(&mut self, motion: Motion, list: &dyn List, page: usize) {
        let page = page.max(1);
        if motion == Motion::First {
            return self.follow(list);
        }
        let lowest = list.len().saturating_sub(1);
        let row = match motion {
            Motion::Up => self.row.saturating_sub(1),
            Motion::Down => self.row + 1,
            Motion::HalfPageUp => self.row.saturating_sub(page / 2),
            Motion::HalfPageDown => self.row + page / 2,
            Motion::PageUp => self.row.saturating_sub(page),
            Motion::PageDown => self.row + page,
            Motion::First => 0,
            Motion::Last => lowest,
        };
        let top = self.top(list.len(), page);
        let row = row.min(lowest);
        self.is_following &= row == 0;
        self.line = match motion {
            // The window moves with the cursor.
            Motion::PageUp | Motion::PageDown | Motion::HalfPageUp | Motion::HalfPageDown => self.row - top,
            _ => row.saturating_sub(top).min(page - 1),
        };
        self.stand(list, row);
    }

    /// Moves in a list whose order changes: the cursor then stays on its row even where that is the first, unless it was
    /// moved there.
    pub(crate) fn step_held(&mut self, motion: Motion, list: &dyn List, page: usize) {
        self.step(motion, list, page);
        if motion != Motion::First {
            self.hold();
        }
    }

    /// Goes to a row in a window of `page` lines, which stays where it is.
    pub(crate) fn select(&mut self, row: usize, list: &dyn List, page: usize) {
        let top = self.top(list.len(), page);
        self.is_following &= row == 0;
        self.line = row.saturating_sub(top);
        self.stand(list, row.min(list.len().saturating_sub(1)));
    }

    /// The first row of a window of `page` lines on `len` rows. A window is never half empty for nothing.
    pub(crate) fn top(&self, len: usize, page: usize) -> usize {
        let line = self.line.min(page.saturating_sub(1));
        self.row.saturating_sub(line).min(len.saturating_sub(page))
    }

    fn stand(&mut self, list: &dyn List, row: usize) {
        self.row = row;
        self.line = self.line.min(row);
        self.key = list.key(row);
        // Where there is nothing to stay on, the first row to come is as good as any.
        self.is_following |= self.key.is_none();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Named for Name {
        fn name(&self) -> &Name {
            self
        }
    }

    fn selected(cursor: &Cursor) -> Option<&str> {
        cursor.key().and_then(RowKey::name).map(Name::as_str)
    }

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|&name| Name::from(name)).collect()
    }

    #[test]
    fn it_stays_on_its_row_and_line_while_rows_arrive_above() {
        let mut rows: Vec<Name> = (0..100).rev().map(|n| Name::from(n.to_string())).collect();
        let mut cursor = Cursor::default();
        cursor.settle(&rows);
        for _ in 0..5 {
            cursor.step(Motion::Down, &rows, 10);
        }
        let line = cursor.row() - cursor.top(rows.len(), 10);
        for n in 100..300 {
            rows.insert(0, Name::from(n.to_string()));
            cursor.settle(&rows);
            assert_eq!(selected(&cursor), Some("94"));
            assert_eq!(cursor.row() - cursor.top(rows.len(), 10), line);
        }
    }

    #[test]
    fn it_follows_until_moved_off_the_top() {
        let mut cursor = Cursor::default();
        cursor.settle(&names(&["b", "a"]));
        cursor.settle(&names(&["c", "b", "a"]));
        assert_eq!(selected(&cursor), Some("c"));
        cursor.step(Motion::Up, &names(&["c", "b", "a"]), 2);
        assert!(cursor.is_following());
        cursor.step(Motion::Down, &names(&["c", "b", "a"]), 2);
        assert!(!cursor.is_following());
        cursor.settle(&names(&["d", "c", "b", "a"]));
        assert_eq!(selected(&cursor), Some("b"));
        cursor.step(Motion::First, &names(&["d", "c", "b", "a"]), 2);
        assert!(cursor.is_following());
        assert_eq!(selected(&cursor), Some("d"));
    }

    #[test]
    fn a_row_that_is_gone_leaves_it_to_its_neighbour() {
        let mut cursor = Cursor::on(RowKey::Name(Name::from("b")));
        cursor.settle(&names(&["a", "b", "c"]));
        assert_eq!(cursor.row(), 1);
        cursor.settle(&names(&["a", "c"]));
        assert_eq!(selected(&cursor), Some("c"));
        cursor.settle(&names(&["a"]));
        assert_eq!(selected(&cursor), Some("a"));
        cursor.settle(&names(&[]));
        assert_eq!((cursor.key(), cursor.row()), (None, 0));
        cursor.settle(&names(&["z"]));
        assert_eq!(selected(&cursor), Some("z"));
    }

    #[test]
    fn pages_keep_the_line_and_ends_are_ends() {
        let rows: Vec<Name> = (0..50).map(|n| Name::from(n.to_string())).collect();
        let mut cursor = Cursor::default();
        cursor.settle(&rows);
        let at = |cursor: &Cursor| (cursor.row(), cursor.top(50, 10));
        let steps = [
            (Motion::Down, (1, 0)),
            (Motion::PageDown, (11, 10)),
            (Motion::HalfPageDown, (16, 15)),
            (Motion::PageUp, (6, 5)),
            (Motion::Up, (5, 5)),
            (Motion::Up, (4, 4)),
            (Motion::Last, (49, 40)),
            (Motion::PageDown, (49, 40)),
            (Motion::Up, (48, 40)),
            (Motion::PageUp, (38, 30)),
            (Motion::First, (0, 0)),
        ];
        for (motion, expected) in steps {
            cursor.step(motion, &rows, 10);
            assert_eq!(at(&cursor), expected, "{motion:?}");
        }
    }
}
