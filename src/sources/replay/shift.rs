//! Moving a request in time, so that a replay looks as if it happened now.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::collector::json::schema::{FieldType, MessageSchema, TRACES};

/// How deep messages may nest, as in prost.
const DEPTH: usize = 100;

/// Adds `nanos` to every time in a request: starts, ends and events of spans. Zeros, which mean "unknown", stay.
/// Times written out in attributes stay too. `None` when the bytes are no export request.
pub(super) fn shift(request: &[u8], nanos: i64) -> Option<Vec<u8>> {
    let mut shifted = request.to_vec();
    let mut places = Vec::new();
    times(request, 0, &TRACES, DEPTH, &mut places)?;
    for place in places {
        if let Some(field) = shifted.get_mut(place..).and_then(|rest| rest.first_chunk_mut::<8>()) {
            let time = u64::from_le_bytes(*field);
            let moved = if time == 0 { 0 } else { time.saturating_add_signed(nanos) };
            *field = moved.to_le_bytes();
        }
    }
    Some(shifted)
}

/// Collects where in the whole request the 64-bit times stand; `begin` is where `bytes` begin.
fn times(bytes: &[u8], begin: usize, message: &MessageSchema, depth: usize, places: &mut Vec<usize>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, wire_type) = decode_key(&mut rest).ok()?;
        let kind = message.fields.iter().find(|field| field.number == number).map(|field| field.kind);
        match (kind, wire_type) {
            (Some(FieldType::Message(inner)), WireType::LengthDelimited) => {
                let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
                let inside = begin + bytes.len() - rest.len();
                let (nested, after) = rest.split_at_checked(length)?;
                times(nested, inside, inner, depth, places)?;
                rest = after;
            }
            (kind, _) => {
                if matches!((kind, wire_type), (Some(FieldType::Fixed64), WireType::SixtyFourBit)) {
                    places.push(begin + bytes.len() - rest.len());
                }
                skip_field(wire_type, number, &mut rest, DecodeContext::default()).ok()?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::TracesData;
    use prost::Message as _;

    use super::*;
    use crate::sources::demo::Traffic;

    #[test]
    fn all_times_move_and_nothing_else() {
        let mut traffic = Traffic::new(1, 1_795_000_000_000_000_000);
        for nanos in [1_000_000_007, -5, i64::MAX, i64::MIN] {
            for request in traffic.batch(20) {
                let mut expected = TracesData { resource_spans: request.resource_spans.clone() };
                let spans = expected.resource_spans.iter_mut().flat_map(|spans| &mut spans.scope_spans);
                for span in spans.flat_map(|scope| &mut scope.spans) {
                    let events = span.events.iter_mut().map(|event| &mut event.time_unix_nano);
                    for time in events.chain([&mut span.start_time_unix_nano, &mut span.end_time_unix_nano]) {
                        *time = time.saturating_add_signed(nanos);
                    }
                }
                let shifted = shift(&request.encode_to_vec(), nanos).unwrap();
                assert_eq!(TracesData::decode(&shifted[..]).unwrap(), expected);
            }
        }
    }

    #[test]
    fn unknown_times_stay_unknown_and_garbage_is_none() {
        let request = b"\x0a\x0d\x12\x0b\x12\x09\x39\0\0\0\0\0\0\0\0";
        assert_eq!(shift(request, 5).as_deref(), Some(&request[..]));
        for end in 1..request.len() {
            let _ = shift(&request[..end], 5);
        }
        assert_eq!(shift(&request[..request.len() - 1], 5), None);
        assert_eq!(shift(b"\xff", 5), None);
    }
}
