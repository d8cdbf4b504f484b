//! What is copied.

use super::super::detail::{self, TraceSpan};
use super::super::view::View;
use super::super::{App, Dialog, Effect, Outcome, TraceView};
use crate::app::terminal::CLIPBOARD_BYTES;
use crate::call::LlmCall;

impl App {
    /// All that is told of the open call, or of the selected span of its trace; narrowed as the pane is.
    pub(super) fn copy_all(&mut self) -> Outcome {
        let lines = match &self.dialog {
            Some(Dialog::Trace(trace)) => {
                self.selected_span(trace).map(|span| detail::text(&detail::span_sections(span, self.clock.offset), ""))
            }
            _ => self.selected_call().map(|call| {
                let find = if self.is_reading() { self.find.trim().to_lowercase() } else { String::new() };
                detail::text(&detail::sections(self.facts(call, usize::MAX)), &find)
            }),
        };
        let Some(mut lines) = lines.filter(|lines| !lines.is_empty()) else { return Outcome::default() };
        let told = lines.len();
        lines.truncate(fitting(&lines));
        let of = if lines.len() < told { format!(" of {told}; a clipboard takes no more") } else { String::new() };
        self.tell(format!("copied {} lines{of}", lines.len()));
        Outcome::effect(Effect::CopyLines(lines))
    }

    pub(super) fn selected_span(&self, trace: &TraceView) -> Option<&TraceSpan> {
        self.detail_of(&trace.call)?.spans.get(*trace.cursor.key()?)
    }

    pub(super) fn copy(&mut self) -> Outcome {
        if let Some(Dialog::Trace(trace)) = &self.dialog {
            let Some(text) = self.selected_span(trace).map(|span| format!("{:016x}", span.id)) else {
                return Outcome::default();
            };
            self.tell(format!("copied {text}"));
            return Outcome::effect(Effect::Copy(text));
        }
        let text = match self.view {
            View::Calls | View::Errors => self.selected_call().map(LlmCall::request_id),
            View::Models => self.cursors.models.key().map(ToString::to_string),
            View::Routes => self.cursors.routes.key().map(ToString::to_string),
            View::Sessions => self.cursors.sessions.key().map(ToString::to_string),
        };
        let Some(text) = text else { return Outcome::default() };
        let text = self.about.secrets.in_text(&text).into_owned();
        self.tell(format!("copied {text}"));
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
