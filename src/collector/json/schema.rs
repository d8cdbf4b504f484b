//! The trace messages of OTLP as a table: field names in JSON, field numbers and types on the wire.
//!
//! One table serves both directions, so that what is read and what is written cannot drift apart. It follows
//! `opentelemetry/proto/{trace,common,resource}/v1/*.proto`; the tests hold it to `opentelemetry-proto`.

/// A message and its fields.
#[derive(Debug)]
pub(crate) struct MessageSchema {
    /// In order of field number.
    pub fields: &'static [FieldSchema],
    /// Its fields are alternatives: presence counts, even of zero, and the last one wins (`AnyValue`).
    pub oneof: bool,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldSchema {
    /// lowerCamelCase, as OTLP/JSON writes it.
    pub json: &'static str,
    /// `snake_case`, as some exporters write it; read but never written.
    pub proto: &'static str,
    pub number: u32,
    pub kind: FieldType,
    /// A list of values.
    pub repeated: bool,
    /// Written even when empty, because readers insist on it (`opentelemetry-proto`'s does).
    pub always: bool,
}

/// The type of a field: how it looks on either side.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldType {
    /// `string`
    Text,
    /// `bytes` that OTLP/JSON writes as hex: trace and span ids.
    Hex,
    /// `bytes` that JSON writes as base64.
    Base64,
    /// `bool`
    Bool,
    /// `int64`, a JSON string or number.
    Int64,
    /// `int32`, a JSON number.
    Int32,
    /// `uint32`, a JSON number.
    Uint32,
    /// An enum: a JSON number, or a name whose position is its number.
    Enum(&'static [&'static str]),
    /// `fixed64`, a JSON string or number.
    Fixed64,
    /// `fixed32`, a JSON number.
    Fixed32,
    /// `double`, a JSON number or `"NaN"`, `"Infinity"`, `"-Infinity"`.
    Double,
    /// A nested message, a JSON object.
    Message(&'static MessageSchema),
}

/// `TracesData`, and `ExportTraceServiceRequest`, which is the same on the wire.
pub(crate) static TRACES: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[many("resourceSpans", "resource_spans", 1, FieldType::Message(&RESOURCE_SPANS))],
};

static RESOURCE_SPANS: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        one("resource", "resource", 1, FieldType::Message(&RESOURCE)),
        many("scopeSpans", "scope_spans", 2, FieldType::Message(&SCOPE_SPANS)),
        one("schemaUrl", "schema_url", 3, FieldType::Text),
    ],
};

static RESOURCE: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        many("attributes", "attributes", 1, FieldType::Message(&KEY_VALUE)),
        one("droppedAttributesCount", "dropped_attributes_count", 2, FieldType::Uint32),
        many("entityRefs", "entity_refs", 3, FieldType::Message(&ENTITY_REF)),
    ],
};

static ENTITY_REF: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        one("schemaUrl", "schema_url", 1, FieldType::Text),
        one("type", "type", 2, FieldType::Text),
        many("idKeys", "id_keys", 3, FieldType::Text),
        many("descriptionKeys", "description_keys", 4, FieldType::Text),
    ],
};

static SCOPE_SPANS: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        one("scope", "scope", 1, FieldType::Message(&SCOPE)),
        many("spans", "spans", 2, FieldType::Message(&SPAN)),
        one("schemaUrl", "schema_url", 3, FieldType::Text),
    ],
};

static SCOPE: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        one("name", "name", 1, FieldType::Text),
        one("version", "version", 2, FieldType::Text),
        many("attributes", "attributes", 3, FieldType::Message(&KEY_VALUE)),
        one("droppedAttributesCount", "dropped_attributes_count", 4, FieldType::Uint32),
    ],
};

