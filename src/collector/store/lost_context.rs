//! One call in two traces without a shared id (SEMCONV.md 4.4): an SDK that traces itself, below a framework that lost the
//! context on the way. Of one service, asked for one model, one within the other in time, with the same output or both failed.

use std::collections::VecDeque;
use std::hash::BuildHasher as _;

use hashbrown::HashMap;

use super::cross_trace_dedup::{KnownRow, response_id};
use crate::call::{CallId, Convention, LlmCall, Name};
use crate::collector::join::TraceId;
use crate::collector::ring::Calls;

/// Calls remembered: exporters send the spans of one call seconds apart.
const MOST: usize = 16_384;

/// Calls remembered that tell the same, such as those that fail in a row.
const MOST_ALIKE: usize = 32;

/// Some emitters round their times to milliseconds, ns.
const ROUNDING_NANOS: i64 = 2_000_000;

/// A call that one span, or two, have shown.
#[derive(Clone, Copy, Debug)]
struct Known {
    row: CallId,
    trace: TraceId,
    /// The other trace that shows it.
    partner: Option<TraceId>,
    is_root: bool,
}

/// Where a call was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub row: CallId,
    pub trace: TraceId,
    /// Whether its span has no parent.
    pub is_root: bool,
}

/// The newest calls that may be in another trace, too, by the hash of what both spans of a call tell alike.
#[derive(Debug, Default)]
pub(super) struct LostContext {
    calls: HashMap<u64, VecDeque<Known>, foldhash::fast::RandomState>,
    order: VecDeque<u64>,
    hasher: foldhash::fast::RandomState,
}

impl LostContext {
    /// The row, among those kept, that shows this call from another trace too. `own` are the rows that its spans are part of
    /// so far.
    pub(super) fn find(
        &self,
        call: &LlmCall,
        trace: TraceId,
        is_root: bool,
        own: &[CallId],
        rows: &Calls,
    ) -> Option<KnownRow> {
        let alike = self.calls.get(&self.hash(call)?)?;
        if let Some(known) = alike.iter().find(|known| own.contains(&known.row) && known.partner.is_some()) {
            rows.get(known.row)?;
            let other = known.partner.filter(|_| known.trace == trace).unwrap_or(known.trace);
            return Some(KnownRow { row: known.row, trace: other, shared: true });
        }
        let is_it = |known: &&Known| {
            let is_free = known.partner.is_none() && known.trace != trace;
            let row = rows.get(known.row).filter(|row| is_free && !row.is_merged_away());
            row.is_some_and(|row| is_same(call, is_root, row, known.is_root))
        };
        // The one that started last: it encloses the call most closely.
        let started = |known: &&Known| rows.get(known.row).map(LlmCall::start_unix_nano);
        let known = alike.iter().filter(is_it).max_by_key(started)?;
        Some(KnownRow { row: known.row, trace: known.trace, shared: false })
    }

    /// Records where a call was seen.
    pub(super) fn record(&mut self, call: &LlmCall, sighting: &Sighting) {
        let &Sighting { row, trace, is_root } = sighting;
        self.note(call, Known { row, trace, partner: None, is_root });
    }

    /// Records that a row shows the call of two traces.
    pub(super) fn pair(&mut self, call: &LlmCall, row: CallId, [trace, partner]: [TraceId; 2]) {
        self.note(call, Known { row, trace, partner: Some(partner), is_root: false });
    }

    fn note(&mut self, call: &LlmCall, new: Known) {
        let Some(hash) = self.hash(call) else { return };
        let alike = self.calls.entry(hash).or_default();
        if let Some(known) = alike.iter_mut().find(|known| known.row == new.row) {
            let other = new.partner.map(|partner| if partner == known.trace { new.trace } else { partner });
            known.partner = known.partner.or(other);
            return;
        }
        if alike.len() >= MOST_ALIKE {
            alike.pop_front();
        }
        alike.push_back(new);
        self.order.push_back(hash);
        if self.order.len() > MOST
            && let Some(hash) = self.order.pop_front()
            && let Some(oldest) = self.calls.get_mut(&hash)
        {
            oldest.pop_front();
            if oldest.is_empty() {
                self.calls.remove(&hash);
            }
        }
    }

    /// Of what both spans of a call tell alike; `None` for a gateway's, and for calls that tell too little.
    fn hash(&self, call: &LlmCall) -> Option<u64> {
        let labels = call.labels();
        if labels.convention == Convention::Plano || labels.scope_name.is_none() {
            return None;
        }
        let model = labels.request_model.as_ref().or(call.model())?;
        let output = if call.status().is_error() { None } else { Some(call.usage().output?) };
        let service = labels.service_name.as_ref().map(Name::as_str);
        Some(self.hasher.hash_one((service, model.as_str(), output)))
    }
}

/// Whether two calls with the same hash are one: of two instrumentations, the inner one without a parent.
fn is_same(one: &LlmCall, one_is_root: bool, other: &LlmCall, other_is_root: bool) -> bool {
    let is_inner = |inner: &LlmCall, is_root: bool, outer: &LlmCall| {
        is_root
            && outer.start_unix_nano() <= inner.start_unix_nano().saturating_add(ROUNDING_NANOS)
            && inner.end_unix_nano() <= outer.end_unix_nano().saturating_add(ROUNDING_NANOS)
    };
    let asked = |call: &LlmCall| call.labels().request_model.clone().or_else(|| call.model().cloned());
    one.labels().scope_name != other.labels().scope_name
        && one.labels().service_name == other.labels().service_name
        && asked(one) == asked(other)
        && one.status().is_error() == other.status().is_error()
        && ids_agree(one, other)
        && one.duration_ms().is_some()
        && other.duration_ms().is_some()
        && (is_inner(one, one_is_root, other) || is_inner(other, other_is_root, one))
}

fn ids_agree(one: &LlmCall, other: &LlmCall) -> bool {
    let (mut ours, mut theirs) = ([0; 36], [0; 36]);
    let ids = response_id(one, &mut ours).zip(response_id(other, &mut theirs));
    ids.is_none_or(|(ours, theirs)| ours == theirs)
}
