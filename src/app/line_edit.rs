//! One line of text under the cursor: the state behind the filter line, the pickers and every other input.
//!
//! The cursor stands between graphemes, never inside one. What could not be shown on a terminal line never gets in.

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// The longest line, in bytes: bounds pasted text.
const LONGEST_LINE: usize = 4096;

/// A single-line text input with a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineEdit {
    text: String,
    /// A grapheme boundary of `text`, in bytes.
    cursor: usize,
}

impl LineEdit {
    /// A line that holds `text`, with the cursor at its end.
    pub fn new(text: &str) -> Self {
        let mut line = Self::default();
        line.insert(text);
        line
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor stands, in bytes.
    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether there is no text.
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text before the cursor, the grapheme under it (empty at the end), and the text behind that.
    pub fn around_cursor(&self) -> (&str, &str, &str) {
        let (before, rest) = self.text.split_at_checked(self.cursor).unwrap_or_default();
        let under = rest.graphemes(true).next().unwrap_or_default();
        (before, under, rest.get(under.len()..).unwrap_or_default())
    }

    /// Puts another text in place of this one, with the cursor at its end.
    pub fn set(&mut self, text: &str) {
        *self = Self::new(text);
    }

    /// Empties the line and returns what it held.
    pub fn take(&mut self) -> String {
        std::mem::take(self).text
    }

    /// Inserts typed or pasted text at the cursor: line breaks and tabs as blanks, control and bidi characters left
    /// out, and no more than the line may hold.
    pub fn insert(&mut self, text: &str) {
        let room = LONGEST_LINE.saturating_sub(self.text.len());
        let text: String = text.chars().filter_map(printable).collect();
        let text = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
        self.text.insert_str(self.cursor, text);
        self.move_to(self.cursor + text.len());
    }

    /// Puts `text` in place of a part of the line, with the cursor behind it. A range that does not cut between
    /// characters changes nothing.
    pub fn replace(&mut self, range: Range<usize>, text: &str) {
        if self.text.get(range.clone()).is_some() {
            self.cut(range);
            self.insert(text);
        }
    }

    /// Deletes the grapheme before the cursor.
    pub fn backspace(&mut self) {
        self.cut(self.grapheme_before()..self.cursor);
    }

    /// Deletes the grapheme under the cursor.
    pub fn delete(&mut self) {
        self.cut(self.cursor..self.grapheme_after());
    }

    /// Deletes back to the start of the word (Ctrl-w).
    pub fn delete_word_back(&mut self) {
        self.cut(self.word_start()..self.cursor);
    }

    /// Deletes to the end of the word (Alt-d).
    pub fn delete_word(&mut self) {
        self.cut(self.cursor..self.word_end());
    }

    /// Deletes all before the cursor (Ctrl-u).
    pub fn delete_to_start(&mut self) {
        self.cut(0..self.cursor);
    }

    /// Deletes all from the cursor on (Ctrl-k).
    pub fn delete_to_end(&mut self) {
        self.cut(self.cursor..self.text.len());
    }

    /// Moves one grapheme to the left.
    pub fn left(&mut self) {
        self.cursor = self.grapheme_before();
    }

    /// Moves one grapheme to the right.
    pub fn right(&mut self) {
        self.cursor = self.grapheme_after();
    }

    /// Moves to the start of this word, or of the one before.
    pub fn word_left(&mut self) {
        self.move_to(self.word_start());
    }

    /// Moves behind the end of this word, or of the next.
    pub fn word_right(&mut self) {
        self.move_to(self.word_end());
    }

    /// Moves to the start.
    pub const fn home(&mut self) {
        self.cursor = 0;
    }

    /// Moves behind the end.
    pub const fn end(&mut self) {
        self.cursor = self.text.len();
    }

    fn cut(&mut self, range: Range<usize>) {
        let start = range.start;
        self.text.replace_range(range, "");
        self.move_to(start);
    }

    /// Moves to `at`, or on to the next grapheme boundary: an edit can fuse what stood apart.
    fn move_to(&mut self, at: usize) {
        let mut grapheme = GraphemeCursor::new(at, self.text.len(), true);
        self.cursor = match grapheme.is_boundary(&self.text, 0) {
            Ok(true) => at,
            Ok(false) | Err(_) => grapheme.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len()),
        };
    }

    fn grapheme_before(&self) -> usize {
        GraphemeCursor::new(self.cursor, self.text.len(), true).prev_boundary(&self.text, 0).ok().flatten().unwrap_or(0)
    }

    fn grapheme_after(&self) -> usize {
        GraphemeCursor::new(self.cursor, self.text.len(), true)
            .next_boundary(&self.text, 0)
            .ok()
            .flatten()
            .unwrap_or(self.text.len())
    }

    /// Blanks before the cursor belong to the word before them, as in a shell.
    fn word_start(&self) -> usize {
        let (before, ..) = self.around_cursor();
        let word = before.trim_end();
        word.rfind(char::is_whitespace)
            .map_or(0, |blank| blank + word.get(blank..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8))
    }

