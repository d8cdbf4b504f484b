//! Short notices on the last line.

/// A line for the user that goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What to tell.
    pub text: String,
    /// When it goes, ns since the epoch.
    pub until_unix_nano: i64,
}

/// How long a note stays.
pub(super) const NOTE_NANOS: i64 = 5_000_000_000;
