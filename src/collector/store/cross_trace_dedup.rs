//! Recent response ids: the same one in another trace, at the same time, is the same call (SEMCONV.md 4.4).
//!
//! The id alone is no proof. Ollama draws its ids out of 999, and an answer out of LiteLLM's cache repeats the id of the
//! call that filled it. Two copies of one call go on at the same time; a call that comes again comes later.

use std::borrow::Cow;
use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::call::{CallId, Convention, IdBuffer, KeptId, LlmCall, Name, Usage};
use crate::collector::join::{CLOCK_SKEW_NANOS, TraceId};
use crate::collector::ring::Calls;

/// Response ids remembered for recognising one call in two traces.
const MOST: usize = 65_536;

/// A shorter response id is more likely a placeholder than an id.
const SHORTEST: usize = 8;

/// Response ids and the rows that show them.
#[derive(Debug, Default)]
pub(super) struct CrossTraceDedup {
    rows: HashMap<Name, KnownRow, foldhash::fast::RandomState>,
    order: VecDeque<Name>,
}

/// The row of a response id.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownRow {
    pub row: CallId,
    /// The trace that showed it first.
    pub trace: TraceId,
    /// Seen in a second trace: the row holds facts of both.
    pub shared: bool,
}

impl KnownRow {
    /// Whether its row is this call. An evicted row is none: a call merged into it would not be shown anywhere.
    fn shows(self, call: &LlmCall, rows: &Calls) -> bool {
        rows.get(self.row).is_some_and(|row| overlap(row, call) && !contradict(row, call))
    }

    /// Whether its row started after this call.
    fn is_newer(self, call: &LlmCall, rows: &Calls) -> bool {
        rows.get(self.row).is_some_and(|row| row.start_unix_nano() > call.start_unix_nano())
    }
}

impl CrossTraceDedup {
    /// The row, among those kept, that shows this call from another trace too.
    ///
    /// `own` are the rows that its spans are part of so far.
    pub(super) fn find(&self, call: &LlmCall, trace: TraceId, own: &[CallId], rows: &Calls) -> Option<KnownRow> {
        let known = self.rows.get(response_id(call, &mut [0; 36])?.as_ref())?;
        let is_own = known.shared && own.contains(&known.row);
        let is_kept = || rows.get(known.row).is_some();
        let is_it = if is_own { is_kept() } else { (known.shared || known.trace != trace) && known.shows(call, rows) };
        is_it.then_some(*known)
    }

    /// Records that `row` shows the call of `trace`. Of two calls with the same id, the newer one is remembered.
    pub(super) fn record(&mut self, call: &LlmCall, row: CallId, trace: TraceId, rows: &Calls) {
        let buffer = &mut [0; 36];
        let Some(id) = response_id(call, buffer) else { return };
        if let Some(known) = self.rows.get_mut(id.as_ref()) {
            if known.row == row || known.shows(call, rows) {
                known.row = row;
                known.shared |= known.trace != trace;
            } else if !known.is_newer(call, rows) {
                *known = KnownRow { row, trace, shared: false };
            }
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.rows.remove(&oldest);
        }
        let id = Name::from(id.as_ref());
        self.order.push_back(id.clone());
        self.rows.insert(id, KnownRow { row, trace, shared: false });
    }
}

/// Whether both calls were in progress at the same time, within [`CLOCK_SKEW_NANOS`].
fn overlap(one: &LlmCall, other: &LlmCall) -> bool {
    let began_in_time = |late: &LlmCall, early: &LlmCall| {
        // Each interval is widened at both ends.
        late.start_unix_nano() <= early.end_unix_nano().saturating_add(2 * CLOCK_SKEW_NANOS)
    };
    began_in_time(one, other) && began_in_time(other, one)
}

/// Whether two calls cannot be one, whatever their ids: one failed, their models or counts differ, or one instrumentation of
/// one service counted both.
fn contradict(one: &LlmCall, other: &LlmCall) -> bool {
    one.status().is_error() != other.status().is_error()
        || one.model().zip(other.model()).is_some_and(|(one, other)| !is_version_of(one, other))
        || counts_differ(&one.usage(), &other.usage())
        || counted_alike(one, other)
}

/// Whether one model's name is the other's with a provider before it or a version after it.
fn is_version_of(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let (one, other) = (bare(one), bare(other));
    one.starts_with(&other) || other.starts_with(&one)
}

/// Whether no reading of the counts makes them equal: emitters differ on whether cached tokens are part of the input, and
/// reasoning part of the output.
fn counts_differ(one: &Usage, other: &Usage) -> bool {
    let inputs = |usage: &Usage| [usage.input, usage.input_total(), usage.input_fresh()];
    let outputs = |usage: &Usage| {
        let (output, reasoning) = (usage.output, usage.reasoning.unwrap_or(0));
        [
            output,
            output.map(|output| output.saturating_add(reasoning)),
            output.map(|output| output.saturating_sub(reasoning)),
        ]
    };
    let differ = |one: [Option<u64>; 3], other: [Option<u64>; 3]| {
        let is_equal = |count: &Option<u64>| count.is_some() && other.contains(count);
        one.iter().any(Option::is_some) && other.iter().any(Option::is_some) && !one.iter().any(is_equal)
    };
    differ(inputs(one), inputs(other)) || differ(outputs(one), outputs(other))
}

fn counted_alike(one: &LlmCall, other: &LlmCall) -> bool {
    let has_usage = |call: &LlmCall| call.usage().input.is_some() || call.usage().output.is_some();
    let (ours, theirs) = (one.labels(), other.labels());
    ours.scope_name.is_some()
        && ours.scope_name == theirs.scope_name
        && ours.service_name == theirs.service_name
        && has_usage(one)
        && has_usage(other)
}

/// Plano's request ids are not response ids: a client may send the same one twice.
pub(super) fn response_id<'c>(call: &'c LlmCall, buffer: &'c mut IdBuffer) -> Option<Cow<'c, str>> {
    let id = call.kept_id();
    if call.labels().convention == Convention::Plano || matches!(id, KeptId::Hex(_)) {
        return None;
    }
    Some(id.text_in(buffer)).filter(|id| id.len() >= SHORTEST)
}
