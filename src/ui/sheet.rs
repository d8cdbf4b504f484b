//! Labelled lines of a pane: wrapped to its width, grouped under headings, narrowed to what is looked for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::pen::{Strip, line_of};
use super::text::Safe;
use super::theme::Role;
use crate::app::Seen;
use crate::collector::decode::{Field, PlainSpan};

/// Cells of a label.
const LABEL: usize = 16;
/// A value is wrapped into so many lines at most; the rest can be copied.
const MOST_LINES: usize = 2_000;

/// Lines being written.
pub struct Sheet<'a> {
    look: Look<'a>,
    width: usize,
    find: String,
    /// The heading whose first line is still to come.
    heading: Option<&'static str>,
    lines: Vec<Strip<'static>>,
}

impl<'a> Sheet<'a> {
    /// An empty sheet, `width` cells wide, that takes in only lines with `find` in them.
    pub fn new(look: Look<'a>, width: u16, find: &str) -> Self {
        let find = find.trim().to_lowercase();
        Self { look, width: usize::from(width), find, heading: None, lines: Vec::new() }
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<Strip<'static>> {
        if self.lines.is_empty() && !self.find.is_empty() {
            return vec![Strip::of(format!("nothing here has `{}` in it", self.find), self.look.style(Role::Dim))];
        }
        self.lines
    }

    /// Begins a group; a group without lines has no heading.
    pub const fn heading(&mut self, title: &'static str) {
        self.heading = Some(title);
    }

    /// A labelled value.
    pub fn row(&mut self, label: &str, value: impl AsRef<str>, role: Role) {
        self.put(label, LABEL, value.as_ref(), role);
    }

    /// A labelled value that is known.
    pub fn known(&mut self, label: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.row(label, value, Role::Text);
        }
    }

    /// A line without a label.
    pub fn note(&mut self, text: impl AsRef<str>, role: Role) {
        self.put("", 0, text.as_ref(), role);
    }

    /// Keys and values, the keys as wide as they need be.
    pub fn fields(&mut self, indent: usize, fields: &[Field]) {
        let widest = fields.iter().map(|field| Safe::from(&field.key).width()).max().unwrap_or(0);
        let cells = indent + widest.min(self.width / 2) + 2;
        for Field { key, value } in fields {
            let key = Safe::fit(key, cells.saturating_sub(indent + 2));
            self.put(&format!("{:indent$}{key}", ""), cells, value, Role::Text);
        }
    }

    /// All that a span says.
    pub fn span(&mut self, span: &PlainSpan) {
        self.heading("attributes");
        self.fields(0, &span.attributes);
        self.heading("events");
        for event in &span.events {
            let after = event.unix_nano.saturating_sub(span.start_unix_nano);
            let at = super::format::duration(after as f64 / 1e6);
            self.note(format!("+{at}  {}", event.name), Role::Accent);
            self.fields(2, &event.attributes);
        }
        self.heading("resource");
        self.fields(0, &span.resource);
    }

    fn put(&mut self, label: &str, label_cells: usize, value: &str, role: Role) {
        if !self.passes(label, value) {
            return;
        }
        self.begin_group();
        let (dim, style) = (self.look.style(Role::Dim), self.look.style(role));
        let cells = self.width.saturating_sub(label_cells).max(8);
        let label = Safe::from(label).into_owned();
        let padding = " ".repeat(label_cells.saturating_sub(label.width()).max(usize::from(label_cells > 0)));
        let mut lead = Strip::of(label, dim).then(padding, dim);
        for part in wrapped(value, cells) {
            self.lines.push(lead.then(part, style));
            lead = Strip::of(" ".repeat(label_cells), dim);
        }
    }

    fn begin_group(&mut self) {
        let Some(title) = self.heading.take() else { return };
        if !self.lines.is_empty() {
            self.lines.push(Strip::new());
        }
        self.lines.push(Strip::of(title, self.look.style(Role::Strong)));
    }

    fn passes(&self, label: &str, value: &str) -> bool {
        self.find.is_empty()
            || label.to_lowercase().contains(&self.find)
            || value.to_lowercase().contains(&self.find)
            || self.heading.is_some_and(|heading| heading.contains(&self.find))
    }
}

/// Text in lines of at most `cells` cells, broken where it breaks itself and else after a blank where there is one.
fn wrapped(text: &str, cells: usize) -> Vec<Safe<'static>> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let line = Safe::from(line.strip_suffix('\r').unwrap_or(line));
        let width = line.width();
        let mut from = 0;
        while from == 0 || from < width {
            if lines.len() == MOST_LINES {
                lines.push(Safe::from("… more than fits here; Y copies it all"));
                return lines;
            }
            let mut part = line.window(from, cells);
            if from + part.width() < width
                && let Some(blank) = part.as_str().rfind(' ').filter(|blank| *blank > part.as_str().len() / 2)
            {
                part = Safe::from(part.as_str().get(..=blank).unwrap_or_default().to_owned());
            }
            // A wide character alone in too narrow a pane is left out.
            from += part.width().max(1);
            lines.push(part.into_owned());
        }
    }
    lines
}

/// Draws lines scrolled down by `scroll`, and notes how much of them is seen.
pub fn draw(lines: Vec<Strip<'static>>, scroll: usize, area: Rect, seen: &mut Seen, buf: &mut Buffer) {
    seen.pane = usize::from(area.height);
    seen.scroll = lines.len().saturating_sub(seen.pane);
    for (nth, line) in (0..area.height).zip(lines.into_iter().skip(scroll.min(seen.scroll))) {
        line.draw(line_of(area, nth), buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_wraps_at_blanks_and_line_breaks() {
        let cases: [(&str, usize, &[&str]); 6] = [
            ("", 5, &[""]),
            ("short", 5, &["short"]),
            ("one two three", 8, &["one two ", "three"]),
            ("abcdefgh", 3, &["abc", "def", "gh"]),
            ("a\r\nb\n", 5, &["a", "b", ""]),
            ("漢字漢字", 5, &["漢字", "漢字"]),
        ];
        for (text, cells, expected) in cases {
            let lines = wrapped(text, cells);
            assert_eq!(lines.iter().map(Safe::as_str).collect::<Vec<_>>(), expected, "{text:?}");
        }
        assert_eq!(wrapped(&"x\n".repeat(10_000), 10).len(), MOST_LINES + 1);
    }
}
