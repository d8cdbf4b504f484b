//! What holds of OTLP/JSON whatever arrives.
//!
//! Includers bring `planoai::collector::json` into scope as `json`: the unit tests and the fuzz target share this.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest as Request;
use prost::Message;
use serde_json::Value;

use super::json::{traces_to_json, traces_to_protobuf};

/// Asserts that bytes are refused in few words, or read as what `opentelemetry-proto` reads too, in no more memory than
/// they take, and that writing them and reading them again changes nothing. True when they are accepted.
pub(super) fn check_invariants(bytes: &[u8]) -> bool {
    let protobuf = match traces_to_protobuf(bytes) {
        Ok(protobuf) => protobuf,
        Err(why) => {
            assert!(!why.is_empty() && why.len() <= 250, "{why:?}");
            return false;
        }
    };
    assert!(protobuf.len() <= bytes.len(), "{} bytes became {}", bytes.len(), protobuf.len());
    let request = Request::decode(&protobuf[..]).unwrap_or_else(|error| panic!("written but not readable: {error}"));
    comes_back(&protobuf, &request);
    if let Ok(document) = serde_json::from_slice(bytes) {
        agrees(&document);
    }
    true
}

/// Asserts that a request in protobuf survives JSON.
pub(super) fn comes_back(protobuf: &[u8], request: &Request) {
    let json = written(protobuf);
    let again = traces_to_protobuf(&json).unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&json)));
    // A NaN differs from itself, its text does not.
    let read = Request::decode(&again[..]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(format!("{read:?}"), format!("{request:?}"));
    assert_eq!(written(&again), json);
}

fn written(protobuf: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    traces_to_json(protobuf, &mut json).unwrap_or_else(|error| panic!("{error}"));
    assert!(!json.contains(&b'\n'));
    json
}

/// Asserts that what `opentelemetry-proto` accepts of a document in the specification's own spelling is accepted and
/// read alike.
fn agrees(document: &Value) {
    if !is_plain(document) {
        return;
    }
    // The way through a document leaves one value of each key and one spelling of each text.
    let plain = document.to_string();
    let Ok(theirs) = serde_json::from_str::<Request>(&plain) else { return };
    let ours = traces_to_protobuf(plain.as_bytes()).unwrap_or_else(|why| panic!("{why}: {plain}"));
    let ours = Request::decode(&ours[..]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(ours, theirs, "{plain}");
}

/// Whether nothing in a document is read only because we forgive it, or read by one of two rules: `snake_case` keys,
/// nulls, and values of two kinds at once.
fn is_plain(document: &Value) -> bool {
    match document {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(fields) => {
            fields.keys().filter(|key| key.ends_with("Value")).count() <= 1
                && fields.iter().all(|(key, value)| !key.contains('_') && is_plain(value))
        }
    }
}
