//! Short notices on the last line.

/// A notice that disappears by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Unsanitised text.
    pub text: String,
    /// When it disappears, ns since the epoch.
    pub until_unix_nano: i64,
}

/// How long a note is shown.
pub(super) const NOTE_NANOS: i64 = 5_000_000_000;
