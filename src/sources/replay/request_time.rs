//! The time of a recorded request.

use crate::collector::ingest::unix_nano_now;
use crate::collector::wire;

/// How far an emitter's clock may be ahead of this machine's, ns.
const MAX_CLOCK_LEAD_NANOS: i64 = 3_600_000_000_000;

/// The newest end of a span, ns since the epoch: about when the request was exported. Spans that end more than
/// an hour in the future come from a wrong clock and are ignored.
pub(super) fn newest_end(request: &[u8]) -> Option<u64> {
    let (mut newest, latest) = (0, unix_nano_now().saturating_add(MAX_CLOCK_LEAD_NANOS).unsigned_abs());
    // Ingest reports what is wrong with the request.
    let _ = wire::walk(request, |_, span| {
        if span.end_unix_nano <= latest {
            newest = newest.max(span.end_unix_nano);
        }
    });
    Some(newest).filter(|newest| *newest > 0)
}
