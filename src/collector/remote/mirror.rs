//! The copy of another collector's ring, kept up to date by its messages.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use thiserror::Error;

use crate::call::{CallId, LlmCall, Names};
use crate::collector::ring::Ring;
use crate::collector::viewers::protocol::{self, CHUNK_CALLS, Hello, PROTOCOL, State, Update};
use crate::collector::viewers::wide::{call_of, capacity_of, counters_of, totals_of};
use crate::collector::{Calls, Snapshot};

/// Arrival numbers beyond this are not believed; sums of two of them stay sums.
const HIGHEST_ID: u64 = u64::MAX / 4;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// It is no message of this service.
    #[error("no such message")]
    Message,
    /// A stream begins with who sends, and nothing else does.
    #[error("a stream that begins in the middle")]
    Beginning,
    /// Another version than the one that was asked for.
    #[error("version {0} of the viewers' protocol, not {PROTOCOL}")]
    Version(u32),
    /// More calls than a message or a collector holds, or a number beyond what is believed.
    #[error("numbers beyond the limits")]
    Numbers,
    /// A call that no collector of this version tells of.
    #[error("a call that cannot be read")]
    Call,
    /// A span that no collector of this version tells of.
    #[error("a span that cannot be read")]
    Span,
    /// Calls are missing in between.
    #[error("calls are missing")]
    Gap,
    /// Counters or totals that cannot be read.
    #[error("counters that cannot be read")]
    State,
}

/// How the collector's arrival numbers read here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbering {
    /// What is added to them: the number of calls shown of the collector's former runs.
    offset: u64,
}

impl Numbering {
    /// The number here of the call with that number there; `None` beyond what is believed.
    pub(super) fn of(self, there: CallId) -> Option<CallId> {
        let here = there.0.checked_add(self.offset)?;
        (there.0 <= HIGHEST_ID && here <= HIGHEST_ID).then_some(CallId(here))
    }
}

/// What is shown, and the copy from which the next snapshot is made.
#[derive(Debug)]
pub(super) struct Mirror {
    most_calls: Option<usize>,
    names: Names,
    /// The run that is shown.
    run: Option<u64>,
    numbering: Numbering,
    /// The copy; `None` until a stream has said who sends.
    ring: Option<Ring>,
    /// Calls before this one were cleared here.
    cleared: CallId,
    shown: Arc<Snapshot>,
}

impl Mirror {
    /// Nothing yet. At most `most_calls` will be kept.
    pub(super) fn new(most_calls: Option<usize>) -> Self {
        Self {
            most_calls,
            names: Names::default(),
            run: None,
            numbering: Numbering::default(),
            ring: None,
            cleared: CallId::default(),
            shown: Arc::default(),
        }
    }

    /// A new stream begins; what is shown stays until all of its first snapshot has come.
    pub(super) fn begin(&mut self) {
        self.ring = None;
    }

    /// How the numbers of the collector that is shown read here.
    pub(super) const fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Takes in all of a message or nothing of it. Gives a snapshot when one is complete.
    pub(super) fn take(&mut self, message: Bytes) -> Result<Option<Arc<Snapshot>>, Malformed> {
        let Update { hello, first_kept, calls, state } = Update::decode(message).map_err(|_| Malformed::Message)?;
        if calls.len() > CHUNK_CALLS {
            return Err(Malformed::Numbers);
        }
        let mut greeting = hello.as_ref().map(|hello| self.greet(hello)).transpose()?;
        let numbering = greeting.as_ref().map_or(self.numbering, |(numbering, _)| *numbering);
        let first = numbering.of(CallId(first_kept)).ok_or(Malformed::Numbers)?;
        let calls: Vec<_> = calls.into_iter().map(|call| self.read(call, numbering)).collect::<Result<_, _>>()?;
        let state = state.map(|state| rest_of(&state, numbering)).transpose()?;
        if let (Some(hello), Some((numbering, ring))) = (hello, greeting.take()) {
            self.run = Some(hello.run);
            self.numbering = numbering;
            self.ring = Some(ring);
        }
        self.apply(first, calls)?;
        state.map(|rest| self.show(rest)).transpose()
    }

    /// Forgets all calls that are shown, here only: those that the collector tells of later still come.
    pub(super) fn clear(&mut self) -> Arc<Snapshot> {
        self.cleared = self.shown.calls.next_id();
        let calls = beginning_at(self.cleared);
        self.shown = Arc::new(Snapshot { version: self.shown.version + 1, calls, ..Snapshot::clone(&self.shown) });
        Arc::clone(&self.shown)
    }

    /// The numbering and an empty copy for the sender's calls.
    fn greet(&self, hello: &Hello) -> Result<(Numbering, Ring), Malformed> {
        let Hello { protocol, run, capacity } = *hello;
        if protocol != PROTOCOL {
            return Err(Malformed::Version(protocol));
        }
        if self.ring.is_some() {
            return Err(Malformed::Beginning);
        }
        let theirs = capacity_of(capacity).ok_or(Malformed::Numbers)?;
        let ring = Ring::new(self.most_calls.map_or(theirs, |most| most.min(theirs)));
        let is_another = self.run.is_some_and(|shown| shown != run);
        let offset = if is_another { self.shown.calls.next_id().0 } else { self.numbering.offset };
        Ok((Numbering { offset }, ring))
    }

    fn read(&mut self, call: Bytes, numbering: Numbering) -> Result<LlmCall, Malformed> {
        let message = protocol::Call::decode(call).map_err(|_| Malformed::Message)?;
        let mut call = call_of(&message, &mut self.names).ok_or(Malformed::Call)?;
        let id = numbering.of(call.id()).ok_or(Malformed::Numbers)?;
        call.place(id, call.revision());
        Ok(call)
    }

    fn apply(&mut self, first: CallId, calls: Vec<LlmCall>) -> Result<(), Malformed> {
        let ring = self.ring.as_mut().ok_or(Malformed::Beginning)?;
        ring.forget_before(first);
        if calls.into_iter().all(|call| ring.take_over(call)) { Ok(()) } else { Err(Malformed::Gap) }
    }

    fn show(&mut self, rest: Rest) -> Result<Arc<Snapshot>, Malformed> {
        let Rest { next_id, mut snapshot } = rest;
        let ring = self.ring.as_mut().ok_or(Malformed::Beginning)?;
        if ring.calls().next_id() != next_id || next_id < self.shown.calls.next_id() {
            return Err(Malformed::Gap);
        }
        ring.forget_before(self.cleared);
        snapshot.version = self.shown.version + 1;
        snapshot.calls = ring.calls().clone();
        snapshot.capacity = ring.capacity();
        self.shown = Arc::new(snapshot);
        Ok(Arc::clone(&self.shown))
    }
}

/// All of a snapshot but its calls.
struct Rest {
    next_id: CallId,
    snapshot: Snapshot,
}

fn rest_of(state: &State, numbering: Numbering) -> Result<Rest, Malformed> {
    let next_id = numbering.of(CallId(state.next_id)).ok_or(Malformed::Numbers)?;
    let counters = state.counters.map(counters_of).ok_or(Malformed::State)?;
    let totals = state.totals.as_ref().and_then(totals_of).ok_or(Malformed::State)?;
    Ok(Rest { next_id, snapshot: Snapshot { counters, totals, ..Snapshot::default() } })
}

/// No calls, and the next one will be `id`.
fn beginning_at(id: CallId) -> Calls {
    let mut ring = Ring::new(1);
    ring.forget_before(id);
    ring.calls().clone()
}
