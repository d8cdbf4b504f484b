//! The intern tables, which ingest fills and the store reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::Names;

/// Clones share the tables. Never locked while drawing.
#[derive(Clone, Debug, Default)]
pub struct SharedNames(Arc<Mutex<Names>>);

impl SharedNames {
    /// A panic while interning leaves at worst an unused name in the tables, so poisoning is ignored.
    pub fn lock(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
