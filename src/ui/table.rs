//! Tables: which columns fit, how wide each is, and where its cells go. Knows nothing of calls.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::Safe;
use super::text_line::{SafeLine, line_of};
pub(super) use crate::query::column::Align;

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// Always so many cells: figures, which must not be cut nor make the table jump.
    Fixed(u16),
    /// At least `min` cells. What is left over goes to the columns of the highest priority first, up to what they
    /// `want`, then is shared evenly, up to `max`.
    Flexible {
        /// Fewer make no sense.
        min: u16,
        want: u16,
        /// More are not needed.
        max: u16,
    },
}

impl Width {
    const fn min(self) -> u16 {
        match self {
            Self::Fixed(cells) | Self::Flexible { min: cells, .. } => cells,
        }
    }

    const fn want(self) -> u16 {
        match self {
            Self::Fixed(cells) | Self::Flexible { want: cells, .. } => cells,
        }
    }

    const fn max(self) -> u16 {
        match self {
            Self::Fixed(cells) | Self::Flexible { max: cells, .. } => cells,
        }
    }
}

/// A column that could be shown.
#[derive(Clone, Debug)]
pub(super) struct Column<'a> {
    /// The title above it.
    pub title: Safe<'a>,
    pub width: Width,
    pub align: Align,
    /// Where not all fit, those of the lowest priority go first, whole.
    pub priority: u8,
    /// How the title looks.
    pub style: Style,
}

/// The text of one cell, with its style.
#[derive(Clone, Debug)]
pub(super) struct Cell<'a> {
    /// The text; cut where it is too long.
    pub text: Safe<'a>,
    pub style: Style,
}

impl<'a> Cell<'a> {
    /// A cell in one style.
    pub(super) fn new(text: impl Into<Safe<'a>>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// Where a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which of the columns.
    pub column: usize,
    /// Cells to the left of it.
    pub x: u16,
    /// Its width on the terminal, cells.
    pub width: u16,
}

/// Blanks before a column. Text needs more of them, since it begins where figures end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gaps {
    pub text: u16,
    pub figures: u16,
}

impl Gaps {
    /// What suits a table of this width.
    pub(super) const fn of(width: u16) -> Self {
        match width {
            0..78 => Self { text: 1, figures: 1 },
            78..150 => Self { text: 2, figures: 1 },
            150.. => Self { text: 2, figures: 2 },
        }
    }

    const fn before(self, column: &Column<'_>) -> u16 {
        match column.align {
            Align::Left | Align::Prose => self.text,
            Align::Right => self.figures,
        }
    }
}

