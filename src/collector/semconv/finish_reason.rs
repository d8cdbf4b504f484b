//! Finish reasons: an array, one reason, several separated by commas, or a list in JSON or Python syntax.

use super::keys::Key;
use super::span_view::SpanView;
use super::{scalar, structured};
use crate::call::Text;
use crate::collector::wire::Value;

/// The reasons under the first of `keys` that has any, joined with `,`.
pub(super) fn reasons<'a>(view: &SpanView<'a, '_>, keys: &[Key]) -> Option<Text<'a>> {
    keys.iter().find_map(|&key| view.value(key).and_then(of))
}

fn of<'a>(value: &Value<'a>) -> Option<Text<'a>> {
    match value {
        Value::Array(values) => joined(values.iter().filter_map(|value| scalar::text(&value))),
        Value::Str(text) => in_text(text),
        Value::Bool(_) | Value::Int(_) | Value::Double(_) | Value::Empty | Value::Bytes(_) | Value::KvList(_) => None,
    }
}

fn in_text(text: &str) -> Option<Text<'_>> {
    if let Some(list) = structured::list(text) {
        return joined(list.into_iter().filter(|reason| !reason.is_empty()).map(Text::Owned));
    }
    if text.contains(',') {
        return joined(text.split(',').map(str::trim).filter(|reason| !reason.is_empty()).map(Text::Borrowed));
    }
    (!text.trim().is_empty() && !scalar::is_placeholder(text)).then_some(Text::Borrowed(text))
}

fn joined<'a>(mut reasons: impl Iterator<Item = Text<'a>>) -> Option<Text<'a>> {
    let mut all = reasons.next()?;
    for reason in reasons {
        let all = all.to_mut();
        all.push(',');
        all.push_str(&reason);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_written_as_text() {
        let cases = [
            ("stop", Some("stop")),
            (r#"["stop"]"#, Some("stop")),
            (r#"["stop","tool_calls"]"#, Some("stop,tool_calls")),
            ("['stop']", Some("stop")),
            ("stop, length", Some("stop,length")),
            ("[]", None),
            ("", None),
            ("none", None),
            ("None", Some("None")),
            ("[stop", Some("[stop")),
        ];
        for (text, expected) in cases {
            assert_eq!(of(&Value::Str(text)).as_deref(), expected, "{text}");
        }
        assert_eq!(of(&Value::Int(1)), None);
    }
}
