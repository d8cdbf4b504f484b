//! The difference between the snapshot a viewer has and the newest one, in messages of bounded size. Each is encoded on demand,
//! so that a slow viewer costs no memory.

use std::iter::Peekable;

use bytes::Bytes;
use prost::Message as _;

use super::protocol::{CHUNK_BYTES, CHUNK_CALLS, Call, Hello, State, Update, encode};
use crate::call::{CallId, LlmCall};
use crate::collector::{Calls, Snapshot};

type Lacking<'a> = Peekable<Box<dyn Iterator<Item = &'a LlmCall> + Send + 'a>>;

/// The messages, each encoded when it is taken.
pub(super) struct Delta<'a> {
    hello: Option<Hello>,
    first_kept: CallId,
    calls: Lacking<'a>,
    /// Goes with the last message.
    state: Option<State>,
}

impl<'a> Delta<'a> {
    /// From `sent` to `newest`, for a viewer that keeps at most `most` calls. `hello` goes with the first message.
    pub(super) fn between(sent: &'a Calls, newest: &'a Snapshot, most: u64, hello: Option<Hello>) -> Self {
        let calls = &newest.calls;
        let first_kept = CallId(calls.first_id().0.max(calls.next_id().0.saturating_sub(most)));
        let revised = calls.revised_since(sent).map(|(_, call)| call).filter(move |call| call.id() >= first_kept);
        let new = calls.since(sent.next_id().max(first_kept));
        let lacking: Box<dyn Iterator<Item = &'a LlmCall> + Send + 'a> = Box::new(revised.chain(new));
        Self { hello, first_kept, calls: lacking.peekable(), state: Some(newest.into()) }
    }
}

impl Iterator for Delta<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        // The message with the state is the last.
        self.state.as_ref()?;
        let (mut calls, mut bytes) = (Vec::new(), 0);
        while calls.len() < CHUNK_CALLS
            && bytes < CHUNK_BYTES
            && let Some(call) = self.calls.next()
        {
            let call = encode(&Call::from(call));
            bytes += call.len();
            calls.push(call);
        }
        let state = if self.calls.peek().is_none() { self.state.take() } else { None };
        let state = state.as_ref().map(encode);
        let update = Update { hello: self.hello.take(), first_kept: self.first_kept.0, calls, state };
        Some(update.encode_to_vec().into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::decode;
    use super::*;
    use crate::call::{CallFacts, Names};
    use crate::collector::ring::Ring;

    fn call(text: &str) -> LlmCall {
        let draft = CallFacts { model: Some(text.into()), ..CallFacts::default() };
        LlmCall::from_facts(&draft, &mut Names::default(), 0)
    }

    fn filled(capacity: usize, calls: usize, model: &str) -> Ring {
        let mut ring = Ring::new(capacity);
        for _ in 0..calls {
            ring.push(call(model));
        }
        ring
    }

    fn snapshot(ring: &Ring) -> Snapshot {
        Snapshot { calls: ring.calls().clone(), capacity: ring.capacity(), ..Snapshot::default() }
    }

    fn updates_between(sent: &Calls, newest: &Snapshot, most: u64) -> Vec<Update> {
        Delta::between(sent, newest, most, None).map(|message| Update::decode(message).unwrap()).collect()
    }

    fn ids(updates: &[Update]) -> Vec<u64> {
        let calls = updates.iter().flat_map(|update| &update.calls);
        calls.map(|call| decode::<Call<'_>>(call).unwrap().keep(&mut Names::default()).id().0).collect()
    }

    #[test]
    fn only_what_changed_is_sent_and_the_state_comes_last() {
        let mut ring = filled(3000, 2500, "a");
        let before = snapshot(&ring);
        let all = updates_between(&Calls::default(), &before, u64::MAX);
        assert_eq!(ids(&all), (0..2500).collect::<Vec<_>>());
        assert_eq!(all.iter().map(|update| update.state.is_some()).collect::<Vec<_>>(), [false, true]);
        ring.replace(CallId(7), call("b"));
        ring.push(call("c"));
        let news = updates_between(&before.calls, &snapshot(&ring), u64::MAX);
        assert_eq!((ids(&news), news.len()), (vec![7, 2500], 1));
        let nothing = updates_between(&ring.calls().clone(), &snapshot(&ring), u64::MAX);
        assert_eq!((ids(&nothing), nothing.len()), (Vec::new(), 1), "counters may have changed");
    }

    #[test]
    fn a_viewer_that_keeps_few_is_sent_few() {
        let mut ring = filled(100, 50, "a");
        let before = snapshot(&ring);
        assert_eq!(ids(&updates_between(&Calls::default(), &before, 3)), [47, 48, 49]);
        ring.replace(CallId(3), call("b"));
        ring.replace(CallId(48), call("b"));
        ring.push(call("c"));
        let news = updates_between(&before.calls, &snapshot(&ring), 3);
        assert_eq!((ids(&news), news[0].first_kept), (vec![48, 50], 48));
    }

    #[test]
    fn messages_are_bounded_whatever_the_calls_hold() {
        let newest = snapshot(&filled(5000, 3000, &"x".repeat(crate::call::LONGEST_TEXT)));
        let updates = updates_between(&Calls::default(), &newest, u64::MAX);
        assert!(updates.iter().all(|update| update.encoded_len() < 2 * CHUNK_BYTES));
        assert_eq!(ids(&updates).len(), 3000);
    }
}
