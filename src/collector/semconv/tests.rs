//! The adapters against captured traffic, and against spans made up after what emitters are known to send.

pub(super) mod build;
mod captured;
mod counts;
mod emitters;
mod hostile;
mod rules;

use serde_json::Value as Json;

use self::build::{Made, reading};
use super::SpanRole;
use crate::call::{CallFacts, Convention, InputCount, RequestId};

/// One field of a facts in the shape `expected.json` has it.
fn shown(facts: &CallFacts<'_>, field: &str) -> Json {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| Json::from(text.as_deref());
    let usage = &facts.usage;
    match field {
        "requested_model" => text(&facts.request_model),
        "model" => text(&facts.model),
        "provider" => text(&facts.provider),
        "upstream_model" => text(&facts.upstream_model),
        "session_id" => text(&facts.session_id),
        "user_id" => text(&facts.user_id),
        "finish_reasons" => text(&facts.finish_reasons),
        "input_tokens" => usage.input.into(),
        "input_fresh_tokens" => usage.input_fresh().into(),
        "output_tokens" => usage.output.into(),
        "cached" => usage.cache_read.into(),
        "cache_creation" => usage.cache_write.into(),
        "reasoning" => usage.reasoning.into(),
        "streaming" => facts.is_streaming.into(),
        "ttft_s" => facts.ttft_ms.map(|ms| ms / 1e3).into(),
        "duration_s" => facts.duration_ms.map(|ms| ms / 1e3).into(),
        "cost" => facts.reported_cost_usd.into(),
        "http_status" => facts.status_code.into(),
        "status" => if failed(facts) { "error" } else { "ok" }.into(),
        "response_id" => match &facts.request_id {
            RequestId::Emitted(id) => id.as_ref().into(),
            RequestId::SpanId => Json::Null,
        },
        other => panic!("what is {other}?"),
    }
}

fn failed(facts: &CallFacts<'_>) -> bool {
    facts.span_error || facts.status_code.is_some_and(|code| code >= 400)
}

/// `expected.json` has reasons as a list or as whatever text the emitter sent; times are rounded to µs.
fn same(field: &str, expected: &Json, found: &Json) -> bool {
    match (field, expected, found) {
        ("finish_reasons", _, Json::String(found)) => {
            let expected = match expected {
                Json::String(text) if text.starts_with('[') => serde_json::from_str(text).unwrap(),
                Json::String(text) => Json::from(vec![text.as_str()]),
                list => list.clone(),
            };
            expected == Json::from(found.split(',').collect::<Vec<_>>())
        }
        ("ttft_s" | "duration_s", Json::Number(expected), Json::Number(found)) => {
            (expected.as_f64().unwrap() - found.as_f64().unwrap()).abs() <= 1e-6
        }
        (_, Json::Number(expected), Json::Number(found)) => expected.as_f64() == found.as_f64(),
        _ => expected == found,
    }
}

/// Runs `check` on the facts of a span that must be a call.
fn call(made: &Made, check: impl FnOnce(&CallFacts<'_>, &str)) {
    let request = made.request();
    let reading = reading(&request);
    match &reading.role {
        SpanRole::Call(facts) => check(facts, reading.why),
        other => panic!("{} is {other:?}: {}", made.span.name, reading.why),
    }
}

/// The span is a call of this convention that shows these fields.
fn shows(made: &Made, convention: Convention, fields: &Json) {
    call(made, |facts, _| {
        assert_eq!(facts.convention, convention, "{}", made.span.name);
        for (field, value) in fields.as_object().unwrap() {
            let found = shown(facts, field);
            assert!(same(field, value, &found), "{}: {field} is {found}, not {value}", made.span.name);
        }
    });
}

/// The span is no call, for this reason.
fn is_no_call(made: &Made, reason: &str) {
    let request = made.request();
    let reading = reading(&request);
    assert!(matches!(reading.role, SpanRole::Other | SpanRole::Context { .. }), "{}: {}", made.span.name, reading.why);
    assert!(reading.why.contains(reason), "{}: {}", made.span.name, reading.why);
}

/// Whether the input count of a span that must be a call includes what was cached.
fn input_count(made: &Made) -> InputCount {
    let mut counted = InputCount::default();
    call(made, |facts, _| counted = facts.usage.input_count);
    counted
}
