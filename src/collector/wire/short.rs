//! A fast path without a loop for nearly all attributes: a key, then a short string, number or boolean.
//!
//! It halves the time of a walk. Everything else, errors included, is left to [`Attribute::merge`].

use bstr::ByteSlice as _;

use super::WireError;
use super::reader::Reader;
use super::value::{Attribute, Value, any_value, key_value};

const KEY: u8 = key_value::KEY.to_le_bytes()[0];
const VALUE: u8 = key_value::VALUE.to_le_bytes()[0];
const STRING: u8 = any_value::STRING.to_le_bytes()[0];
const BOOL: u8 = any_value::BOOL.to_le_bytes()[0];
const INT: u8 = any_value::INT.to_le_bytes()[0];
const DOUBLE: u8 = any_value::DOUBLE.to_le_bytes()[0];

/// Reads and validates one `KeyValue` over `attribute`: in its place, for a copy of what was just written in other widths
/// costs more than reading it. Returns how long the content of the value is where that stands last, behind all else.
#[inline]
pub(super) fn read_or_merge<'a>(
    attribute: &mut Attribute<'a>,
    message: Reader<'a>,
) -> Result<Option<usize>, WireError> {
    if let Some(content_len) = read(message.rest(), attribute) {
        return Ok(Some(content_len));
    }
    *attribute = Attribute::EMPTY;
    attribute.merge(message)?;
    Ok(None)
}

/// Reads a `KeyValue` of such a shape over `attribute`. Returns how long the content of its value is, which stands last;
/// `None` when it has another shape or a fault: it must then be read in full.
#[inline]
fn read<'a>(message: &'a [u8], attribute: &mut Attribute<'a>) -> Option<usize> {
    let (key, value) = parts(message)?;
    match value {
        [STRING, text_len @ ..0x80, text @ ..] if text.len() == usize::from(*text_len) => {
            read_texts(message, key.len(), text.len(), attribute).then_some(text.len())
        }
        [kind, number @ ..] => {
            let key = key.to_str().ok()?;
            attribute.value = self::number(*kind, number)?;
            attribute.key = key;
            Some(number.len())
        }
        [] => None,
    }
}

/// Reads the content of a value of which all else was read before, its kind and the length of the content among it. False
/// where that is not all: it must then be read in full.
#[inline]
pub(super) fn read_content<'a>(content: &'a [u8], value: &mut Value<'a>) -> bool {
    let read = match value {
        Value::Str(_) => content.to_str().ok().map(Value::Str),
        Value::Int(_) => number(INT, content),
        Value::Bool(_) => number(BOOL, content),
        Value::Double(_) => number(DOUBLE, content),
        Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::KvList(_) => None,
    };
    read.map(|read| *value = read).is_some()
}

/// The content of the key and of the value.
#[inline]
fn parts(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let [KEY, key_len @ ..0x80, rest @ ..] = message else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let [VALUE, value_len @ ..0x80, value @ ..] = rest else { return None };
    (value.len() == usize::from(*value_len)).then_some((key, value))
}

/// What stands around the two texts is ASCII here, so one look at the whole message validates both.
#[inline]
fn read_texts<'a>(message: &'a [u8], key_len: usize, text_len: usize, attribute: &mut Attribute<'a>) -> bool {
    let Ok(message) = message.to_str() else { return false };
    let texts = (message.get(2..2 + key_len), message.get(message.len() - text_len..));
    let (Some(key), Some(text)) = texts else { return false };
    attribute.key = key;
    attribute.value = Value::Str(text);
    true
}

/// A number or boolean.
#[inline]
fn number<'a>(kind: u8, content: &[u8]) -> Option<Value<'a>> {
    match (kind, content) {
        (INT, [number @ ..0x80]) => Some(Value::Int(i64::from(*number))),
        (INT, [low @ 0x80..=0xff, high @ ..0x80]) => Some(Value::Int(i64::from(*high) << 7 | i64::from(*low & 0x7f))),
        (BOOL, [is @ ..0x80]) => Some(Value::Bool(*is != 0)),
        (DOUBLE, content) => content.try_into().ok().map(|bits| Value::Double(f64::from_le_bytes(bits))),
        _ => None,
    }
}
