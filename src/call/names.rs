//! Interned text: every name is kept once, counted by reference, and leaves the table when the last
//! call that used it is gone.

use std::hash::BuildHasher;
use std::sync::Arc;

use arcstr::ArcStr;
use hashbrown::HashTable;

use super::{Convention, InputCount};

/// An interned string: one pointer, cheap to clone, shared by all calls that say the same.
pub type Name = ArcStr;

/// What few calls tell apart, interned as one piece so that a kept call pays one pointer for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Labels {
    /// How the call was recognised.
    pub convention: Convention,
    /// Whether the input count contains cached tokens.
    pub input_count: InputCount,
    /// The model that answered; empty when no span told.
    pub model: Name,
    /// The provider as emitted, not yet defaulted.
    pub provider: Option<Name>,
    /// The model the client asked for.
    pub request_model: Option<Name>,
    /// The real upstream model where the emitter tells it apart.
    pub upstream_model: Option<Name>,
    /// Plano's route.
    pub route_name: Option<Name>,
    /// `routing.strategy`.
    pub routing_strategy: Option<Name>,
    /// `routing.selection_reason`.
    pub routing_reason: Option<Name>,
    /// `chat`, `embeddings`, …
    pub operation: Option<Name>,
    /// Class of the error.
    pub error_type: Option<Name>,
    /// Finish reasons, joined by `,`.
    pub finish_reasons: Option<Name>,
    /// Service tier billed.
    pub service_tier: Option<Name>,
    /// Resource `service.name`.
    pub service_name: Option<Name>,
}

/// A table of shared values that forgets those only it still holds.
#[derive(Debug)]
struct Interned<T> {
    table: HashTable<T>,
    hasher: foldhash::fast::RandomState,
    sweep_at: usize,
}

/// Below this size a sweep is not worth its walk.
const SMALLEST_SWEEP: usize = 1024;

impl<T> Interned<T> {
    fn new() -> Self {
        Self { table: HashTable::new(), hasher: foldhash::fast::RandomState::default(), sweep_at: SMALLEST_SWEEP }
    }

    /// Drops what only the table holds once it has doubled since the last sweep: amortised O(1) an insert.
    fn sweep_if_due(&mut self, is_shared: impl Fn(&T) -> bool, rehash: impl Fn(&T) -> u64) {
        if self.table.len() < self.sweep_at {
            return;
        }
        self.table.retain(|entry| is_shared(entry));
        self.sweep_at = (self.table.len() * 2).max(SMALLEST_SWEEP);
        self.table.shrink_to(self.sweep_at, rehash);
    }
}

/// The intern tables of one collector.
#[derive(Debug)]
pub struct Names {
    strings: Interned<Name>,
    labels: Interned<Arc<Labels>>,
}

impl Default for Names {
    fn default() -> Self {
        Self { strings: Interned::new(), labels: Interned::new() }
    }
}

impl Names {
    /// The shared copy of `text`.
    pub fn intern(&mut self, text: &str) -> Name {
        let Interned { table, hasher, .. } = &mut self.strings;
        let hash = hasher.hash_one(text);
        if let Some(name) = table.find(hash, |name| name.as_str() == text) {
            return name.clone();
        }
        let name = Name::from(text);
        table.insert_unique(hash, name.clone(), |entry| hasher.hash_one(entry.as_str()));
        let hasher = hasher.clone();
        self.strings.sweep_if_due(
            |name| ArcStr::strong_count(name).is_none_or(|count| count > 1),
            |name| hasher.hash_one(name.as_str()),
        );
        name
    }

    /// The shared copy of `labels`.
    pub fn intern_labels(&mut self, labels: Labels) -> Arc<Labels> {
        let Interned { table, hasher, .. } = &mut self.labels;
        let hash = hasher.hash_one(&labels);
        if let Some(shared) = table.find(hash, |shared| **shared == labels) {
            return Arc::clone(shared);
        }
        let shared = Arc::new(labels);
        table.insert_unique(hash, Arc::clone(&shared), |entry| hasher.hash_one(&**entry));
        let hasher = hasher.clone();
        self.labels.sweep_if_due(|shared| Arc::strong_count(shared) > 1, |shared| hasher.hash_one(&**shared));
        shared
    }

    /// How many distinct strings the table holds, those not yet swept included.
    pub fn len(&self) -> usize {
        self.strings.table.len()
    }

    /// Whether the table holds no string.
    pub fn is_empty(&self) -> bool {
        self.strings.table.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_text_is_one_allocation() {
        let mut names = Names::default();
        let first = names.intern("gpt-4o");
        let second = names.intern("gpt-4o");
        assert!(ArcStr::ptr_eq(&first, &second));
    }

    #[test]
    fn names_that_are_gone_leave_the_table() {
        let mut names = Names::default();
        let kept = names.intern("kept");
        for session in 0..100_000 {
            names.intern(&format!("session-{session}"));
            names.intern_labels(Labels { model: Name::from(format!("model-{session}")), ..Labels::default() });
        }
        assert!(names.len() <= 2 * SMALLEST_SWEEP, "{} names left", names.len());
        assert!(names.labels.table.len() <= 2 * SMALLEST_SWEEP);
        assert!(ArcStr::ptr_eq(&kept, &names.intern("kept")));
    }
}
