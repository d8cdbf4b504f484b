//! What holds of text from outside whatever it is.
//!
//! Includers bring `planoai::text` and `planoai::ui` into scope as `text` and `ui`: the unit tests and the fuzz target
//! share this.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::text::{clean, is_clean};
use super::ui::text::Safe;
use super::ui::text_line::SafeLine;

/// Marks that may stand on one letter.
const MARKS: usize = 3;

/// Asserts that no control, bidi or invisible character of `raw` is shown at any width, and that text takes exactly the
/// cells that were measured.
pub(super) fn check_invariants(raw: &str, cells: usize) {
    let shown = clean(raw);
    is_harmless(&shown);
    assert_eq!(clean(&shown), shown, "cleaning twice changes nothing");
    assert!(!raw.is_empty() || shown.is_empty());
    let whole = Safe::from(raw);
    let cut = [
        Safe::fit(raw, cells),
        Safe::fit_start(raw, cells),
        whole.clone().cut_middle(cells),
        whole.clone().cut_end(cells),
        whole.window(cells / 2, cells),
    ];
    for part in &cut {
        assert!(part.width() <= cells, "{part:?} in {cells}");
    }
    let wrapped = whole.wrap(cells);
    assert_eq!(wrapped.iter().map(Safe::as_str).collect::<String>(), whole.as_str(), "wrapped text is whole");
    for part in cut.iter().chain(&wrapped).chain([&whole]) {
        is_harmless(part.as_str());
        is_drawn_as_measured(part);
    }
}

fn is_harmless(shown: &str) {
    assert!(is_clean(shown), "{shown:?}");
    let mut marks = 0;
    for char in shown.chars() {
        assert!(!char.is_control() && !steers(char), "{char:?} in {shown:?}");
        marks = if unicode_width::UnicodeWidthChar::width(char) == Some(0) { marks + 1 } else { 0 };
        assert!(marks <= MARKS, "{shown:?}");
    }
}

/// Bidi controls, zero-width characters, separators, tags and variation selectors, named one by one and not as the code
/// names them.
fn steers(char: char) -> bool {
    matches!(
        char,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' | '\u{ad}' | '\u{fff9}'..='\u{fffb}'
    )
}

fn is_drawn_as_measured(text: &Safe<'_>) {
    let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
    // What is wider than any screen is only drawn cut.
    if width > 1_000 {
        return;
    }
    let area = Rect::new(0, 0, width + 4, 1);
    let mut buffer = Buffer::empty(area);
    buffer.set_style(area, Style::new().fg(Color::Red));
    SafeLine::of(text.clone(), Style::new()).draw(area, &mut buffer);
    let drawn = buffer.content().iter().filter(|cell| cell.fg != Color::Red).count();
    assert_eq!(drawn, usize::from(width), "{text:?}");
}
