//! The replica of a remote collector's ring.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use thiserror::Error;

use crate::call::{CallId, LlmCall, Names};
use crate::collector::ring::Ring;
use crate::collector::viewers::protocol::{CHUNK_CALLS, Call, Hello, PROTOCOL, State, Update, decode};
use crate::collector::{Calls, Snapshot};

/// Higher arrival numbers are rejected; the sum of two does not overflow.
const HIGHEST_ID: u64 = u64::MAX / 4;

/// The most calls that any collector keeps.
const MOST_CALLS: u64 = 10_000_000;

/// Why a message was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// It is not a message of this service.
    #[error("unknown message")]
    Message,
    /// The first message of a stream, and only the first, has a `hello`.
    #[error("no greeting, or a second one")]
    Beginning,
    /// Another version than that of the request.
    #[error("version {0} of the viewers' protocol, not {PROTOCOL}")]
    Version(u32),
    /// More calls than a message or a collector holds, or an arrival number that is too high.
    #[error("numbers beyond the limits")]
    Numbers,
    /// A call that cannot be decoded.
    #[error("a call that cannot be read")]
    Call,
    /// A span that cannot be decoded.
    #[error("a span that cannot be read")]
    Span,
    /// Arrival numbers are not contiguous.
    #[error("calls are missing")]
    Gap,
    /// Counters or totals that cannot be read.
    #[error("counters that cannot be read")]
    State,
}

/// Maps the collector's arrival numbers to those shown here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbering {
    /// The number of calls shown of the collector's former runs.
    offset: u64,
}

impl Numbering {
    /// `None` if either number is too high.
    pub(super) fn of(self, there: CallId) -> Option<CallId> {
        let here = there.0.checked_add(self.offset)?;
        (there.0 <= HIGHEST_ID && here <= HIGHEST_ID).then_some(CallId(here))
    }
}

/// The published snapshot, and the ring from which the next one is made.
#[derive(Debug)]
pub(super) struct Replica {
    most_calls: Option<usize>,
    names: Names,
    /// The run that is shown.
    run: Option<u64>,
    numbering: Numbering,
    /// `None` until the `hello` of a stream.
    ring: Option<Ring>,
    /// Calls before this one were cleared.
    cleared: CallId,
    shown: Arc<Snapshot>,
}

impl Replica {
    /// An empty replica of at most `most_calls`.
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

    /// Starts a new stream; the published snapshot stays until the first one of the stream is complete.
    pub(super) fn begin(&mut self) {
        self.ring = None;
    }

    pub(super) const fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// Applies all of a message or nothing of it. Returns a snapshot when one is complete.
    pub(super) fn take(&mut self, message: Bytes) -> Result<Option<Arc<Snapshot>>, Malformed> {
        let Update { hello, first_kept, calls, state } = Update::decode(message).map_err(|_| Malformed::Message)?;
        if calls.len() > CHUNK_CALLS {
            return Err(Malformed::Numbers);
        }
        let mut accepted = hello.as_ref().map(|hello| self.accept(hello)).transpose()?;
        let numbering = accepted.as_ref().map_or(self.numbering, |(numbering, _)| *numbering);
        let first = numbering.of(CallId(first_kept)).ok_or(Malformed::Numbers)?;
        let calls: Vec<_> = calls.iter().map(|call| self.read(call, numbering)).collect::<Result<_, _>>()?;
        let state = state.map(|state| rest_of(&state, numbering)).transpose()?;
        if let (Some(hello), Some((numbering, ring))) = (hello, accepted.take()) {
            self.run = Some(hello.run);
            self.numbering = numbering;
            self.ring = Some(ring);
        }
        self.apply(first, calls)?;
        state.map(|rest| self.show(rest)).transpose()
    }

    /// Drops all calls shown so far; later ones still appear.
    pub(super) fn clear(&mut self) -> Arc<Snapshot> {
        self.cleared = self.shown.calls.next_id();
        let calls = beginning_at(self.cleared);
        self.shown = Arc::new(Snapshot { version: self.shown.version + 1, calls, ..Snapshot::clone(&self.shown) });
        Arc::clone(&self.shown)
    }

