//! OTLP/protobuf to OTLP/JSON, as the OpenTelemetry Collector's file exporter writes it: lowerCamelCase keys, hex ids,
//! 64-bit integers as strings, enums as numbers. Defaults are left out, fields that the table does not know are dropped.

use std::io::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Buf;
use prost::{
    DecodeError,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use thiserror::Error;

use super::schema::{FieldSchema, FieldType, MessageSchema};

/// How deep messages may nest, as in prost.
const DEPTH: usize = 100;

/// Why bytes cannot be written as JSON.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The wire format is broken.
    #[error(transparent)]
    Wire(#[from] DecodeError),
    /// The bytes end inside a field.
    #[error("truncated message")]
    Truncated,
    /// Messages nest beyond what anybody reads.
    #[error("messages nest too deep")]
    TooDeep,
}

/// Appends `bytes`, a `message` in protobuf, to `out` as one JSON object without line breaks.
///
/// # Errors
/// When the bytes are no such message. `out` then ends in a beginning that must be thrown away.
pub(super) fn to_json(bytes: &[u8], message: &MessageSchema, out: &mut Vec<u8>) -> Result<(), WriteError> {
    object(bytes, message, DEPTH, out)
}

/// A field's value as it stands on the wire.
#[derive(Clone, Copy)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

struct Entry<'a> {
    field: &'a FieldSchema,
    wire: Wire<'a>,
}

fn object(bytes: &[u8], message: &MessageSchema, depth: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let depth = depth.checked_sub(1).ok_or(WriteError::TooDeep)?;
    let entries = entries(bytes, message)?;
    out.push(b'{');
    let begin = out.len();
    for field in message.fields {
        let mut values = entries.iter().filter(|entry| entry.field.number == field.number).map(|entry| entry.wire);
        if field.repeated {
            list(field, values, depth, begin, out)?;
        } else if let FieldType::Message(inner) = field.kind
            && let Some(value) = merged(&mut values)
        {
            key(field, begin, out);
            object(&value, inner, depth, out)?;
        } else if let Some(value) = values.next_back().or_else(|| field.always.then_some(Wire::Bytes(&[])))
            && (message.oneof || field.always || !is_default(value))
        {
            key(field, begin, out);
            scalar(field.kind, value, out);
        }
    }
    out.push(b'}');
    Ok(())
}

/// The fields that the table knows, in wire order. Of a oneof only the last one is left, with what came of it before:
/// messages merge.
fn entries<'a>(mut bytes: &'a [u8], message: &'a MessageSchema) -> Result<Vec<Entry<'a>>, WriteError> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(&mut bytes)?;
        let field = message.fields.iter().find(|field| field.number == number);
        let Some(field) = field.filter(|field| field.kind.wire_type() == wire_type) else {
            skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
            continue;
        };
        if message.oneof {
            entries.retain(|entry: &Entry<'_>| entry.field.number == number);
        }
        entries.push(Entry { field, wire: wire(wire_type, &mut bytes)? });
    }
    Ok(entries)
}

fn wire<'a>(wire_type: WireType, bytes: &mut &'a [u8]) -> Result<Wire<'a>, WriteError> {
    match wire_type {
        WireType::Varint => Ok(Wire::Number(decode_varint(bytes)?)),
        WireType::SixtyFourBit => bytes.try_get_u64_le().map(Wire::Number).map_err(|_| WriteError::Truncated),
        WireType::ThirtyTwoBit => {
            bytes.try_get_u32_le().map(|value| Wire::Number(value.into())).map_err(|_| WriteError::Truncated)
        }
        WireType::LengthDelimited | WireType::StartGroup | WireType::EndGroup => {
            let length = usize::try_from(decode_varint(bytes)?).map_err(|_| WriteError::Truncated)?;
            let (value, rest) = bytes.split_at_checked(length).ok_or(WriteError::Truncated)?;
            *bytes = rest;
            Ok(Wire::Bytes(value))
        }
    }
}

