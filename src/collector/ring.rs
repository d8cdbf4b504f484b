//! The ring of kept calls: segments shared by `Arc`, exact capacity, first in first out.
//!
//! A snapshot ([`Calls`]) is a copy of the pointers. What it shares with the ring stays as it was: the ring
//! copies a segment before it changes one that a snapshot still holds.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::call::{CallId, LlmCall};

/// Calls in a segment: small enough to copy for one changed row, large enough that a million calls are
/// a thousand pointers.
const SEGMENT_CALLS: usize = 1024;

type Segment = Vec<LlmCall>;

/// The calls of one moment, oldest first. Cloning copies pointers only.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    segments: VecDeque<Arc<Segment>>,
    /// Arrival number of the first call of the first segment.
    base: u64,
    /// Arrival number of the oldest kept call.
    first: u64,
    /// Arrival number the next call will get.
    next: u64,
    /// Arrival number of the first call since all were forgotten.
    begun: u64,
    /// Rows among the kept ones that were merged into others.
    merged_away: usize,
}

impl Calls {
    /// How many calls are kept and count: rows that were merged into others are left out.
    pub fn visible(&self) -> usize {
        self.len() - self.merged_away
    }

    /// How many rows are kept, those that were merged into others included.
    pub fn len(&self) -> usize {
        usize::try_from(self.next - self.first).unwrap_or(usize::MAX)
    }

    /// Whether no row is kept.
    pub const fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// The oldest kept call's id; equals [`Calls::next_id`] when none is kept.
    pub const fn first_id(&self) -> CallId {
        CallId(self.first)
    }

    /// The id of the first call since all were last forgotten: what comes from there on may be older than what was before.
    pub const fn begun_id(&self) -> CallId {
        CallId(self.begun)
    }

    /// The id that the next call will get: also the number of calls since start.
    pub const fn next_id(&self) -> CallId {
        CallId(self.next)
    }

    /// The call with this id, unless it was evicted or has not arrived.
    pub fn get(&self, id: CallId) -> Option<&LlmCall> {
        if id.0 < self.first || id.0 >= self.next {
            return None;
        }
        let at = usize::try_from(id.0 - self.base).ok()?;
        self.segments.get(at / SEGMENT_CALLS)?.get(at % SEGMENT_CALLS)
    }

    /// All kept calls from `id` on, in arrival order; rows that were merged into others included.
    pub fn since(&self, id: CallId) -> impl DoubleEndedIterator<Item = &LlmCall> {
        let start = id.0.clamp(self.first, self.next);
        let skip = usize::try_from(start - self.base).unwrap_or(usize::MAX);
        let skip_in_segment = skip % SEGMENT_CALLS;
        self.segments.range((skip / SEGMENT_CALLS).min(self.segments.len())..).enumerate().flat_map(
            move |(nth, segment)| segment.get(if nth == 0 { skip_in_segment } else { 0 }..).unwrap_or_default(),
        )
    }

    /// All kept calls in arrival order, oldest first; rows that were merged into others included.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &LlmCall> {
        self.since(self.first_id())
    }

    /// Calls that both `self` and the older `before` keep and that changed in between, as (before, now).
    /// Segments that are still shared are skipped by pointer, so the cost follows what changed.
    pub fn revised_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (&'a LlmCall, &'a LlmCall)> {
        self.segments
            .iter()
            .filter(move |segment| {
                segment
                    .first()
                    .and_then(|call| before.segment_of(call.id()))
                    .is_some_and(|old| !Arc::ptr_eq(old, segment))
            })
            .flat_map(|segment| segment.iter())
            .filter_map(move |call| {
                let old = before.get(call.id())?;
                (call.id().0 >= self.first && old.revision() != call.revision()).then_some((old, call))
            })
    }

    fn segment_of(&self, id: CallId) -> Option<&Arc<Segment>> {
        let at = usize::try_from(id.0.checked_sub(self.base)?).ok()?;
        self.segments.get(at / SEGMENT_CALLS)
    }
}

/// The owner's side of [`Calls`].
#[derive(Debug)]
pub struct Ring {
    calls: Calls,
    capacity: usize,
}

impl Ring {
    /// A ring that keeps at most `capacity` calls (at least one).
    pub fn new(capacity: usize) -> Self {
        Self { calls: Calls::default(), capacity: capacity.max(1) }
    }

    /// Adds a call as the newest, evicting the oldest when full. Returns its id.
    pub fn push(&mut self, call: LlmCall) -> CallId {
        let id = CallId(self.calls.next);
        let segments = &mut self.calls.segments;
        if segments.back().is_none_or(|open| open.len() >= SEGMENT_CALLS) {
            segments.push_back(Arc::new(new_segment(self.capacity)));
        }
        self.calls.merged_away += usize::from(call.is_merged_away());
        if let Some(open) = segments.back_mut().map(Arc::make_mut) {
            open.push(call);
            if let Some(call) = open.last_mut() {
                call.place(id, 1);
            }
        }
        self.calls.next += 1;
        self.evict();
        id
    }

