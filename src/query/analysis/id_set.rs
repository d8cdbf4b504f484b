//! Sets of calls, by arrival number.

use std::collections::VecDeque;

use crate::call::CallId;

/// Ids per word.
pub(super) const WORD: u64 = u64::BITS as u64;

/// A set of call ids that grows at the new end and shrinks at the old one: one bit per call.
#[derive(Clone, Debug, Default)]
pub(super) struct IdSet {
    /// Number of the first word: ids from `first_word * 64` on.
    pub(super) first_word: u64,
    pub(super) words: VecDeque<u64>,
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

    /// Returns whether it was not in the set yet.
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

    /// Returns whether it was in the set.
    pub(super) fn remove(&mut self, id: CallId) -> bool {
        let was_in = self.word_mut(id).is_some_and(|word| {
            let was_in = *word & bit(id) != 0;
            *word &= !bit(id);
            was_in
        });
        self.len -= usize::from(was_in);
        was_in
    }

    /// Releases the memory of ids before `first`, none of which may be in the set.
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

pub(super) const fn bit(id: CallId) -> u64 {
    1 << (id.0 % WORD)
}

/// The set bits of a word, lowest first.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| u64::from(word.trailing_zeros()))?;
        word &= word - 1;
        Some(bit)
    })
}
