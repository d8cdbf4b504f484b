//! Errors in filter expressions, with their place and a hint.

use std::ops::Range;

use thiserror::Error;
use unicode_width::UnicodeWidthStr as _;

use crate::text::clean;

/// An error in a filter expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct FilterError {
    /// Its place: bytes of the text, at character boundaries. Empty where something is missing.
    pub span: Range<usize>,
    /// User text in it is escaped and shortened.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl FilterError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    /// The error as plain text: the message, the expression with the place marked, and the hint.
    pub fn explain(&self, text: &str) -> String {
        let part = |range| clean(text.get(range).unwrap_or_default());
        let (before, marked) = (part(0..self.span.start), part(self.span.clone()));
        let after = part(self.span.end..text.len());
        let indent = " ".repeat(before.width());
        let carets = "^".repeat(marked.width().max(1));
        let hint = self.hint.as_ref().map(|hint| format!("\n{hint}")).unwrap_or_default();
        format!("{self}\n  {before}{marked}{after}\n  {indent}{carets}{hint}")
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The most characters of user text in a message.
const LONGEST_QUOTE: usize = 40;

/// User text for a message: one shortened line without control or bidi characters.
pub(super) fn quote(text: &str) -> String {
    let mut shown: String =
        text.chars().take(LONGEST_QUOTE).flat_map(char::escape_debug).collect::<String>().replace("\\\"", "\"");
    if text.chars().nth(LONGEST_QUOTE).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::quote;
    use crate::query::filter::Filter;

    #[test]
    fn the_place_of_a_mistake_is_marked() {
        for (text, explained) in [
            ("模型 modle:x gpt", "unknown field `modle`\n  模型 modle:x gpt\n       ^^^^^\ndid you mean model:?"),
            (
                "gpt model:",
                "model: missing value\n  gpt model:\n            ^\nwrite it without spaces: model:gpt-5*,claude-*",
            ),
            ("a\u{1b}\n \"b", "unclosed quote\n  a␛␊ \"b\n      ^^"),
        ] {
            assert_eq!(Filter::parse(text).unwrap_err().explain(text), explained);
        }
    }

    #[test]
    fn quoted_text_is_tame() {
        assert_eq!(quote("a\u{1b}[31m\u{202e}b\n"), "`a\\u{1b}[31m\\u{202e}b\\n`");
        assert_eq!(quote(&"é".repeat(41)), format!("`{}…`", "é".repeat(40)));
        assert_eq!(quote("\"a b\""), "`\"a b\"`");
    }
}