    /// Puts `call` in the place of the kept call `id`, with the next revision. False when it is gone.
    pub fn replace(&mut self, id: CallId, mut call: LlmCall) -> bool {
        let Some(old) = self.calls.get(id) else { return false };
        let was_merged_away = usize::from(old.is_merged_away());
        call.place(id, old.revision().saturating_add(1));
        self.calls.merged_away = self.calls.merged_away - was_merged_away + usize::from(call.is_merged_away());
        self.slot(id).map(|slot| *slot = call).is_some()
    }

    /// Forgets all calls; numbering goes on.
    pub fn clear(&mut self) {
        let next = self.calls.next;
        self.calls = Calls { base: next, first: next, next, begun: next, ..Calls::default() };
    }

    /// The calls as they are now.
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The most calls kept at once.
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets the calls before `id`, which is the next one's if it has not arrived.
    pub fn forget_before(&mut self, id: CallId) {
        if id.0 >= self.calls.next {
            self.calls = Calls { base: id.0, first: id.0, next: id.0, begun: id.0, ..Calls::default() };
        }
        self.evict_before(id.0);
    }

    /// Takes over a call of another ring as it stands there, with its id and revision: as the newest, or in the place of the
    /// kept one. Calls that are no longer kept are passed over. False when calls before it are missing.
    pub fn take_over(&mut self, call: LlmCall) -> bool {
        let (id, revision) = (call.id(), call.revision());
        if id.0 > self.calls.next {
            return false;
        }
        if id.0 == self.calls.next {
            self.push(call);
        } else {
            self.replace(id, call);
        }
        if let Some(slot) = self.slot(id) {
            slot.place(id, revision);
        }
        true
    }

    /// Where the call with this id stands, to be changed.
    fn slot(&mut self, id: CallId) -> Option<&mut LlmCall> {
        let at = usize::try_from(id.0.checked_sub(self.calls.base)?).ok()?;
        let segment = self.calls.segments.get_mut(at / SEGMENT_CALLS)?;
        Arc::make_mut(segment).get_mut(at % SEGMENT_CALLS)
    }

    fn evict(&mut self) {
        self.evict_before(self.calls.next.saturating_sub(self.capacity as u64));
    }

    fn evict_before(&mut self, first: u64) {
        let calls = &mut self.calls;
        let first = first.max(calls.first);
        // Evicted calls are out of the processor's cache: they are read only if some of them are merged away.
        if calls.merged_away > 0 {
            let leaving = calls.iter().take_while(|call| call.id().0 < first);
            calls.merged_away -= leaving.filter(|call| call.is_merged_away()).count();
        }
        calls.first = first;
        while calls.first - calls.base >= SEGMENT_CALLS as u64 {
            calls.segments.pop_front();
            calls.base += SEGMENT_CALLS as u64;
        }
    }
}

