//! Text made fit for cells: cleaned by [`crate::text::clean`], measured and cut in display cells.
//!
//! [`Safe`] is the only kind of text that panels can draw, and every way to make one cleans. Nothing needs
//! to remember which string came from a span.

use std::borrow::Cow;
use std::fmt;

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

use crate::text::clean;

/// Stands for text that was left out.
pub const ELLIPSIS: &str = "…";

/// Text without control, format or stacking characters: what a terminal shows as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Safe<'a>(Cow<'a, str>);

impl<'a> From<&'a str> for Safe<'a> {
    fn from(raw: &'a str) -> Self {
        Self(clean(raw))
    }
}

impl<'a> From<&'a String> for Safe<'a> {
    fn from(raw: &'a String) -> Self {
        Self(clean(raw))
    }
}

impl From<String> for Safe<'_> {
    fn from(raw: String) -> Self {
        Self(match clean(&raw) {
            Cow::Owned(cleaned) => Cow::Owned(cleaned),
            Cow::Borrowed(_) => Cow::Owned(raw),
        })
    }
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<'a> Safe<'a> {
    /// `raw`, cleaned and cut in the middle to at most `cells` cells: the ends of a name distinguish it better than its middle.
    pub fn fit(raw: &'a str, cells: usize) -> Self {
        Self::from_ends(raw, cells).cut_middle(cells)
    }

    /// `raw`, cleaned and cut at its end to at most `cells` cells: for prose.
    pub fn fit_start(raw: &'a str, cells: usize) -> Self {
        Self::from_ends(raw, cells).cut_end(cells)
    }

    /// The sanitised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its width on a terminal, cells.
    pub fn width(&self) -> usize {
        width(&self.0)
    }

    /// Frees the text from what it borrows.
    pub fn into_owned(self) -> Safe<'static> {
        Safe(Cow::Owned(self.0.into_owned()))
    }

    /// At most `cells` cells of it, cut in the middle.
    #[must_use]
    pub fn cut_middle(self, cells: usize) -> Self {
        if self.width() <= cells {
            return self;
        }
        let Some(room) = cells.checked_sub(1) else { return Self::default() };
        let head = head(&self.0, room.div_ceil(2));
        let tail = tail(&self.0, room / 2);
        Self(Cow::Owned([head, ELLIPSIS, tail].concat()))
    }

    /// At most `cells` cells of it, cut at its end.
    #[must_use]
    pub fn cut_end(self, cells: usize) -> Self {
        if self.width() <= cells {
            return self;
        }
        self.cut_end_always(cells)
    }

    /// At most `cells` cells, its end marked as missing even if it would fit: more was to follow.
    pub(super) fn cut_end_always(self, cells: usize) -> Self {
        let Some(room) = cells.checked_sub(1) else { return Self::default() };
        Self(Cow::Owned([head(&self.0, room), ELLIPSIS].concat()))
    }

    /// The part that starts at cell `from` and is at most `cells` wide: a window on a line that scrolls.
    #[must_use]
    pub fn window(&self, from: usize, cells: usize) -> Safe<'_> {
        let skipped = head(&self.0, from).len();
        Safe(Cow::Borrowed(head(self.0.get(skipped..).unwrap_or_default(), cells)))
    }

    /// The text in parts of at most `cells` cells, broken after a blank where one is near the end of a part. A character
    /// wider than that takes a part of its own. At least one part.
    pub fn wrap(&self, cells: usize) -> Vec<Safe<'_>> {
        let mut rest = self.as_str();
        let mut parts = Vec::new();
        while !head_is_all(rest, cells) {
            let first = rest.graphemes(true).next().map_or(rest.len(), str::len);
            let fits = head(rest, cells).len().max(first);
            let part = rest.get(..fits).unwrap_or(rest);
            let end = part.rfind(' ').map(|blank| blank + 1).filter(|end| *end > fits / 2).unwrap_or(fits);
            parts.push(Safe(Cow::Borrowed(rest.get(..end).unwrap_or(rest))));
            rest = rest.get(end..).unwrap_or_default();
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Safe(Cow::Borrowed(rest)));
        }
        parts
    }

    /// Cleans no more of a huge text than could be seen of its two ends.
    fn from_ends(raw: &'a str, cells: usize) -> Self {
        let enough = cells.saturating_add(8).saturating_mul(16);
        if raw.len() <= enough.saturating_mul(2) {
            return Self::from(raw);
        }
        let head = raw.get(..raw.floor_char_boundary(enough)).unwrap_or_default();
        let tail = raw.get(raw.ceil_char_boundary(raw.len() - enough)..).unwrap_or_default();
        Self::from([head, ELLIPSIS, tail].concat())
    }
}

