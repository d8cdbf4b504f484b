//! Text from outside, made fit for a terminal: what could steer, reorder, hide or stack is made visible,
//! and width is measured in display cells.
//!
//! [`Safe`] is the only kind of text that panels can draw, and every way to make one cleans. Nothing needs
//! to remember which string came from a span.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// Marks that may stack on one letter. Living scripts need three at most (Vietnamese two, pointed Hebrew three).
const MARKS_A_LETTER: usize = 3;

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
    /// `raw`, cleaned and cut in the middle to at most `cells` cells: both ends of a name tell more than its middle.
    pub fn fit(raw: &'a str, cells: usize) -> Self {
        Self::from_ends(raw, cells).cut_middle(cells)
    }

    /// `raw`, cleaned and cut at its end to at most `cells` cells: for prose.
    pub fn fit_start(raw: &'a str, cells: usize) -> Self {
        Self::from_ends(raw, cells).cut_end(cells)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Display cells taken.
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

/// What a character is to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Shown as it stands.
    Plain,
    /// Combines with the letter before it.
    Mark,
    /// Asks for the emoji or the text look of the character before it; terminals disagree on its width.
    Presentation,
    /// C0 or DEL: has a picture of its own in Unicode.
    Control,
    /// Steers, reorders or hides, and cannot be seen.
    Unseen,
}

fn kind(char: char) -> Kind {
    match char {
        ' '..='~' => Kind::Plain,
        '\0'..='\x1f' | '\x7f' => Kind::Control,
        '\u{fe0e}' | '\u{fe0f}' => Kind::Presentation,
        _ if is_unseen(char) => Kind::Unseen,
        _ if char.width() == Some(0) => Kind::Mark,
        _ => Kind::Plain,
    }
}

/// C1 controls, Unicode's `Default_Ignorable_Code_Point`, `Cf` characters without a shape, the line and paragraph
/// separators, blank fillers, and noncharacters.
fn is_unseen(char: char) -> bool {
    matches!(
        char,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{70f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1345f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    ) || u32::from(char) & 0xfffe == 0xfffe
}

fn clean(raw: &str) -> Cow<'_, str> {
    if raw.chars().all(|char| kind(char) == Kind::Plain) {
        return Cow::Borrowed(raw);
    }
    let mut cleaner = Cleaner::default();
    raw.chars().for_each(|char| cleaner.push(char));
    Cow::Owned(cleaner.finish())
}

/// Rewrites text character by character.
#[derive(Debug, Default)]
struct Cleaner {
    out: String,
    /// Marks on the letter before; `None` where a mark would have no letter to stand on.
    marks: Option<usize>,
    /// Unseen characters met in a row: the first, and how many.
    unseen: Option<(char, usize)>,
    presented: bool,
}

impl Cleaner {
    fn push(&mut self, char: char) {
        match kind(char) {
            Kind::Presentation if self.marks.is_some() && !self.presented => self.presented = true,
            Kind::Unseen | Kind::Presentation => self.hide(char),
            Kind::Mark => self.mark(char),
            Kind::Control => self.picture(char),
            Kind::Plain => self.letter(char),
        }
    }

    fn letter(&mut self, char: char) {
        self.flush();
        self.out.push(char);
        self.marks = Some(0);
        self.presented = false;
    }

    fn picture(&mut self, char: char) {
        self.flush();
        self.out.push(match char {
            '\x7f' => '␡',
            control => char::from_u32(0x2400 + u32::from(control)).unwrap_or('␀'),
        });
        self.marks = None;
    }

    fn mark(&mut self, char: char) {
        match self.marks {
            Some(count) if count < MARKS_A_LETTER && self.unseen.is_none() => {
                self.out.push(char);
                self.marks = Some(count + 1);
            }
            Some(_) | None => self.hide(char),
        }
    }

    fn hide(&mut self, char: char) {
        let (first, count) = self.unseen.unwrap_or((char, 0));
        self.unseen = Some((first, count + 1));
    }

    fn flush(&mut self) {
        let Some((first, count)) = self.unseen.take() else { return };
        let code = u32::from(first);
        let _ = match count {
            1 => write!(self.out, "⟨U+{code:04X}⟩"),
            more => write!(self.out, "⟨U+{code:04X} +{}⟩", more - 1),
        };
        self.marks = None;
    }