    /// The numbering and an empty ring for the calls of this stream.
    fn accept(&self, hello: &Hello) -> Result<(Numbering, Ring), Malformed> {
        let Hello { protocol, run, capacity } = *hello;
        if protocol != PROTOCOL {
            return Err(Malformed::Version(protocol));
        }
        if self.ring.is_some() {
            return Err(Malformed::Beginning);
        }
        let theirs = checked_capacity(capacity).ok_or(Malformed::Numbers)?;
        let ring = Ring::new(self.most_calls.map_or(theirs, |most| most.min(theirs)));
        let is_another = self.run.is_some_and(|shown| shown != run);
        let offset = if is_another { self.shown.calls.next_id().0 } else { self.numbering.offset };
        Ok((Numbering { offset }, ring))
    }

    fn read(&mut self, call: &[u8], numbering: Numbering) -> Result<LlmCall, Malformed> {
        let mut call = decode::<Call<'_>>(call).ok_or(Malformed::Call)?.keep(&mut self.names);
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

fn rest_of(state: &[u8], numbering: Numbering) -> Result<Rest, Malformed> {
    let state: State = decode(state).ok_or(Malformed::State)?;
    let next_id = numbering.of(state.next_id).ok_or(Malformed::Numbers)?;
    Ok(Rest { next_id, snapshot: state.snapshot() })
}

/// A capacity within [`MOST_CALLS`].
fn checked_capacity(capacity: u64) -> Option<usize> {
    (1..=MOST_CALLS).contains(&capacity).then(|| usize::try_from(capacity).ok()).flatten()
}

/// No calls, and the next one will be `id`.
fn beginning_at(id: CallId) -> Calls {
    let mut ring = Ring::new(1);
    ring.forget_before(id);
    ring.calls().clone()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::CallFacts;
    use crate::collector::Counters;
    use crate::collector::viewers::protocol::encode;

    const RUN: u64 = 7;

    fn hello(run: u64) -> Hello {
        Hello { protocol: PROTOCOL, run, capacity: 10 }
    }

    fn state(next_id: u64) -> Bytes {
        let counters = Counters { llm_calls: next_id, ..Counters::default() };
        let calls = beginning_at(CallId(next_id));
        encode(&State::from(&Snapshot { calls, counters, ..Snapshot::default() }))
    }

    fn call(id: u64, revision: u16) -> Bytes {
        let mut call = LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), 0);
        call.place(CallId(id), revision);
        encode(&Call::from(&call))
    }

    fn message(update: &Update) -> Bytes {
        update.encode_to_vec().into()
    }

    fn whole(run: u64, calls: u64) -> Update {
        let calls_of = (0..calls).map(|id| call(id, 1)).collect();
        Update { hello: Some(hello(run)), first_kept: 0, calls: calls_of, state: Some(state(calls)) }
    }

    fn shown(replica: &Replica) -> Vec<(u64, u16)> {
        replica.shown.calls.iter().map(|call| (call.id().0, call.revision())).collect()
    }

    fn attached() -> Replica {
        let mut replica = Replica::new(None);
        replica.begin();
        assert!(replica.take(message(&whole(RUN, 2))).unwrap().is_some());
        replica
    }

    #[test]
    fn the_same_run_keeps_its_numbers_and_what_was_cleared_stays_so() {
        let mut replica = attached();
        replica.clear();
        replica.begin();
        let (update, version) = (whole(RUN, 3), replica.shown.version);
        let snapshot = replica.take(message(&update)).unwrap().unwrap();
        assert_eq!(shown(&replica), [(2, 1)]);
        assert!(snapshot.version > version);
    }

