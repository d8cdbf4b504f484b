//! The paused view.

use std::sync::Arc;

use crate::collector::Snapshot;

/// The snapshot shown while the view is paused.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The calls of that moment.
    pub snapshot: Arc<Snapshot>,
    /// When it was, ns since the epoch: windows end there.
    pub unix_nano: i64,
}
