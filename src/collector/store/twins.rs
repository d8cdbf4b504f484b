//! Recent response ids: the same one in another trace is the same call (SEMCONV.md 4.4).

use std::borrow::Cow;
use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::call::{CallId, Convention, IdBuffer, KeptId, LlmCall, Name};
use crate::collector::join::TraceId;

/// Response ids remembered for recognising one call in two traces.
const MOST: usize = 65_536;

/// A shorter response id is more likely a placeholder than an id.
const SHORTEST: usize = 8;

/// Response ids and the rows that show them.
#[derive(Debug, Default)]
pub struct Twins {
    rows: HashMap<Name, Twin, foldhash::fast::RandomState>,
    order: VecDeque<Name>,
}

/// The row of a response id.
#[derive(Clone, Copy, Debug)]
pub struct Twin {
    /// The row.
    pub row: CallId,
    /// The trace that showed it first.
    pub trace: TraceId,
    /// Seen in a second trace: the row holds facts of both.
    shared: bool,
}

impl Twins {
    /// The row that shows this call from another trace too.
    pub fn of(&self, call: &LlmCall, trace: TraceId) -> Option<Twin> {
        let known = self.rows.get(response_id(call, &mut [0; 36])?.as_ref())?;
        (known.shared || known.trace != trace).then_some(*known)
    }

    /// Notes that the call, seen in `trace`, is shown by `row`.
    pub fn learn(&mut self, call: &LlmCall, row: CallId, trace: TraceId) {
        let buffer = &mut [0; 36];
        let Some(id) = response_id(call, buffer) else { return };
        if let Some(known) = self.rows.get_mut(id.as_ref()) {
            known.row = row;
            known.shared |= known.trace != trace;
            return;
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.rows.remove(&oldest);
        }
        let id = Name::from(id.as_ref());
        self.order.push_back(id.clone());
        self.rows.insert(id, Twin { row, trace, shared: false });
    }
}

/// Plano's request ids are not response ids: a client may send the same one twice.
fn response_id<'c>(call: &'c LlmCall, buffer: &'c mut IdBuffer) -> Option<Cow<'c, str>> {
    let id = call.kept_id();
    if call.labels().convention == Convention::Plano || matches!(id, KeptId::Hex(_)) {
        return None;
    }
    Some(id.text_in(buffer)).filter(|id| id.len() >= SHORTEST)
}
