//! What emitters mean by their token counts, and what they say a call cost.

use serde_json::{Value as Json, json};

use super::build::{Made, span};
use super::{call, input_count, shows};
use crate::call::{Convention, InputCount};

#[test]
fn openlit_counts_as_the_api_does_but_for_some_frameworks() {
    let made = span(
        "openlit.instrumentation.anthropic",
        "chat claude-sonnet-4-5",
        &json!({
            "telemetry.sdk.name": "openlit", "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": "claude-sonnet-4-5", "gen_ai.request.is_stream": true,
            "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50,
            "gen_ai.usage.cache_read.input_tokens": 512, "gen_ai.usage.cache_creation.input_tokens": 0,
            "gen_ai.usage.cost": 0.0031, "gen_ai.server.time_to_first_token": 0.25,
        }),
    );
    shows(
        &made,
        Convention::GenAi,
        &json!({"input_tokens": 1000, "cached": 512, "cost": 0.0031, "ttft_s": 0.25, "streaming": true}),
    );
    assert_eq!(input_count(&made), InputCount::Exclusive);
    let of = |scope: &str, provider: &str| {
        let counted = json!({
            "telemetry.sdk.name": "openlit", "gen_ai.operation.name": "chat", "gen_ai.provider.name": provider,
            "gen_ai.request.model": "anthropic.claude-sonnet-4-5-20250929-v1:0", "gen_ai.usage.input_tokens": 1512,
            "gen_ai.usage.cache_read.input_tokens": 512,
        });
        input_count(&span(&format!("openlit.{scope}"), "chat", &counted))
    };
    for (scope, provider, expected) in [
        ("instrumentation.anthropic", "openai", InputCount::Inclusive),
        ("instrumentation.bedrock", "aws.bedrock", InputCount::Exclusive),
        ("otel.tracing", "anthropic", InputCount::Exclusive),
        ("instrumentation.langchain", "anthropic", InputCount::Inclusive),
        ("instrumentation.langchain", "aws.bedrock", InputCount::Inclusive),
        ("instrumentation.claude_agent_sdk", "anthropic", InputCount::Inclusive),
    ] {
        assert_eq!(of(scope, provider), expected, "{scope} of {provider}");
    }
}

/// Traceloop's JavaScript SDK renames the provider of the AI SDK's spans.
#[test]
fn vercel_counts_by_the_provider_however_it_is_spelt() {
    for (provider, expected) in [
        ("anthropic.messages", InputCount::Exclusive),
        ("Anthropic", InputCount::Exclusive),
        ("amazon-bedrock", InputCount::Exclusive),
        ("AWS Bedrock", InputCount::Exclusive),
        ("OpenAI", InputCount::Inclusive),
    ] {
        let counted = json!({
            "ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "claude-sonnet-4-5", "gen_ai.system": provider,
            "gen_ai.usage.input_tokens": 1000,
            "ai.response.providerMetadata": "{\"anthropic\":{\"cacheReadInputTokens\":512}}",
        });
        assert_eq!(input_count(&span("ai", "text.generate", &counted)), expected, "{provider}");
    }
}

/// Guarantees: the path determines what Plano's input count includes, whichever span carries the cached count.
#[test]
fn plano_counts_by_its_path() {
    let client = span(
        "s",
        "chat",
        &json!({
            "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 300, "gen_ai.usage.cache_read.input_tokens": 100,
        }),
    );
    for (path, alone, with_client) in [
        ("/v1/messages", (Some(200), Some(200)), (Some(200), Some(300))),
        ("/v1/chat/completions", (Some(200), Some(200)), (Some(100), Some(200))),
    ] {
        let gateway = json!({"llm.model": "m", "http.path": path, "llm.usage.prompt_tokens": 200});
        call(&span("brightstaff", "POST", &gateway), |gateway, _| {
            assert_eq!((gateway.usage.input_fresh(), gateway.usage.input_total()), alone, "{path}");
            call(&client, |client, _| {
                let mut both = gateway.clone();
                both.fill_gaps(client);
                assert_eq!((both.usage.input_fresh(), both.usage.input_total()), with_client, "{path}");
            });
        });
    }
}

