//! `--explain-spans`: which spans made a call, which were not counted, and why.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{GrpcClient, Headless, requests};

/// The last record of each call, by the id of its span.
fn explained(reversed: bool) -> BTreeMap<String, Value> {
    let program = Headless::start(&["--explain-spans"]);
    let mut requests = requests("vercel7-json");
    if reversed {
        requests.reverse();
    }
    GrpcClient::connect(&program.grpc).export_all(requests);
    let (lines, status) = program.finish();
    assert!(status.success());
    let id = |line: &Value| line["span_id"].as_str().map(str::to_owned);
    lines.into_iter().filter_map(|line| Some((id(&line)?, line))).collect()
}

/// Name, role and call of each listed span.
fn listed_spans(record: &Value) -> Vec<(&str, &str, Option<u64>)> {
    let spans = record["spans"].as_array().unwrap();
    assert!(spans.iter().all(|span| span["why"].as_str().is_some_and(|why| !why.is_empty())), "{record}");
    let mut listed: Vec<_> = spans
        .iter()
        .map(|span| (span["name"].as_str().unwrap(), span["role"].as_str().unwrap(), span["call_id"].as_u64()))
        .collect();
    listed.sort_unstable();
    listed
}

#[test]
fn wrappers_are_listed_as_not_counted_in_whatever_order_requests_come() {
    for reversed in [false, true] {
        let records = explained(reversed);
        // An agent of two steps, whose spans came in two requests.
        let record = &records["5b61fad0f5c5c289"];
        let own = record["call_id"].as_u64();
        let first = records["1d0d5a6ac2e06468"]["call_id"].as_u64();
        let mut expected = [
            ("chat gpt-4o", "row", own),
            ("chat gpt-4o", "row", first),
            ("execute_tool get_weather", "not counted", None),
            ("invoke_agent gpt-4o", "context", None),
            ("step 1", "context", None),
            ("step 2", "context", None),
        ];
        expected.sort_unstable();
        assert_eq!(listed_spans(record), expected, "reversed: {reversed}");
        let step = record["spans"].as_array().unwrap().iter().find(|span| span["name"] == "step 2").unwrap();
        assert_eq!(step["why"], "gen_ai.operation.name is agent_step: a step of an agent, not a call");
        assert_eq!(step["parent_span_id"], "f24bc280804cc335");
        assert_eq!(step["span_id"], "d922c527ea7ea419");
    }
}

#[test]
fn a_span_merged_into_another_names_its_call() {
    let records = explained(false);
    let (inner, wrapper) = ("aa2851", "4695753670734701");
    let record = records.values().find(|record| record["trace_id"].as_str().unwrap().starts_with(inner)).unwrap();
    let spans = record["spans"].as_array().unwrap();
    let merged = spans.iter().find(|span| span["span_id"] == wrapper).unwrap();
    assert_eq!((&merged["role"], &merged["call_id"]), (&Value::from("merged"), &record["call_id"]));
    assert_eq!(merged["parent_span_id"], Value::Null);
}

#[test]
fn spans_are_written_only_on_request_and_named_only_while_kept() {
    let program = Headless::start(&[]);
    GrpcClient::connect(&program.grpc).export(requests("openllmetry").remove(0)).unwrap();
    assert_eq!(program.next().get("spans"), None);

    let program = Headless::start(&["--fields", "spans,model", "--span-memory", "0"]);
    GrpcClient::connect(&program.grpc).export(requests("openllmetry").remove(0)).unwrap();
    let record = program.next();
    assert_eq!(record["spans"][0]["name"], Value::Null);
    assert_eq!(record["spans"][0]["role"], "row");
}
