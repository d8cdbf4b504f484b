//! Spans nobody would send in good faith: no panic, no figure out of range, no change by what is unknown.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::Role;
use super::super::keys::KEYS;
use super::build::{Made, reading, span};
use crate::call::Draft;

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0..KEYS.len()).prop_map(|index| KEYS[index].1.to_owned()),
        1 => "[a-z_.]{0,40}",
    ]
}

fn any_value() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(Json::from),
        "[\\PC{}\\[\\]'\":,0-9]{0,30}".prop_map(Json::from),
        prop::sample::select(vec![
            "chat",
            "LLM",
            "llm",
            "generation",
            "log",
            "ai.streamText.doStream",
            "True",
            "1e400",
            "-0",
            "{'a':",
            "{\"input\": 1e300}",
            "[\"stop\"",
            "2026-13-40T00:00:00Z",
            "🚩",
        ])
        .prop_map(Json::from),
        Just(json!(["stop", 1, true])),
        Just(Json::Null),
    ]
}

fn any_span() -> impl Strategy<Value = Made> {
    let attributes = prop::collection::vec((any_key(), any_value()), 0..30);
    (attributes, "[a-z ]{0,10}", any::<bool>(), any::<u64>(), any::<u64>()).prop_map(
        |(attributes, name, failed, start, end)| {
            let mut made = span("any", &name, &json!({}));
            for (key, value) in &attributes {
                made = made.and(key, value);
            }
            if failed {
                made = made.failed(&name).event("exception", 1, &json!({"exception.message": name}));
            }
            made.span.start_time_unix_nano = start;
            made.span.end_time_unix_nano = end;
            made
        },
    )
}

fn in_range(draft: &Draft<'_>) -> bool {
    let figures = [draft.ttft_ms, draft.duration_ms, draft.reported_cost_usd, draft.fallback_cost_usd];
    figures.into_iter().flatten().all(|figure| figure.is_finite() && figure >= 0.0)
        && draft.error_message.as_ref().is_none_or(|message| message.len() <= 1024)
        && [&draft.model, &draft.session_id, &draft.provider, &draft.user_id]
            .into_iter()
            .flatten()
            .all(|text| !text.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_span_is_read_and_its_figures_are_in_range(made in any_span()) {
        let request = made.request();
        if let Role::Call(draft) | Role::Completes(draft) = reading(&request).role {
            prop_assert!(in_range(&draft), "{draft:?}");
        }
    }

    #[test]
    fn what_no_adapter_knows_changes_nothing(made in any_span(), at in any::<prop::sample::Index>(), value in any_value()) {
        let request = made.request();
        let mut more = made.clone().and("my.own.attribute", &value);
        let unknown = more.span.attributes.pop().unwrap();
        more.span.attributes.insert(at.index(more.span.attributes.len() + 1), unknown);
        let other = more.request();
        prop_assert_eq!(reading(&request), reading(&other));
    }
}

#[test]
fn a_flood_of_attributes_is_read_as_far_as_it_can_be() {
    let mut made = span("s", "chat", &json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    for _ in 0..70_000 {
        made = made.and("x", &json!(1));
    }
    let request = made.request();
    assert!(matches!(reading(&request).role, Role::Call(_)));
}
