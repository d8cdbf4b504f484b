//! The adapters against captured traffic of real programs: compared with `expected.json`, what a correct viewer shows.

#[path = "../../../../tests/expected/compare.rs"]
mod expected;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value as Json;

use self::expected::{ExpectedCall, Form, Observed, compare};
use super::super::{Classification, SpanReader, SpanRole, read};
use super::shown;
use crate::call::{CallFacts, InputCount, Quality, hex};
use crate::collector::wire::tests::{edited, edits, fixtures as all_fixtures};
use crate::collector::wire::{Origin, Span, walk};

fn fixtures(client: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(client)
}

/// The names of all captures with an `expected.json`.
fn captures() -> Vec<String> {
    let folders = std::fs::read_dir(fixtures("")).unwrap().map(|entry| entry.unwrap().path());
    let mut captures: Vec<_> = folders.filter(|folder| folder.join("expected.json").exists()).collect();
    captures.sort();
    captures.iter().map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

fn json(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every request of a fixture, as exported.
fn requests(client: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(fixtures(client)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "binpb"));
    files.sort();
    files.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Every span's reading by its hex trace and span id.
fn readings(requests: &[Vec<u8>]) -> HashMap<(String, String), Classification<'_>> {
    let mut found = HashMap::new();
    for request in requests {
        walk(request, |origin: &Origin<'_, '_>, span: &Span<'_, '_>| {
            found.insert((hex(span.trace_id), hex(span.span_id)), read(origin, span));
        })
        .unwrap();
    }
    found
}

fn ids(span: &Json) -> (String, String) {
    let text = |name: &str| span[name].as_str().unwrap().to_owned();
    (text("trace_id"), text("span_id"))
}

/// The spans of a capture, each read by itself.
struct Spans<'a>(&'a HashMap<(String, String), Classification<'a>>);

impl Spans<'_> {
    fn facts(&self, span: &Json) -> Option<&CallFacts<'_>> {
        match self.0.get(&ids(span)) {
            Some(Classification { role: SpanRole::Call(facts), .. }) => Some(facts.as_ref()),
            _ => None,
        }
    }
}

impl Observed for Spans<'_> {
    const FORM: Form = Form::Spans;

    fn count(&self) -> usize {
        self.0.values().filter(|span| matches!(span.role, SpanRole::Call(_))).count()
    }

    fn field(&self, call: &ExpectedCall<'_>, field: &str) -> Option<Json> {
        self.facts(call.span()).map(|facts| shown(facts, field))
    }

    fn inner_fields(&self, call: &ExpectedCall<'_>, field: &str) -> Vec<Json> {
        call.children().filter_map(|span| self.facts(span)).map(|facts| shown(facts, field)).collect()
    }
}

fn differences(client: &str) -> Vec<String> {
    let requests = requests(client);
    let found = readings(&requests);
    let expected = json(&fixtures(client).join("expected.json"));
    let differences = compare(&fixtures(client), &Spans(&found));
    let mut wrong: Vec<String> = differences.iter().map(ToString::to_string).collect();
    wrong.extend(wrappers_counted(client, &found, &expected));
    wrong
}

/// Ancestors of a call are agents, workflows, steps: never calls, unless they are the same call once more.
fn wrappers_counted(
    client: &str,
    found: &HashMap<(String, String), Classification<'_>>,
    expected: &Json,
) -> Vec<String> {
    expected["calls"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|call| call["do_not_count_again"].as_array().into_iter().flatten())
        .filter(|other| other["relation"] == "ancestor")
        .filter(|other| !other["name"].as_str().unwrap().starts_with("embeddings "))
        .filter(|other| {
            matches!(found[&ids(other)].role, SpanRole::Call(_) | SpanRole::Completes(_) | SpanRole::Rejected)
        })
        .map(|other| format!("{client}: {} is counted: {}", other["name"], found[&ids(other)].why))
        .collect()
}