#[test]
fn what_was_written_for_an_hour_was_written() {
    let one_hour = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens";
    let chat = json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5000, one_hour: 1000});
    let made = span("s", "chat", &chat);
    shows(&made, Convention::GenAi, &json!({"cache_creation": 1000, "input_tokens": 5000}));
    call(&made, |facts, _| assert_eq!(facts.usage.input_fresh(), Some(4000)));
    let raw = json!("{\"cache_creation_input_tokens\": 3000}");
    shows(&made.and("gen_ai.usage.raw", &raw), Convention::GenAi, &json!({"cache_creation": 3000}));
}

/// Spans of every convention, each with what makes it a call.
fn calls() -> Vec<(Convention, Made)> {
    [
        (Convention::Plano, json!({"llm.model": "m", "llm.provider": "p"})),
        (Convention::GenAi, json!({"gen_ai.operation.name": "chat"})),
        (Convention::OpenInference, json!({"openinference.span.kind": "LLM"})),
        (Convention::OpenLlmetry, json!({"llm.request.type": "chat"})),
        (Convention::Vercel, json!({"ai.operationId": "ai.generateText.doGenerate"})),
        (Convention::LiteLlm, json!({"litellm.call_id": "c", "gen_ai.operation.name": "chat"})),
        (Convention::LangSmith, json!({"langsmith.span.kind": "llm"})),
        (Convention::Langfuse, json!({"langfuse.observation.type": "generation"})),
    ]
    .into_iter()
    .map(|(convention, json)| (convention, span("s", convention.name(), &json)))
    .collect()
}

#[test]
fn a_reported_cost_is_read_under_any_convention() {
    let keys =
        ["gen_ai.usage.cost", "gen_ai.cost.total_cost", "llm.cost.total", "litellm.cost.total", "operation.cost"];
    for (convention, made) in calls() {
        shows(&made, convention, &json!({"cost": null}));
        for key in keys {
            shows(&made.clone().and(key, &json!(0.25)), convention, &json!({"cost": 0.25}));
            shows(&made.clone().and(key, &json!(0.0)), convention, &json!({"cost": 0.0}));
        }
        let zero_first = made.and(keys[0], &json!(0.0)).and(keys[4], &json!(0.25));
        shows(&zero_first, convention, &json!({"cost": 0.25}));
    }
    let gateway = json!({"llm.model": "m", "llm.usage.total_cost_usd": 0.5});
    call(&span("brightstaff", "POST", &gateway), |facts, _| {
        assert_eq!((facts.reported_cost_usd, facts.fallback_cost_usd), (None, Some(0.5)));
    });
}

#[test]
fn langfuse_writes_cost_as_json_with_or_without_a_total() {
    let generation = |details: &str| {
        let type_ = json!({"langfuse.observation.type": "generation"});
        span("langfuse-sdk", "g", &type_).and("langfuse.observation.cost_details", &json!(details))
    };
    for (details, cost) in [
        (r#"{"input": 0.1, "total": 0.3}"#, json!(0.3)),
        (r#"{"input": 0.25, "output": 0.5}"#, json!(0.75)),
        (r#"{"input": 0.25, "output": null, "total": null}"#, json!(0.25)),
        (r#"{"input": 0, "output": 0.0}"#, json!(0.0)),
        (r#"{"input": 0.25, "output": -0.5}"#, Json::Null),
        (r#"{"input": 1e308, "output": 1e308}"#, Json::Null),
        (r#"{"input": 0.25, "total": -1}"#, Json::Null),
        (r#"{"input": "much"}"#, Json::Null),
        ("{}", Json::Null),
    ] {
        shows(&generation(details), Convention::Langfuse, &json!({"cost": cost}));
    }
    let zero_beside = generation(r#"{"total": 0.3}"#).and("gen_ai.usage.cost", &json!(0.0));
    shows(&zero_beside, Convention::Langfuse, &json!({"cost": 0.3}));
}
