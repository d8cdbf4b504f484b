//! Where things are on the screen.

use ratatui::layout::{Position, Rect};

use super::views::View;

/// Sizes and places from the last frame, which moving and the mouse need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayoutInfo {
    /// Rows of the view's table that fit.
    pub rows: usize,
    /// Where on the screen they are.
    pub table: Rect,
    /// Where the views' names are, in their order.
    pub tabs: [Rect; View::ALL.len()],
    /// Where the entries of the open list are.
    pub choices: Rect,
    /// Lines of the open list, or of the help, that fit.
    pub list: usize,
    /// Lines that the help or the pane can be scrolled down at most.
    pub scroll: usize,
    /// Lines of the pane that fit.
    pub pane: usize,
    /// Where the text cursor stands, if text is being edited.
    pub cursor: Option<Position>,
}