#[test]
fn captured_calls_show_what_they_should() {
    let wrong: Vec<String> = captures().iter().flat_map(|client| differences(client)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The twenty fields of issue 2 as the gateway's spans carry them.
fn plano_field(facts: &CallFacts<'_>, field: &str) -> Json {
    let usage = &facts.usage;
    match field {
        "timestamp" => facts.start_unix_nano.map(microseconds).into(),
        "provider" => facts.provider.as_deref().or(facts.service_name.as_deref()).unwrap_or("unknown").into(),
        "route_name" => facts.route_name.as_deref().into(),
        "is_streaming" => facts.is_streaming.into(),
        "status_code" => facts.status_code.into(),
        "prompt_tokens" => usage.input.into(),
        "completion_tokens" => usage.output.into(),
        "total_tokens" => usage.total.into(),
        "cached_input_tokens" => usage.cache_read.into(),
        "cache_creation_tokens" => usage.cache_write.into(),
        "reasoning_tokens" => usage.reasoning.into(),
        "ttft_ms" => facts.ttft_ms.into(),
        "duration_ms" => facts.duration_ms.into(),
        "routing_strategy" => facts.routing_strategy.as_deref().into(),
        "routing_reason" => facts.routing_reason.as_deref().into(),
        "request_id" => shown(facts, "response_id"),
        "model" | "session_id" => shown(facts, field),
        other => panic!("what is {other}?"),
    }
}

/// The oracle went through seconds as a double, which hold about a quarter of a microsecond.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "moments of this century")]
fn microseconds(nano: u64) -> u64 {
    let seconds = (nano / 1_000_000_000) as f64 + (nano % 1_000_000_000) as f64 / 1e9;
    seconds.trunc() as u64 * 1_000_000 + (seconds.fract() * 1e6).round_ties_even() as u64
}

/// What the oracle of `expected-calls.json` cannot know, and what is derived from other fields.
const NOT_OF_THE_SPAN: [&str; 4] = ["request_model", "cost_usd", "tpt_ms", "tokens_per_sec"];

#[test]
fn the_gateway_shows_its_calls_field_by_field() {
    let requests = requests("plano-brightstaff");
    let mut found: HashMap<String, CallFacts<'_>> = HashMap::new();
    let (mut routings, mut rejected) = (0, 0);
    for reading in readings(&requests).into_values() {
        match reading.role {
            SpanRole::Call(facts) => {
                let id = shown(&facts, "response_id").as_str().unwrap().to_owned();
                assert!(found.insert(id, *facts).is_none());
            }
            SpanRole::Completes(facts) => {
                assert!(facts.request_model.is_some());
                routings += 1;
            }
            SpanRole::Rejected => rejected += 1,
            SpanRole::Context { .. } | SpanRole::Other => panic!("{}", reading.why),
        }
    }
    let expected = json(&fixtures("plano-brightstaff").join("expected-calls.json"));
    let expected = expected.as_array().unwrap();
    assert_eq!((found.len(), routings, rejected), (expected.len(), 29, 1));
    for call in expected {
        let facts = &found[call["request_id"].as_str().unwrap()];
        for (field, value) in call.as_object().unwrap() {
            if !NOT_OF_THE_SPAN.contains(&field.as_str()) {
                assert_eq!(&plano_field(facts, field), value, "{field} of {}", call["request_id"]);
            }
        }
    }
}

#[test]
fn the_gateway_reports_more_than_the_twenty_fields() {
    let requests = requests("plano-brightstaff");
    let readings = readings(&requests);
    let calls = readings.values().filter_map(|reading| match &reading.role {
        SpanRole::Call(facts) => Some(facts.as_ref()),
        _ => None,
    });
    let of = |id: &str| calls.clone().find(|facts| shown(facts, "response_id") == id).unwrap();
    let direct = of("33fc87a5-b59f-4a18-bea1-9bbfcf806091");
    assert_eq!(direct.request_model.as_deref(), Some("openai/gpt-4o"));
    assert_eq!(direct.upstream_model.as_deref(), Some("openai/gpt-4o"));
    assert_eq!(direct.usage.input_count, InputCount::Inclusive);
    assert_eq!(direct.fallback_cost_usd, Some(0.007_887_5));
    assert_eq!(direct.reported_cost_usd, None);
    assert_eq!(direct.plano.quality, Some(Quality::Neutral));
    assert_eq!((direct.plano.session_switches, direct.plano.session_overhead_pct), (Some(0), Some(0.0)));
    let alias = of("71c5e2b1-1e16-4ac7-9643-ecbe1557ea30");
    assert_eq!(alias.request_model.as_deref(), Some("fast-llm"));
    assert_eq!(alias.upstream_model, None, "both values of llm.model are the same");
    let anthropic = of("cdec79d8-d208-4edc-9d3e-7b914d23ce4a");
    assert_eq!(anthropic.usage.input_count, InputCount::Exclusive);
    assert_eq!(calls.clone().filter(|facts| facts.plano.flagged).count(), 3);
}

proptest! {
    /// Guarantees: where keys stood in one span is never taken for where they stand in another.
    #[test]
    fn spans_read_in_turn_read_as_each_by_itself(pick in any::<Index>(), edits in edits()) {
        let mut fixtures = all_fixtures();
        let at = pick.index(fixtures.len());
        let (_, request) = fixtures.swap_remove(at);
        let (_, other) = fixtures.swap_remove(pick.index(fixtures.len()));
        let requests = [&request[..], &other[..], &edited(request.clone(), &edits)[..], &request[..]].concat();
        let mut reader = SpanReader::default();
        let mut spans = 0;
        // A fault behind them does not matter to the spans before it.
        let _ = walk(&requests, |origin, span| {
            spans += 1;
            assert_eq!(reader.read(origin, span), read(origin, span));
        });
        prop_assert!(spans > 0);
    }
}
