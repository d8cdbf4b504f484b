//! The known spans of a trace as messages and back. Each is sent in an export request of its own, so that a viewer decodes it
//! as a collector does and does not receive the other spans of its request.

use bytes::Bytes;
use prost::Message as _;

use super::protocol::{CHUNK_BYTES, CHUNK_CALLS, Span, SpansPart, encode};
use crate::call::LONGEST_TEXT;
use crate::collector::{KnownSpan, decode};

/// The messages for `spans`, each encoded on demand.
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
    let alone = span.bytes.as_ref().and_then(|(request, at)| decode::alone(request, at));
    Span {
        known: encode(span),
        begins_at: alone.as_ref().map_or(0, |(_, at)| at.start as u64),
        request: alone.map(|(request, _)| request.into()),
    }
}

/// The span that was sent; `None` for a message that no collector of this version sends. Bytes that are no span fail when
/// they are decoded, as those of a local collector do.
pub(crate) fn span_of(message: Span) -> Option<KnownSpan> {
    let Span { known, request, begins_at } = message;
    let bytes = match request {
        None => None,
        Some(request) => {
            let at = usize::try_from(begins_at).ok().filter(|begin| *begin <= request.len())?..request.len();
            Some((request, at))
        }
    };
    let known: KnownSpan = super::protocol::decode(&known)?;
    (known.why.len() <= LONGEST_TEXT).then_some(KnownSpan { bytes, ..known })
}
