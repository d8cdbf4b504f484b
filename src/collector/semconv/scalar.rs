//! Attribute values as text, numbers and flags (SEMCONV.md, section 1). Strings, booleans, integers and doubles are
//! scalars; numeric strings are accepted as numbers; unreadable values count as absent.

use crate::call::Text;
use crate::collector::wire::Value;

/// 2^64, the first double that is no `u64`.
const TOO_LARGE: f64 = 18_446_744_073_709_551_616.0;

/// Values for an unknown model, id, user or finish reason: Spring AI's (Micrometer's `KeyValue.NONE_VALUE`) and
/// `LangChain4j`'s.
const PLACEHOLDERS: [&str; 3] = ["none", "unknown", "UNKNOWN"];

pub(super) const fn is_scalar(value: &Value<'_>) -> bool {
    matches!(value, Value::Str(_) | Value::Bool(_) | Value::Int(_) | Value::Double(_))
}

/// Whether `text` is empty or white space. Usually decided by its first byte.
pub(super) fn is_blank(text: &str) -> bool {
    !text.as_bytes().first().is_some_and(u8::is_ascii_graphic) && text.trim().is_empty()
}

/// The value as text; blank text is absent.
#[inline]
pub(super) fn text<'a>(value: &Value<'a>) -> Option<Text<'a>> {
    match *value {
        Value::Str(text) => Some(text).filter(|text| !is_blank(text)).map(Text::Borrowed),
        Value::Bool(flag) => Some(Text::Borrowed(if flag { "true" } else { "false" })),
        Value::Int(number) => Some(Text::Owned(number.to_string())),
        Value::Double(number) => Some(Text::Owned(number.to_string())),
        Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::KvList(_) => None,
    }
}

/// Whether `text` stands for an unknown value.
pub(super) fn is_placeholder(text: &str) -> bool {
    PLACEHOLDERS.contains(&text)
}

/// Whether `text` contains `word`, ignoring ASCII case.
pub(super) fn mentions(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len().max(1)).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

/// The value as a finite number.
#[inline]
pub(super) fn number(value: &Value<'_>) -> Option<f64> {
    match *value {
        Value::Int(number) => Some(number as f64),
        Value::Double(number) => Some(number),
        Value::Str(text) => text.trim().parse().ok(),
        Value::Bool(_) | Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::KvList(_) => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// The value as a count: a whole number that is not negative.
#[inline]
pub(super) fn count(value: &Value<'_>) -> Option<u64> {
    match *value {
        Value::Int(number) => u64::try_from(number).ok(),
        Value::Double(number) => whole(number),
        Value::Str(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
        }
        Value::Bool(_) | Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::KvList(_) => None,
    }
}

/// A double as a count, where it is one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within u64, as just checked")]
pub(super) fn whole(number: f64) -> Option<u64> {
    ((0.0..TOO_LARGE).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// The value as a flag: a boolean, or its name in any case (Python's `str(True)`).
pub(super) fn flag(value: &Value<'_>) -> Option<bool> {
    match *value {
        Value::Bool(flag) => Some(flag),
        Value::Str(text) => match text.trim() {
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        },
        Value::Int(_) | Value::Double(_) | Value::Empty | Value::Bytes(_) | Value::Array(_) | Value::KvList(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let cases = [
            (Value::Int(7), Some(7)),
            (Value::Int(0), Some(0)),
            (Value::Int(-1), None),
            (Value::Double(12.0), Some(12)),
            (Value::Double(12.5), None),
            (Value::Double(-0.0), Some(0)),
            (Value::Double(f64::NAN), None),
            (Value::Double(f64::INFINITY), None),
            (Value::Double(1e30), None),
            (Value::Str("42"), Some(42)),
            (Value::Str(" 42\n"), Some(42)),
            (Value::Str("42.0"), Some(42)),
            (Value::Str("1e3"), Some(1000)),
            (Value::Str("18446744073709551615"), Some(u64::MAX)),
            (Value::Str("18446744073709551616"), None),
            (Value::Str("-4"), None),
            (Value::Str("4.5"), None),
            (Value::Str("NaN"), None),
            (Value::Str("many"), None),
            (Value::Str(""), None),
            (Value::Bool(true), None),
            (Value::Bytes(b"4"), None),
            (Value::Empty, None),
        ];
        for (value, expected) in cases {
            assert_eq!(count(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn numbers() {
        let cases = [
            (Value::Int(-3), Some(-3.0)),
            (Value::Double(0.25), Some(0.25)),
            (Value::Str(" 0.25 "), Some(0.25)),
            (Value::Str("inf"), None),
            (Value::Double(f64::NAN), None),
            (Value::Bool(false), None),
        ];
        for (value, expected) in cases {
            assert_eq!(number(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn flags_and_text() {
        assert_eq!(flag(&Value::Str("True")), Some(true));
        assert_eq!(flag(&Value::Str("FALSE ")), Some(false));
        assert_eq!(flag(&Value::Str("yes")), None);
        assert_eq!(flag(&Value::Int(1)), None);
        assert_eq!(text(&Value::Str("  ")), None);
        assert_eq!(text(&Value::Str(" a ")).as_deref(), Some(" a "));
        assert_eq!(text(&Value::Int(-7)).as_deref(), Some("-7"));
        assert_eq!(text(&Value::Bytes(b"a")), None);
    }
}
