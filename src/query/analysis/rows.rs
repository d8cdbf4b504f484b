//! The rows of a table: which calls, in which order.

use std::sync::Arc;

use super::id_set::{IdSet, WORD, bit, bits};
use super::order::Sorted;
use crate::call::CallId;
use crate::collector::Snapshot;

/// Words per running count.
const BLOCK: usize = 8;

/// The rows of a table: which calls, in which order. Row 0 is on top: the newest, or the first in sort order.
/// Immutable and cheap to make: one bit per kept call, with running counts for finding the nth.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    first_word: u64,
    words: Box<[u64]>,
    /// The number of rows before each block of words.
    before: Box<[usize]>,
    len: usize,
    sorted: Option<Sorted>,
    snapshot: Arc<Snapshot>,
}

impl Rows {
    pub(super) fn new(ids: &IdSet, sorted: Option<Sorted>, snapshot: &Arc<Snapshot>) -> Self {
        let words: Box<[u64]> = ids.words.iter().copied().collect();
        let mut running = 0;
        let before = words
            .chunks(BLOCK)
            .map(|block| {
                let before = running;
                running += count(block);
                before
            })
            .collect();
        Self { first_word: ids.first_word, words, before, len: running, sorted, snapshot: Arc::clone(snapshot) }
    }

    /// The number of rows.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The call in row `n` from the top. O(log n).
    pub fn nth(&self, n: usize) -> Option<CallId> {
        match &self.sorted {
            Some(sorted) => sorted.nth(n),
            None => self.nth_oldest(self.len.checked_sub(n)?.checked_sub(1)?),
        }
    }

    /// The calls from row `n` on, for a visible slice.
    pub fn from(&self, n: usize) -> impl Iterator<Item = CallId> {
        (n..self.len).map_while(|n| self.nth(n))
    }

    /// Whether the call has a row.
    pub fn contains(&self, id: CallId) -> bool {
        let at = (id.0 / WORD).checked_sub(self.first_word).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.words.get(at)).is_some_and(|word| word & bit(id) != 0)
    }

    /// The row of a call. O(log n).
    pub fn position(&self, id: CallId) -> Option<usize> {
        if !self.contains(id) {
            return None;
        }
        match &self.sorted {
            Some(sorted) => sorted.position(self.snapshot.calls.get(id)?),
            None => Some(self.len - 1 - self.older_than(id)),
        }
    }

    /// The row of a call or, when it has none any more, of its nearest neighbour: in arrival order the next
    /// older call (the oldest one for an evicted call), in a sorted table whatever took the place of its former row.
    pub(crate) fn nearest(&self, id: CallId, former_row: usize) -> Option<usize> {
        let lowest = self.len.checked_sub(1)?;
        self.position(id).or_else(|| {
            let row = if self.sorted.is_some() { former_row } else { self.len - self.older_than(id) };
            Some(row.min(lowest))
        })
    }

    /// The number of rows whose calls are older than `id`.
    fn older_than(&self, id: CallId) -> usize {
        let Some(at) = (id.0 / WORD).checked_sub(self.first_word).and_then(|at| usize::try_from(at).ok()) else {
            return 0;
        };
        let Some(word) = self.words.get(at) else { return self.len };
        let block = at / BLOCK;
        let in_block = self.words.get(block * BLOCK..at).map_or(0, count);
        let in_word = (word & (bit(id) - 1)).count_ones() as usize;
        self.before.get(block).map_or(0, |before| before + in_block + in_word)
    }

    fn nth_oldest(&self, n: usize) -> Option<CallId> {
        let block = self.before.partition_point(|before| *before <= n).checked_sub(1)?;
        let mut left = n - self.before.get(block)?;
        for (word, nth) in self.words.iter().zip(self.first_word..).skip(block * BLOCK) {
            let here = word.count_ones() as usize;
            if left < here {
                return bits(*word).nth(left).map(|bit| CallId(nth * WORD + bit));
            }
            left -= here;
        }
        None
    }
}

fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}
