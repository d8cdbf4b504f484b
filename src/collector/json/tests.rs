//! Both directions against `opentelemetry-proto`, on captures and on made-up messages.

mod invariants;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest as Request,
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use proptest::{collection::vec, option, prelude::*};
use prost::Message;

use self::invariants::{check_invariants, comes_back};
use super::*;
use crate::collector::json;

fn read(json: &str) -> Result<Request, String> {
    Ok(Request::decode(&traces_to_protobuf(json.as_bytes())?[..]).unwrap())
}

fn write(request: &Request) -> String {
    let mut out = Vec::new();
    traces_to_json(&request.encode_to_vec(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The captures: every file of every directory of fixtures with this ending.
fn fixtures(ending: &str) -> Vec<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let directories = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let files = directories.flat_map(|directory| std::fs::read_dir(directory).unwrap());
    let files: Vec<_> =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    assert!(!files.is_empty());
    files
}

#[test]
fn captured_json_reads_as_the_protobuf_beside_it() {
    let mut compared = 0;
    for path in fixtures(".json") {
        let binary = path.with_extension("binpb");
        if binary.exists() {
            let expected = Request::decode(&std::fs::read(binary).unwrap()[..]).unwrap();
            assert_eq!(read(&std::fs::read_to_string(&path).unwrap()), Ok(expected), "{}", path.display());
            compared += 1;
        }
    }
    assert!(compared >= 12, "{compared}");
}

#[test]
fn captures_survive_the_round_trip() {
    for path in fixtures(".binpb") {
        let expected = Request::decode(&std::fs::read(&path).unwrap()[..]).unwrap();
        let json = write(&expected);
        assert!(!json.contains('\n'));
        assert_eq!(read(&json).as_ref(), Ok(&expected), "{}", path.display());
        assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), expected, "{}", path.display());
    }
}

/// One span with one attribute whose value is this JSON.
fn attribute(value: &str) -> Result<Option<Value>, String> {
    let json = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"attributes":[{{"key":"k","value":{value}}}]}}]}}]}}]}}"#
    );
    let mut request = read(&json)?;
    let span = request.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0);
    Ok(span.attributes[0].value.clone().and_then(|value| value.value))
}

