//! The last look at a frame before it leaves: nothing but what a terminal shows as it stands, and nothing but ASCII
//! where the terminal knows no more.

use ratatui::buffer::{Buffer, CellWidth};

use crate::text::is_clean;

/// Replaces what must not be sent. Panels draw cleaned text already; this holds even if one does not.
pub(crate) fn sweep(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !is_clean(cell.symbol()) {
            cell.set_char('\u{fffd}');
        }
    }
}

/// Replaces every glyph by one ASCII character a cell.
pub(crate) fn to_ascii(buf: &mut Buffer) {
    for at in 0..buf.content.len() {
        let Some(cell) = buf.content.get_mut(at) else { return };
        if cell.symbol().is_ascii() {
            continue;
        }
        let cells = usize::from(cell.symbol().cell_width());
        cell.set_char(ascii(cell.symbol()));
        for covered in buf.content.iter_mut().skip(at + 1).take(cells.saturating_sub(1)) {
            covered.set_char('?');
        }
    }
}

/// The look-alike of a glyph that the screen uses; `?` for the rest.
fn ascii(symbol: &str) -> char {
    match symbol {
        "—" | "–" | "─" | "╌" | "−" | "━" => '-',
        "│" | "┃" | "▏" | "⏸" | "├" | "┤" => '|',
        "┌" | "┐" | "└" | "┘" | "┬" | "┴" | "┼" | "╭" | "╮" | "╰" | "╯" | "✓" => '+',
        "…" | "≈" => '~',
        "“" | "”" => '"',
        "⚑" => '!',
        "·" | "▁" | "▂" | "░" => '.',
        "▃" | "▄" => ':',
        "▅" | "▆" => '=',
        "▇" | "█" | "■" | "▒" | "▓" | "▉" | "▊" | "▋" | "▌" | "▍" | "▎" => '#',
        "●" | "•" | "◆" => '*',
        "○" | "◇" => 'o',
        "≥" | "▶" | "▸" | "›" | "→" | "⟩" => '>',
        "≤" | "◀" | "‹" | "←" | "⟨" => '<',
        "▲" | "↑" | "␛" => '^',
        "▼" | "↓" => 'v',
        "×" | "✗" | "⇄" => 'x',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn a_raw_symbol_does_not_leave() {
        let mut buf = Buffer::with_lines(["a漢 b"]);
        buf[(0, 0)].set_symbol("\u{1b}[31m");
        buf[(4, 0)].set_symbol("x\u{202e}");
        sweep(&mut buf);
        let symbols: Vec<_> = buf.content.iter().map(|cell| cell.symbol().to_owned()).collect();
        assert_eq!(symbols, ["\u{fffd}", "漢", " ", " ", "\u{fffd}"]);
    }

    #[test]
    fn ascii_terminals_get_ascii_of_the_same_width() {
        let mut buf = Buffer::with_lines(["≥ $1 — 漢é│"]);
        to_ascii(&mut buf);
        assert_eq!(buf, Buffer::with_lines(["> $1 - ???|"]));
        assert_eq!(buf.area, Rect::new(0, 0, 11, 1));
    }
}