/// A small ring does not reserve a whole segment.
fn new_segment(capacity: usize) -> Segment {
    Vec::with_capacity(capacity.min(SEGMENT_CALLS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Names};
    use proptest::prelude::*;

    fn call(ttft: u64) -> LlmCall {
        let draft = CallFacts { ttft_ms: Some(ttft as f64), ..CallFacts::default() };
        LlmCall::from_facts(&draft, &mut Names::default(), 0)
    }

    fn kept(calls: &Calls) -> Vec<u64> {
        calls.iter().map(|call| call.id().0).collect()
    }

    proptest! {
        #[test]
        fn keeps_exactly_the_newest(capacity in 1_usize..3000, pushes in 0_u64..5000) {
            let mut ring = Ring::new(capacity);
            for nth in 0..pushes {
                prop_assert_eq!(ring.push(call(nth)), CallId(nth));
            }
            let oldest = pushes.saturating_sub(capacity as u64);
            prop_assert_eq!(kept(ring.calls()), (oldest..pushes).collect::<Vec<_>>());
            prop_assert_eq!(ring.calls().len() as u64, pushes - oldest);
            prop_assert!(ring.calls().iter().rev().map(|call| call.id().0).eq((oldest..pushes).rev()));
            for nth in 0..pushes {
                let found = ring.calls().get(CallId(nth)).and_then(LlmCall::ttft_ms);
                prop_assert_eq!(found, (nth >= oldest).then_some(nth as f64));
            }
            let middle = oldest + (pushes - oldest) / 2;
            prop_assert!(ring.calls().since(CallId(middle)).map(|call| call.id().0).eq(middle..pushes));
        }
    }

    proptest! {
        #[test]
        fn rows_that_were_merged_away_do_not_count(
            capacity in 1_usize..2500,
            steps in prop::collection::vec((0_u64..1500, prop::collection::vec((0_u64..3000, any::<bool>()), 0..9)), 1..5),
        ) {
            let mut ring = Ring::new(capacity);
            for (pushes, replaced) in steps {
                for nth in 0..pushes {
                    ring.push(call(nth));
                }
                for (id, is_merged_away) in replaced {
                    let mut call = call(0);
                    if is_merged_away {
                        call.mark_merged();
                    }
                    ring.replace(CallId(id), call);
                }
                let visible = ring.calls().iter().filter(|call| !call.is_merged_away()).count();
                prop_assert_eq!(ring.calls().visible(), visible);
            }
        }
    }

    #[test]
    fn a_snapshot_stays_as_it_was() {
        let mut ring = Ring::new(2000);
        (0..1500).for_each(|nth| {
            ring.push(call(nth));
        });
        let before = ring.calls().clone();
        assert!(ring.replace(CallId(3), call(77)));
        (0..1500).for_each(|nth| {
            ring.push(call(nth));
        });
        assert_eq!(before.get(CallId(3)).and_then(LlmCall::ttft_ms), Some(3.0));
        assert_eq!(kept(&before).len(), 1500);
        assert!(!ring.replace(CallId(3), call(0)), "evicted calls cannot come back");
    }

    #[test]
    fn revisions_are_found_and_evicted_ones_are_not() {
        let mut ring = Ring::new(3000);
        (0..2500).for_each(|nth| {
            ring.push(call(nth));
        });
        let before = ring.calls().clone();
        assert_eq!(ring.calls().revised_since(&before).count(), 0);
        for id in [5, 1400, 2499] {
            assert!(ring.replace(CallId(id), call(0)));
        }
        (0..600).for_each(|nth| {
            ring.push(call(nth));
        });
        let now = ring.calls().clone();
        let revised: Vec<_> =
            now.revised_since(&before).map(|(old, new)| (old.revision(), new.id().0, new.revision())).collect();
        assert_eq!(revised, [(1, 1400, 2), (1, 2499, 2)]);
    }

    proptest! {
        #[test]
        fn a_copy_that_takes_over_what_changed_is_the_same(
            capacity in 1_usize..2500,
            steps in prop::collection::vec((0_u64..1500, prop::collection::vec(0_u64..4000, 0..4)), 1..6),
        ) {
            let (mut ring, mut copy) = (Ring::new(capacity), Ring::new(capacity));
            let mut before = Calls::default();
            for (pushes, revised) in steps {
                for nth in 0..pushes {
                    ring.push(call(nth));
                }
                for id in revised {
                    ring.replace(CallId(id), call(id + 1));
                }
                let now = ring.calls().clone();
                copy.forget_before(now.first_id());
                let lacking = now.revised_since(&before).map(|(_, call)| call).chain(now.since(before.next_id()));
                for call in lacking {
                    prop_assert!(copy.take_over(call.clone()));
                }
                let rows = |calls: &Calls| -> Vec<_> {
                    calls.iter().map(|call| (call.id(), call.revision(), call.ttft_ms())).collect()
                };
                prop_assert_eq!(rows(copy.calls()), rows(&now));
                prop_assert_eq!(copy.calls().first_id(), now.first_id());
                prop_assert_eq!(copy.calls().next_id(), now.next_id());
                before = now;
            }
        }
    }

    #[test]
    fn a_copy_may_begin_anywhere_and_lacks_nothing_in_between() {
        let placed = |id, revision| {
            let mut call = call(id);
            call.place(CallId(id), revision);
            call
        };
        let mut copy = Ring::new(10);
        copy.forget_before(CallId(5000));
        assert!(copy.take_over(placed(5000, 3)));
        assert!(!copy.take_over(placed(5002, 1)), "5001 is missing");
        assert!(copy.take_over(placed(4999, 1)), "no longer kept");
        assert_eq!(kept(copy.calls()), [5000]);
        assert_eq!(copy.calls().get(CallId(5000)).map(LlmCall::revision), Some(3));
        copy.forget_before(CallId(7000));
        assert!(copy.calls().is_empty());
        assert_eq!(copy.calls().next_id(), CallId(7000));
    }

    #[test]
    fn clearing_forgets_calls_but_not_numbers() {
        let mut ring = Ring::new(10);
        ring.push(call(0));
        ring.clear();
        assert!(ring.calls().is_empty());
        assert_eq!(ring.push(call(1)), CallId(1));
        assert_eq!(kept(ring.calls()), [1]);
    }
}