#[test]
fn values_as_exporters_write_them() {
    let text = |text: &str| Some(Value::StringValue(text.to_owned()));
    let nothing = AnyValue { value: None };
    let list = |values| Some(Value::ArrayValue(ArrayValue { values }));
    let cases = [
        (r#"{"stringValue":"a\nb\u00e9😀"}"#, text("a\nbé😀")),
        (r#"{"stringValue":""}"#, text("")),
        (r#"{"stringValue":null}"#, None),
        (r#"{"string_value":"snake"}"#, text("snake")),
        (r#"{"intValue":5}"#, Some(Value::IntValue(5))),
        (r#"{"intValue":"-5"}"#, Some(Value::IntValue(-5))),
        (r#"{"intValue":0}"#, Some(Value::IntValue(0))),
        (r#"{"intValue":5.0}"#, Some(Value::IntValue(5))),
        (r#"{"intValue":"9223372036854775807"}"#, Some(Value::IntValue(i64::MAX))),
        (r#"{"intValue":-9223372036854775808}"#, Some(Value::IntValue(i64::MIN))),
        (r#"{"intValue":1e21}"#, Some(Value::DoubleValue(1e21))),
        (r#"{"intValue":"9223372036854775808"}"#, Some(Value::DoubleValue(9_223_372_036_854_775_808.0))),
        (r#"{"intValue":2.5}"#, Some(Value::DoubleValue(2.5))),
        (r#"{"doubleValue":2}"#, Some(Value::DoubleValue(2.0))),
        (r#"{"doubleValue":"2.5"}"#, Some(Value::DoubleValue(2.5))),
        (r#"{"doubleValue":"Infinity"}"#, Some(Value::DoubleValue(f64::INFINITY))),
        (r#"{"doubleValue":"-Infinity"}"#, Some(Value::DoubleValue(f64::NEG_INFINITY))),
        (r#"{"doubleValue":null}"#, None),
        (r#"{"boolValue":true}"#, Some(Value::BoolValue(true))),
        (r#"{"boolValue":false}"#, Some(Value::BoolValue(false))),
        (r#"{"bytesValue":"AQID/w=="}"#, Some(Value::BytesValue(vec![1, 2, 3, 255]))),
        (r#"{"bytesValue":"AQID/w"}"#, Some(Value::BytesValue(vec![1, 2, 3, 255]))),
        (r#"{"bytesValue":""}"#, Some(Value::BytesValue(vec![]))),
        (r#"{"arrayValue":{}}"#, list(vec![])),
        (r#"{"arrayValue":{"values":[]}}"#, list(vec![])),
        (r#"{"arrayValue":{"values":null}}"#, list(vec![])),
        (r#"{"arrayValue":{"values":[{},null]}}"#, list(vec![nothing.clone(), nothing])),
        (r#"{"kvlistValue":{"values":[]}}"#, Some(Value::KvlistValue(KeyValueList { values: vec![] }))),
        (r"{}", None),
        (r"null", None),
        (r#"{"newValue":{"deep":[1,{"a":null}]}}"#, None),
        (r#"{"stringValue":"first","intValue":2}"#, Some(Value::IntValue(2))),
    ];
    for (json, expected) in cases {
        assert_eq!(attribute(json), Ok(expected), "{json}");
    }
    let Ok(Some(Value::DoubleValue(nan))) = attribute(r#"{"doubleValue":"NaN"}"#) else { panic!("not a double") };
    assert!(nan.is_nan());
}

/// JavaScript cuts texts between the halves of a surrogate pair, and writes the half as an escape.
#[test]
fn half_a_surrogate_pair_costs_a_character_not_the_request() {
    let Ok(Some(Value::StringValue(text))) = attribute(r#"{"stringValue":"cut \ud83d"}"#) else { panic!("refused") };
    assert_eq!(text, "cut \u{fffd}");
    let halves = r#"{"resourceSpans":[{"schemaUrl":"\ud83d\ud83dx\ude00"}]}"#;
    assert!(check_invariants(halves.as_bytes()));
    assert_eq!(read(halves).unwrap().resource_spans[0].schema_url, "\u{fffd}\u{fffd}x\u{fffd}");
}

/// Each byte that is no UTF-8 would become three: a request of the largest size would take three times as much.
#[test]
fn what_is_not_utf8_is_refused_as_in_protobuf() {
    let text = [&br#"{"resourceSpans":[{"schemaUrl":""#[..], &[0xff; 100], br#""}]}"#].concat();
    assert_eq!(traces_to_protobuf(&text), Err("not UTF-8 from byte 32 on".to_owned()));
    assert!(!check_invariants(&text));
}

#[test]
fn spans_as_exporters_write_them() {
    let span = |span: &str| {
        let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
        read(&json).map(|mut request| request.resource_spans.remove(0).scope_spans.remove(0).spans.pop())
    };
    let cases = [
        (
            r#"{"traceId":"0102","spanId":"0A0b"}"#,
            Span { trace_id: vec![1, 2], span_id: vec![10, 11], ..Span::default() },
        ),
        (
            r#"{"traceId":"AAECAwQFBgcICQoLDA0ODw==","parentSpanId":""}"#,
            Span { trace_id: (0..16).collect(), ..Span::default() },
        ),
        (
            r#"{"startTimeUnixNano":"1700000000000000001","endTimeUnixNano":1700000000000000002}"#,
            Span {
                start_time_unix_nano: 1_700_000_000_000_000_001,
                end_time_unix_nano: 1_700_000_000_000_000_002,
                ..Span::default()
            },
        ),
        (
            r#"{"startTimeUnixNano":1.7e18}"#,
            Span { start_time_unix_nano: 1_700_000_000_000_000_000, ..Span::default() },
        ),
        (r#"{"endTimeUnixNano":18446744073709551615}"#, Span { end_time_unix_nano: u64::MAX, ..Span::default() }),
        (r#"{"kind":3,"flags":257}"#, Span { kind: 3, flags: 257, ..Span::default() }),
        (r#"{"kind":"SPAN_KIND_CLIENT"}"#, Span { kind: 3, ..Span::default() }),
        (r#"{"kind":-1}"#, Span { kind: -1, ..Span::default() }),
        (
            r#"{"status":{"code":"STATUS_CODE_ERROR","message":"no"}}"#,
            Span { status: Some(Status { message: "no".to_owned(), code: 2 }), ..Span::default() },
        ),
        (r#"{"status":{}}"#, Span { status: Some(Status::default()), ..Span::default() }),
        (r#"{"status":null,"attributes":null,"events":[null],"links":[]}"#, Span::default()),
        (r#"{"droppedEventsCount":4294967295}"#, Span { dropped_events_count: u32::MAX, ..Span::default() }),
    ];
    for (json, expected) in cases {
        assert_eq!(span(json), Ok(Some(expected)), "{json}");
    }
}

#[test]
fn what_is_not_otlp_is_refused_in_few_words() {
    let long = format!(r#"{{"resourceSpans":"{}"}}"#, "x".repeat(10_000));
    let nested = format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(60), "]}}".repeat(60));
    assert!(attribute(&nested).unwrap_err().contains("recursion"));
    let flat = format!("{}{}", r#"{"newValue":["#.repeat(10_000), "]}".repeat(10_000));
    assert_eq!(attribute(&flat), Ok(None), "what is unknown is skipped, however deep");
    let cases = [
        "",
        "null",
        "[]",
        "{",
        "{}{}",
        r#"{"resourceSpans":{}}"#,
        r#"{"resourceSpans":[7]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":7}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":-1}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"soon"}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"flags":4294967296}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":["a"]}]}]}]}"#,
        &long,
    ];
    for json in cases {
        let refusal = read(json).expect_err(json);
        assert!(!refusal.is_empty() && refusal.len() <= 250, "{refusal}");
    }
    assert_eq!(read("{}"), Ok(Request::default()));
    assert_eq!(read("\u{feff}{\"resourceSpans\":[]}"), Ok(Request::default()));
}

#[test]
fn what_holds_of_any_bytes_holds_of_captures() {
    for path in fixtures(".json") {
        let text = std::fs::read(&path).unwrap();
        assert_eq!(check_invariants(&text), traces_to_protobuf(&text).is_ok(), "{}", path.display());
    }
}

/// An `array_value` that comes twice is one with the values of both, as in protobuf itself.
#[test]
fn a_value_that_comes_twice_comes_back_whole() {
    let twice = r#"{"arrayValue":{"values":[{"intValue":1}]},"arrayValue":{"values":[{"intValue":2}]}}"#;
    let Ok(Some(Value::ArrayValue(array))) = attribute(twice) else { panic!("no array") };
    assert_eq!(array.values.len(), 2);
    let request = format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{twice}}}]}}}}]}}"#);
    assert!(check_invariants(request.as_bytes()));
}

#[test]
fn broken_protobuf_leaves_nothing_behind() {
    let whole = std::fs::read(&fixtures(".binpb")[0]).unwrap();
    let mut out = b"kept".to_vec();
    assert!(traces_to_json(&whole[..whole.len() - 1], &mut out).is_err());
    assert_eq!(out, b"kept");
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        ".{0,12}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_filter("NaN differs from itself", |value| !value.is_nan()).prop_map(Value::DoubleValue),
        vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        let any = option::of(inner).prop_map(|value| AnyValue { value });
        let pair =
            (".{0,4}", option::of(any.clone())).prop_map(|(key, value)| KeyValue { key, value, ..KeyValue::default() });
        prop_oneof![
            vec(any, 0..3).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(pair, 0..3).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
    });
    option::of(value).prop_map(|value| AnyValue { value })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((".{0,6}", option::of(any_value())), 0..4).prop_map(|pairs| {
        pairs.into_iter().map(|(key, value)| KeyValue { key, value, ..KeyValue::default() }).collect()
    })
}

prop_compose! {
    fn event()(time_unix_nano in any::<u64>(), name in ".{0,6}", attributes in attributes(), dropped_attributes_count in any::<u32>()) -> Event {
        Event { time_unix_nano, name, attributes, dropped_attributes_count }
    }
}

prop_compose! {
    fn link()(trace_id in vec(any::<u8>(), 0..17), span_id in vec(any::<u8>(), 0..9), attributes in attributes(), flags in any::<u32>()) -> Link {
        Link { trace_id, span_id, attributes, flags, ..Link::default() }
    }
}

prop_compose! {
    fn span()(
        trace_id in vec(any::<u8>(), 0..17),
        span_id in vec(any::<u8>(), 0..9),
        names in (".{0,9}", ".{0,9}"),
        numbers in (any::<i32>(), any::<u32>(), any::<u32>()),
        times in (any::<u64>(), any::<u64>()),
        attributes in attributes(),
        events in vec(event(), 0..3),
        links in vec(link(), 0..2),
        status in option::of((".{0,9}", any::<i32>()).prop_map(|(message, code)| Status { message, code })),
    ) -> Span {
        Span {
            trace_id, span_id, name: names.0, trace_state: names.1, kind: numbers.0, flags: numbers.1,
            dropped_links_count: numbers.2, start_time_unix_nano: times.0, end_time_unix_nano: times.1,
            attributes, events, links, status, ..Span::default()
        }
    }
}

prop_compose! {
    fn request()(
        spans in vec(span(), 0..3),
        resource in option::of(attributes().prop_map(|attributes| Resource { attributes, ..Resource::default() })),
        scope in option::of((".{0,6}", attributes()).prop_map(|(name, attributes)| InstrumentationScope { name, attributes, ..InstrumentationScope::default() })),
        schema_url in ".{0,6}",
    ) -> Request {
        let scope_spans = vec![ScopeSpans { scope, spans, schema_url: schema_url.clone() }];
        Request { resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }] }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_request_survives_the_round_trip(request in request()) {
        prop_assert_eq!(read(&write(&request)), Ok(request));
    }

    /// What `opentelemetry-proto` writes is read, and what is written it reads.
    #[test]
    fn opentelemetry_proto_agrees(request in request()) {
        let theirs = serde_json::to_string(&request).unwrap();
        // It writes doubles beyond JSON's numbers as null.
        if !theirs.contains(r#""doubleValue":null"#) {
            prop_assert_eq!(read(&theirs), Ok(request.clone()));
        }
        let ours = write(&request);
        if !ours.contains("Infinity") {
            prop_assert_eq!(serde_json::from_str::<Request>(&ours).unwrap(), request);
        }
    }

    /// Arbitrary and damaged bytes never panic, in either direction, and what is read of them is read alike.
    #[test]
    fn damage_is_survived(request in request(), at in any::<prop::sample::Index>(), byte in any::<u8>(), noise in vec(any::<u8>(), 0..64)) {
        let (mut json, mut protobuf) = (write(&request).into_bytes(), request.encode_to_vec());
        let _ = traces_to_json(&noise, &mut Vec::new());
        check_invariants(&noise);
        prop_assert!(check_invariants(&json));
        let position = at.index(json.len());
        json[position] = byte;
        check_invariants(&json);
        if !protobuf.is_empty() {
            let position = at.index(protobuf.len());
            protobuf[position] = byte;
            if traces_to_json(&protobuf, &mut Vec::new()).is_ok() && let Ok(expected) = Request::decode(&protobuf[..]) {
                comes_back(&protobuf, &expected);
            }
        }
    }
}
