//! OTLP/JSON to OTLP/protobuf, in one pass and without a tree in between: memory stays within the input's size,
//! whatever the input is.
//!
//! Follows the OTLP specification's "JSON Protobuf Encoding" and forgives what real exporters do beyond it: numbers as
//! strings and the reverse, enum names, `snake_case` keys, base64 ids, `null` for absent, halves of a surrogate pair
//! where a text was cut, and integers beyond an `int64`.

use std::{borrow::Cow, fmt};

use base64::{Engine, engine::GeneralPurpose};
use prost::encoding::{WireType, encode_key, encode_varint};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::schema::{DOUBLE_VALUE, FieldSchema, FieldType, MessageSchema};

/// The most bytes of an error message: it may quote what was sent.
const MESSAGE_LIMIT: usize = 200;

/// Base64 in either alphabet's standard form, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);

/// Reads `json` as a `message` and returns it in protobuf; an error names the fault and its place.
pub(super) fn to_protobuf(json: &[u8], message: &'static MessageSchema) -> Result<Vec<u8>, String> {
    // As in protobuf. Replacing what is none would make of each byte three.
    if let Err(error) = std::str::from_utf8(json) {
        return Err(format!("not UTF-8 from byte {} on", error.valid_up_to()));
    }
    let mut out = Vec::with_capacity(json.len() / 2);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = Object { message, out: &mut out }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    read.map(|()| out).map_err(|error| bounded(error.to_string()))
}

fn bounded(mut text: String) -> String {
    if text.len() > MESSAGE_LIMIT {
        text.truncate(text.floor_char_boundary(MESSAGE_LIMIT));
        text.push('…');
    }
    text
}

/// A JSON object, written as the fields of a message.
struct Object<'o> {
    message: &'static MessageSchema,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Key(self.message))? {
            match field {
                Some(field) => map.next_value_seed(Present { field, out: self.out })?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// A key of a message: the field it names, if there is one.
struct Key(&'static MessageSchema);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<&'static FieldSchema>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<&'static FieldSchema>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field name")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.named(name))
    }
}

/// A field's value or values; `null` is absence.
struct Present<'o> {
    field: &'static FieldSchema,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Present<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Present<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a value for {}", self.field.json)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { field, out } = self;
        if field.repeated { deserializer.deserialize_seq(List { field, out }) } else { value(field, out, deserializer) }
    }
}

/// The values of a repeated field.
struct List<'o> {
    field: &'static FieldSchema,
    out: &'o mut Vec<u8>,
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array for {}", self.field.json)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Item { field: self.field, out: self.out })?.is_some() {}
        Ok(())
    }
}

/// One value of a repeated field. A `null` keeps its place in an array value and is nothing elsewhere.
struct Item<'o> {
    field: &'static FieldSchema,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an item of {}", self.field.json)
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if matches!(self.field.kind, FieldType::Message(MessageSchema { oneof: true, .. })) {
            delimited(self.field, &[], self.out);
        }
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        value(self.field, self.out, deserializer)
    }
}

fn value<'de, D: Deserializer<'de>>(
    field: &'static FieldSchema,
    out: &mut Vec<u8>,
    deserializer: D,
) -> Result<(), D::Error> {
    match field.kind {
        FieldType::Message(message) => nested(field, message, out, deserializer),
        FieldType::Text | FieldType::Hex | FieldType::Base64 => deserializer.deserialize_bytes(Bytes { field, out }),
        _ => deserializer.deserialize_any(Scalar { field, out }),
    }
}

/// Writes a nested message in place; its length is known only afterwards, and mostly fits into the one byte kept for it.
fn nested<'de, D: Deserializer<'de>>(
    field: &'static FieldSchema,
    message: &'static MessageSchema,
    out: &mut Vec<u8>,
    deserializer: D,
) -> Result<(), D::Error> {
    encode_key(field.number, WireType::LengthDelimited, out);
    let length_at = out.len();
    out.push(0);
    let begin = out.len();
    Object { message, out }.deserialize(deserializer)?;
    let mut length = Vec::with_capacity(5);
    encode_varint((out.len() - begin) as u64, &mut length);
    out.splice(length_at..begin, length);
    Ok(())
}

/// A string in JSON: text, or bytes in hex or base64.
struct Bytes<'o> {
    field: &'static FieldSchema,
    out: &'o mut Vec<u8>,
}

impl Visitor<'_> for Bytes<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a string for {}", self.field.json)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        let decoded = match self.field.kind {
            FieldType::Hex => Cow::Owned(id(bytes).ok_or_else(|| self.unreadable("a hex id"))?),
            FieldType::Base64 => Cow::Owned(BASE64.decode(bytes).map_err(|_| self.unreadable("base64"))?),
            _ => whole(bytes),
        };
        delimited(self.field, &decoded, self.out);
        Ok(())
    }
}

