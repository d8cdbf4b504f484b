//! What is wrong with an expression, where, and what to write instead.

use std::ops::Range;

use thiserror::Error;

/// A mistake in a filter expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct FilterError {
    /// Where the mistake stands: bytes of the text, at character boundaries. Empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong. User text in it is escaped and shortened.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl FilterError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The most characters of user text that a message repeats.
const LONGEST_QUOTE: usize = 40;

/// User text for a message: one line, no control or bidi characters, not too long.
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

    #[test]
    fn quoted_text_is_tame() {
        assert_eq!(quote("a\u{1b}[31m\u{202e}b\n"), "`a\\u{1b}[31m\\u{202e}b\\n`");
        assert_eq!(quote(&"é".repeat(41)), format!("`{}…`", "é".repeat(40)));
        assert_eq!(quote("\"a b\""), "`\"a b\"`");
    }
}
