//! A decoded span as plain text and numbers: what the detail and the trace views read, without naming OTLP types.

use std::fmt::Write as _;
use std::ops::Range;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::{DecodedSpan, decode};
use crate::call::hex;
use crate::text::secrets::Secrets;

/// A key and its value as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The key; keys may repeat.
    pub key: String,
    /// The value: text as it is, numbers in decimal, bytes in hex, lists and maps as JSON.
    pub value: String,
}

/// An event of a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainEvent {
    /// When, ns since the epoch.
    pub unix_nano: u64,
    pub name: String,
    /// Its attributes in order.
    pub attributes: Vec<Field>,
}

/// A span in plain terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlainSpan {
    pub name: String,
    /// `server`, `client`, …; empty when unspecified.
    pub kind: &'static str,
    pub scope: String,
    /// Start, ns since the epoch.
    pub start_unix_nano: u64,
    /// End, ns since the epoch.
    pub end_unix_nano: u64,
    /// Its own status is ERROR.
    pub is_error: bool,
    pub message: String,
    /// Its attributes in order; keys may repeat, then the last one counts.
    pub attributes: Vec<Field>,
    /// Its events in order.
    pub events: Vec<PlainEvent>,
    /// Attributes of the resource it came under.
    pub resource: Vec<Field>,
}

impl PlainSpan {
    /// Decodes the span that stands at `at` in an export request, with its credentials or without.
    pub fn decode(request: &[u8], at: &Range<usize>, secrets: Secrets) -> Option<Self> {
        decode(request, at).map(|decoded| Self::of(decoded, secrets))
    }

    fn of(decoded: DecodedSpan, secrets: Secrets) -> Self {
        let DecodedSpan { resource, scope, span } = decoded;
        let status = span.status.unwrap_or_default();
        Self {
            kind: kind(span.kind),
            scope: secrets.in_text(&scope.name).into_owned(),
            start_unix_nano: span.start_time_unix_nano,
            end_unix_nano: span.end_time_unix_nano,
            is_error: status.code == StatusCode::Error as i32,
            message: secrets.in_text(&status.message).into_owned(),
            attributes: fields(span.attributes, secrets),
            events: span.events.into_iter().map(|event| PlainEvent::of(event, secrets)).collect(),
            resource: fields(resource.attributes, secrets),
            name: secrets.in_text(&span.name).into_owned(),
        }
    }

    /// The value of an attribute; of a repeated key the last one.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|field| field.key == key).map(|field| field.value.as_str())
    }

    /// All values of a repeated attribute, in order.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |field| field.key == key).map(|field| field.value.as_str())
    }

    /// `service.name` of the resource, or what the span overrides it with.
    pub fn service(&self) -> &str {
        let of_resource = || self.resource.iter().rev().find(|field| field.key == "service.name");
        self.attribute("service.name.override")
            .or_else(|| of_resource().map(|field| field.value.as_str()))
            .unwrap_or_default()
    }

    /// Duration, ns; a span that ends before it starts took no time.
    pub const fn duration_nanos(&self) -> u64 {
        self.end_unix_nano.saturating_sub(self.start_unix_nano)
    }
}

impl PlainEvent {
    fn of(event: Event, secrets: Secrets) -> Self {
        let name = secrets.in_text(&event.name).into_owned();
        Self { unix_nano: event.time_unix_nano, name, attributes: fields(event.attributes, secrets) }
    }

    /// The value of an attribute; of a repeated key the last one.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().rev().find(|field| field.key == key).map(|field| field.value.as_str())
    }
}

/// `SpanKind` by number, an open enum.
const fn kind(kind: i32) -> &'static str {
    match kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "",
    }
}

fn fields(attributes: Vec<KeyValue>, secrets: Secrets) -> Vec<Field> {
    attributes
        .into_iter()
        .map(|KeyValue { key, value, .. }| {
            let value = secrets.in_value(&key, &text(value)).into_owned();
            Field { key, value }
        })
        .collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(value) => {
            let mut out = String::new();
            write(&value, &mut out);
            out
        }
        None => String::new(),
    }
}