/// The occurrences of a singular message, merged: in protobuf that is their concatenation.
fn merged<'a>(values: &mut impl Iterator<Item = Wire<'a>>) -> Option<std::borrow::Cow<'a, [u8]>> {
    let mut whole: std::borrow::Cow<'a, [u8]> = as_bytes(values.next()?).into();
    for value in values {
        whole.to_mut().extend_from_slice(as_bytes(value));
    }
    Some(whole)
}

fn list<'a>(
    field: &FieldSchema,
    values: impl Iterator<Item = Wire<'a>>,
    depth: usize,
    begin: usize,
    out: &mut Vec<u8>,
) -> Result<(), WriteError> {
    let mut values = values.peekable();
    if values.peek().is_none() && !field.always {
        return Ok(());
    }
    key(field, begin, out);
    out.push(b'[');
    let first = out.len();
    for value in values {
        if out.len() > first {
            out.push(b',');
        }
        match field.kind {
            FieldType::Message(message) => object(as_bytes(value), message, depth, out)?,
            kind => scalar(kind, value, out),
        }
    }
    out.push(b']');
    Ok(())
}

fn key(field: &FieldSchema, begin: usize, out: &mut Vec<u8>) {
    if out.len() > begin {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(field.json.as_bytes());
    out.extend_from_slice(b"\":");
}

fn is_default(value: Wire<'_>) -> bool {
    matches!(value, Wire::Number(0) | Wire::Bytes([]))
}

const fn as_bytes(value: Wire<'_>) -> &[u8] {
    match value {
        Wire::Bytes(bytes) => bytes,
        Wire::Number(_) => &[],
    }
}

fn scalar(kind: FieldType, value: Wire<'_>, out: &mut Vec<u8>) {
    match (kind, value) {
        (_, Wire::Bytes(bytes)) => text(kind, bytes, out),
        (FieldType::Double, Wire::Number(bits)) => double(f64::from_bits(bits), out),
        (FieldType::Bool, Wire::Number(number)) => out.extend_from_slice(if number == 0 { b"false" } else { b"true" }),
        (FieldType::Int64, Wire::Number(number)) => put(out, format_args!("\"{}\"", number.cast_signed())),
        (FieldType::Fixed64, Wire::Number(number)) => put(out, format_args!("\"{number}\"")),
        // Varints of 32-bit types count by their low half, as in every protobuf implementation.
        (FieldType::Int32 | FieldType::Enum(_), Wire::Number(number)) => {
            put(out, format_args!("{}", low_half(number).cast_signed()));
        }
        (_, Wire::Number(number)) => put(out, format_args!("{}", low_half(number))),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
const fn low_half(number: u64) -> u32 {
    number as u32
}

fn text(kind: FieldType, bytes: &[u8], out: &mut Vec<u8>) {
    match kind {
        FieldType::Hex => put(out, format_args!("\"{}\"", const_hex::display(bytes))),
        FieldType::Base64 => put(out, format_args!("\"{}\"", STANDARD.encode(bytes))),
        _ => json(&String::from_utf8_lossy(bytes), out),
    }
}

fn double(value: f64, out: &mut Vec<u8>) {
    match value {
        value if value.is_nan() => out.extend_from_slice(b"\"NaN\""),
        f64::INFINITY => out.extend_from_slice(b"\"Infinity\""),
        f64::NEG_INFINITY => out.extend_from_slice(b"\"-Infinity\""),
        value => json(&value, out),
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Neither writing to memory nor these types can fail.
    let _ = serde_json::to_writer(out, value);
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory cannot fail.
    let _ = out.write_fmt(text);
}

impl FieldType {
    const fn wire_type(self) -> WireType {
        match self {
            Self::Bool | Self::Int64 | Self::Int32 | Self::Uint32 | Self::Enum(_) => WireType::Varint,
            Self::Fixed64 | Self::Double => WireType::SixtyFourBit,
            Self::Fixed32 => WireType::ThirtyTwoBit,
            Self::Text | Self::Hex | Self::Base64 | Self::Message(_) => WireType::LengthDelimited,
        }
    }
}
