//! Real gateway traffic gives exactly the calls that its oracle lists.

use serde_json::{Map, Value, json};

use crate::support::{GrpcClient, Headless, expected, requests};

/// What the oracle cannot know.
const NOT_IN_ORACLE: [&str; 2] = ["request_model", "cost_usd"];

fn latest_by_request_id(lines: Vec<Value>) -> Map<String, Value> {
    let id = |line: &Value| line["request_id"].as_str().unwrap().to_owned();
    lines.into_iter().map(|line| (id(&line), line)).collect()
}

fn assert_equals_oracle(lines: Vec<Value>) {
    let oracle = expected("plano-brightstaff", "expected-calls.json");
    let calls = latest_by_request_id(lines);
    assert_eq!(calls.len(), oracle.as_array().unwrap().len());
    for expected in oracle.as_array().unwrap() {
        let call = &calls[expected["request_id"].as_str().unwrap()];
        for (field, value) in expected.as_object().unwrap() {
            if NOT_IN_ORACLE.contains(&field.as_str()) {
                continue;
            }
            let shown = if field == "timestamp" { micros(&call[field]) } else { call[field].clone() };
            assert_eq!(shown, *value, "{field} of {}", expected["request_id"]);
        }
    }
}

/// µs since the epoch, as the oracle writes times.
fn micros(timestamp: &Value) -> Value {
    let time = chrono::DateTime::parse_from_rfc3339(timestamp.as_str().unwrap()).unwrap();
    json!(time.timestamp_micros())
}

#[test]
fn gateway_traffic_equals_its_oracle_in_any_order_of_requests() {
    for reversed in [false, true] {
        let program = Headless::start(&[]);
        let mut client = GrpcClient::connect(&program.grpc);
        let mut requests = requests("plano-brightstaff");
        if reversed {
            requests.reverse();
        }
        client.export_all(requests);
        let (lines, status) = program.finish();
        assert!(status.success());
        assert_equals_oracle(lines);
    }
}

#[test]
fn the_requested_model_is_joined_from_the_routing_span() {
    let program = Headless::start(&[]);
    let mut client = GrpcClient::connect(&program.grpc).gzip();
    client.export_all(requests("plano-brightstaff"));
    let (lines, _) = program.finish();
    let calls = latest_by_request_id(lines);
    let asked: Vec<&str> = calls.values().filter_map(|call| call["request_model"].as_str()).collect();
    assert_eq!(asked.len(), 29, "every captured call has a routing span");
    assert!(asked.contains(&"fast-llm"), "an alias is shown as asked for: {asked:?}");
}
