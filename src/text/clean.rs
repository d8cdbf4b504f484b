//! Making untrusted text safe for a terminal: control, bidirectional and invisible characters become visible, and stacked
//! combining marks are limited.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// Combining marks allowed on one letter. Living scripts need three at most (Vietnamese two, pointed Hebrew three).
const MAX_MARKS: usize = 3;

/// The effect of a character on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CharKind {
    /// Printable as it is.
    Plain,
    /// Combines with the letter before it.
    Mark,
    /// A variation selector for emoji or text presentation; terminals disagree on its width.
    Presentation,
    /// C0 or DEL, shown as its Unicode control picture.
    Control,
    /// Invisible: other controls, bidirectional and format characters.
    Invisible,
}

fn kind(char: char) -> CharKind {
    match char {
        ' '..='~' => CharKind::Plain,
        '\0'..='\x1f' | '\x7f' => CharKind::Control,
        '\u{fe0e}' | '\u{fe0f}' => CharKind::Presentation,
        _ if is_invisible(char) => CharKind::Invisible,
        _ if char.width() == Some(0) => CharKind::Mark,
        _ => CharKind::Plain,
    }
}

/// C1 controls, Unicode's `Default_Ignorable_Code_Point`, `Cf` characters without a glyph, line and paragraph
/// separators, blank fillers, and noncharacters.
fn is_invisible(char: char) -> bool {
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

/// Whether a character is a control or invisible character.
pub fn is_hidden(char: char) -> bool {
    char.is_control() || is_invisible(char)
}

/// `raw` made safe for the screen, the clipboard, CSV and log files. Borrowed if nothing changed. Control characters become
/// control pictures (`␛`), runs of invisible characters `⟨U+202E⟩` or `⟨U+202E +2⟩`.
pub fn clean(raw: &str) -> Cow<'_, str> {
    if raw.chars().all(|char| kind(char) == CharKind::Plain) {
        return Cow::Borrowed(raw);
    }
    let mut cleaner = Cleaner::default();
    raw.chars().for_each(|char| cleaner.push(char));
    Cow::Owned(cleaner.finish())
}

/// State of [`clean`], fed one character at a time.
#[derive(Debug, Default)]
struct Cleaner {
    out: String,
    /// Marks on the preceding letter; `None` without one.
    marks: Option<usize>,
    /// Unseen characters met in a row: the first, and how many.
    invisible: Option<(char, usize)>,
    presented: bool,
}

impl Cleaner {
    fn push(&mut self, char: char) {
        match kind(char) {
            CharKind::Presentation if self.marks.is_some() && !self.presented => self.presented = true,
            CharKind::Invisible | CharKind::Presentation => self.hide(char),
            CharKind::Mark => self.mark(char),
            CharKind::Control => self.picture(char),
            CharKind::Plain => self.letter(char),
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
            Some(count) if count < MAX_MARKS && self.invisible.is_none() => {
                self.out.push(char);
                self.marks = Some(count + 1);
            }
            Some(_) | None => self.hide(char),
        }
    }

    fn hide(&mut self, char: char) {
        let (first, count) = self.invisible.unwrap_or((char, 0));
        self.invisible = Some((first, count + 1));
    }

    fn flush(&mut self) {
        let Some((first, count)) = self.invisible.take() else { return };
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

/// Whether [`clean`] can have returned `text`: only printable characters and combining marks.
pub fn is_clean(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        || text.chars().all(|char| matches!(kind(char), CharKind::Plain | CharKind::Mark))
}

#[cfg(test)]
pub(crate) mod tests {
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
            assert_eq!(clean(raw), shown, "{raw:?}");
        }
    }

    /// Text rich in what attackers use.
    pub(crate) fn hostile_text() -> impl Strategy<Value = String> {
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
        fn nothing_hostile_remains(raw in hostile_text()) {
            let shown = clean(&raw);
            prop_assert!(is_clean(&shown), "{:?}", shown);
            let (longest, _) = shown.chars().fold((0, 0), |(longest, run), char| {
                let run = if kind(char) == CharKind::Mark { run + 1 } else { 0 };
                (run.max(longest), run)
            });
            prop_assert!(longest <= MAX_MARKS);
        }

        #[test]
        fn cleaning_twice_changes_nothing(raw in hostile_text()) {
            let once = clean(&raw);
            prop_assert_eq!(clean(&once), once.as_ref());
        }
    }
}
