//! Recent response ids: the same one in another trace, at the same time, is the same call (SEMCONV.md 4.4).
//!
//! The id alone is no proof. Ollama draws its ids out of 999, and an answer out of LiteLLM's cache repeats the id of the
//! call that filled it. Two copies of one call go on at the same time; a call that comes again comes later.

use std::borrow::Cow;
use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::call::{CallId, Convention, IdBuffer, KeptId, LlmCall, Name};
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
    shared: bool,
}

impl KnownRow {
    /// Whether its row is this call. An evicted row is none: a call merged into it would not be shown anywhere.
    fn shows(self, call: &LlmCall, rows: &Calls) -> bool {
        rows.get(self.row).is_some_and(|row| overlap(row, call))
    }

    /// Whether its row started after this call.
    fn is_newer(self, call: &LlmCall, rows: &Calls) -> bool {
        rows.get(self.row).is_some_and(|row| row.start_unix_nano() > call.start_unix_nano())
    }
}

impl CrossTraceDedup {
    /// The row, among those kept, that shows this call from another trace too.
    pub(super) fn find(&self, call: &LlmCall, trace: TraceId, rows: &Calls) -> Option<KnownRow> {
        let known = self.rows.get(response_id(call, &mut [0; 36])?.as_ref())?;
        ((known.shared || known.trace != trace) && known.shows(call, rows)).then_some(*known)
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

/// Plano's request ids are not response ids: a client may send the same one twice.
fn response_id<'c>(call: &'c LlmCall, buffer: &'c mut IdBuffer) -> Option<Cow<'c, str>> {
    let id = call.kept_id();
    if call.labels().convention == Convention::Plano || matches!(id, KeptId::Hex(_)) {
        return None;
    }
    Some(id.text_in(buffer)).filter(|id| id.len() >= SHORTEST)
}
