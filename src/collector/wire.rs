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

pub use layout::{AttributeShape, KINDS};
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
    /// A known field has another type than the protocol defines.
    #[error("a field has the wrong type")]
    WireType,
    /// A group ends that was never started.
    #[error("a group ends that did not begin")]
    Group,
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
    /// Messages are nested deeper than 100 levels.
    #[error("messages are nested too deeply")]
    Depth,
    /// A resource or scope follows its spans. Valid, but [`walk_at_once`] cannot read it.
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

/// An offset in a request as four bytes: requests are limited to far less than 4 GiB.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Walks a request and calls `on_span` for each span, in wire order.
///
/// # Errors
/// [`WireError`] when the bytes are not an `ExportTraceServiceRequest`. The caller must then discard the spans
/// it was called for.
pub fn walk<'a>(request: &'a [u8], on_span: impl FnMut(&Origin<'a, '_>, &Span<'a, '_>)) -> Result<(), WireError> {
    walk_by(request, Passes::HeadsFirst, on_span)
}

/// As [`walk`], but in one pass, which reads memory front to back and is faster. Every exporter sends the resource and the
/// scope before their spans; if they follow, this fails with [`WireError::LateHead`] and [`walk`] must be used.
///
/// # Errors
/// As [`walk`], and [`WireError::LateHead`].
pub fn walk_at_once<'a>(
    request: &'a [u8],
    on_span: impl FnMut(&Origin<'a, '_>, &Span<'a, '_>),
) -> Result<(), WireError> {
    walk_by(request, Passes::AtOnce, on_span)
}

fn walk_by<'a>(
    request: &'a [u8],
    passes: Passes,
    on_span: impl FnMut(&Origin<'a, '_>, &Span<'a, '_>),
) -> Result<(), WireError> {
    let mut walk = Walk { on_span, passes, resource: Vec::new(), lists: Lists::default() };
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
enum Passes {
    /// In a pass of its own, wherever it is.
    HeadsFirst,
    AtOnce,
}

struct Walk<'a, F> {
    on_span: F,
    passes: Passes,
    /// Attributes of the current resource.
    resource: Vec<Attribute<'a>>,
    lists: Lists<'a>,
}

impl<'a, F: FnMut(&Origin<'a, '_>, &Span<'a, '_>)> Walk<'a, F> {
    /// A resource may follow its spans, and in parts.
    fn resource_spans(&mut self, message: Reader<'a>) -> Result<(), WireError> {
        self.resource.clear();
        let items = read_head(message, self.passes, |resource| origin::resource(resource, &mut self.resource))?;
        each_item(items, self.passes, |scope_spans| self.scope_spans(scope_spans))
    }

    fn scope_spans(&mut self, message: Reader<'a>) -> Result<(), WireError> {
        let mut origin = Origin { resource: &self.resource, scope_name: "", scope_version: "" };
        let items = read_head(message, self.passes, |scope| origin::scope(scope, &mut origin))?;
        each_item(items, self.passes, |raw| span::span(raw, &mut self.lists, |span| (self.on_span)(&origin, span)))
    }
}

/// Calls `on_head` for each part of the head of a `ResourceSpans` or `ScopeSpans`. Returns where its items begin.
fn read_head<'a>(
    message: Reader<'a>,
    passes: Passes,
    mut on_head: impl FnMut(Reader<'a>) -> Result<(), WireError>,
) -> Result<Reader<'a>, WireError> {
    let (mut rest, mut items) = (message, message);
    while let Some(key) = rest.key()? {
        match (key, passes) {
            (HEAD, _) => on_head(rest.message()?)?,
            (ITEM, Passes::AtOnce) => return Ok(items),
            (ITEM, Passes::HeadsFirst) => drop(rest.bytes()?),
            (SCHEMA_URL, _) => drop(rest.string()?),
            (key, _) => rest.skip(key, &(1..=3))?,
        }
        if passes == Passes::AtOnce {
            items = rest;
        }
    }
    Ok(items)
}

/// Calls `on_item` for each item that [`read_head`] left of a `ResourceSpans` or `ScopeSpans`.
fn each_item<'a>(
    mut items: Reader<'a>,
    passes: Passes,
    mut on_item: impl FnMut(Reader<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    while let Some(key) = items.key()? {
        match (key, passes) {
            (ITEM, _) => on_item(items.message()?)?,
            (HEAD, Passes::AtOnce) => return Err(WireError::LateHead),
            (SCHEMA_URL, Passes::AtOnce) => drop(items.string()?),
            // Validated with the head.
            (HEAD | SCHEMA_URL, Passes::HeadsFirst) => drop(items.bytes()?),
            (key, _) => items.skip(key, &(1..=3))?,
        }
    }
    Ok(())
}
