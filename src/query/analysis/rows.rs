//! Which calls are shown, as a set of arrival numbers, and the rows of the table made from it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::order::Sorted;
use crate::call::CallId;
use crate::collector::Snapshot;

const WORD: u64 = u64::BITS as u64;
/// Words for which one running count is kept.
const BLOCK: usize = 8;

/// A set of call ids that grows at the new end and shrinks at the old one: one bit a call.
#[derive(Clone, Debug, Default)]
pub(super) struct IdSet {
    /// Number of the first word: ids from `first_word * 64` on.
    first_word: u64,
    words: VecDeque<u64>,
    len: usize,
}

impl IdSet {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains(&self, id: CallId) -> bool {
        let word = (id.0 / WORD).checked_sub(self.first_word).and_then(|at| self.words.get(usize::try_from(at).ok()?));
        word.is_some_and(|word| word & bit(id) != 0)
    }

    /// False when it was in the set already.
    pub(super) fn insert(&mut self, id: CallId) -> bool {
        self.make_room(id);
        let is_new = self.word_mut(id).is_some_and(|word| {
            let is_new = *word & bit(id) == 0;
            *word |= bit(id);
            is_new
        });
        self.len += usize::from(is_new);
        is_new
    }

    /// False when it was not in the set.
    pub(super) fn remove(&mut self, id: CallId) -> bool {
        let was_in = self.word_mut(id).is_some_and(|word| {
            let was_in = *word & bit(id) != 0;
            *word &= !bit(id);
            was_in
        });
        self.len -= usize::from(was_in);
        was_in
    }

    /// Gives back the memory of ids before `first`, none of which may be in the set any more.
    pub(super) fn trim(&mut self, first: CallId) {
        while self.first_word < first.0 / WORD && self.words.pop_front().is_some() {
            self.first_word += 1;
        }
    }

    /// The ids, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = CallId> {
        self.words
            .iter()
            .zip(self.first_word..)
            .flat_map(|(&word, nth)| bits(word).map(move |bit| CallId(nth * WORD + bit)))
    }

    pub(super) fn newest(&self) -> Option<CallId> {
        let (at, word) = self.words.iter().enumerate().rev().find(|(_, word)| **word != 0)?;
        Some(CallId((self.first_word + at as u64) * WORD + u64::from(word.ilog2())))
    }

    fn make_room(&mut self, id: CallId) {
        let wanted = id.0 / WORD;
        if self.words.is_empty() {
            self.first_word = wanted;
        }
        while wanted < self.first_word {
            self.words.push_front(0);
            self.first_word -= 1;
        }
        while wanted >= self.first_word + self.words.len() as u64 {
            self.words.push_back(0);
        }
    }

    fn word_mut(&mut self, id: CallId) -> Option<&mut u64> {
        let at = (id.0 / WORD).checked_sub(self.first_word)?;
        self.words.get_mut(usize::try_from(at).ok()?)
    }
}

const fn bit(id: CallId) -> u64 {
    1 << (id.0 % WORD)
}

/// The set bits of a word, lowest first.
fn bits(mut word: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| u64::from(word.trailing_zeros()))?;
        word &= word - 1;
        Some(bit)
    })
}

/// The rows of a table: which calls, in which order. Row 0 is on top: the newest, or the first in sort order.
/// Immutable, and cheap to make: a bit a kept call, with running counts for finding the nth.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    first_word: u64,
    words: Box<[u64]>,
    /// How many rows stand before each block of words.
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

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
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
    pub fn nearest(&self, id: CallId, former_row: usize) -> Option<usize> {
        let lowest = self.len.checked_sub(1)?;
        self.position(id).or_else(|| {
            let row = if self.sorted.is_some() { former_row } else { self.len - self.older_than(id) };
            Some(row.min(lowest))
        })
    }

    /// How many rows' calls are older than `id`.
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
