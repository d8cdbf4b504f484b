//! The only way text gets on the screen: strips of styled [`Safe`] text, laid out in cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::Safe;

/// Styled text on one line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SafeLine<'a> {
    pieces: Vec<(Safe<'a>, Style)>,
}

impl<'a> SafeLine<'a> {
    /// A line without text.
    pub fn new() -> Self {
        Self::default()
    }

    /// A strip of one piece.
    pub fn of(text: impl Into<Safe<'a>>, style: Style) -> Self {
        Self::new().then(text, style)
    }

    /// The strip with `text` at its end.
    #[must_use]
    pub fn then(mut self, text: impl Into<Safe<'a>>, style: Style) -> Self {
        self.add(text, style);
        self
    }

    /// The strip with `cells` blanks at its end.
    #[must_use]
    pub fn gap(self, cells: usize) -> Self {
        self.then(" ".repeat(cells), Style::new())
    }

    /// Adds `text` at the end.
    pub fn add(&mut self, text: impl Into<Safe<'a>>, style: Style) {
        self.pieces.push((text.into(), style));
    }

    /// Adds all pieces of another strip.
    pub fn append(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
    }

    /// The strip with another at its end.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.append(other);
        self
    }

    /// Frees the strip from what it borrows.
    pub fn into_owned(self) -> SafeLine<'static> {
        SafeLine { pieces: self.pieces.into_iter().map(|(text, style)| (text.into_owned(), style)).collect() }
    }

    /// Its width on a terminal, cells.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(text, _)| text.width()).sum()
    }

    /// Whether it shows nothing.
    pub fn is_empty(&self) -> bool {
        self.pieces.iter().all(|(text, _)| text.as_str().is_empty())
    }

    /// At most `cells` cells of it, cut at the end.
    #[must_use]
    pub fn cut(self, cells: usize) -> Self {
        if self.width() <= cells {
            return self;
        }
        let mut room = cells;
        let mut kept = Self::new();
        for (text, style) in self.pieces {
            let cells = text.width();
            let cut = if cells < room { text } else { text.cut_end_always(room) };
            kept.add(cut, style);
            room = room.saturating_sub(cells);
            if room == 0 {
                break;
            }
        }
        kept
    }

    /// Draws it from the left end of the first line of `area`; what does not fit is cut and marked.
    pub fn draw(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let mut x = area.x;
        for (text, style) in self.cut(usize::from(area.width)).pieces {
            let room = usize::from(area.right().saturating_sub(x));
            x = put(buf, (x, area.y), &text, room, style);
        }
    }

    /// Draws it to the right end of the first line of `area`.
    pub fn draw_right(self, area: Rect, buf: &mut Buffer) {
        let width = u16::try_from(self.width()).unwrap_or(u16::MAX).min(area.width);
        self.draw(Rect { x: area.right() - width, width, ..area }, buf);
    }

    /// Draws it in the middle of the first line of `area`.
    pub fn draw_centred(self, area: Rect, buf: &mut Buffer) {
        let width = u16::try_from(self.width()).unwrap_or(u16::MAX).min(area.width);
        self.draw(Rect { x: area.x + (area.width - width) / 2, width, ..area }, buf);
    }
}

/// Puts `text` into at most `cells` cells and returns the column after it.
#[expect(clippy::disallowed_methods, reason = "the one place where text enters a buffer, and it is Safe")]
fn put(buf: &mut Buffer, (x, y): (u16, u16), text: &Safe<'_>, cells: usize, style: Style) -> u16 {
    // What was there before, a frame for one, leaves no trace in the new text's looks.
    let style = Style::reset().patch(style);
    let text = text.as_str();
    if !text.is_ascii() {
        return buf.set_stringn(x, y, text, cells, style).0;
    }
    // Nearly all text is ASCII, one cell a letter: looking for graphemes in it was a fifth of a frame's cost.
    let at = buf.index_of(x, y);
    let row = buf.content.iter_mut().skip(at).take(cells);
    row.zip(text.chars()).fold(x, |x, (cell, letter)| {
        cell.set_char(letter).set_style(style);
        x + 1
    })
}

/// A piece of a line that is shown whole, in a shorter form, or not at all, and how dear it is: the lowest rank yields
/// first.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    strip: SafeLine<'a>,
    rank: u8,
    short: Option<(SafeLine<'a>, u8)>,
}

