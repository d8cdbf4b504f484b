//! Tolerant parsing of JSON documents with unreliable types: one entry at a time, with a limit on its size.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Largest entry that is parsed, bytes.
const LARGEST_ENTRY: usize = 256 * 1024;

/// Calls `each` with the name and raw JSON of every member of the object in `text`.
///
/// # Errors
/// Fails if `text` is not a JSON object.
pub(super) fn members(text: &str, each: &mut dyn FnMut(&str, &str)) -> Result<(), serde_json::Error> {
    struct Members<'f>(&'f mut dyn FnMut(&str, &str));

    impl<'de> Visitor<'de> for Members<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &RawValue>()? {
                (self.0)(&name, value.get());
            }
            Ok(())
        }
    }

    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_map(Members(each))?;
    reader.end()
}

/// Calls `each` with the raw JSON of every element of the array in `text`.
///
/// # Errors
/// Fails if `text` is not a JSON array.
pub(super) fn elements(text: &str, each: &mut dyn FnMut(&str)) -> Result<(), serde_json::Error> {
    struct Elements<'f>(&'f mut dyn FnMut(&str));

    impl<'de> Visitor<'de> for Elements<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(value) = list.next_element::<&RawValue>()? {
                (self.0)(value.get());
            }
            Ok(())
        }
    }

    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_seq(Elements(each))?;
    reader.end()
}

/// A member name, borrowed if it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

/// One entry as an object; `None` if it is not an object, too large or too deeply nested.
pub(super) fn object(text: &str) -> Option<Map<String, Value>> {
    if text.len() > LARGEST_ENTRY {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// A listed rate that is not a finite number >= 0.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadRate;

/// The value of the first key present, a number or a numeric string. Null counts as absent.
///
/// # Errors
/// [`BadRate`] if that value is not a finite number >= 0.
pub(super) fn rate(object: &Map<String, Value>, keys: &[&str]) -> Result<Option<f64>, BadRate> {
    let Some(value) = keys.iter().find_map(|&key| object.get(key).filter(|value| !value.is_null())) else {
        return Ok(None);
    };
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.filter(|number| number.is_finite() && *number >= 0.0).map(Some).ok_or(BadRate)
}

/// A name of acceptable length without control characters.
pub(super) fn name(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)).then_some(text)
}
