//! Attributes whose value is a structure in text form: JSON, or the `repr` of a Python dict that some emitters send
//! instead. Size and depth are limited; text that does not parse as a whole counts as absent.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Longer text is not parsed, bytes. Usage and parameters take a few hundred.
const MAX_TEXT: usize = 64 * 1024;

/// Recorded answers may be longer, bytes. They hold all that a model has said.
const MAX_RECORDED: usize = 1024 * 1024;

/// The members of an object written as JSON or as a Python dict.
pub(super) fn object(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    (text.len() <= MAX_TEXT && text.starts_with('{')).then_some(())?;
    let parsed = serde_json::from_str(text).or_else(|_| serde_json::from_str(&json_of_python(text)));
    match parsed {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// The strings of a list written as JSON or as a Python list.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    (text.len() <= MAX_TEXT && text.starts_with('[')).then_some(())?;
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&json_of_python(text))).ok()
}

/// The value at a path of member names.
pub(super) fn member<'v>(object: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, name| value.get(name))
}

/// A whole number, or a string that holds one.
pub(super) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(super::scalar::whole)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The top-level `id` of a recorded response body. Only ids with a provider's prefix count, since the model's own output
/// may be JSON with an `id`.
pub(super) fn response_id(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        id: Option<Cow<'a, str>>,
    }

    (text.len() <= MAX_TEXT && text.starts_with('{')).then_some(())?;
    let body: Body<'_> = serde_json::from_str(text).ok()?;
    body.id.filter(|id| is_provider_id(id))
}

fn is_provider_id(id: &str) -> bool {
    const PREFIXES: [&str; 6] = ["chatcmpl-", "msg_", "resp_", "cmpl-", "gen-", "chatcmpl_"];

    PREFIXES.iter().any(|prefix| id.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 4))
}

/// What is read of a recorded answer. Everything else in it is skipped without being kept.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Recorded {
    #[serde(default, alias = "usageMetadata", alias = "usage_metadata", alias = "UsageMetadata")]
    pub(super) usage: Value,
    #[serde(default, alias = "modelVersion", alias = "model_version", alias = "ModelVersion")]
    model: Value,
    #[serde(default)]
    id: Value,
    /// Genkit for Go: the provider's answer without its text.
    #[serde(default)]
    custom: Value,
    /// Genkit for JavaScript: the provider's whole answer.
    #[serde(default)]
    raw: Value,
}

impl Recorded {
    /// Reads an answer written as a JSON object.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim_start();
        (text.len() <= MAX_RECORDED && text.starts_with('{')).then(|| serde_json::from_str(text).ok())?
    }

    /// The model that answered.
    pub(super) fn model(&self) -> Option<&str> {
        self.text(&self.model, "model")
    }

    /// The counts in the provider's own answer.
    pub(super) fn raw_usage(&self) -> Option<&Map<String, Value>> {
        self.raw.get("usage").or_else(|| self.raw.get("usageMetadata"))?.as_object()
    }

    /// The id of the answer.
    pub(super) fn id(&self) -> Option<&str> {
        self.text(&self.id, "id")
    }

    fn text<'v>(&'v self, own: &'v Value, name: &str) -> Option<&'v str> {
        let inner = || self.custom.get(name).and_then(Value::as_str).or_else(|| self.raw.get(name)?.as_str());
        own.as_str().or_else(inner).filter(|text| !text.is_empty())
    }
}

/// A JSON string without its quotes; any other text as it stands.
pub(super) fn unquoted(text: &str) -> Cow<'_, str> {
    let is_quoted = text.len() <= MAX_TEXT && text.starts_with('"');
    let parsed: Option<String> = is_quoted.then(|| serde_json::from_str(text).ok()).flatten();
    parsed.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The id of the answer in a `LangChain` run's output: in the metadata of the first message, else of the whole output.
pub(super) fn langchain_response_id(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Run {
        #[serde(default)]
        generations: Vec<Vec<Generation>>,
        llm_output: Option<Metadata>,
    }
    #[derive(Deserialize)]
    struct Generation {
        message: Option<Message>,
    }
    #[derive(Deserialize)]
    struct Message {
        kwargs: Option<Kwargs>,
    }
    #[derive(Deserialize)]
    struct Kwargs {
        response_metadata: Option<Metadata>,
    }
    #[derive(Deserialize)]
    struct Metadata {
        id: Option<String>,
    }

    let is_run = text.get(..32).is_some_and(|start| start.contains("\"generations\""));
    (is_run && text.len() <= MAX_RECORDED).then_some(())?;
    let run: Run = serde_json::from_str(text).ok()?;
    let message =
        run.generations.into_iter().flatten().next().and_then(|first| first.message?.kwargs?.response_metadata);
    message.and_then(|metadata| metadata.id).or_else(|| run.llm_output?.id).filter(|id| is_provider_id(id))
}