/// The columns that fit in `width` cells, in their order.
pub(super) fn lay_out(columns: &[Column<'_>], width: u16, gaps: Gaps) -> Vec<Place> {
    let shown = fitting(columns, width, gaps);
    let widths = widths(&shown, width.saturating_sub(needed(&shown, gaps)));
    let mut end = None;
    let places = shown.into_iter().zip(widths).map(|((at, column), cells)| {
        let x = end.map_or(0, |end| end + gaps.before(column));
        end = Some(x + cells);
        Place { column: at, x, width: cells }
    });
    places.collect()
}

/// The width of each column, `left` cells being left over beyond the least.
fn widths(shown: &[(usize, &Column<'_>)], mut left: u16) -> Vec<u16> {
    let mut widths: Vec<_> = shown.iter().map(|(_, column)| column.width.min()).collect();
    let mut dearest: Vec<_> = shown.iter().zip(&mut widths).collect();
    dearest.sort_by_key(|((_, column), _)| std::cmp::Reverse(column.priority));
    for ((_, column), cells) in &mut dearest {
        let share = left.min(column.width.want().saturating_sub(**cells));
        **cells += share;
        left -= share;
    }
    let mut growing = dearest.iter().filter(|((_, column), cells)| **cells < column.width.max()).count();
    for ((_, column), cells) in dearest {
        let room = column.width.max().saturating_sub(*cells);
        if room > 0 {
            let share = left.div_ceil(u16::try_from(growing).unwrap_or(u16::MAX).max(1)).min(room);
            *cells += share;
            left -= share;
            growing -= 1;
        }
    }
    widths
}

fn needed(shown: &[(usize, &Column<'_>)], gaps: Gaps) -> u16 {
    let cells: u16 = shown.iter().map(|(_, column)| column.width.min()).sum();
    let blanks: u16 = shown.iter().skip(1).map(|(_, column)| gaps.before(column)).sum();
    cells.saturating_add(blanks)
}

fn fitting<'a, 't>(columns: &'a [Column<'t>], width: u16, gaps: Gaps) -> Vec<(usize, &'a Column<'t>)> {
    let mut shown: Vec<_> = columns.iter().enumerate().collect();
    while needed(&shown, gaps) > width {
        let Some((at, _)) = shown.iter().enumerate().rev().min_by_key(|(_, (_, column))| column.priority) else {
            break;
        };
        shown.remove(at);
    }
    shown
}

/// The lines below the titles.
pub(super) fn body(area: Rect) -> Rect {
    Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area }
}

/// Draws the titles on the first line of `area`.
pub(super) fn draw_titles(columns: &[Column<'_>], places: &[Place], area: Rect, buf: &mut Buffer) {
    for place in places {
        if let Some(column) = columns.get(place.column) {
            let title = Cell { text: column.title.clone(), style: column.style };
            draw_cell(title, column.align, *place, area, buf);
        }
    }
}

/// Draws one row on the line `nth` of `area`. `cell` makes the cell of a column.
pub(super) fn draw_row<'a>(
    columns: &[Column<'_>],
    places: &[Place],
    area: Rect,
    nth: u16,
    buf: &mut Buffer,
    mut cell: impl FnMut(usize) -> Cell<'a>,
) {
    let line = line_of(area, nth);
    for place in places {
        if let Some(column) = columns.get(place.column) {
            draw_cell(cell(place.column), column.align, *place, line, buf);
        }
    }
}

fn draw_cell(cell: Cell<'_>, align: Align, place: Place, line: Rect, buf: &mut Buffer) {
    let room = Rect { x: line.x.saturating_add(place.x), width: place.width, ..line }.intersection(line);
    let cells = usize::from(room.width);
    match align {
        Align::Left => SafeLine::of(cell.text.cut_middle(cells), cell.style).draw(room, buf),
        Align::Right => SafeLine::of(cell.text.cut_middle(cells), cell.style).draw_right(room, buf),
        Align::Prose => SafeLine::of(cell.text.cut_end(cells), cell.style).draw(room, buf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: Gaps = Gaps { text: 1, figures: 1 };

    fn column(title: &'static str, width: Width, priority: u8) -> Column<'static> {
        let align = if matches!(width, Width::Fixed(_)) { Align::Right } else { Align::Left };
        Column { title: title.into(), width, align, priority, style: Style::new() }
    }

    fn columns() -> Vec<Column<'static>> {
        vec![
            column("time", Width::Fixed(8), 9),
            column("model", Width::Flexible { min: 10, want: 14, max: 20 }, 8),
            column("out", Width::Fixed(6), 5),
            column("cost", Width::Fixed(9), 7),
            column("session", Width::Flexible { min: 6, want: 8, max: 40 }, 3),
        ]
    }

    #[test]
    fn columns_leave_whole_and_the_rest_is_shared() {
        let shown = |width| -> Vec<(usize, u16)> {
            lay_out(&columns(), width, EVEN).iter().map(|place| (place.column, place.width)).collect()
        };
        assert_eq!(shown(100), [(0, 8), (1, 20), (2, 6), (3, 9), (4, 40)]);
        assert_eq!(shown(53), [(0, 8), (1, 16), (2, 6), (3, 9), (4, 10)]);
        assert_eq!(shown(46), [(0, 8), (1, 13), (2, 6), (3, 9), (4, 6)]);
        assert_eq!(shown(43), [(0, 8), (1, 10), (2, 6), (3, 9), (4, 6)]);
        assert_eq!(shown(42), [(0, 8), (1, 16), (2, 6), (3, 9)]);
        assert_eq!(shown(30), [(0, 8), (1, 11), (3, 9)]);
        assert_eq!(shown(20), [(0, 8), (1, 11)]);
        assert_eq!(shown(3), []);
    }

    #[test]
    fn places_never_overlap_or_leave_the_table() {
        for width in 0..200 {
            for gaps in [EVEN, Gaps::of(width)] {
                let places = lay_out(&columns(), width, gaps);
                for pair in places.windows(2) {
                    assert_eq!(pair[0].x + pair[0].width + gaps.before(&columns()[pair[1].column]), pair[1].x);
                }
                assert!(places.last().is_none_or(|last| last.x + last.width <= width), "{width} {gaps:?}");
            }
        }
    }

    #[test]
    fn text_leans_left_and_figures_right() {
        let columns = columns();
        let places = lay_out(&columns, 30, EVEN);
        let mut buf = Buffer::empty(Rect::new(0, 0, 30, 2));
        draw_titles(&columns, &places, buf.area, &mut buf);
        let area = buf.area;
        draw_row(&columns, &places, area, 1, &mut buf, |column| {
            Cell::new(["12:03:22", "claude-sonnet-4-5", "", "$0.0123"][column], Style::new())
        });
        assert_eq!(buf, Buffer::with_lines(["    time model            cost", "12:03:22 claud…t-4-5   $0.0123"]));
    }
}
