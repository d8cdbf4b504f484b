//! Attributes and their values: `KeyValue`, `AnyValue`, `ArrayValue` and `KeyValueList` of
//! `opentelemetry/proto/common/v1/common.proto`.

use super::WireError;
use super::reader::{Fields, Reader, fixed64, len, varint};

/// An attribute's value (`AnyValue`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value was set, or one that only the profiling signal knows (`string_value_strindex`).
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
    /// `array_value`
    Array(ArrayValue<'a>),
    /// `kvlist_value`
    KvList(KvList<'a>),
}

/// One `KeyValue`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute<'a> {
    /// Its key; keys may repeat within a span.
    pub key: &'a str,
    /// [`Value::Empty`] if absent.
    pub value: Value<'a>,
}

/// The most attributes and the most events of a span that are looked at; SDKs stop at 128 of either. All are validated, but
/// a list of empty ones takes twenty times its bytes.
pub(super) const MOST_KEPT: usize = 65_535;

/// The value of the last attribute with this key.
pub(super) fn last_value<'a>(attributes: &[Attribute<'a>], key: &str) -> Option<Value<'a>> {
    attributes.iter().rev().find(|attribute| attribute.key == key).map(|attribute| attribute.value)
}

/// A validated `ArrayValue`, decoded while it is iterated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrayValue<'a>(List<'a>);

impl<'a> ArrayValue<'a> {
    /// The values in order.
    pub fn iter(self) -> impl Iterator<Item = Value<'a>> {
        self.0.items(any_value::ARRAY).map_while(|item| Value::read(item).ok())
    }
}

/// A validated `KeyValueList`, decoded while it is iterated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KvList<'a>(List<'a>);

impl<'a> KvList<'a> {
    /// The pairs in order; keys may repeat.
    pub fn iter(self) -> impl Iterator<Item = Attribute<'a>> {
        self.0.items(any_value::KV_LIST).map_while(|item| Attribute::read(item).ok())
    }
}

/// Where the items of an `ArrayValue` or a `KeyValueList` stand. Mostly that is one message. But occurrences of one
/// message field are merged (protobuf encoding guide, "Last One Wins"), and then the items are in several.
#[derive(Clone, Copy, Debug, PartialEq)]
enum List<'a> {
    Whole(&'a [u8]),
    /// In several fields of this `AnyValue`.
    InAnyValue(&'a [u8]),
    /// In several fields of the `AnyValue`s of this `KeyValue`.
    InKeyValue(&'a [u8]),
}

impl<'a> List<'a> {
    /// The encoded items, in order; `member` is the key of the list among the fields of `AnyValue`.
    fn items(self, member: u32) -> impl Iterator<Item = Reader<'a>> {
        let (whole, parted) = match self {
            Self::Whole(list) => (Some(Reader::new(list)), None),
            Self::InAnyValue(_) | Self::InKeyValue(_) => (None, Some(self.last_run(member >> 3))),
        };
        let lists = whole.into_iter().chain(parted.into_iter().flatten());
        lists.flat_map(|list| Fields::new(list).with_key(LIST_ITEM))
    }

    /// The lists that merge into one: those since a field of `AnyValue` last said that the value is something else.
    fn last_run(self, member: u32) -> impl Iterator<Item = Reader<'a>> {
        let fields = self.any_values().flat_map(Fields::new).filter(|(number, _)| any_value::NUMBERS.contains(number));
        let others = fields.clone().enumerate().filter(|(_, (number, _))| *number != member);
        let start = others.last().map_or(0, |(nth, _)| nth + 1);
        fields.skip(start).map(|(_, list)| list)
    }

    fn any_values(self) -> impl Iterator<Item = Reader<'a>> + Clone {
        let (one, key_value): (_, &[u8]) = match self {
            Self::InAnyValue(value) => (Some(Reader::new(value)), &[]),
            Self::InKeyValue(key_value) => (None, key_value),
            Self::Whole(_) => (None, &[]),
        };
        one.into_iter().chain(Fields::new(Reader::new(key_value)).with_key(key_value::VALUE))
    }
}

pub(super) mod key_value {
    use super::{len, varint};
    use std::ops::RangeInclusive;

    pub(crate) const KEY: u32 = len(1);
    pub(crate) const VALUE: u32 = len(2);
    pub(crate) const KEY_STRINDEX: u32 = varint(3);
    pub(crate) const NUMBERS: RangeInclusive<u32> = 1..=3;
}