/// Converts the `repr` of Python dicts, lists, strings, numbers, `None`, `True` and `False` to JSON. The result for any
/// other text does not parse as JSON.
fn json_of_python(repr: &str) -> String {
    let mut json = String::with_capacity(repr.len() + 16);
    let mut rest = repr;
    while let Some(next) = rest.chars().next() {
        rest = match next {
            '\'' | '"' => string(rest, next, &mut json),
            letter if letter.is_ascii_alphabetic() => word(rest, &mut json),
            other => {
                json.push(if other == '(' {
                    '['
                } else if other == ')' {
                    ']'
                } else {
                    other
                });
                rest.get(other.len_utf8()..).unwrap_or_default()
            }
        };
    }
    json
}

/// Appends one quoted string as a JSON string and returns the rest of the text.
fn string<'t>(text: &'t str, quote: char, json: &mut String) -> &'t str {
    json.push('"');
    let mut chars = text.char_indices().skip(1);
    while let Some((at, next)) = chars.next() {
        match next {
            '\\' => match chars.next() {
                Some((_, '\'')) => json.push('\''),
                Some((_, escaped)) => json.extend(['\\', escaped]),
                None => break,
            },
            end if end == quote => {
                json.push('"');
                return text.get(at + 1..).unwrap_or_default();
            }
            '"' => json.push_str("\\\""),
            plain => json.push(plain),
        }
    }
    ""
}

/// Appends one bare word, with Python constants translated, and returns the rest of the text.
fn word<'t>(text: &'t str, json: &mut String) -> &'t str {
    let length = text.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    json.push_str(match word {
        "None" => "null",
        "True" => "true",
        "False" => "false",
        other => other,
    });
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_in_both_notations() {
        let cases = [
            (r#"{"a": {"b": 3}}"#, Some(3)),
            ("{'a': {'b': 3, 'c': None, 'd': True}}", Some(3)),
            (r#"{'a': {'b': 3, 'c': "it's", 'd': 'say "x"', 'e': 'it\'s'}}"#, Some(3)),
            ("{'a': {'b': '3'}}", Some(3)),
            ("{'a': {'b': 3.0}}", Some(3)),
            ("{'a': {'b': 3.5}}", None),
            ("{'a': {'b': -3}}", None),
            ("{'a': {'b': None}}", None),
            ("{'a': 3}", None),
            ("{'a': {'b': 3}", None),
            ("{'a': {'b': <object at 0x7f>}}", None),
            ("[1]", None),
            ("", None),
            ("{", None),
            ("{'", None),
            ("{'\\", None),
        ];
        for (text, expected) in cases {
            let found = object(text).and_then(|object| member(&object, &["a", "b"]).and_then(count));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn lists_in_both_notations() {
        for text in [r#"["stop","length"]"#, "['stop', 'length']", " (' "] {
            let expected = text.contains("stop").then(|| vec!["stop".to_owned(), "length".to_owned()]);
            assert_eq!(list(text), expected, "{text}");
        }
        assert_eq!(list("[1, 2]"), None);
    }

    #[test]
    fn huge_and_deep_text_is_ignored() {
        let huge = format!("{{\"a\": {{\"b\": 3}}, \"pad\": \"{}\"}}", "x".repeat(MAX_TEXT));
        assert_eq!(object(&huge), None);
        let deep = format!("{}{}", "{\"a\":".repeat(5000), "}".repeat(5000));
        assert_eq!(object(&deep), None);
        assert_eq!(list(&"[".repeat(60_000)), None);
    }

    #[test]
    fn ids_of_provider_answers_only() {
        let cases = [
            (r#"{"id":"chatcmpl-abcd","choices":[]}"#, Some("chatcmpl-abcd")),
            (r#"{"choices": [{"id": "x"}], "id": "resp_12345", "n": 1}"#, Some("resp_12345")),
            (r#"{"id":"msg_1234"}"#, Some("msg_1234")),
            (r#"{"id":"answer-1"}"#, None),
            (r#"{"id":"msg_"}"#, None),
            (r#"{"id":7}"#, None),
            (r#"{"a":{"id":"msg_1234"}}"#, None),
            (r#"{"id":"msg_1234""#, None),
            ("the id is msg_1234", None),
        ];
        for (text, expected) in cases {
            assert_eq!(response_id(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[({]?[\\PC'\"\\\\{}:,]{0,60}") {
            let _ = (object(&text), list(&text), response_id(&text));
        }
    }
}
