//! One span of a kept request, decoded in full for the detail view.
//!
//! Requests are kept as the bytes that arrived; [`Span::raw_range`](super::wire::Span::raw_range) is a span's place in them.

mod plain;

use std::ops::Range;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use prost::encoding::encode_varint;

use super::wire::reader::{Fields, Reader};
use super::wire::{HEAD, ITEM, RESOURCE_SPANS};

pub(crate) use plain::{Field, PlainEvent, PlainSpan};

/// A span with its resource and scope.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedSpan {
    /// The resource; empty when none was sent.
    pub resource: Resource,
    /// The instrumentation scope; empty when none was sent.
    pub scope: InstrumentationScope,
    /// The span with all its fields.
    pub span: Span,
}

/// Decodes the `Span` message at `at` in an `ExportTraceServiceRequest`. `None` when there is no span at
/// exactly that place, or the bytes are not a request that the walk accepts.
///
/// Skips the other spans unread, so the cost depends on their number and not on their size.
pub(crate) fn decode(request: &[u8], at: &Range<usize>) -> Option<DecodedSpan> {
    let resource_spans = enclosing(Reader::new(request), RESOURCE_SPANS, at)?;
    let scope_spans = enclosing(resource_spans, ITEM, at)?;
    let span = enclosing(scope_spans, ITEM, at).filter(|span| span.range() == *at)?;
    Some(DecodedSpan {
        resource: merged_head(resource_spans)?,
        scope: merged_head(scope_spans)?,
        span: Span::decode(span.rest()).ok()?,
    })
}

/// An export request with only the span at `at`, its resource and its scope, and the span's place in it. It decodes to the
/// same there. `None` as with [`decode()`].
pub(crate) fn alone(request: &[u8], at: &Range<usize>) -> Option<(Vec<u8>, Range<usize>)> {
    let resource_spans = enclosing(Reader::new(request), RESOURCE_SPANS, at)?;
    let scope_spans = enclosing(resource_spans, ITEM, at)?;
    let span = enclosing(scope_spans, ITEM, at).filter(|span| span.range() == *at)?.rest();
    let scope_spans = with_head_of(scope_spans, span);
    let resource_spans = with_head_of(resource_spans, &scope_spans);
    let mut request = Vec::with_capacity(resource_spans.len() + 16);
    append(&mut request, RESOURCE_SPANS, &resource_spans);
    let at = request.len() - span.len()..request.len();
    Some((request, at))
}

/// A message with the resource or scope of `message`, and then only `item`.
fn with_head_of(message: Reader<'_>, item: &[u8]) -> Vec<u8> {
    let mut alone = Vec::with_capacity(item.len() + 256);
    for part in Fields::new(message).with_key(HEAD) {
        append(&mut alone, HEAD, part.rest());
    }
    append(&mut alone, ITEM, item);
    alone
}

fn append(message: &mut Vec<u8>, key: u32, field: &[u8]) {
    encode_varint(key.into(), message);
    encode_varint(field.len() as u64, message);
    message.extend_from_slice(field);
}

/// The first field with `key` in `message` that holds all of `at`.
fn enclosing<'a>(message: Reader<'a>, key: u32, at: &Range<usize>) -> Option<Reader<'a>> {
    Fields::new(message).with_key(key).find(|field| field.offset() <= at.start && at.end <= field.range().end)
}

/// The resource of a `ResourceSpans` or the scope of a `ScopeSpans`, of which there may be several parts.
fn merged_head<M: Message + Default>(message: Reader<'_>) -> Option<M> {
    let mut merged = M::default();
    for part in Fields::new(message).with_key(HEAD) {
        merged.merge(part.rest()).ok()?;
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use proptest::prelude::*;

    use super::*;
    use crate::collector::wire::tests::{fixtures, generate, seeds};
    use crate::collector::wire::walk;

    /// What a span and its surroundings encode to, so that NaN equals itself.
    type Encoded = [Vec<u8>; 3];

    fn encoded(resource: &Resource, scope: &InstrumentationScope, span: &Span) -> Encoded {
        [resource.encode_to_vec(), scope.encode_to_vec(), span.encode_to_vec()]
    }

    /// Every span of `request`, decoded with the whole request.
    fn decoded_together(request: &[u8]) -> Vec<Encoded> {
        let mut all = Vec::new();
        for resource_spans in ExportTraceServiceRequest::decode(request).unwrap().resource_spans {
            let resource = resource_spans.resource.unwrap_or_default();
            for scope_spans in resource_spans.scope_spans {
                let scope = scope_spans.scope.unwrap_or_default();
                all.extend(scope_spans.spans.iter().map(|span| encoded(&resource, &scope, span)));
            }
        }
        all
    }

    fn ranges(request: &[u8]) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        walk(request, |_, span| ranges.push(span.raw_range())).unwrap();
        ranges
    }

    fn decoded_apart(request: &[u8]) -> Vec<Encoded> {
        let one = |at| decode(request, &at).map(|found| encoded(&found.resource, &found.scope, &found.span));
        ranges(request).into_iter().map(|at| one(at).expect("a walked span decodes")).collect()
    }

    #[test]
    fn a_captured_span_decodes_alone_as_it_does_with_its_request() {
        for (file, request) in fixtures() {
            assert_eq!(decoded_apart(&request), decoded_together(&request), "{}", file.display());
        }
    }

    proptest! {
        #[test]
        fn a_generated_span_decodes_alone_as_it_does_with_its_request(mut seed in seeds()) {
            if let Some(first) = seed.first_mut() {
                *first = 0;
            }
            let request = generate::request(&seed);
            prop_assert_eq!(decoded_apart(&request), decoded_together(&request));
        }
    }

    #[test]
    fn a_span_that_was_taken_out_decodes_as_it_did_among_the_others() {
        for (file, request) in fixtures() {
            for at in ranges(&request) {
                let (apart, place) = alone(&request, &at).expect("a walked span can be taken out");
                let decoded = decode(&request, &at);
                assert!(decoded.is_some() && decoded == decode(&apart, &place), "{}", file.display());
                assert_eq!(ranges(&apart), [place]);
            }
            assert_eq!(alone(&request, &(0..request.len())), None);
        }
    }

    #[test]
    fn a_place_where_no_span_stands_has_none() {
        let (_, request) = fixtures().swap_remove(0);
        let span = ranges(&request).swap_remove(0);
        let elsewhere = [
            span.start + 1..span.end,
            span.start..span.end - 1,
            span.start - 1..span.end,
            0..request.len(),
            span.start..span.start,
            request.len()..request.len() + 9,
            span.end..span.start,
        ];
        for at in elsewhere {
            assert_eq!(decode(&request, &at), None, "{at:?}");
        }
        assert!(decode(&request, &span).is_some());
    }
}
