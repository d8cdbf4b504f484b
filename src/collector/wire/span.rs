//! Spans and their parts: `Span`, `Event`, `Link` and `Status` of `opentelemetry/proto/trace/v1/trace.proto`.

use std::ops::Range;

use super::WireError;
use super::layout::{ATTRIBUTE, AttributeShape, Layouts};
use super::reader::{Reader, fixed32, fixed64, len, varint};
use super::value::{Attribute, MOST_KEPT, Value, last_value};

/// One span. Attributes are in wire order.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a, 's> {
    /// 16 bytes when well formed.
    pub trace_id: &'a [u8],
    /// 8 bytes when well formed.
    pub span_id: &'a [u8],
    /// Empty for a root.
    pub parent_span_id: &'a [u8],
    /// `trace_state`, as the W3C header of that name.
    pub trace_state: &'a str,
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
    /// In wire order; keys may repeat.
    pub attributes: &'s [Attribute<'a>],
    /// Their keys and kinds of values.
    pub shape: AttributeShape,
    /// The span's events, undecoded: read through [`Span::events`].
    raw_events: &'s [&'a [u8]],
    /// The encoded `Span` message itself.
    pub raw: &'a [u8],
    /// Where `raw` begins in the request.
    pub raw_offset: usize,
}

impl<'a, 's> Span<'a, 's> {
    /// The value of the attribute with this key, the last one if there are several.
    pub fn attribute(&self, key: &str) -> Option<Value<'a>> {
        last_value(self.attributes, key)
    }

    /// The events in wire order, decoded on demand.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a, 's> {
        self.raw_events.iter().filter_map(|raw| Event::read(raw))
    }

    /// The first event with this name, wherever it stands.
    pub fn event(&self, name: &str) -> Option<Event<'a>> {
        let named = |raw: &&&'a [u8]| event(Reader::new(raw), |_| ()).is_ok_and(|head| head.name == name);
        self.raw_events.iter().find(named).and_then(|raw| Event::read(raw))
    }

    /// Where the encoded `Span` message stands in the request.
    pub const fn raw_range(&self) -> Range<usize> {
        self.raw_offset..self.raw_offset + self.raw.len()
    }
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

impl<'a> Event<'a> {
    fn read(raw: &'a [u8]) -> Option<Self> {
        let mut attributes = Vec::new();
        let EventHead { time_unix_nano, name } = event(Reader::new(raw), |attribute| {
            attributes.push(attribute);
            attributes.truncate(MOST_KEPT);
        })
        .ok()?;
        Some(Self { time_unix_nano, name, attributes })
    }

    /// The value of the attribute with this key, the last one if there are several.
    pub fn attribute(&self, key: &str) -> Option<Value<'a>> {
        last_value(&self.attributes, key)
    }
}

mod field {
    use super::{fixed32, fixed64, len, varint};
    use std::ops::RangeInclusive;

    pub(super) const TRACE_ID: u32 = len(1);
    pub(super) const SPAN_ID: u32 = len(2);
    pub(super) const TRACE_STATE: u32 = len(3);
    pub(super) const PARENT_SPAN_ID: u32 = len(4);
    pub(super) const NAME: u32 = len(5);
    pub(super) const KIND: u32 = varint(6);
    pub(super) const START: u32 = fixed64(7);
    pub(super) const END: u32 = fixed64(8);
    pub(super) const DROPPED_ATTRIBUTES: u32 = varint(10);
    pub(super) const EVENT: u32 = len(11);
    pub(super) const DROPPED_EVENTS: u32 = varint(12);
    pub(super) const LINK: u32 = len(13);
    pub(super) const DROPPED_LINKS: u32 = varint(14);
    pub(super) const STATUS: u32 = len(15);
    pub(super) const FLAGS: u32 = fixed32(16);
    pub(super) const NUMBERS: RangeInclusive<u32> = 1..=16;
}

/// Buffers that hold one span's lists, reused from span to span.
#[derive(Debug, Default)]
pub(super) struct Lists<'a> {
    attributes: Layouts<'a>,
    events: Vec<&'a [u8]>,
}

