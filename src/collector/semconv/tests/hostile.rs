//! Malicious spans: no panic, no figure out of range, no change by what is unknown.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::keys::KEYS;
use super::super::span_view::{KeyIndex, SpanView};
use super::super::{ADAPTERS, NO_MATCH, SpanRole, fields, read};
use super::build::{Made, reading, span};
use crate::call::CallFacts;
use crate::collector::wire::walk;

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
            "pending_span",
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

/// Keys by which adapters know spans, and what they ask for beside them.
fn any_mark() -> impl Strategy<Value = String> {
    let marks = prop::sample::select(vec![
        "llm.model",
        "model.requested",
        "component",
        "service.name.override",
        "ai.operationId",
        "openinference.span.kind",
        "langsmith.span.kind",
        "langfuse.observation.type",
        "logfire.span_type",
        "gen_ai.operation.name",
        "llm.request.type",
        "litellm.call_id",
        "traceloop.span.kind",
        "traceloop.workflow.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "gen_ai.response.id",
        "gen_ai.latency.time_to_first_token",
        "gen_ai.usage.completion_tokens",
    ]);
    prop_oneof![6 => marks.prop_map(str::to_owned), 1 => any_key()]
}

fn any_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec!["llm", "routing", "raw_gen_ai_request", "llm_request"]);
    prop_oneof![3 => "[a-z ]{0,10}", 1 => known.prop_map(str::to_owned)]
}

fn any_span() -> impl Strategy<Value = Made> {
    let attributes = prop::collection::vec((any_key(), any_value()), 0..30);
    (attributes, any_name(), any::<bool>(), any::<u64>(), any::<u64>()).prop_map(
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

fn in_range(facts: &CallFacts<'_>) -> bool {
    let figures = [facts.ttft_ms, facts.duration_ms, facts.reported_cost_usd, facts.fallback_cost_usd];
    figures.into_iter().flatten().all(|figure| figure.is_finite() && figure >= 0.0)
        && facts.error_message.as_ref().is_none_or(|message| message.len() <= 1024)
        && [&facts.model, &facts.session_id, &facts.provider, &facts.user_id]
            .into_iter()
            .flatten()
            .all(|text| !text.trim().is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_span_is_read_and_its_figures_are_in_range(made in any_span()) {
        let request = made.request();
        if let SpanRole::Call(facts) | SpanRole::Completes(facts) = reading(&request).role {
            prop_assert!(in_range(&facts), "{facts:?}");
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    /// Few keys, so that often none decides; many cases, for some keys decide only beside another.
    #[test]
    fn what_is_no_call_at_a_glance_is_one_to_no_adapter(
        attributes in prop::collection::vec((any_mark(), any_value()), 0..5),
        name in any_name(),
        scope in prop::sample::select(vec!["any", "litellm", "gcp.vertex.agent"]),
        service in prop::sample::select(vec!["any", "plano(llm)", "plano(routing)"]),
    ) {
        let made = span(scope, &name, &json!({})).under("service.name", &json!(service));
        let made = attributes.iter().fold(made, |made, (key, value)| made.and(key, value));
        let request = made.request();
        walk(&request, |origin, span| {
            let view = SpanView { origin, span, index: &KeyIndex::of(span.attributes) };
            let found = read(origin, span);
            match ADAPTERS.iter().find_map(|adapter| adapter(&view)) {
                Some(asked) => assert_eq!(found, asked),
                None => assert!(matches!(found.role, SpanRole::Other | SpanRole::Context { .. })),
            }
            if let (SpanRole::Other, NO_MATCH) = (&found.role, found.why) {
                assert_eq!((fields::session(&view), fields::user(&view)), (None, None));
            }
        })
        .unwrap();
    }
}

#[test]
fn a_flood_of_attributes_is_read_as_far_as_it_can_be() {
    let mut made = span("s", "chat", &json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    for _ in 0..70_000 {
        made = made.and("x", &json!(1));
    }
    let request = made.request();
    assert!(matches!(reading(&request).role, SpanRole::Call(_)));
}
