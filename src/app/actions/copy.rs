//! What is copied.

use super::super::detail::{self, TraceSpan};
use super::super::{App, Effect, Outcome};
use crate::app::terminal::CLIPBOARD_BYTES;
use crate::text::format::plural;

impl App {
    /// All lines of the open call, or of the selected span of its trace; narrowed as the pane is.
    pub(super) fn copy_all(&mut self) -> Outcome {
        let lines = if self.views.current().traced_call().is_some() {
            self.selected_span().map(|span| detail::text(&detail::span_sections(span, self.clock.zone), ""))
        } else {
            self.selected_call().map(|call| {
                let find = if self.is_reading() { self.find.trim().to_lowercase() } else { String::new() };
                detail::text(&detail::sections(self.facts(call, usize::MAX)), &find)
            })
        };
        let Some(mut lines) = lines.filter(|lines| !lines.is_empty()) else { return Outcome::default() };
        let all = lines.len();
        lines.truncate(fitting(&lines));
        let of = if lines.len() < all { format!(" of {all}: the clipboard limit") } else { String::new() };
        self.notify(format!("copied {}{of}", plural(lines.len(), "line")));
        Outcome::effect(Effect::CopyLines(lines))
    }

    fn selected_span(&self) -> Option<&TraceSpan> {
        let view = self.views.current();
        view.selected_span(self.detail_of(view.traced_call()?)?)
    }

    pub(super) fn copy(&mut self) -> Outcome {
        let text = match self.selected_span() {
            Some(span) => Some(format!("{:016x}", span.id)),
            None => self.views.current().copied(&self.picture),
        };
        let Some(text) = text else { return Outcome::default() };
        let text = self.about.secrets.in_text(&text).into_owned();
        self.notify(format!("copied {text}"));
        Outcome::effect(Effect::Copy(text))
    }
}

/// How many of the lines a clipboard takes, at least the first, which is cut.
fn fitting(lines: &[String]) -> usize {
    let sizes = lines.iter().scan(0, |size: &mut usize, line| {
        *size += line.len() + 1;
        Some(*size)
    });
    sizes.take_while(|size| *size <= CLIPBOARD_BYTES).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clipboard_takes_whole_lines() {
        let line = "x".repeat(CLIPBOARD_BYTES / 4 - 1);
        assert_eq!(fitting(&[line.clone(), line.clone()]), 2);
        assert_eq!(fitting(&vec![line; 9]), 4);
        assert_eq!(fitting(&["x".repeat(CLIPBOARD_BYTES + 1)]), 1);
    }
}
