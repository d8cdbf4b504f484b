//! The rules of SEMCONV.md, section 5: each where it applies and where it must not.

use serde_json::{Value as Json, json};

use super::super::SpanRole;
use super::build::{Made, reading, span};
use super::{call, input_count, is_no_call, shows};
use crate::call::{Convention, InputCount};

/// A chat under the GenAI convention with these attributes, too.
fn chat(more: &Json) -> Made {
    let mut attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"});
    attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    span("s", "chat", &attributes)
}

fn shows_gen_ai(made: &Made, fields: &Json) {
    shows(made, Convention::GenAi, fields);
}

#[test]
fn llm_model_alone_is_no_gateway() {
    let agent = json!({"span.type": "llm", "llm.model": "gpt-4o-mini", "llm.stream": true, "llm.finish_reason": "stop",
        "llm.usage.prompt_tokens": 10, "llm.usage.completion_tokens": 4, "llm.usage.cached_tokens": 3,
        "conversation.id": "c"});
    let voltagent = span("@voltagent/core", "llm:generateText", &agent);
    shows(
        &voltagent,
        Convention::OpenLlmetry,
        &json!({"status": "ok", "requested_model": "gpt-4o-mini", "model": null, "streaming": true, "cached": 3,
            "input_tokens": 10, "output_tokens": 4, "session_id": "c", "duration_s": 2.0}),
    );
    let gateway = json!({"llm.model": "gpt-4o-mini", "llm.provider": "openai"});
    shows(&span("x", "POST", &gateway), Convention::Plano, &json!({"model": "gpt-4o-mini"}));
    let service = span("x", "y", &json!({"llm.model": "m"})).under("service.name", &json!("plano(llm)"));
    shows(&service, Convention::Plano, &json!({"model": "m"}));
    let tool = json!({"span.type": "tool", "llm.model": "m"});
    is_no_call(&span("@voltagent/core", "tool.execution:x", &tool), "kind");
}

#[test]
fn a_finish_reason_or_an_exception_without_answer_is_a_failure() {
    shows_gen_ai(&chat(&json!({"gen_ai.response.finish_reasons": ["error"]})), &json!({"status": "error"}));
    shows_gen_ai(&chat(&json!({"gen_ai.response.finish_reasons": ["stop"]})), &json!({"status": "ok"}));
    let raised = |more: &Json| chat(more).event("exception", 5, &json!({"exception.message": "no"}));
    shows_gen_ai(&raised(&json!({})), &json!({"status": "error"}));
    shows_gen_ai(&raised(&json!({"gen_ai.usage.output_tokens": 3})), &json!({"status": "ok"}));
}

