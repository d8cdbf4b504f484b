//! Captured traffic of real clients gives exactly the rows, and the figures, that their captures allow.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::expected::{ExpectedCall, Form, Observed, compare};
use crate::support::{GrpcClient, Headless, files, fixtures, post, requests};

/// The names of all captures with an `expected.json`.
fn captures() -> Vec<String> {
    let folders = std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> = folders.filter(|folder| folder.join("expected.json").exists()).collect();
    captures.sort();
    captures.iter().map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// The rows that stand in the end: the last revision of each call that was not taken back.
pub(crate) fn rows(lines: Vec<Value>) -> Vec<Value> {
    let mut last = BTreeMap::new();
    for line in lines {
        last.insert(line["call_id"].as_u64().unwrap(), line);
    }
    last.into_values().filter(|line| line["merged"] != true).collect()
}

/// The rows of `--json`.
struct Rows<'a>(&'a [Value]);

impl Observed for Rows<'_> {
    const FORM: Form = Form::Rows;

    fn count(&self) -> usize {
        self.0.len()
    }

    fn field(&self, call: &ExpectedCall<'_>, field: &str) -> Option<Value> {
        self.0.iter().find(|row| row["span_id"] == call.span()["span_id"]).map(|row| row_field(row, field))
    }
}

/// A field of `expected.json` as `--json` prints it.
fn row_field(row: &Value, field: &str) -> Value {
    let seconds = |field: &str| row[field].as_f64().map_or(Value::Null, |ms| Value::from(ms / 1e3));
    match field {
        "requested_model" => row["request_model"].clone(),
        "input_tokens" => row["prompt_tokens"].clone(),
        "output_tokens" => row["completion_tokens"].clone(),
        "cached" => row["cached_input_tokens"].clone(),
        "cache_creation" => row["cache_creation_tokens"].clone(),
        "reasoning" => row["reasoning_tokens"].clone(),
        "streaming" => row["is_streaming"].clone(),
        "cost" => row["reported_cost_usd"].clone(),
        "http_status" => row["status_code"].clone(),
        "ttft_s" => seconds("ttft_ms"),
        "duration_s" => seconds("duration_ms"),
        "status" => if row["is_error"] == true { "error" } else { "ok" }.into(),
        // Without an id of its own a row prints that of its span.
        "response_id" if row["request_id"] == row["span_id"] => Value::Null,
        "response_id" => row["request_id"].clone(),
        same => row.get(same).unwrap_or_else(|| panic!("no column {same}")).clone(),
    }
}

/// What differs between rows and expectation, in words.
pub(crate) fn differences(client: &str, rows: &[Value]) -> Vec<String> {
    compare(&fixtures().join(client), &Rows(rows)).iter().map(ToString::to_string).collect()
}

/// Sends what was captured of each client by `send`, in both orders, and lists all differences.
fn differences_after<T>(
    clients: &[impl AsRef<str>],
    captured: impl Fn(&str) -> Vec<T>,
    send: impl Fn(&Headless, Vec<T>),
) -> String {
    let mut wrong = Vec::new();
    for client in clients {
        let client = client.as_ref();
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
    let wrong = differences_after(&captures(), requests, |program, requests| {
        GrpcClient::connect(&program.grpc).export_all(requests);
    });
    assert_eq!(wrong, "");
}

#[test]
fn over_http_in_protobuf() {
    let wrong = differences_after(
        &captures(),
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

#[test]
fn the_comparison_finds_wrong_values_missing_absence_and_superfluous_exceptions() {
    let folder = tempfile::tempdir().unwrap();
    let call = json!({"seq": 3, "visible": true, "span": {"span_id": "aa", "name": "chat"}, "expect": {
        "model": "m", "user_id": null, "session_id": null, "session_id_on_ancestor": "s", "status": null,
        "input_tokens": 7, "input_excludes_cached": true, "http_status": null, "finish_reasons": "[\"stop\"]",
    }});
    let missing =
        json!({"seq": 4, "visible": true, "span": {"span_id": "bb", "name": "chat"}, "expect": {"model": "m"}});
    let row = json!({
        "span_id": "aa", "request_model": "m", "model": "m", "user_id": "u", "session_id": "s", "prompt_tokens": 12,
        "input_fresh_tokens": 7, "is_error": true, "status_code": 200, "finish_reasons": ["stop"],
    });
    let found = |name: &str, calls: &[&Value], rows: &[Value], exceptions: &Value| {
        let fixture = folder.path().join(name);
        std::fs::create_dir_all(&fixture).unwrap();
        let expected = json!({"viewer_rows": calls.len(), "calls": calls});
        std::fs::write(fixture.join("expected.json"), expected.to_string()).unwrap();
        std::fs::write(fixture.join("expected-exceptions.json"), exceptions.to_string()).unwrap();
        compare(&fixture, &Rows(rows)).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let status = json!({"calls": [3], "field": "http_status", "found": 200, "reason": "r"});
    let user = json!({"field": "user_id", "form": "rows", "reason": "r"});
    let rows = [row.clone()];
    assert_eq!(found("a", &[&call], &rows, &json!([status, user])), Vec::<String>::new());
    assert_eq!(
        found("a", &[&call, &missing], &rows, &json!([user])),
        [
            "a: number of calls of the capture is 1, expected 2",
            "a: http_status of 3 \"chat\" is 200, expected null",
            "a: call of 4 \"chat\" is null, expected \"bb\"",
        ]
    );
    let wrong = json!({"calls": [3], "field": "http_status", "found": 500, "reason": "r"});
    let unneeded = json!({"calls": [3], "field": "model", "reason": "r"});
    assert_eq!(
        found("a", &[&call], &rows, &json!([wrong, user, unneeded])),
        [
            "a: http_status of 3 \"chat\" is 200, expected null",
            "a: http_status of 3 is \"no exception needed\", expected null",
            "a: model of 3 is \"no exception needed\", expected null",
        ]
    );
    let other = json!({"span_id": "aa", "model": "n", "user_id": null, "session_id": null, "input_fresh_tokens": 12,
        "is_error": true, "status_code": null, "finish_reasons": ["length"]});
    assert_eq!(
        found("a", &[&call], &[other], &json!([])),
        [
            "a: model of 3 \"chat\" is \"n\", expected \"m\"",
            "a: session_id of 3 \"chat\" is null, expected \"s\"",
            "a: finish_reasons of 3 \"chat\" is [\"length\"], expected \"[\\\"stop\\\"]\"",
            "a: input_fresh_tokens of 3 \"chat\" is 12, expected 7",
        ]
    );
    assert_eq!(
        found("a-norows", &[], &rows, &json!([])),
        ["a-norows: number of calls of the capture is 1, expected 0"]
    );
}
