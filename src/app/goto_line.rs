//! The line on which a time to seek to is written.

use super::line_edit::LineEdit;

/// A time being written, to go to.
#[derive(Clone, Debug, Default)]
pub struct GoToLine {
    pub input: LineEdit,
    /// Why it is no time to go to, once that was tried.
    pub error: Option<&'static str>,
}