#[test]
fn a_call_needs_no_operation_name() {
    let named = |name: &str, json: &Json| span("any", name, json);
    for more in [
        json!({"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5}),
        json!({"gen_ai.response.model": "m", "gen_ai.usage.output_tokens": 5}),
        json!({"gen_ai.request.model": "m", "gen_ai.provider.name": "openai", "http.route": "/proxy/v1/messages"}),
    ] {
        shows_gen_ai(&named("generate", &more), &json!({"status": "ok"}));
    }
    let model = json!({"gen_ai.request.model": "m"});
    shows_gen_ai(&named("generate", &model).failed("no"), &json!({"status": "error"}));
    let raised = named("completion m", &model).event("exception", 1, &json!({"exception.message": "429 Too many"}));
    shows_gen_ai(&raised, &json!({"status": "error", "http_status": 429}));
    is_no_call(&named("generate", &model), "no LLM convention matches");
    let counted = |key: &str| json!({"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5, key: "x"});
    for veto in ["gen_ai.tool.name", "tool.name", "gen_ai.agent.id", "tanstack.ai.iterations"] {
        is_no_call(&named("generate", &counted(veto)), "tool or an agent");
    }
    is_no_call(&named("invoke_agent x", &counted("y")), "tool or an agent");
}

#[test]
fn the_name_of_a_known_framework_is_enough() {
    let adk = |scope: &str| span(scope, "call_llm", &json!({})).failed("429 RESOURCE_EXHAUSTED. {}");
    shows_gen_ai(&adk("gcp.vertex.agent"), &json!({"status": "error", "http_status": 429}));
    is_no_call(&adk("my.app"), "no LLM convention matches");
}

#[test]
fn a_framework_names_the_kind_of_its_spans() {
    for (key, value) in [
        ("gen_ai.span.kind", "chatmodel"),
        ("gen_ai.span.kind", "LLM"),
        ("lmnr.span.type", "LLM"),
        ("langwatch.span.type", "llm"),
        ("genkit:metadata:subtype", "model"),
        ("mlflow.spanType", "\"CHAT_MODEL\""),
    ] {
        shows_gen_ai(&span("s", "x", &json!({key: value})).failed("no"), &json!({"status": "error"}));
        let embedding =
            span("s", "x", &json!({key: if key.starts_with("mlflow") { "\"EMBEDDING\"" } else { "embedding" }}));
        call(&embedding, |facts, _| assert_eq!(facts.operation.as_deref(), Some("embeddings"), "{key}"));
        let tool = if key.starts_with("mlflow") { "\"TOOL\"" } else { "tool" };
        is_no_call(&span("s", "x", &json!({key: tool, "gen_ai.operation.name": "chat"})), "");
    }
    let unknown = span("s", "x", &json!({"langwatch.span.type": "span", "gen_ai.operation.name": "chat"}));
    shows_gen_ai(&unknown, &json!({"status": "ok"}));
}

#[test]
fn genkit_counts_in_its_output() {
    let output = r#"{"custom":{"id":"chatcmpl-1234","model":"gpt-4o-mini-2024-07-18"},"message":{"content":[]},
        "usage":{"inputTokens":100,"outputTokens":40,"thoughtsTokens":60,"cachedContentTokens":64,"totalTokens":200}}"#;
    let model =
        json!({"genkit:metadata:subtype": "model", "genkit:name": "openai/gpt-4o-mini", "genkit:output": output});
    shows_gen_ai(
        &span("genkit-tracer", "openai/gpt-4o-mini", &model),
        &json!({"requested_model": "gpt-4o-mini", "provider": "openai", "model": "gpt-4o-mini-2024-07-18",
            "response_id": "chatcmpl-1234", "input_tokens": 100, "output_tokens": 100, "reasoning": 60, "cached": 64}),
    );
    let flow = json!({"genkit:metadata:subtype": "flow", "genkit:name": "f", "genkit:output": output});
    is_no_call(&span("genkit-tracer", "f", &flow), "genkit:metadata:subtype");
}

#[test]
fn mlflow_writes_json_throughout() {
    let model = json!({"mlflow.spanType": "\"CHAT_MODEL\"", "model": "\"gpt-4o-mini\"", "stream": "true",
        "mlflow.llm.model": "\"gpt-4o-mini-2024-07-18\"", "mlflow.llm.provider": "\"openai\"",
        "mlflow.chat.tokenUsage": "{\"input_tokens\": 10, \"output_tokens\": 4, \"total_tokens\": 14}"});
    let made = span("mlflow", "Completions", &model).event("mlflow.chunk.item.0", 250, &json!({}));
    shows_gen_ai(
        &made,
        &json!({"requested_model": "gpt-4o-mini", "model": "gpt-4o-mini-2024-07-18", "provider": "openai",
            "streaming": true, "ttft_s": 0.25, "input_tokens": 10, "output_tokens": 4}),
    );
    is_no_call(&span("mlflow", "app", &json!({"mlflow.spanType": "\"UNKNOWN\"", "model": "\"m\""})), "mlflow.spanType");
}

#[test]
fn braintrust_has_metadata_and_metrics() {
    let metadata = |more: &str| format!("{{\"model\": \"m\", \"provider\": \"anthropic\"{more}}}");
    let metrics = r#"{"prompt_tokens": 100, "prompt_cached_tokens": 64, "prompt_cache_creation_tokens": 8, "tokens": 140,
        "completion_tokens": 40, "completion_reasoning_tokens": 30, "time_to_first_token": 0.5}"#;
    let of = |more: &str| json!({"braintrust.metadata": metadata(more), "braintrust.metrics": metrics});
    shows_gen_ai(
        &span("braintrust", "x", &of(", \"stream\": true")),
        &json!({"requested_model": "m", "cached": 64, "cache_creation": 8, "reasoning": 30, "output_tokens": 40,
            "ttft_s": 0.5, "streaming": true}),
    );
    shows_gen_ai(&span("braintrust", "x", &of("")), &json!({"ttft_s": null}));
    let typed = |kind: &str| {
        of("")
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain([("braintrust.span_attributes".to_owned(), Json::from(format!("{{\"type\": \"{kind}\"}}")))])
            .collect::<Json>()
    };
    shows_gen_ai(&span("braintrust", "x", &typed("llm")), &json!({"input_tokens": 100}));
    is_no_call(&span("braintrust", "x", &typed("tool")), "braintrust.span_attributes");
    let nameless = json!({"braintrust.metadata": "{\"score\": 1}"});
    is_no_call(&span("braintrust", "x", &nameless), "no LLM convention matches");
}

#[test]
fn langsmith_metadata_hold_the_counts() {
    for usage in [
        r#"{"input_tokens":1834,"output_tokens":102,"input_token_details":{"cache_read":512,"cache_creation":0,
            "ephemeral_5m_input_tokens":256,"ephemeral_1h_input_tokens":8}}"#,
        "{'input_tokens': 1834, 'input_token_details': {'cache_read': 512, 'ephemeral_5m_input_tokens': 256, \
          'ephemeral_1h_input_tokens': 8, 'cache_creation': 0}}",
    ] {
        let model = json!({"langsmith.span.kind": "llm", "langsmith.metadata.usage_metadata": usage,
            "langsmith.metadata.stream": "False", "gen_ai.usage.output_tokens": 102});
        shows(
            &span("langsmith", "ChatAnthropic", &model),
            Convention::LangSmith,
            &json!({"input_tokens": 1834, "cached": 512, "cache_creation": 264, "streaming": false, "output_tokens": 102}),
        );
    }
}