impl<'a> Item<'a> {
    /// An item that is shown whole or not at all.
    pub const fn new(rank: u8, strip: SafeLine<'a>) -> Self {
        Self { strip, rank, short: None }
    }

    /// The item with a shorter form of its own rank.
    #[must_use]
    pub fn or(self, rank: u8, short: SafeLine<'a>) -> Self {
        Self { short: Some((short, rank)), ..self }
    }
}

/// As many items as fit in `cells` with `gap` blanks between them, in their order. The item of the lowest rank takes
/// its shorter form or leaves; among equals the last one.
pub fn fit_by_priority(mut items: Vec<Item<'_>>, cells: usize, gap: usize) -> Vec<SafeLine<'_>> {
    items.retain(|item| !item.strip.is_empty());
    let width = |items: &[Item<'_>]| {
        items.iter().map(|item| item.strip.width()).sum::<usize>() + gap * items.len().saturating_sub(1)
    };
    while width(&items) > cells {
        let Some((at, item)) = items.iter_mut().enumerate().rev().min_by_key(|(_, item)| item.rank) else { break };
        match item.short.take() {
            Some((strip, rank)) => *item = Item::new(rank, strip),
            None => drop(items.remove(at)),
        }
    }
    items.into_iter().map(|item| item.strip).collect()
}

/// The strips in a row, `gap` blanks between them.
pub fn join(strips: Vec<SafeLine<'_>>, gap: usize) -> SafeLine<'_> {
    let mut line = SafeLine::new();
    for strip in strips {
        if !line.is_empty() {
            line = line.gap(gap);
        }
        line.append(strip);
    }
    line
}

/// One line high, `nth` lines down in `area`; empty beyond its end.
pub fn line_of(area: Rect, nth: u16) -> Rect {
    Rect { y: area.y.saturating_add(nth), height: u16::from(nth < area.height), ..area }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(strips: &[SafeLine<'_>]) -> Vec<String> {
        strips.iter().map(|strip| strip.pieces.iter().map(|(text, _)| text.as_str()).collect()).collect()
    }

    fn item(text: &'static str, rank: u8) -> Item<'static> {
        Item::new(rank, SafeLine::of(text, Style::new()))
    }

    #[test]
    fn the_cheapest_items_leave_first_and_whole() {
        let items = || vec![item("clock", 5), item("calls 12", 9), item("", 9), item("p50 1s", 3), item("p95 2s", 3)];
        for (cells, expected) in [
            (40, vec!["clock", "calls 12", "p50 1s", "p95 2s"]),
            (27, vec!["clock", "calls 12", "p50 1s"]),
            (15, vec!["clock", "calls 12"]),
            (14, vec!["calls 12"]),
            (3, vec![]),
        ] {
            assert_eq!(shown(&fit_by_priority(items(), cells, 2)), expected, "{cells}");
        }
    }

    #[test]
    fn a_shorter_form_stands_in_before_an_item_leaves() {
        let items =
            || vec![item("calls 12", 9), item("errors 3 (2%: 429)", 4).or(8, SafeLine::of("errors 3", Style::new()))];
        for (cells, expected) in
            [(28, vec!["calls 12", "errors 3 (2%: 429)"]), (27, vec!["calls 12", "errors 3"]), (17, vec!["calls 12"])]
        {
            assert_eq!(shown(&fit_by_priority(items(), cells, 2)), expected, "{cells}");
        }
    }

    #[test]
    fn a_strip_is_cut_with_a_mark_and_stays_in_its_area() {
        for (cells, expected) in [(7, "ab漢cd!"), (6, "ab漢c…"), (5, "ab漢…"), (4, "ab…"), (1, "…"), (0, "")]
        {
            let strip = SafeLine::of("ab漢", Style::new()).then("cd!", Style::new());
            assert_eq!(shown(&[strip.cut(cells)]), [expected], "{cells}");
        }
        let mut buf = Buffer::empty(Rect::new(0, 0, 10, 1));
        SafeLine::of("abcdef", Style::new()).draw(Rect::new(6, 0, 20, 3), &mut buf);
        SafeLine::of("xy", Style::new()).draw_right(Rect::new(0, 0, 4, 1), &mut buf);
        SafeLine::of("gone", Style::new()).draw(Rect::new(0, 5, 4, 1), &mut buf);
        assert_eq!(buf, Buffer::with_lines(["  xy  abc…"]));
    }
}
