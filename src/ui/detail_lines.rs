//! Labelled lines of a pane: wrapped to its width, grouped under headings, narrowed to what is looked for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cells::status_role;
use super::draw_context::DrawContext;
use super::text::Safe;
use super::text_line::{SafeLine, line_of};
use super::theme::{Role, latency_role, ttft_role};
use crate::app::LayoutInfo;
use crate::app::detail::{Line, Section, Tone};

/// Cells of a label.
const LABEL: usize = 16;
/// A value is wrapped into so many lines at most; the rest can be copied.
const MOST_LINES: usize = 2_000;
/// Stands where a text breaks its line itself.
const BREAK: &str = "↵";
const ASCII_BREAK: &str = "\\n";

/// Collects the wrapped lines of the detail at one width.
pub(super) struct Sheet<'a> {
    ctx: DrawContext<'a>,
    width: usize,
    find: String,
    lines: Vec<SafeLine<'static>>,
}

impl<'a> Sheet<'a> {
    /// An empty sheet, `width` cells wide, that takes in only lines with `find` in them.
    pub(super) fn new(ctx: DrawContext<'a>, width: u16, find: &str) -> Self {
        let find = find.trim().to_lowercase();
        Self { ctx, width: usize::from(width), find, lines: Vec::new() }
    }

    /// Ends the sheet and returns its lines.
    pub(super) fn into_lines(self) -> Vec<SafeLine<'static>> {
        if self.lines.is_empty() && !self.find.is_empty() {
            return vec![SafeLine::of(format!("no line contains `{}`", self.find), self.ctx.style(Role::Dim))];
        }
        self.lines
    }

    /// Adds sections; one without lines to show has no heading.
    pub(super) fn sections(&mut self, sections: &[Section]) {
        for section in sections {
            self.section(section);
        }
    }

    fn section(&mut self, section: &Section) {
        let is_meant = section.has(&self.find);
        let lines: Vec<_> = section.lines.iter().filter(|line| is_meant || line.has(&self.find)).collect();
        if lines.is_empty() {
            return;
        }
        if !self.lines.is_empty() {
            self.lines.push(SafeLine::new());
        }
        if !section.title.is_empty() {
            let title = Safe::fit(&section.title, self.width).into_owned();
            self.lines.push(SafeLine::of(title, self.ctx.style(Role::Strong)));
        }
        let cells = self.label_cells(section);
        for line in lines {
            self.line(line, cells);
        }
    }

    /// Labels have a column; where attribute keys are labels it is as wide as they need, within half the width.
    fn label_cells(&self, section: &Section) -> usize {
        let widest = section.lines.iter().map(|line| Safe::from(line.label.as_ref()).width()).max().unwrap_or(0);
        (widest + 2).clamp(LABEL, LABEL.max(self.width / 2))
    }

    fn line(&mut self, line: &Line, label_cells: usize) {
        // Values without a label, such as remarks, have all the width.
        let label_cells = if line.label.is_empty() { 0 } else { label_cells };
        let (dim, style) = (self.ctx.style(Role::Dim), self.ctx.style(role(line.tone)));
        let cells = self.width.saturating_sub(label_cells).max(8);
        let label = Safe::fit(&line.label, label_cells.saturating_sub(2)).into_owned();
        let padding = " ".repeat(label_cells.saturating_sub(label.width()));
        let mut lead = SafeLine::of(label, dim).then(padding, dim);
        // A break in the text is not the beginning of another line of ours, and looks like none.
        let mark = if self.ctx.theme.ascii { ASCII_BREAK } else { BREAK };
        for part in wrapped(&line.value, cells, mark.chars().count()) {
            let strip = lead.then(part.text, style);
            self.lines.push(if part.breaks { strip.then(mark, dim) } else { strip });
            lead = SafeLine::of(" ".repeat(label_cells), dim);
        }
    }
}

/// What a tone looks like.
fn role(tone: Tone) -> Role {
    match tone {
        Tone::Text => Role::Text,
        Tone::Dim => Role::Dim,
        Tone::Strong => Role::Strong,
        Tone::Good => Role::Good,
        Tone::Fair => Role::Fair,
        Tone::Bad => Role::Bad,
        Tone::Status(status) => status_role(status),
        Tone::Latency(ms) => latency_role(ms),
        Tone::FirstToken(ms) => ttft_role(ms),
    }
}

/// A line of a wrapped text.
struct Part {
    text: Safe<'static>,
    /// The text itself has a line break here.
    breaks: bool,
}

/// Wraps text to lines of at most `cells` cells: at its own line breaks, and otherwise after a blank if there is one. At its
/// own line breaks, `mark` cells are left for the mark.
fn wrapped(text: &str, cells: usize, mark: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let breaks = lines.peek().is_some();
        let line = Safe::from(line.strip_suffix('\r').unwrap_or(line).replace('\t', "    "));
        let cells = if breaks { cells.saturating_sub(mark).max(1) } else { cells };
        for text in line.wrap(cells) {
            if parts.len() == MOST_LINES {
                parts.push(Part { text: Safe::from("… truncated; Y copies everything"), breaks: false });
                return parts;
            }
            parts.push(Part { text: text.into_owned(), breaks: false });
        }
        if let Some(last) = parts.last_mut() {
            last.breaks = breaks;
        }
    }
    parts
}

/// Draws lines scrolled down by `scroll`, and notes how much of them is layout.
pub(super) fn draw(
    lines: Vec<SafeLine<'static>>,
    scroll: usize,
    area: Rect,
    layout: &mut LayoutInfo,
    buf: &mut Buffer,
) {
    layout.pane = usize::from(area.height);
    layout.scroll = lines.len().saturating_sub(layout.pane);
    for (nth, line) in (0..area.height).zip(lines.into_iter().skip(scroll.min(layout.scroll))) {
        line.draw(line_of(area, nth), buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_blanks_and_line_breaks() {
        let cases: [(&str, usize, &[&str]); 8] = [
            ("", 5, &[""]),
            ("short", 5, &["short"]),
            ("one two three", 8, &["one two ", "three"]),
            ("abcdefgh", 3, &["abc", "def", "gh"]),
            ("a\r\nb\n", 5, &["a↵", "b↵", ""]),
            ("abcd\n\nef", 4, &["abc", "d↵", "↵", "ef"]),
            ("cost\ncost", 5, &["cost↵", "cost"]),
            ("漢字漢字", 5, &["漢字", "漢字"]),
        ];
        for (text, cells, expected) in cases {
            let parts = wrapped(text, cells, 1);
            let shown: Vec<String> =
                parts.iter().map(|part| format!("{}{}", part.text, if part.breaks { BREAK } else { "" })).collect();
            assert_eq!(shown, expected, "{text:?}");
            assert!(parts.iter().all(|part| part.text.width() + usize::from(part.breaks) <= cells), "{text:?}");
        }
        assert_eq!(wrapped(&"x\n".repeat(10_000), 10, 1).len(), MOST_LINES + 1);
    }
}