#[test]
fn answers_recorded_beside_the_attributes_fill_gaps_only() {
    let answer = r#"{"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":40,"thoughtsTokenCount":64,
        "totalTokenCount":204},"modelVersion":"gemini-2.5-pro"}"#;
    let adk = json!({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 40,
        "gcp.vertex.agent.llm_response": answer});
    shows_gen_ai(&chat(&adk), &json!({"model": "gemini-2.5-pro", "output_tokens": 104, "reasoning": 64}));
    let metrics = r#"{"type":"json","value":{"promptTokens":7,"completionTokens":3}}"#;
    shows_gen_ai(&chat(&json!({"langwatch.metrics": metrics})), &json!({"input_tokens": 7, "output_tokens": 3}));
    let counted = json!({"langwatch.metrics": metrics, "gen_ai.usage.input_tokens": 9});
    shows_gen_ai(&chat(&counted), &json!({"input_tokens": 9}));
    let usage = json!({"gen_ai.usage.input_tokens": 3764, "gen_ai.usage.output_tokens": 1504,
        "gen_ai.usage.total_tokens": 5780, "gen_ai.usage.cache_read_input_tokens": 512});
    let ax = chat(&json!({})).event("gen_ai.usage", 9, &usage);
    shows_gen_ai(&ax, &json!({"input_tokens": 3764, "output_tokens": 1504, "cached": 512}));
    assert_eq!(input_count(&ax), InputCount::Exclusive);
    let told = chat(&json!({"gen_ai.usage.input_tokens": 9})).event("gen_ai.usage", 9, &usage);
    shows_gen_ai(&told, &json!({"input_tokens": 9, "output_tokens": null}));
}

