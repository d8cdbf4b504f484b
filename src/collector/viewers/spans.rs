//! The known spans of a trace as messages and back. Each travels in an export request of its own, so that a viewer reads it
//! just as a collector does and is not sent the other spans that came with it.

use std::borrow::Cow;

use bytes::Bytes;
use prost::Message as _;

use super::protocol::{CHUNK_BYTES, CHUNK_CALLS, Span, SpansPart};
use crate::call::{CallId, LONGEST_TEXT};
use crate::collector::join::Outcome;
use crate::collector::{KnownSpan, decode};

/// The messages for `spans`, each encoded when it is taken.
pub(super) fn parts(spans: Vec<KnownSpan>) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut spans = spans.into_iter().peekable();
    std::iter::from_fn(move || {
        spans.peek()?;
        let (mut part, mut bytes) = (SpansPart::default(), 0);
        while part.spans.len() < CHUNK_CALLS
            && bytes < CHUNK_BYTES
            && let Some(span) = spans.next()
        {
            let span = message(&span);
            bytes += span.encoded_len();
            part.spans.push(span);
        }
        Some(part.encode_to_vec().into())
    })
}

fn message(span: &KnownSpan) -> Span {
    let KnownSpan { id, parent, row, outcome, why, bytes } = span;
    let alone = bytes.as_ref().and_then(|(request, at)| decode::alone(request, at));
    Span {
        id: *id,
        parent: *parent,
        row: row.map(|row| row.0),
        outcome: outcome_code(*outcome),
        why: why.to_string(),
        begins_at: alone.as_ref().map_or(0, |(_, at)| at.start as u64),
        request: alone.map(|(request, _)| request.into()),
    }
}

/// The span that travelled; `None` for a message that no collector of this version sends. What is not the bytes of a span
/// is found out by whoever decodes them, as with those of a collector of one's own.
pub(crate) fn span_of(message: Span) -> Option<KnownSpan> {
    let Span { id, parent, row, outcome, why, request, begins_at } = message;
    let bytes = match request {
        None => None,
        Some(request) => {
            let at = usize::try_from(begins_at).ok().filter(|begin| *begin <= request.len())?..request.len();
            Some((request, at))
        }
    };
    let is_short = why.len() <= LONGEST_TEXT;
    is_short.then_some(KnownSpan {
        id,
        parent,
        row: row.map(CallId),
        outcome: outcome_of(outcome)?,
        why: Cow::Owned(why),
        bytes,
    })
}

const fn outcome_code(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Row => 1,
        Outcome::Merged => 2,
        Outcome::Completed => 3,
        Outcome::Context => 4,
        Outcome::Rejected => 5,
        Outcome::NotCounted => 6,
    }
}

const fn outcome_of(code: u32) -> Option<Outcome> {
    Some(match code {
        1 => Outcome::Row,
        2 => Outcome::Merged,
        3 => Outcome::Completed,
        4 => Outcome::Context,
        5 => Outcome::Rejected,
        6 => Outcome::NotCounted,
        _ => return None,
    })
}