    fn word_end(&self) -> usize {
        let rest = self.text.get(self.cursor..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start().len();
        let word = rest.trim_start();
        self.cursor + blanks + word.find(char::is_whitespace).unwrap_or(word.len())
    }
}

/// The character as the line holds it, if it does.
fn printable(character: char) -> Option<char> {
    match character {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        other if other.is_control() => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Edit = fn(&mut LineEdit);

    /// A line with `|` where the cursor stands.
    fn show(line: &LineEdit) -> String {
        let (before, rest) = line.text().split_at(line.cursor());
        format!("{before}|{rest}")
    }

    fn read(shown: &str) -> LineEdit {
        let (before, rest) = shown.split_once('|').unwrap();
        LineEdit { text: format!("{before}{rest}"), cursor: before.len() }
    }

    #[test]
    fn keys_by_example() {
        let cases: &[(&str, Edit, &str)] = &[
            ("|", |line| line.insert("ab"), "ab|"),
            ("a|c", |line| line.insert("b"), "ab|c"),
            ("|", |line| line.insert("a\r\nb\u{1b}[0m\u{202e}\tc"), "a  b[0m c|"),
            ("ab|", LineEdit::backspace, "a|"),
            ("|ab", LineEdit::backspace, "|ab"),
            ("a👩‍👩‍👧|b", LineEdit::backspace, "a|b"),
            ("e\u{301}|", LineEdit::backspace, "|"),
            ("|e\u{301}x", LineEdit::delete, "|x"),
            ("ab|", LineEdit::delete, "ab|"),
            ("model:a  route:b|", LineEdit::delete_word_back, "model:a  |"),
            ("model:a  |route:b", LineEdit::delete_word_back, "|route:b"),
            ("a\u{2003}b|", LineEdit::delete_word_back, "a\u{2003}|"),
            ("a| b c", LineEdit::delete_word, "a| c"),
            ("a b|c", LineEdit::delete_to_start, "|c"),
            ("a b|c", LineEdit::delete_to_end, "a b|"),
            ("a🇩🇪|", LineEdit::left, "a|🇩🇪"),
            ("|a", LineEdit::left, "|a"),
            ("a|🇩🇪b", LineEdit::right, "a🇩🇪|b"),
            ("a|", LineEdit::right, "a|"),
            ("ab cd |ef", LineEdit::word_left, "ab |cd ef"),
            ("ab|  cd ef", LineEdit::word_right, "ab  cd| ef"),
            ("ab|cd", LineEdit::home, "|abcd"),
            ("ab|cd", LineEdit::end, "abcd|"),
            ("model:gp| x", |line| line.replace(0..8, "model:gpt-5"), "model:gpt-5| x"),
            ("é|", |line| line.replace(1..2, "x"), "é|"),
            ("abc|", |line| line.set("x"), "x|"),
        ];
        for (before, edit, after) in cases {
            let mut line = read(before);
            edit(&mut line);
            assert_eq!(show(&line), *after, "from {before}");
        }
    }

    #[test]
    fn the_cursor_never_stands_inside_a_grapheme() {
        let mut line = read("|\u{301}x");
        line.insert("e");
        assert_eq!(show(&line), "e\u{301}|x");
        let mut line = read("🇩| 🇪");
        line.delete();
        assert_eq!(show(&line), "🇩🇪|");
    }

    #[test]
    fn a_pasted_book_does_not_fit() {
        let mut line = LineEdit::new("a");
        line.insert(&"é".repeat(LONGEST_LINE));
        assert_eq!(line.text().len(), LONGEST_LINE - 1);
        assert_eq!(line.cursor(), line.text().len());
    }

    #[test]
    fn around_and_take() {
        let mut line = read("ab|cd");
        assert_eq!(line.around_cursor(), ("ab", "c", "d"));
        assert_eq!(line.take(), "abcd");
        assert_eq!(line, LineEdit::default());
        assert_eq!(line.around_cursor(), ("", "", ""));
    }

    proptest! {
        #[test]
        fn any_keys_keep_the_cursor_between_graphemes(
            keys in prop::collection::vec((0_usize..12, "[ab \u{301}é🇩🇪\u{200d}👩]{0,3}"), 0..30),
        ) {
            let edits: [Edit; 11] = [
                LineEdit::backspace, LineEdit::delete, LineEdit::delete_word_back, LineEdit::delete_word,
                LineEdit::delete_to_start, LineEdit::delete_to_end, LineEdit::left, LineEdit::right,
                LineEdit::word_left, LineEdit::word_right, LineEdit::home,
            ];
            let mut line = LineEdit::default();
            for (key, text) in keys {
                match edits.get(key) {
                    Some(edit) => edit(&mut line),
                    None => line.insert(&text),
                }
                let is_boundary = line.text().grapheme_indices(true).any(|(at, _)| at == line.cursor());
                prop_assert!(is_boundary || line.cursor() == line.text().len(), "{}", show(&line));
            }
        }
    }
}
