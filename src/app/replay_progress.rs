//! The last reported progress of the replay.

use crate::sources::replay::Progress;

/// A replay under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayProgress {
    /// The last reported progress.
    pub progress: Progress,
    /// Commands given so far.
    pub(super) given: u64,
    /// Broken entries already reported to the user; seeking back does not reset it.
    pub(super) reported_broken: u64,
}
