//! From a trace's id to its number, for the newest so many numbers.
//!
//! Numbers are never taken out one by one, which would touch memory that has long left the processor's cache. They are
//! learnt into a table, and once that is full, it replaces the one that was full before it, whose traces are all forgotten.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::node::TraceId;

/// Two tables of numbers, four bytes each.
#[derive(Debug)]
pub(super) struct Index {
    young: HashTable<u32>,
    old: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    limit: usize,
}

impl Index {
    /// Finds at least the newest `limit` numbers. Each table has room for all it will hold, so that it never moves.
    pub(super) fn new(limit: usize) -> Self {
        let table = || HashTable::with_capacity(limit);
        Self { young: table(), old: table(), hasher: foldhash::fast::RandomState::default(), limit }
    }

    /// Learns that the trace has this number.
    pub(super) fn learn(&mut self, trace: &TraceId, number: u32) {
        if self.young.len() >= self.limit {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        // Nothing has to be hashed anew: there is room.
        self.young.insert_unique(self.hasher.hash_one(trace), number, |_| 0);
    }

    /// The number of a trace, `is_it` telling whether a number is that of the trace, and not of one with a like hash or one
    /// that was forgotten.
    pub(super) fn find(&self, trace: &TraceId, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hasher.hash_one(trace);
        let find = |table: &HashTable<u32>| table.find(hash, |&number| is_it(number)).copied();
        find(&self.young).or_else(|| find(&self.old))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(nth: u32) -> TraceId {
        u128::from(nth).to_be_bytes()
    }

    #[test]
    fn the_newest_numbers_are_found_and_a_trace_by_its_newest() {
        let mut index = Index::new(8);
        for nth in 0..100_u32 {
            index.learn(&trace(nth % 50), nth);
            for newest in nth.saturating_sub(7)..=nth {
                let is_it = |number| number + 8 > nth && number % 50 == newest % 50;
                assert_eq!(index.find(&trace(newest % 50), is_it), Some(newest));
            }
        }
        assert_eq!(index.find(&trace(49), |_| false), None, "what was forgotten is not found");
        assert_eq!(index.find(&trace(50), |number| number == 50), None, "nor what was never learnt");
    }

    #[test]
    fn tables_never_grow() {
        let mut index = Index::new(1000);
        let room = index.young.capacity();
        for nth in 0..10_000 {
            index.learn(&trace(nth), nth);
        }
        assert_eq!((index.young.capacity(), index.old.capacity()), (room, room));
    }
}