/// Writes a value as JSON, bytes as a hex string. Nesting is bounded by prost's decoding.
fn write(value: &Value, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match value {
        Value::StringValue(text) => write!(out, "{}", serde_json::Value::from(text.as_str())),
        Value::BoolValue(bool) => write!(out, "{bool}"),
        Value::IntValue(int) => write!(out, "{int}"),
        Value::DoubleValue(double) => write!(out, "{double}"),
        Value::BytesValue(bytes) => write!(out, "{}", hex(bytes)),
        Value::ArrayValue(array) => {
            write_list(out, ('[', ']'), &array.values, write_any);
            Ok(())
        }
        Value::KvlistValue(list) => {
            write_list(out, ('{', '}'), &list.values, |pair, out| {
                let _ = write!(out, "{}:", serde_json::Value::from(pair.key.as_str()));
                match &pair.value {
                    Some(value) => write_any(value, out),
                    None => out.push_str("null"),
                }
            });
            Ok(())
        }
        Value::StringValueStrindex(index) => write!(out, "string #{index}"),
    };
}

fn write_any(value: &AnyValue, out: &mut String) {
    match &value.value {
        Some(value) => write(value, out),
        None => out.push_str("null"),
    }
}

fn write_list<T>(out: &mut String, (open, close): (char, char), items: &[T], write: impl Fn(&T, &mut String)) {
    out.push(open);
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
    use opentelemetry_proto::tonic::trace::v1::{Span, Status};

    use super::*;

    fn pair(key: &str, value: Value) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    }

    fn string(text: &str) -> Value {
        Value::StringValue(text.to_owned())
    }

    #[test]
    fn values_read_as_people_write_them() {
        let list = ArrayValue { values: vec![AnyValue { value: Some(string("a\"b")) }, AnyValue { value: None }] };
        let map =
            KeyValueList { values: vec![pair("k", Value::IntValue(-3)), pair("l", Value::ArrayValue(list.clone()))] };
        let cases = [
            (string("plain \"text\""), "plain \"text\""),
            (Value::IntValue(-42), "-42"),
            (Value::DoubleValue(0.5), "0.5"),
            (Value::BoolValue(true), "true"),
            (Value::BytesValue(vec![0xab, 0x01]), "ab01"),
            (Value::ArrayValue(list), r#"["a\"b",null]"#),
            (Value::KvlistValue(map), r#"{"k":-3,"l":["a\"b",null]}"#),
        ];
        for (value, expected) in cases {
            assert_eq!(text(Some(AnyValue { value: Some(value) })), expected);
        }
    }

    #[test]
    fn the_last_value_counts_and_credentials_are_masked() {
        let span = Span {
            attributes: vec![
                pair("llm.model", string("openai/gpt-4o")),
                pair("llm.model", string("gpt-4o-2024-08-06")),
                pair("api_key", string("abc")),
            ],
            status: Some(Status { code: 2, message: "no".into() }),
            start_time_unix_nano: 9,
            end_time_unix_nano: 3,
            ..Span::default()
        };
        let decoded = |span| DecodedSpan { span, resource: <_>::default(), scope: <_>::default() };
        let plain = PlainSpan::of(decoded(span.clone()), Secrets::Masked);
        assert_eq!(plain.attribute("llm.model"), Some("gpt-4o-2024-08-06"));
        assert_eq!(plain.values("llm.model").next(), Some("openai/gpt-4o"));
        assert_eq!(plain.attribute("api_key"), Some(crate::text::secrets::MASK));
        assert_eq!((plain.is_error, plain.duration_nanos()), (true, 0));
        assert_eq!(PlainSpan::of(decoded(span), Secrets::Shown).attribute("api_key"), Some("abc"));
    }
}
