//! Sorted tables: keys are extracted once, packed into integers, and stay sorted as calls arrive and leave.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashMap;

use super::id_set::IdSet;
use crate::call::{CallId, LlmCall};
use crate::collector::Calls;
use crate::query::column::{Column, Direction, SortKey};

/// The rank of an unknown value: last in both directions.
const ABSENT: u64 = u64::MAX;

/// The position of a row: by rank, then newest first, as in the unsorted table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SortedRow {
    rank: u64,
    inverted_id: u64,
}

impl SortedRow {
    const fn new(rank: u64, id: CallId) -> Self {
        Self { rank, inverted_id: !id.0 }
    }

    const fn id(self) -> CallId {
        CallId(!self.inverted_id)
    }
}

/// Turns a call's key into a rank. Text is ranked by its place among the distinct texts of the column.
#[derive(Clone, Debug)]
struct Ranking {
    column: Column,
    direction: Direction,
    texts: Arc<[Box<str>]>,
}

impl Ranking {
    /// `None` for a text that has no rank yet.
    fn rank(&self, call: &LlmCall) -> Option<u64> {
        let ascending = match self.column.key(call) {
            SortKey::Text(text) => self.texts.binary_search_by(|known| (**known).cmp(&*text)).ok()? as u64,
            key => number_rank(&key),
        };
        Some(directed(ascending, self.direction))
    }
}

/// An integer that orders as the key does; below [`ABSENT`] for known values.
fn number_rank(key: &SortKey<'_>) -> u64 {
    const SIGN: u64 = 1 << 63;
    let rank = match key {
        SortKey::Count(count) => *count,
        SortKey::Instant(nanos) => nanos.cast_unsigned() ^ SIGN,
        SortKey::Number(number) => {
            // Adding zero makes negative zero positive, so that the two tie.
            let bits = (number + 0.0).to_bits();
            if bits & SIGN == 0 { bits | SIGN } else { !bits }
        }
        SortKey::Text(_) | SortKey::Absent => return ABSENT,
    };
    rank.min(ABSENT - 1)
}

const fn directed(ascending: u64, direction: Direction) -> u64 {
    match direction {
        Direction::Descending if ascending != ABSENT => ABSENT - 1 - ascending,
        Direction::Ascending | Direction::Descending => ascending,
    }
}

/// The rows of a table in sort order.
#[derive(Clone, Debug)]
pub(super) struct Sorted {
    ranking: Ranking,
    entries: Arc<Vec<SortedRow>>,
}

impl Sorted {
    /// Sorts the calls of the set.
    pub(super) fn new((column, direction): &(Column, Direction), ids: &IdSet, calls: &Calls) -> Self {
        let mut texts: HashMap<Cow<'_, str>, u64, foldhash::fast::RandomState> = HashMap::default();
        let mut entries: Vec<_> = ids
            .iter()
            .filter_map(|id| calls.get(id))
            .map(|call| {
                let rank = match column.key(call) {
                    SortKey::Text(text) => {
                        let next = texts.len() as u64;
                        *texts.entry(text).or_insert(next)
                    }
                    key => directed(number_rank(&key), *direction),
                };
                SortedRow::new(rank, call.id())
            })
            .collect();
        let texts = rank_texts(texts, &mut entries, *direction);
        entries.sort_unstable();
        Self { ranking: Ranking { column: column.clone(), direction: *direction, texts }, entries: Arc::new(entries) }
    }

    /// Whether it is sorted this way.
    pub(super) fn is_by(&self, sort: &(Column, Direction)) -> bool {
        self.ranking.column == sort.0 && self.ranking.direction == sort.1
    }

    /// The same order over the set as it is now, of which `touched` are new or changed.
    pub(super) fn updated(&self, ids: &IdSet, touched: &IdSet, calls: &Calls) -> Self {
        let fresh: Option<Vec<_>> = touched
            .iter()
            .filter(|id| ids.contains(*id))
            .filter_map(|id| calls.get(id))
            .map(|call| Some(SortedRow::new(self.ranking.rank(call)?, call.id())))
            .collect();
        let Some(fresh) = fresh else {
            return Self::new(&(self.ranking.column.clone(), self.ranking.direction), ids, calls);
        };
        let stays = |entry: &&SortedRow| ids.contains(entry.id()) && !touched.contains(entry.id());
        let mut entries = Vec::with_capacity(ids.len());
        entries.extend(self.entries.iter().filter(stays));
        entries.extend(fresh);
        // The stable sort finds the sorted run and only merges.
        entries.sort();
        Self { ranking: self.ranking.clone(), entries: Arc::new(entries) }
    }

    pub(super) fn nth(&self, n: usize) -> Option<CallId> {
        self.entries.get(n).map(|entry| entry.id())
    }

    pub(super) fn position(&self, call: &LlmCall) -> Option<usize> {
        self.entries.binary_search(&SortedRow::new(self.ranking.rank(call)?, call.id())).ok()
    }
}

/// Replaces provisional numbers of texts by their alphabetical ranks. Without texts, ranks are final already.
fn rank_texts(
    texts: HashMap<Cow<'_, str>, u64, foldhash::fast::RandomState>,
    entries: &mut [SortedRow],
    direction: Direction,
) -> Arc<[Box<str>]> {
    let mut sorted: Vec<_> = texts.into_iter().collect();
    sorted.sort_unstable();
    let mut ranks = vec![ABSENT; sorted.len()];
    for ((_, provisional), rank) in sorted.iter().zip(0..) {
        if let Some(slot) = usize::try_from(*provisional).ok().and_then(|at| ranks.get_mut(at)) {
            *slot = directed(rank, direction);
        }
    }
    if !ranks.is_empty() {
        for entry in entries {
            let rank = usize::try_from(entry.rank).ok().and_then(|at| ranks.get(at));
            entry.rank = rank.copied().unwrap_or(ABSENT);
        }
    }
    sorted.into_iter().map(|(text, _)| Box::from(&*text)).collect()
}
