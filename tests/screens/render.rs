//! Screens as text.

use planoai::app::App;
use planoai::ui::{self, theme::Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// Draws a screen.
pub(crate) fn page(app: &mut App, theme: Theme, width: u16, height: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let seen = ui::draw(app, theme, &mut buf);
    app.see(seen);
    buf
}

/// Its symbols, line by line.
pub(crate) fn text(buf: &Buffer) -> String {
    let mut lines = String::new();
    for y in 0..buf.area.height {
        let mut x = 0;
        let mut line = String::new();
        while x < buf.area.width {
            let symbol = buf[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol)).unwrap().max(1);
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// Its symbols, and below them every run of cells that has a style of its own.
pub(crate) fn portrait(buf: &Buffer) -> String {
    let mut portrait = text(buf) + "---\n";
    for y in 0..buf.area.height {
        let runs = runs(buf, y);
        if !runs.is_empty() {
            portrait.push_str(&format!("{y:>3}  {}\n", runs.join("  ")));
        }
    }
    portrait
}

/// `0-7 Cyan+BOLD`, cells without a style left out.
fn runs(buf: &Buffer, y: u16) -> Vec<String> {
    let styles: Vec<_> = (0..buf.area.width).map(|x| style(buf[(x, y)].style())).collect();
    let mut runs = Vec::new();
    let mut from = 0;
    for chunk in styles.chunk_by(|left, right| left == right) {
        let to = from + chunk.len();
        if !chunk[0].is_empty() {
            runs.push(format!("{from}-{} {}", to - 1, chunk[0]));
        }
        from = to;
    }
    runs
}

fn style(style: Style) -> String {
    let color = |prefix: &str, color: Option<Color>| match color {
        None | Some(Color::Reset) => None,
        Some(color) => Some(format!("{prefix}{color}")),
    };
    let modifier = (!style.add_modifier.is_empty())
        .then(|| style.add_modifier.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join("+"));
    [color("", style.fg), color("on ", style.bg), modifier].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