/// Display cells that cleaned text takes, exactly as ratatui lays it out.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(|grapheme| usize::from(grapheme.cell_width())).sum()
}

fn head(text: &str, cells: usize) -> &str {
    let mut room = cells;
    let end = text
        .grapheme_indices(true)
        .map_while(|(at, grapheme)| {
            room = room.checked_sub(usize::from(grapheme.cell_width()))?;
            Some(at + grapheme.len())
        })
        .last();
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// Whether text takes at most `cells` cells, without measuring all of it.
fn head_is_all(text: &str, cells: usize) -> bool {
    head(text, cells).len() == text.len()
}

fn tail(text: &str, cells: usize) -> &str {
    let mut room = cells;
    let start = text
        .grapheme_indices(true)
        .rev()
        .map_while(|(at, grapheme)| {
            room = room.checked_sub(usize::from(grapheme.cell_width()))?;
            Some(at)
        })
        .last();
    text.get(start.unwrap_or(text.len())..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    mod invariants;

    use self::invariants::check_invariants;
    use super::*;
    use crate::text::tests::hostile_text;
    use crate::{text, ui};
    use proptest::prelude::*;

    #[test]
    fn width_counts_cells() {
        for (text, cells) in [("abc", 3), ("漢字", 4), ("e\u{301}", 1), ("🚩", 2), ("…", 1), ("⟨U+200B⟩", 8)]
        {
            assert_eq!(Safe::from(text).width(), cells, "{text}");
        }
    }

    #[test]
    fn long_names_lose_their_middle() {
        let cases = [
            ("claude-sonnet-4-5", 17, "claude-sonnet-4-5"),
            ("claude-sonnet-4-5", 11, "claud…t-4-5"),
            ("claude-sonnet-4-5", 1, "…"),
            ("claude-sonnet-4-5", 0, ""),
            ("漢字漢字", 5, "漢…字"),
            ("漢字漢字", 4, "漢…"),
        ];
        for (raw, cells, shown) in cases {
            assert_eq!(Safe::fit(raw, cells).as_str(), shown, "{raw} in {cells}");
        }
        assert_eq!(Safe::fit_start("rate limit reached", 11).as_str(), "rate limit…");
    }

    #[test]
    fn a_huge_text_keeps_both_ends() {
        let raw = format!("begin{}end", "x\u{202e}".repeat(1_000_000));
        let shown = Safe::fit(&raw, 20);
        assert!(shown.as_str().starts_with("begin") && shown.as_str().ends_with("end"), "{shown}");
    }

    #[test]
    fn a_window_scrolls_by_cells() {
        let text = Safe::from("ab漢cd");
        assert_eq!(text.window(0, 3).as_str(), "ab");
        assert_eq!(text.window(2, 3).as_str(), "漢c");
        assert_eq!(text.window(9, 3).as_str(), "");
    }

    proptest! {
        #[test]
        fn shown_text_is_harmless_and_as_wide_as_measured(raw in hostile_text(), cells in 0_usize..80) {
            check_invariants(&raw, cells);
        }
    }
}