/// Reads and validates one `Span` and passes it to `on_span` by reference: there are many, and they are not small.
pub(super) fn span<'a>(
    mut message: Reader<'a>,
    lists: &mut Lists<'a>,
    on_span: impl FnOnce(&Span<'a, '_>),
) -> Result<(), WireError> {
    lists.events.clear();
    let mut filling = None;
    let mut span = blank(message);
    while let Some(key) = message.key()? {
        match key {
            ATTRIBUTE => lists.attributes.read_run(&mut filling, &mut message)?,
            field::TRACE_ID => span.trace_id = message.bytes()?,
            field::SPAN_ID => span.span_id = message.bytes()?,
            field::PARENT_SPAN_ID => span.parent_span_id = message.bytes()?,
            field::NAME => span.name = message.string()?,
            field::KIND => span.kind = message.int32()?,
            field::START => span.start_unix_nano = message.fixed64()?,
            field::END => span.end_unix_nano = message.fixed64()?,
            field::STATUS => status(message.message()?, &mut span)?,
            field::EVENT => {
                let raw = message.message()?;
                event(raw, drop)?;
                lists.events.push(raw.rest());
                lists.events.truncate(MOST_KEPT);
            }
            field::LINK => check_link(message.message()?)?,
            field::TRACE_STATE => span.trace_state = message.string()?,
            field::DROPPED_ATTRIBUTES | field::DROPPED_EVENTS | field::DROPPED_LINKS => drop(message.varint()?),
            field::FLAGS => message.fixed32()?,
            key => message.skip(key, &field::NUMBERS)?,
        }
    }
    (span.attributes, span.shape) = lists.attributes.end(filling);
    span.raw_events = &lists.events;
    on_span(&span);
    Ok(())
}

const fn blank<'s>(message: Reader<'_>) -> Span<'_, 's> {
    Span {
        trace_id: &[],
        span_id: &[],
        parent_span_id: &[],
        trace_state: "",
        name: "",
        kind: 0,
        start_unix_nano: 0,
        end_unix_nano: 0,
        status_code: 0,
        status_message: "",
        attributes: &[],
        shape: AttributeShape { kind: 0, version: 0 },
        raw_events: &[],
        raw: message.rest(),
        raw_offset: message.offset(),
    }
}

mod status_field {
    use super::{len, varint};
    use std::ops::RangeInclusive;

    pub(super) const MESSAGE: u32 = len(2);
    pub(super) const CODE: u32 = varint(3);
    pub(super) const NUMBERS: RangeInclusive<u32> = 2..=3;
}

fn status<'a>(mut message: Reader<'a>, span: &mut Span<'a, '_>) -> Result<(), WireError> {
    while let Some(key) = message.key()? {
        match key {
            status_field::MESSAGE => span.status_message = message.string()?,
            status_field::CODE => span.status_code = message.int32()?,
            key => message.skip(key, &status_field::NUMBERS)?,
        }
    }
    Ok(())
}

mod event_field {
    use super::{fixed64, len, varint};
    use std::ops::RangeInclusive;

    pub(super) const TIME: u32 = fixed64(1);
    pub(super) const NAME: u32 = len(2);
    pub(super) const ATTRIBUTE: u32 = len(3);
    pub(super) const DROPPED_ATTRIBUTES: u32 = varint(4);
    pub(super) const NUMBERS: RangeInclusive<u32> = 1..=4;
}

/// An event but for its attributes.
struct EventHead<'a> {
    time_unix_nano: u64,
    name: &'a str,
}

fn event<'a>(mut message: Reader<'a>, mut on_attribute: impl FnMut(Attribute<'a>)) -> Result<EventHead<'a>, WireError> {
    let mut head = EventHead { time_unix_nano: 0, name: "" };
    while let Some(key) = message.key()? {
        match key {
            event_field::TIME => head.time_unix_nano = message.fixed64()?,
            event_field::NAME => head.name = message.string()?,
            event_field::ATTRIBUTE => on_attribute(Attribute::read(message.message()?)?),
            event_field::DROPPED_ATTRIBUTES => drop(message.varint()?),
            key => message.skip(key, &event_field::NUMBERS)?,
        }
    }
    Ok(head)
}

mod link_field {
    use super::{fixed32, len, varint};
    use std::ops::RangeInclusive;

    pub(super) const TRACE_ID: u32 = len(1);
    pub(super) const SPAN_ID: u32 = len(2);
    pub(super) const TRACE_STATE: u32 = len(3);
    pub(super) const ATTRIBUTE: u32 = len(4);
    pub(super) const DROPPED_ATTRIBUTES: u32 = varint(5);
    pub(super) const FLAGS: u32 = fixed32(6);
    pub(super) const NUMBERS: RangeInclusive<u32> = 1..=6;
}

fn check_link(mut message: Reader<'_>) -> Result<(), WireError> {
    while let Some(key) = message.key()? {
        match key {
            link_field::TRACE_ID | link_field::SPAN_ID => drop(message.bytes()?),
            link_field::TRACE_STATE => drop(message.string()?),
            link_field::ATTRIBUTE => drop(Attribute::read(message.message()?)?),
            link_field::DROPPED_ATTRIBUTES => drop(message.varint()?),
            link_field::FLAGS => message.fixed32()?,
            key => message.skip(key, &link_field::NUMBERS)?,
        }
    }
    Ok(())
}