static SPAN: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        one("traceId", "trace_id", 1, FieldType::Hex),
        one("spanId", "span_id", 2, FieldType::Hex),
        one("traceState", "trace_state", 3, FieldType::Text),
        one("parentSpanId", "parent_span_id", 4, FieldType::Hex),
        one("name", "name", 5, FieldType::Text),
        one("kind", "kind", 6, FieldType::Enum(&SPAN_KINDS)),
        one("startTimeUnixNano", "start_time_unix_nano", 7, FieldType::Fixed64),
        one("endTimeUnixNano", "end_time_unix_nano", 8, FieldType::Fixed64),
        many("attributes", "attributes", 9, FieldType::Message(&KEY_VALUE)),
        one("droppedAttributesCount", "dropped_attributes_count", 10, FieldType::Uint32),
        many("events", "events", 11, FieldType::Message(&EVENT)),
        one("droppedEventsCount", "dropped_events_count", 12, FieldType::Uint32),
        many("links", "links", 13, FieldType::Message(&LINK)),
        one("droppedLinksCount", "dropped_links_count", 14, FieldType::Uint32),
        one("status", "status", 15, FieldType::Message(&STATUS)),
        one("flags", "flags", 16, FieldType::Fixed32),
    ],
};

static SPAN_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

static EVENT: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        one("timeUnixNano", "time_unix_nano", 1, FieldType::Fixed64),
        one("name", "name", 2, FieldType::Text),
        many("attributes", "attributes", 3, FieldType::Message(&KEY_VALUE)),
        one("droppedAttributesCount", "dropped_attributes_count", 4, FieldType::Uint32),
    ],
};

static LINK: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        one("traceId", "trace_id", 1, FieldType::Hex),
        one("spanId", "span_id", 2, FieldType::Hex),
        one("traceState", "trace_state", 3, FieldType::Text),
        many("attributes", "attributes", 4, FieldType::Message(&KEY_VALUE)),
        one("droppedAttributesCount", "dropped_attributes_count", 5, FieldType::Uint32),
        one("flags", "flags", 6, FieldType::Fixed32),
    ],
};

static STATUS: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[one("message", "message", 2, FieldType::Text), one("code", "code", 3, FieldType::Enum(&STATUS_CODES))],
};

static STATUS_CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];

static KEY_VALUE: MessageSchema = MessageSchema {
    oneof: false,
    fields: &[
        always(one("key", "key", 1, FieldType::Text)),
        one("value", "value", 2, FieldType::Message(&ANY_VALUE)),
        one("keyStrindex", "key_strindex", 3, FieldType::Int32),
    ],
};

static ANY_VALUE: MessageSchema = MessageSchema {
    oneof: true,
    fields: &[
        one("stringValue", "string_value", 1, FieldType::Text),
        one("boolValue", "bool_value", 2, FieldType::Bool),
        one("intValue", "int_value", 3, FieldType::Int64),
        one("doubleValue", "double_value", DOUBLE_VALUE, FieldType::Double),
        one("arrayValue", "array_value", 5, FieldType::Message(&ARRAY_VALUE)),
        one("kvlistValue", "kvlist_value", 6, FieldType::Message(&KEY_VALUE_LIST)),
        one("bytesValue", "bytes_value", 7, FieldType::Base64),
        one("stringValueStrindex", "string_value_strindex", 8, FieldType::Int32),
    ],
};

/// Number of `AnyValue.double_value`: where an `int_value` goes that is too large for an `int64`.
pub(crate) const DOUBLE_VALUE: u32 = 4;

static ARRAY_VALUE: MessageSchema =
    MessageSchema { oneof: false, fields: &[always(many("values", "values", 1, FieldType::Message(&ANY_VALUE)))] };

static KEY_VALUE_LIST: MessageSchema =
    MessageSchema { oneof: false, fields: &[always(many("values", "values", 1, FieldType::Message(&KEY_VALUE)))] };

const fn one(json: &'static str, proto: &'static str, number: u32, kind: FieldType) -> FieldSchema {
    FieldSchema { json, proto, number, kind, repeated: false, always: false }
}

const fn many(json: &'static str, proto: &'static str, number: u32, kind: FieldType) -> FieldSchema {
    FieldSchema { json, proto, number, kind, repeated: true, always: false }
}

const fn always(field: FieldSchema) -> FieldSchema {
    FieldSchema { always: true, ..field }
}

impl MessageSchema {
    /// The field of this JSON name, in either spelling.
    pub(crate) fn named(&'static self, name: &[u8]) -> Option<&'static FieldSchema> {
        self.fields.iter().find(|field| field.json.as_bytes() == name || field.proto.as_bytes() == name)
    }
}
