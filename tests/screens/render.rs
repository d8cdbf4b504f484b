//! Screens as text.

use planoai::app::App;
use planoai::ui::{self, theme::Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};

/// Draws a screen.
pub(crate) fn page(app: &mut App, theme: Theme, width: u16, height: u16) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let seen = ui::draw(app, theme, &mut buf);
    app.set_layout(seen);
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

/// A part of the screen that a snapshot is about.
#[derive(Clone, Copy)]
pub(crate) enum Panel {
    /// The dialog, by its frame, and the hints in the last line.
    Dialog,
    /// The last lines, where inputs stand.
    Bottom(u16),
}

impl Panel {
    fn regions(self, buf: &Buffer) -> Vec<Rect> {
        let Rect { width, height, .. } = buf.area;
        let bottom = |lines| Rect::new(0, height - lines, width, lines);
        match self {
            Self::Dialog => vec![dialog(buf), bottom(1)],
            Self::Bottom(lines) => vec![bottom(lines)],
        }
    }
}

/// Where the smallest whole frame on the screen stands: a dialog is drawn over the frames of panes.
fn dialog(buf: &Buffer) -> Rect {
    buf.area.positions().filter_map(|corner| frame(buf, corner)).min_by_key(|frame| frame.area()).unwrap()
}

fn frame(buf: &Buffer, Position { x: left, y: top }: Position) -> Option<Rect> {
    let is = |x: u16, y: u16, symbol: &str| buf[(x, y)].symbol() == symbol;
    if !is(left, top, "┌") {
        return None;
    }
    let right = (left..buf.area.width).find(|&x| is(x, top, "┐"))?;
    let bottom = (top..buf.area.height).find(|&y| is(left, y, "└"))?;
    let is_whole = (left..right).all(|x| !is(x, top, "│") && !is(x, bottom, "│"));
    (is_whole && is(right, bottom, "┘")).then(|| Rect::new(left, top, right - left + 1, bottom - top + 1))
}

/// The same as [`portrait`] of the regions of a panel, each with its place.
pub(crate) fn portrait_of(panel: Panel, buf: &Buffer) -> String {
    let mut portraits = String::new();
    for region in panel.regions(buf) {
        let Rect { x, y, width, height } = region;
        portraits.push_str(&format!("at {x},{y} {width}x{height} of {}x{}\n", buf.area.width, buf.area.height));
        portraits.push_str(&portrait(&crop(buf, region)));
    }
    portraits
}

fn crop(buf: &Buffer, region: Rect) -> Buffer {
    let mut cropped = Buffer::empty(Rect::new(0, 0, region.width, region.height));
    for place in region.positions() {
        cropped[(place.x - region.x, place.y - region.y)] = buf[place].clone();
    }
    cropped
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