    #[test]
    fn another_run_is_numbered_on_and_shown_only_when_all_of_it_is_there() {
        let mut replica = attached();
        replica.begin();
        let begun = Update { state: None, ..whole(8, 3) };
        assert!(replica.take(message(&begun)).unwrap().is_none());
        assert_eq!(shown(&replica), [(0, 1), (1, 1)], "the former run, whole");
        let rest = Update { hello: None, first_kept: 0, calls: vec![call(1, 2), call(3, 1)], state: Some(state(4)) };
        replica.take(message(&rest)).unwrap();
        assert_eq!(shown(&replica), [(2, 1), (3, 2), (4, 1), (5, 1)]);
        assert_eq!(replica.numbering().of(CallId(3)), Some(CallId(5)));
        assert_eq!(replica.shown.counters.llm_calls, 4, "the figures are those of the new run");
    }

    #[test]
    fn a_message_that_is_not_as_agreed_leaves_nothing_behind() {
        let news = |calls: Vec<Bytes>, next| Update { hello: None, first_kept: 0, calls, state: Some(state(next)) };
        let unreadable = Bytes::from_static(b"\x32\x01");
        let cases = [
            (Update { hello: Some(hello(RUN)), ..news(vec![], 2) }, Malformed::Beginning),
            (news(vec![call(3, 1)], 4), Malformed::Gap),
            (news(vec![], 3), Malformed::Gap),
            (news(vec![], 1), Malformed::Gap),
            (news(vec![call(0, 5), unreadable], 2), Malformed::Call),
            (news(vec![Bytes::new()], 2), Malformed::Call),
            (news(vec![call(0, 5); CHUNK_CALLS + 1], 2), Malformed::Numbers),
            (news(vec![call(u64::MAX, 1)], 2), Malformed::Numbers),
            (Update { first_kept: u64::MAX, ..news(vec![], 2) }, Malformed::Numbers),
            (news(vec![], u64::MAX), Malformed::Numbers),
            (Update { state: Some(Bytes::new()), ..news(vec![], 2) }, Malformed::State),
        ];
        for (update, expected) in cases {
            let mut replica = attached();
            assert_eq!(replica.take(message(&update)).map(drop), Err(expected), "{update:?}");
            assert_eq!(shown(&replica), [(0, 1), (1, 1)]);
        }
        let mut replica = attached();
        assert_eq!(replica.take(Bytes::from_static(b"\x32\x01")).map(drop), Err(Malformed::Message));
        assert_eq!(shown(&replica), [(0, 1), (1, 1)]);
        let beginnings = [
            (Update { hello: None, ..whole(RUN, 1) }, Malformed::Beginning),
            (
                Update { hello: Some(Hello { protocol: 9, run: 1, capacity: 1 }), ..whole(RUN, 1) },
                Malformed::Version(9),
            ),
            (Update { hello: Some(Hello { capacity: 0, ..Hello::default() }), ..whole(RUN, 1) }, Malformed::Version(0)),
            (
                Update { hello: Some(Hello { protocol: PROTOCOL, run: 1, capacity: u64::MAX }), ..whole(RUN, 1) },
                Malformed::Numbers,
            ),
        ];
        for (update, expected) in beginnings {
            let mut replica = Replica::new(None);
            replica.begin();
            assert_eq!(replica.take(message(&update)).map(drop), Err(expected), "{update:?}");
            assert!(shown(&replica).is_empty());
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..5)) {
            let mut replica = attached();
            for bytes in messages {
                let _ = replica.take(bytes.into());
            }
        }

        #[test]
        fn calls_are_in_order_whatever_was_sent(
            updates in prop::collection::vec(
                (0_u64..30, prop::collection::vec((0_u64..30, 0_u16..4), 0..6), prop::option::of(0_u64..30)),
                0..8,
            ),
        ) {
            let mut replica = attached();
            for (first_kept, calls, next) in updates {
                let calls = calls.into_iter().map(|(id, revision)| call(id, revision)).collect();
                let update = Update { hello: None, first_kept, calls, state: next.map(state) };
                let _ = replica.take(message(&update));
                let shown = shown(&replica);
                prop_assert!(shown.is_sorted() && shown.len() <= 10);
            }
        }
    }
}