/// Text with one replacement character for each half of a surrogate pair, which is all that can be wrong with text in a
/// document that is UTF-8, and which takes no more room than its escape did.
fn whole(bytes: &[u8]) -> Cow<'_, [u8]> {
    const FIRST_OF_SURROGATE: u8 = 0xed;
    if std::str::from_utf8(bytes).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().first() == Some(&FIRST_OF_SURROGATE) {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Cow::Owned(text.into_bytes())
}

impl Bytes<'_> {
    fn unreadable<E: Error>(&self, what: &str) -> E {
        E::custom(format_args!("{} is not {what}", self.field.json))
    }
}

/// An id: hex as OTLP specifies, or base64 as plain proto3 JSON writes the 8 or 16 bytes.
fn id(text: &[u8]) -> Option<Vec<u8>> {
    const_hex::decode(text).ok().or_else(|| {
        let bytes = BASE64.decode(text).ok()?;
        matches!(bytes.len(), 8 | 16).then_some(bytes)
    })
}

/// A number, boolean or enum in JSON.
struct Scalar<'o> {
    field: &'static FieldSchema,
    out: &'o mut Vec<u8>,
}

#[derive(Clone, Copy)]
enum Number {
    Integer(i128),
    Real(f64),
}

impl Visitor<'_> for Scalar<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.field.kind {
            FieldType::Bool => "a boolean",
            _ => "a number",
        };
        write!(formatter, "{what} for {}", self.field.json)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        if !matches!(self.field.kind, FieldType::Bool) {
            return Err(E::invalid_type(serde::de::Unexpected::Bool(value), &self));
        }
        self.write(Wire::Varint(u64::from(value)));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.number(Number::Integer(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.number(Number::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(Number::Real(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.field.kind {
            FieldType::Bool => match text {
                "true" => self.visit_bool(true),
                "false" => self.visit_bool(false),
                _ => Err(self.out_of_range()),
            },
            FieldType::Enum(names) if let Some(number) = names.iter().position(|name| *name == text) => {
                self.number(Number::Integer(number as i128))
            }
            _ => {
                let integer = text.parse().map(Number::Integer);
                let number = integer.or_else(|_| text.parse().map(Number::Real)).map_err(|_| self.out_of_range())?;
                self.number(number)
            }
        }
    }
}

impl Scalar<'_> {
    fn number<E: Error>(self, number: Number) -> Result<(), E> {
        let wire = on_the_wire(self.field.kind, number).ok_or_else(|| self.out_of_range())?;
        self.write(wire);
        Ok(())
    }

    fn write(self, wire: Wire) {
        let (number, out) = (self.field.number, self.out);
        match wire {
            Wire::Varint(value) => {
                encode_key(number, WireType::Varint, out);
                encode_varint(value, out);
            }
            Wire::Fixed32(value) => {
                encode_key(number, WireType::ThirtyTwoBit, out);
                out.extend(value.to_le_bytes());
            }
            Wire::Fixed64(value) => {
                encode_key(number, WireType::SixtyFourBit, out);
                out.extend(value.to_le_bytes());
            }
            Wire::Overflow(value) => {
                encode_key(DOUBLE_VALUE, WireType::SixtyFourBit, out);
                out.extend(value.to_le_bytes());
            }
        }
    }

    fn out_of_range<E: Error>(&self) -> E {
        E::custom(format_args!("{} is out of range or unreadable", self.field.json))
    }
}

/// A number as it stands on the wire.
#[derive(Clone, Copy)]
enum Wire {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    /// An `int_value` beyond an `int64`, which becomes a `double_value`: JavaScript calls 1e21 an integer too.
    Overflow(f64),
}

fn on_the_wire(kind: FieldType, number: Number) -> Option<Wire> {
    match kind {
        FieldType::Int64 => match ranged::<i64>(number) {
            Some(value) => Some(Wire::Varint(value.cast_unsigned())),
            None => Some(Wire::Overflow(real(number))),
        },
        // Negative 32-bit values are sign-extended on the wire.
        FieldType::Int32 | FieldType::Enum(_) => {
            ranged::<i32>(number).map(|value| Wire::Varint(i64::from(value).cast_unsigned()))
        }
        FieldType::Uint32 => ranged::<u32>(number).map(|value| Wire::Varint(value.into())),
        FieldType::Fixed32 => ranged::<u32>(number).map(Wire::Fixed32),
        FieldType::Fixed64 => ranged::<u64>(number).map(Wire::Fixed64),
        FieldType::Double => Some(Wire::Fixed64(real(number).to_bits())),
        FieldType::Bool | FieldType::Text | FieldType::Hex | FieldType::Base64 | FieldType::Message(_) => None,
    }
}

fn ranged<T: TryFrom<i128>>(number: Number) -> Option<T> {
    match number {
        Number::Integer(value) => T::try_from(value).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and i128 is beyond every T")]
        Number::Real(value) if value.fract() == 0.0 => T::try_from(value as i128).ok(),
        Number::Real(_) => None,
    }
}

fn real(number: Number) -> f64 {
    match number {
        Number::Integer(value) => value as f64,
        Number::Real(value) => value,
    }
}

fn delimited(field: &FieldSchema, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field.number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