#[test]
fn totals_prove_what_the_output_lacks() {
    let counted = |model: &str, output: u64, total: u64, reasoning: Json| {
        chat(
            &json!({"gen_ai.request.model": model, "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": output,
            "gen_ai.usage.total_tokens": total, "gen_ai.usage.reasoning_tokens": reasoning}),
        )
    };
    for (model, output, total, reasoning, whole) in [
        ("m", 40, 204, json!(64), 104),
        ("m", 40, 140, json!(30), 40),
        ("m", 40, 140, json!(64), 104),
        ("gemini-2.5-pro", 40, 204, Json::Null, 104),
        ("gpt-5", 40, 204, Json::Null, 40),
        ("gemini-2.5-pro", 40, 140, Json::Null, 40),
    ] {
        shows_gen_ai(&counted(model, output, total, reasoning), &json!({"output_tokens": whole}));
    }
}

#[test]
fn bedrock_and_known_scopes_pass_on_the_fresh_input() {
    let counted = |scope: &str, provider: &str, more: &Json| {
        let made = chat(more)
            .and("gen_ai.provider.name", &json!(provider))
            .and("gen_ai.usage.input_tokens", &json!(3368))
            .and("gen_ai.usage.cache_read.input_tokens", &json!(512))
            .and("gen_ai.usage.total_tokens", &json!(4812));
        input_count(&made.of_scope(scope))
    };
    let claude = json!({"gen_ai.event.start_time": "x", "gen_ai.request.model": "claude-sonnet-4-5"});
    for (scope, provider, more, expected) in [
        ("opentelemetry.instrumentation.botocore.bedrock-runtime", "aws.bedrock", json!({}), InputCount::Exclusive),
        ("opentelemetry.instrumentation.bedrock", "AWS", json!({}), InputCount::Exclusive),
        ("pydantic-ai", "aws.bedrock", json!({}), InputCount::Inclusive),
        ("org.springframework.boot", "anthropic", json!({}), InputCount::Exclusive),
        ("org.springframework.boot", "openai", json!({}), InputCount::Inclusive),
        ("my-service", "my-service", claude.clone(), InputCount::Exclusive),
        ("strands.telemetry.tracer", "strands-agents", claude, InputCount::Inclusive),
        ("any", "anthropic", json!({}), InputCount::Inclusive),
    ] {
        assert_eq!(counted(scope, provider, &more), expected, "{scope} of {provider}");
    }
}

#[test]
fn counts_are_found_in_any_spelling() {
    for (key, field) in [
        ("gen_ai.usage.cached_tokens", "cached"),
        ("gen_ai.usage.input_cached_tokens", "cached"),
        ("gen_ai.usage.input_tokens.cached", "cached"),
        ("gen_ai.usage.input_tokens_details.cached_tokens", "cached"),
        ("gen_ai.response.cached_content_token_count", "cached"),
        ("gen_ai.usage.output_tokens.reasoning", "reasoning"),
        ("gen_ai.usage.thoughts_token_count", "reasoning"),
        ("gen_ai.usage.cache_creation.ephemeral_1hr_input_tokens", "cache_creation"),
        ("gen_ai.response.prompt_token_count", "input_tokens"),
        ("input_tokens", "input_tokens"),
    ] {
        shows_gen_ai(&chat(&json!({key: "7"})), &json!({field: 7}));
    }
    for key in ["gen_ai.usage.image.input_tokens", "gen_ai.usage.max_tokens", "my.cached_tokens"] {
        let nothing = json!({"input_tokens": null, "output_tokens": null, "reasoning": null});
        shows_gen_ai(&chat(&json!({key: 7})), &nothing);
    }
    let both = json!({"gen_ai.usage.cache_read_input_tokens": 5, "gen_ai.usage.cached_tokens": 7});
    shows_gen_ai(&chat(&both), &json!({"cached": 5}));
}