    fn finish(mut self) -> String {
        self.flush();
        self.out
    }
}

/// Whether the symbol of one cell is safe to send: the last look before a frame leaves (see [`super::finish`]).
pub(super) fn is_safe_symbol(symbol: &str) -> bool {
    symbol.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        || symbol.chars().all(|char| matches!(kind(char), Kind::Plain | Kind::Mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_text_is_made_visible() {
        let cases = [
            ("gpt-4o", "gpt-4o"),
            ("", ""),
            ("\x1b[31mred", "␛[31mred"),
            ("\x1b]0;title\x07", "␛]0;title␇"),
            ("\x1bPq\x1b\\", "␛Pq␛\\"),
            ("a\r\n\tb\x7f", "a␍␊␉b␡"),
            ("\u{9b}2J", "⟨U+009B⟩2J"),
            ("a\u{202e}b\u{202c}", "a⟨U+202E⟩b⟨U+202C⟩"),
            ("a\u{2066}\u{2067}\u{2069}b", "a⟨U+2066 +2⟩b"),
            ("\u{61c}x\u{200f}", "⟨U+061C⟩x⟨U+200F⟩"),
            ("gpt\u{200b}-4", "gpt⟨U+200B⟩-4"),
            ("a\u{feff}\u{2060}", "a⟨U+FEFF +1⟩"),
            ("line\u{2028}para\u{2029}", "line⟨U+2028⟩para⟨U+2029⟩"),
            ("x\u{e0041}\u{e0042}\u{e007f}", "x⟨U+E0041 +2⟩"),
            ("e\u{301}", "e\u{301}"),
            ("z\u{300}\u{301}\u{302}\u{303}\u{304}!", "z\u{300}\u{301}\u{302}⟨U+0303 +1⟩!"),
            ("\u{301}x", "⟨U+0301⟩x"),
            ("⚠\u{fe0f} hot", "⚠ hot"),
            ("a\u{fe0f}\u{fe0f}", "a⟨U+FE0F⟩"),
            ("x\u{e0100}", "x⟨U+E0100⟩"),
            ("👩\u{200d}💻", "👩⟨U+200D⟩💻"),
            ("\u{fffe}", "⟨U+FFFE⟩"),
            ("漢字", "漢字"),
            ("żółw", "żółw"),
            ("한국어", "한국어"),
        ];
        for (raw, shown) in cases {
            assert_eq!(Safe::from(raw).as_str(), shown, "{raw:?}");
        }
    }

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

    fn any_text() -> impl Strategy<Value = String> {
        let picks = prop_oneof![
            any::<char>(),
            prop::char::range('\0', '\u{ff}'),
            prop::char::range('\u{300}', '\u{36f}'),
            prop::char::range('\u{2000}', '\u{206f}'),
            prop::char::range('\u{fe00}', '\u{feff}'),
            prop::char::range('\u{e0000}', '\u{e01ff}'),
            prop::char::range('\u{1100}', '\u{11ff}'),
            prop::char::range('\u{900}', '\u{97f}'),
            prop::char::range('\u{1f1e6}', '\u{1f3ff}'),
        ];
        prop::collection::vec(picks, 0..60).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn nothing_hostile_remains_and_the_fit_holds(raw in any_text(), cells in 0_usize..80) {
            for shown in [Safe::from(raw.as_str()), Safe::fit(&raw, cells), Safe::fit_start(&raw, cells)] {
                prop_assert!(is_safe_symbol(shown.as_str()), "{:?}", shown);
                let longest = shown.as_str().chars().fold((0, 0), |(longest, run), char| {
                    let run = if kind(char) == Kind::Mark { run + 1 } else { 0 };
                    (run.max(longest), run)
                });
                prop_assert!(longest.0 <= MARKS_A_LETTER);
            }
            prop_assert!(Safe::fit(&raw, cells).width() <= cells);
            prop_assert!(Safe::fit_start(&raw, cells).width() <= cells);
            prop_assert!(Safe::from(raw.as_str()).window(cells / 2, cells).width() <= cells);
        }

        #[test]
        fn cleaning_twice_changes_nothing(raw in any_text()) {
            let once = Safe::from(raw.as_str()).into_owned();
            let twice = Safe::from(once.as_str());
            prop_assert_eq!(twice.as_str(), once.as_str());
        }
    }
}
