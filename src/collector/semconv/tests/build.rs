//! Spans for tests, encoded as an exporter encodes them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use serde_json::Value as Json;

use super::super::{Classification, read};
use crate::collector::wire::walk;

/// When test spans start, ns since the epoch.
pub(super) const START: u64 = 1_795_425_954_000_000_000;

/// How long they last.
pub(super) const LASTED: u64 = 2_000_000_000;

/// A span under construction.
#[derive(Clone, Debug)]
pub(in super::super) struct Made {
    scope: String,
    resource: Vec<KeyValue>,
    pub(super) span: Span,
}

/// Attributes out of a JSON object: strings, booleans, numbers (whole ones as integers) and arrays.
pub(super) fn attributes(object: &Json) -> Vec<KeyValue> {
    object.as_object().unwrap().iter().map(|(key, json)| attribute(key, json)).collect()
}

fn attribute(key: &str, json: &Json) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value(json)), ..KeyValue::default() }
}

fn value(json: &Json) -> AnyValue {
    let value = match json {
        Json::String(text) => Value::StringValue(text.clone()),
        Json::Bool(flag) => Value::BoolValue(*flag),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Value::DoubleValue(number.as_f64().unwrap()), Value::IntValue)
        }
        Json::Array(values) => Value::ArrayValue(ArrayValue { values: values.iter().map(self::value).collect() }),
        Json::Null | Json::Object(_) => return AnyValue { value: None },
    };
    AnyValue { value: Some(value) }
}

/// A span of this scope and name with these attributes.
pub(in super::super) fn span(scope: &str, name: &str, json: &Json) -> Made {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.to_owned(),
        start_time_unix_nano: START,
        end_time_unix_nano: START + LASTED,
        attributes: attributes(json),
        ..Span::default()
    };
    Made { scope: scope.to_owned(), span, resource: Vec::new() }
}

impl Made {
    /// The same under another scope.
    pub(super) fn of_scope(self, scope: &str) -> Self {
        Self { scope: scope.to_owned(), ..self }
    }

    /// The same with one more attribute at the end.
    pub(super) fn and(mut self, key: &str, json: &Json) -> Self {
        self.span.attributes.push(attribute(key, json));
        self
    }

    /// The same under a resource attribute.
    pub(super) fn under(mut self, key: &str, json: &Json) -> Self {
        self.resource.push(attribute(key, json));
        self
    }

    /// The same, failed with this status message.
    pub(super) fn failed(mut self, message: &str) -> Self {
        self.span.status = Some(Status { message: message.to_owned(), code: 2 });
        self
    }

    /// The same with an event some ms after the start.
    pub(super) fn event(mut self, name: &str, ms: u64, json: &Json) -> Self {
        let time_unix_nano = START + ms * 1_000_000;
        let attributes = attributes(json);
        self.span.events.push(Event { time_unix_nano, name: name.to_owned(), attributes, ..Event::default() });
        self
    }

    /// The bytes of a request that exports this span alone.
    pub(in super::super) fn request(&self) -> Vec<u8> {
        let scope = InstrumentationScope { name: self.scope.clone(), ..InstrumentationScope::default() };
        let scope_spans = ScopeSpans { scope: Some(scope), spans: vec![self.span.clone()], schema_url: String::new() };
        let resource = Resource { attributes: self.resource.clone(), ..Resource::default() };
        let resource_spans =
            ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], schema_url: String::new() };
        ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
    }
}

/// The reading of the only span of a request.
pub(in super::super) fn reading(request: &[u8]) -> Classification<'_> {
    let mut found = None;
    walk(request, |origin, span| found = Some(read(origin, span))).unwrap();
    found.unwrap()
}