#[test]
fn frameworks_and_services_are_no_providers() {
    let of = |system: &str| chat(&json!({"gen_ai.system": system})).under("service.name", &json!("my-agents"));
    for (system, provider) in [
        ("eino", Json::Null),
        ("spring_ai", Json::Null),
        ("gcp.vertex.agent", Json::Null),
        ("my-agents", Json::Null),
        ("GOOGLE_AI_GEMINI", json!("gcp.gemini")),
        ("AZURE_OPEN_AI", json!("azure.ai.openai")),
        ("openai", json!("openai")),
        ("MyGateway", json!("MyGateway")),
    ] {
        shows_gen_ai(&of(system), &json!({"provider": provider}));
    }
    let java = |system: &str| {
        span("s", "x", &json!({"openinference.span.kind": "LLM", "llm.system": system, "llm.provider": "openai"}))
    };
    shows(&java("langchain4j"), Convention::OpenInference, &json!({"provider": null}));
    shows(&java("openai"), Convention::OpenInference, &json!({"provider": "openai"}));
}

#[test]
fn names_of_models_without_placeholders_and_suffixes() {
    let asked = |model: &str| chat(&json!({"gen_ai.request.model": model, "gen_ai.response.model": model}));
    for (model, expected) in [
        ("claude-opus-4-6[1m]", json!("claude-opus-4-6")),
        ("unknown", Json::Null),
        ("none", Json::Null),
        ("[1m]", json!("[1m]")),
        ("unknown-7b", json!("unknown-7b")),
    ] {
        shows_gen_ai(&asked(model), &json!({"model": expected, "requested_model": expected}));
    }
    let agents = |parameters: &str| {
        span("s", "x", &json!({"openinference.span.kind": "LLM", "llm.invocation_parameters": parameters}))
    };
    let response = agents(r#"{"id": "resp_1234", "model": "gpt-4o-2024-08-06"}"#);
    shows(&response, Convention::OpenInference, &json!({"requested_model": null}));
    let request = agents(r#"{"model": "gpt-4o"}"#);
    shows(&request, Convention::OpenInference, &json!({"requested_model": "gpt-4o"}));
}

#[test]
fn openinference_of_frameworks_knows_the_asked_model() {
    let of = |scope: &str, name: &str| {
        let parameters = r#"{"model": "gpt-4o-mini", "stream": false}"#;
        let llm = json!({"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o-mini", "llm.provider": "openai",
            "llm.invocation_parameters": parameters});
        span(&format!("openinference.instrumentation.{scope}"), name, &llm)
    };
    let asked = json!({"requested_model": "gpt-4o-mini", "model": null});
    shows(&of("llama_index", "OpenAI.chat"), Convention::OpenInference, &asked);
    shows(&of("langchain", "ChatOpenAI"), Convention::OpenInference, &asked);
    shows(&of("langchain", "ChatOpenAI"), Convention::OpenInference, &json!({"streaming": null}));
    let told = json!({"requested_model": "gpt-4o-mini", "model": "gpt-4o-mini", "streaming": false});
    shows(&of("openai", "ChatCompletion"), Convention::OpenInference, &told);
    is_no_call(&of("llama_index", "OpenAI._prepare_chat_with_tools"), "prepares");
}

#[test]
fn the_id_of_a_langchain_answer() {
    let output = |id: &str| {
        format!(r#"{{"generations": [[{{"message": {{"kwargs": {{"response_metadata": {{"id": "{id}"}}}}}}}}]]}}"#)
    };
    let of = |id: &str| span("s", "x", &json!({"openinference.span.kind": "LLM", "output.value": output(id)}));
    shows(&of("msg_1234"), Convention::OpenInference, &json!({"response_id": "msg_1234"}));
    shows(&of("lc_run--1"), Convention::OpenInference, &json!({"response_id": null}));
}

#[test]
fn a_span_that_ends_before_its_first_token_has_no_duration() {
    shows_gen_ai(
        &chat(&json!({"gen_ai.response.time_to_first_chunk": 2.5})),
        &json!({"ttft_s": 2.5, "duration_s": null}),
    );
    shows_gen_ai(
        &chat(&json!({"gen_ai.response.time_to_first_chunk": 1.5})),
        &json!({"ttft_s": 1.5, "duration_s": 2.0}),
    );
}

#[test]
fn first_tokens_and_streaming() {
    shows_gen_ai(&chat(&json!({"lk.response.ttft": 0.25})), &json!({"ttft_s": 0.25}));
    let trpc = |streaming: bool| {
        chat(&json!({"gen_ai.request.stream": streaming, "trpc_agent_go.client.time_to_first_token": 0.25}))
    };
    shows_gen_ai(&trpc(true), &json!({"ttft_s": 0.25}));
    shows_gen_ai(&trpc(false), &json!({"ttft_s": null}));
    shows_gen_ai(&chat(&json!({"rpc.method": "ConverseStream"})), &json!({"streaming": true}));
    shows_gen_ai(&chat(&json!({"rpc.method": "Converse"})), &json!({"streaming": null}));
    shows_gen_ai(&chat(&json!({"gen_ai.request.llm_is_streaming": "true"})), &json!({"streaming": true}));
}

#[test]
fn costs_in_usd_only() {
    for (cost, expected) in [
        (json!({"gen_ai.client.estimated_cost": "0.00101370USD"}), json!(0.001_013_7)),
        (json!({"gen_ai.usage.total_cost": 0.5}), json!(0.5)),
        (json!({"gen_ai.client.estimated_cost": "0.5EUR"}), Json::Null),
        (json!({"gen_ai.usage.cost": 0.5, "gen_ai.usage.cost.currency": "EUR"}), Json::Null),
        (json!({"gen_ai.usage.cost": 0.5, "gen_ai.usage.cost.currency": "USD"}), json!(0.5)),
    ] {
        shows_gen_ai(&chat(&cost), &json!({"cost": expected}));
    }
}

#[test]
fn operations_that_only_wrap_or_read() {
    for operation in ["framework", "fetch_response"] {
        let made = chat(&json!({"gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 5}));
        is_no_call(&made, operation);
    }
    for operation in ["call_llm", "llm_call", "embedding"] {
        shows_gen_ai(&chat(&json!({"gen_ai.operation.name": operation})), &json!({"status": "ok"}));
    }
}

#[test]
fn sessions_and_users_of_frameworks() {
    for (key, field) in [
        ("gen_ai.session.id", "session_id"),
        ("langwatch.thread.id", "session_id"),
        ("lmnr.association.properties.session_id", "session_id"),
        ("spring.ai.chat.client.conversation.id", "session_id"),
        ("gen_ai.user.id", "user_id"),
        ("langwatch.user.id", "user_id"),
        ("trpc.go.agent.runner.user_id", "user_id"),
    ] {
        shows_gen_ai(&chat(&json!({key: "x"})), &json!({field: "x"}));
        shows_gen_ai(&chat(&json!({key: "unknown"})), &json!({field: null}));
    }
}

#[test]
fn an_http_request_to_a_model_completes_the_call_above() {
    let sent = |url: &str, kind: i32| {
        let mut made = span("http", "POST", &json!({"url.full": url, "http.response.status_code": 429}));
        made.span.kind = kind;
        let request = made.request();
        match reading(&request).role {
            SpanRole::Completes(facts) => facts.status_code,
            _ => None,
        }
    };
    assert_eq!(sent("https://api.openai.com/v1/chat/completions", 3), Some(429));
    assert_eq!(sent("https://api.openai.com/v1/chat/completions", 2), None);
    assert_eq!(sent("https://example.com/orders", 3), None);
}