pub(super) mod any_value {
    use super::{fixed64, len, varint};
    use std::ops::RangeInclusive;

    pub(crate) const STRING: u32 = len(1);
    pub(crate) const BOOL: u32 = varint(2);
    pub(crate) const INT: u32 = varint(3);
    pub(crate) const DOUBLE: u32 = fixed64(4);
    pub(crate) const ARRAY: u32 = len(5);
    pub(crate) const KV_LIST: u32 = len(6);
    pub(crate) const BYTES: u32 = len(7);
    pub(crate) const STRING_STRINDEX: u32 = varint(8);
    /// All of them members of the one `oneof`.
    pub(crate) const NUMBERS: RangeInclusive<u32> = 1..=8;
}

/// `values` of both `ArrayValue` and `KeyValueList`.
const LIST_ITEM: u32 = len(1);

impl<'a> Attribute<'a> {
    /// The attribute of an empty `KeyValue`.
    pub(super) const EMPTY: Self = Self { key: "", value: Value::Empty };

    /// Reads and validates one `KeyValue`.
    pub(super) fn read(message: Reader<'a>) -> Result<Self, WireError> {
        let mut attribute = Self::EMPTY;
        attribute.merge(message)?;
        Ok(attribute)
    }

    /// Reads and validates one `KeyValue` over this one.
    pub(super) fn merge(&mut self, mut message: Reader<'a>) -> Result<(), WireError> {
        let whole = message.rest();
        while let Some(key) = message.key()? {
            match key {
                key_value::KEY => self.key = message.string()?,
                key_value::VALUE => self.value.merge(message.message()?, List::InKeyValue(whole))?,
                key_value::KEY_STRINDEX => drop(message.varint()?),
                key => message.skip(key, &key_value::NUMBERS)?,
            }
        }
        Ok(())
    }
}

impl<'a> Value<'a> {
    /// Reads and validates one `AnyValue` that stands in an array.
    fn read(message: Reader<'a>) -> Result<Self, WireError> {
        let mut value = Self::Empty;
        value.merge(message, List::InAnyValue(message.rest()))?;
        Ok(value)
    }

    /// Becomes what the fields of one more `AnyValue` say; `parted` is where the items are if it is a list that comes
    /// in parts.
    fn merge(&mut self, mut message: Reader<'a>, parted: List<'a>) -> Result<(), WireError> {
        while let Some(key) = message.key()? {
            match key {
                any_value::STRING => *self = Self::Str(message.string()?),
                any_value::BOOL => *self = Self::Bool(message.varint()? != 0),
                any_value::INT => *self = Self::Int(message.varint()?.cast_signed()),
                any_value::DOUBLE => *self = Self::Double(f64::from_bits(message.fixed64()?)),
                any_value::ARRAY => self.merge_array(message.message()?, parted)?,
                any_value::KV_LIST => self.merge_kv_list(message.message()?, parted)?,
                any_value::BYTES => *self = Self::Bytes(message.bytes()?),
                any_value::STRING_STRINDEX => {
                    message.varint()?;
                    *self = Self::Empty;
                }
                key => message.skip(key, &any_value::NUMBERS)?,
            }
        }
        Ok(())
    }

    fn merge_array(&mut self, list: Reader<'a>, parted: List<'a>) -> Result<(), WireError> {
        check_list(list, |item| Value::read(item).map(drop))?;
        *self = Self::Array(ArrayValue(if matches!(self, Self::Array(_)) { parted } else { List::Whole(list.rest()) }));
        Ok(())
    }

    fn merge_kv_list(&mut self, list: Reader<'a>, parted: List<'a>) -> Result<(), WireError> {
        check_list(list, |item| Attribute::read(item).map(drop))?;
        *self = Self::KvList(KvList(if matches!(self, Self::KvList(_)) { parted } else { List::Whole(list.rest()) }));
        Ok(())
    }
}

/// Validates an `ArrayValue` or a `KeyValueList`.
fn check_list<'a>(
    mut list: Reader<'a>,
    check_item: impl Fn(Reader<'a>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    while let Some(key) = list.key()? {
        match key {
            LIST_ITEM => check_item(list.message()?)?,
            key => list.skip(key, &(1..=1))?,
        }
    }
    Ok(())
}
