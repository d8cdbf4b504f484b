//! What the table of columns states about each column.

use super::{CellValue, Direction};
use crate::call::LlmCall;

/// One row of the table of columns: everything that is known of a column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// The name in menus and settings; `attr:KEY` stands for every attribute column.
    pub name: &'static str,
    /// The title above the column.
    pub title: &'static str,
    /// What the column shows, as one sentence.
    pub doc: &'static str,
    /// Whether it is shown unless other columns were chosen.
    pub is_default: bool,
    /// Cells on the screen.
    pub(crate) width: ColumnWidth,
    pub(crate) align: Align,
    /// Where the table is too narrow, the columns with the lowest priority go first. The six that stay at
    /// 60 cells (TUI.md) come highest; no two built-in columns are alike.
    pub(crate) priority: u8,
    /// The direction in which a table sorted anew by this column runs.
    pub(crate) direction: Direction,
    /// What the column shows of a call and sorts it by; `None` where that is unknown.
    pub(crate) value: for<'a> fn(&'a LlmCall) -> Option<CellValue<'a>>,
}

/// The cells a column of the calls table needs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ColumnWidth {
    /// A time of day, or a date and time where a visible call is of another day.
    Clock,
    /// An amount of money with a mark before it.
    Money,
    /// Always so many: figures, which must not be cut nor make the table jump.
    Fixed(u16),
    /// At least `min`, and no less than `narrow` on a narrow screen, up to `max`; `want` where there is room.
    Flexible { narrow: u16, min: u16, want: u16, max: u16 },
}

/// The side to which a column's cells are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
    /// To the left, and cut at its end: text whose beginning matters most.
    Prose,
}
