//! What is known of one call beyond its row: the spans of its trace, and why it costs what it costs.

use std::borrow::Cow;

use crate::call::{CallId, LlmCall};
use crate::collector::KnownSpan;
use crate::collector::decode::PlainSpan;
use crate::collector::join::Outcome;
use crate::pricing::Explanation;
use crate::text::secrets::Secrets;

/// A call to look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The call whose spans were read.
    pub call: CallId,
    /// Its revision: another span may have completed it since.
    pub revision: u16,
    /// Its trace; `None` when its ids are not such as can be looked up.
    pub trace: Option<[u8; 16]>,
}

impl Wanted {
    /// What to ask for a call.
    pub fn of(call: &LlmCall) -> Self {
        let trace = call.ids().0.try_into().ok().filter(|trace| *trace != [0; 16]);
        Self { call: call.id(), revision: call.revision(), trace }
    }
}

/// A span of the call's trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSpan {
    /// Span id; 0 if malformed.
    pub id: u64,
    /// Its parent's id; 0 for a root.
    pub parent: u64,
    /// The row it is part of.
    pub row: Option<CallId>,
    /// How the collector counted it.
    pub outcome: Outcome,
    /// The rule behind that.
    pub why: Cow<'static, str>,
    /// The span itself, while the span log keeps it.
    pub span: Option<PlainSpan>,
}

impl TraceSpan {
    /// Decodes a span of the store.
    pub fn decode(known: KnownSpan, secrets: Secrets) -> Self {
        let KnownSpan { id, parent, row, outcome, why, bytes } = known;
        let span = bytes.and_then(|(request, at)| PlainSpan::decode(&request, &at, secrets));
        Self { id, parent, row, outcome, why, span }
    }
}

/// The answer to a [`Wanted`].
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// What was requested.
    pub wanted: Wanted,
    /// The spans of the trace in order of arrival; none when they are gone.
    pub spans: Vec<TraceSpan>,
    /// Why it costs what it costs.
    pub cost: Explanation,
}

impl Detail {
    /// The span that the row was made of.
    pub fn own(&self, call: &LlmCall) -> Option<&TraceSpan> {
        let own = own_id(call)?;
        self.spans.iter().find(|span| span.id == own)
    }

    /// The spans that completed the row or were merged into it.
    pub fn parts<'a>(&'a self, call: &LlmCall) -> impl Iterator<Item = &'a TraceSpan> + use<'a> {
        let (row, own) = (call.id(), own_id(call));
        self.spans.iter().filter(move |span| span.row == Some(row) && Some(span.id) != own)
    }
}

/// The id of the span that a row was made of; `None` where it is malformed.
pub fn own_id(call: &LlmCall) -> Option<u64> {
    call.ids().1.try_into().ok().map(u64::from_be_bytes).filter(|id| *id != 0)
}
