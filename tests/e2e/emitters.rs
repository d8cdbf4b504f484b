//! Captured traffic of real clients gives exactly the rows, and the figures, that their captures allow.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{GrpcClient, Headless, expected, files, post, requests};

const CLIENTS: [&str; 8] = [
    "genai-openai",
    "openllmetry",
    "openinference",
    "litellm-sdk",
    "pydantic-ai",
    "vercel-proto",
    "vercel-json",
    "vercel7-json",
];

/// The rows that stand in the end: the last revision of each call that was not taken back.
pub(crate) fn rows(lines: Vec<Value>) -> Vec<Value> {
    let mut last = BTreeMap::new();
    for line in lines {
        last.insert(line["call_id"].as_u64().unwrap(), line);
    }
    last.into_values().filter(|line| line["merged"] != true).collect()
}

/// Where `--json` shows a field of `expected.json`; seconds are shown as milliseconds.
fn shown<'a>(row: &'a Value, field: &str) -> &'a Value {
    &row[match field {
        "requested_model" => "request_model",
        "input_tokens" => "prompt_tokens",
        "output_tokens" => "completion_tokens",
        "cached" => "cached_input_tokens",
        "cache_creation" => "cache_creation_tokens",
        "reasoning" => "reasoning_tokens",
        "streaming" => "is_streaming",
        "session_id_on_ancestor" => "session_id",
        "ttft_s" => "ttft_ms",
        "duration_s" => "duration_ms",
        "cost" => "reported_cost_usd",
        "response_id" => "request_id",
        "http_status" => "status_code",
        "status" => "is_error",
        same => same,
    }]
}

fn agrees(field: &str, row: &Value, expected: &Value) -> bool {
    let shown = shown(row, field);
    match field {
        "status" => shown.as_bool() == Some(expected == "error"),
        "ttft_s" | "duration_s" => {
            (shown.as_f64().unwrap_or(f64::NAN) - expected.as_f64().unwrap() * 1000.0).abs() < 0.01
        }
        "cost" => (shown.as_f64().unwrap_or(f64::NAN) - expected.as_f64().unwrap()).abs() < 1e-12,
        "finish_reasons" => *shown == reasons(expected),
        _ => shown == expected,
    }
}

/// The list itself, also where a client sent it as JSON text or as one word.
fn reasons(expected: &Value) -> Value {
    match expected {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(vec![text.as_str()])),
        list => list.clone(),
    }
}

/// What differs between rows and expectation, in words.
pub(crate) fn differences(client: &str, rows: &[Value]) -> Vec<String> {
    let expected = expected(client, "expected.json");
    let mut wrong = Vec::new();
    if rows.len() as u64 != expected["viewer_rows"].as_u64().unwrap() {
        wrong.push(format!("{client}: {} rows, expected {}", rows.len(), expected["viewer_rows"]));
    }
    let calls = expected["calls"].as_array().unwrap().iter().filter(|call| call["visible"] == true);
    for call in calls.chain(expected["spans_without_upstream_call"].as_array().unwrap()) {
        let span = call.get("span").unwrap_or(call);
        let Some(row) = rows.iter().find(|row| row["span_id"] == span["span_id"]) else {
            wrong.push(format!("{client}: no row for {} {}", span["name"], span["span_id"]));
            continue;
        };
        for (field, value) in call["expect"].as_object().unwrap() {
            if !value.is_null() && !agrees(field, row, value) {
                wrong.push(format!("{client}: {} {field} is {}, expected {value}", span["name"], shown(row, field)));
            }
        }
    }
    wrong
}

/// Sends what was captured of each client by `send`, in both orders, and lists all differences.
fn differences_after<T>(
    clients: &[&str],
    captured: impl Fn(&str) -> Vec<T>,
    send: impl Fn(&Headless, Vec<T>),
) -> String {
    let mut wrong = Vec::new();
    for client in clients {
        for reversed in [false, true] {
            let program = Headless::start(&[]);
            let mut requests = captured(client);
            if reversed {
                requests.reverse();
            }
            send(&program, requests);
            wrong.extend(differences(client, &rows(program.finish().0)));
        }
    }
    wrong.join("\n")
}

fn bodies(client: &str, ending: &str) -> Vec<Vec<u8>> {
    files(client, ending).iter().map(|file| std::fs::read(file).unwrap()).collect()
}

fn post_all(program: &Headless, content_type: &str, bodies: &[Vec<u8>]) {
    for body in bodies {
        let (status, answer) = post(&program.http, "/v1/traces", content_type, body);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn over_grpc_in_the_given_and_in_reversed_order() {
    let wrong = differences_after(&CLIENTS, requests, |program, requests| {
        GrpcClient::connect(&program.grpc).export_all(requests);
    });
    assert_eq!(wrong, "");
}

#[test]
fn over_http_in_protobuf() {
    let wrong = differences_after(
        &CLIENTS,
        |client| bodies(client, "binpb"),
        |program, bodies| {
            post_all(program, "application/x-protobuf", &bodies);
        },
    );
    assert_eq!(wrong, "");
}

#[test]
fn over_http_in_json() {
    let clients = ["vercel-json", "vercel7-json"];
    let wrong = differences_after(
        &clients,
        |client| bodies(client, "json"),
        |program, bodies| {
            post_all(program, "application/json; charset=utf-8", &bodies);
        },
    );
    assert_eq!(wrong, "");
}
