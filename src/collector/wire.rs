//! Borrowed views over the bytes of an `ExportTraceServiceRequest`: one walk, no allocation per attribute.
//!
//! Accepts exactly what `opentelemetry-proto` accepts and reads the same from it; the tests hold it to that.
//! Field numbers are those of `opentelemetry/proto/trace/v1/trace.proto`, `common/v1/common.proto` and
//! `resource/v1/resource.proto`.

mod layout;
mod origin;
pub(super) mod reader;
mod short;
mod span;
#[cfg(test)]
pub(super) mod tests;
mod value;

use thiserror::Error;

pub use layout::{KINDS, Shape};
pub use origin::Origin;
use reader::{Reader, len};
use span::Lists;
pub use span::{Event, Span};
pub use value::{ArrayValue, Attribute, KvList, Value};

/// Why bytes are not an export request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("a field is cut off")]
    Truncated,
    /// A number of more than 64 bits.
    #[error("a number is too long")]
    Varint,
    /// A field number or a wire type that does not exist.
    #[error("a field key is invalid")]
    Key,
    /// A known field has another type than its definition says.
    #[error("a field has the wrong type")]
    WireType,
    /// A group ends that did not begin.
    #[error("a group ends that did not begin")]
    Group,
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// Messages are nested deeper than 100 levels.
    #[error("messages are nested too deeply")]
    Depth,
    /// A resource or scope stands behind spans that came under it. No fault; only [`walk_at_once`] cannot read it.
    #[error("a resource or scope stands behind its spans")]
    LateHead,
}

/// `resource_spans` of `ExportTraceServiceRequest`.
pub(super) const RESOURCE_SPANS: u32 = len(1);

/// `resource` of `ResourceSpans`, `scope` of `ScopeSpans`.
pub(super) const HEAD: u32 = len(1);
/// `scope_spans` of `ResourceSpans`, `spans` of `ScopeSpans`.
pub(super) const ITEM: u32 = len(2);
/// `schema_url` of `ResourceSpans` and of `ScopeSpans`.
const SCHEMA_URL: u32 = len(3);

/// A place in a request, packed: requests are limited to far less than 4 GiB.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Walks a request and hands every span to `on_span`, in wire order.
///
/// # Errors
/// [`WireError`] when the bytes are not an `ExportTraceServiceRequest`. Spans handed out before the fault was met
/// must then be thrown away.
pub fn walk<'a>(request: &'a [u8], on_span: impl FnMut(&Origin<'a, '_>, &Span<'a, '_>)) -> Result<(), WireError> {
    walk_by(request, Pace::HeadsFirst, on_span)
}

/// The same in one pass, which reads memory front to back and so waits for it less. Every exporter sends the resource and
/// the scope before their spans; where it is otherwise, this ends with [`WireError::LateHead`], and [`walk`] has to do it.
///
/// # Errors
/// As [`walk`], and [`WireError::LateHead`].
pub fn walk_at_once<'a>(
    request: &'a [u8],
    on_span: impl FnMut(&Origin<'a, '_>, &Span<'a, '_>),
) -> Result<(), WireError> {
    walk_by(request, Pace::AtOnce, on_span)
}

fn walk_by<'a>(
    request: &'a [u8],
    pace: Pace,
    on_span: impl FnMut(&Origin<'a, '_>, &Span<'a, '_>),
) -> Result<(), WireError> {
    let mut walk = Walk { on_span, pace, resource: Vec::new(), lists: Lists::default() };
    let mut message = Reader::new(request);
    while let Some(key) = message.key()? {
        match key {
            RESOURCE_SPANS => walk.resource_spans(message.message()?)?,
            key => message.skip(key, &(1..=1))?,
        }
    }
    Ok(())
}

/// When the head of a `ResourceSpans` or `ScopeSpans` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// In a pass of its own, wherever it stands.
    HeadsFirst,
    AtOnce,
}

struct Walk<'a, F> {
    on_span: F,
    pace: Pace,
    /// Attributes of the resource at hand.
    resource: Vec<Attribute<'a>>,
    lists: Lists<'a>,
}

impl<'a, F: FnMut(&Origin<'a, '_>, &Span<'a, '_>)> Walk<'a, F> {
    /// A resource may stand behind its spans, and in parts.
    fn resource_spans(&mut self, message: Reader<'a>) -> Result<(), WireError> {
        self.resource.clear();
        let items = read_head(message, self.pace, |resource| origin::resource(resource, &mut self.resource))?;
        each_item(items, self.pace, |scope_spans| self.scope_spans(scope_spans))
    }

    fn scope_spans(&mut self, message: Reader<'a>) -> Result<(), WireError> {
        let mut origin = Origin { resource: &self.resource, scope_name: "", scope_version: "" };
        let items = read_head(message, self.pace, |scope| origin::scope(scope, &mut origin))?;
        each_item(items, self.pace, |raw| span::span(raw, &mut self.lists, |span| (self.on_span)(&origin, span)))
    }
}

/// Reads the head of a `ResourceSpans` or `ScopeSpans`, handing out its parts. Returns where its items are to be read from.
fn read_head<'a>(
    message: Reader<'a>,
    pace: Pace,
    mut on_head: impl FnMut(Reader<'a>) -> Result<(), WireError>,
) -> Result<Reader<'a>, WireError> {
    let (mut rest, mut items) = (message, message);
    while let Some(key) = rest.key()? {
        match (key, pace) {
            (HEAD, _) => on_head(rest.message()?)?,
            (ITEM, Pace::AtOnce) => return Ok(items),
            (ITEM, Pace::HeadsFirst) => drop(rest.bytes()?),
            (SCHEMA_URL, _) => drop(rest.string()?),
            (key, _) => rest.skip(key, &(1..=3))?,
        }
        if pace == Pace::AtOnce {
            items = rest;
        }
    }
    Ok(items)
}

/// Hands out the items of a `ResourceSpans` or `ScopeSpans`, as far as [`read_head`] has left them to be read.
fn each_item<'a>(
    mut items: Reader<'a>,
    pace: Pace,
    mut on_item: impl FnMut(Reader<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    while let Some(key) = items.key()? {
        match (key, pace) {
            (ITEM, _) => on_item(items.message()?)?,
            (HEAD, Pace::AtOnce) => return Err(WireError::LateHead),
            (SCHEMA_URL, Pace::AtOnce) => drop(items.string()?),
            // Validated with the head.
            (HEAD | SCHEMA_URL, Pace::HeadsFirst) => drop(items.bytes()?),
            (key, _) => items.skip(key, &(1..=3))?,
        }
    }
    Ok(())
}
