//! Emitters of which no capture is at hand: what their sources say they send.

use serde_json::{Value as Json, json};

use super::super::SpanRole;
use super::build::{LASTED, Made, START, reading, span};
use super::{call, input_count, is_no_call, shows};
use crate::call::{Convention, InputCount};

#[test]
fn official_instrumentations_of_older_versions() {
    let made = span(
        "opentelemetry.instrumentation.openai_v2",
        "chat gpt-4o",
        &json!({
            "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.response.id": "chatcmpl-1",
            "gen_ai.usage.prompt_tokens": "100", "gen_ai.usage.completion_tokens": 7.0,
            "gen_ai.openai.response.service_tier": "flex", "gen_ai.response.finish_reasons": ["stop", "length"],
        }),
    );
    shows(
        &made,
        Convention::GenAi,
        &json!({
            "model": "gpt-4o-2024-08-06", "requested_model": "gpt-4o", "provider": "openai", "input_tokens": 100,
            "output_tokens": 7, "finish_reasons": ["stop", "length"], "response_id": "chatcmpl-1", "status": "ok",
            "duration_s": 2.0, "http_status": null, "streaming": null, "ttft_s": null, "cached": null,
        }),
    );
    call(&made, |facts, why| {
        assert_eq!(facts.service_tier.as_deref(), Some("flex"));
        assert_eq!(why, "gen_ai.operation.name is chat");
    });
}

#[test]
fn statuses_of_errors_are_read_in_many_forms() {
    let chat = span("s", "chat", &json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}));
    let error = |status: Json| json!({"status": "error", "http_status": status, "model": null});
    let cases = [
        (chat.clone().failed("Error code: 429 - Rate limit"), json!(429)),
        (chat.clone().failed("429 Rate limit reached for requests"), json!(429)),
        (chat.clone().failed("Connection error."), Json::Null),
        (chat.clone().failed("").event("exception", 5, &json!({"exception.message": "status_code: 529"})), json!(529)),
        (chat.clone().failed("").and("error.type", &json!("503")), json!(503)),
        (chat.clone().and("error.type", &json!("RateLimitError")), json!(429)),
        (chat.clone().and("error.type", &json!("InternalServerError")), Json::Null),
        (chat.clone().and("error.code", &json!("401")).failed("Error code: 500"), json!(401)),
        (chat.clone().and("error.code", &json!("insufficient_quota")).failed("Error code: 429"), json!(429)),
        (chat.clone().and("litellm.provider.error.code", &json!("400")).failed(""), json!(400)),
        (chat.clone().and("http.status_code", &json!(404)), json!(404)),
    ];
    for (made, status) in cases {
        shows(&made, Convention::GenAi, &error(status));
    }
    let raised = chat.event("exception", 5, &json!({"exception.message": "Error code: 429"}));
    shows(&raised, Convention::GenAi, &error(json!(429)));
    let survived = raised.and("gen_ai.usage.output_tokens", &json!(7));
    shows(&survived, Convention::GenAi, &json!({"status": "ok", "http_status": null}));
}

#[test]
fn error_class_and_message() {
    let made = span("s", "chat", &json!({"gen_ai.operation.name": "chat"}))
        .failed("")
        .event("exception", 1, &json!({"exception.type": "First", "exception.message": "once"}))
        .event("exception", 2, &json!({"exception.type": "Last", "exception.message": "twice"}));
    call(&made, |facts, _| {
        assert_eq!(facts.error_type.as_deref(), Some("Last"));
        assert_eq!(facts.error_message.as_deref(), Some("twice"));
    });
}

#[test]
fn strands_reports_milliseconds_and_loops() {
    let made = span(
        "strands.telemetry.tracer",
        "chat",
        &json!({
            "gen_ai.system": "strands-agents", "gen_ai.operation.name": "chat", "gen_ai.request.model": "claude",
            "gen_ai.usage.prompt_tokens": 10, "gen_ai.usage.input_tokens": 10, "gen_ai.usage.completion_tokens": 5,
            "gen_ai.usage.output_tokens": 5, "gen_ai.usage.total_tokens": 18,
            "gen_ai.usage.cache_read_input_tokens": 2, "gen_ai.usage.cache_write_input_tokens": 1,
            "gen_ai.server.time_to_first_token": 250, "gen_ai.server.request.duration": 1900,
        }),
    );
    shows(
        &made,
        Convention::GenAi,
        &json!({"provider": "strands-agents", "ttft_s": 0.25, "cached": 2, "cache_creation": 1, "duration_s": 2.0}),
    );
    assert_eq!(input_count(&made), InputCount::Exclusive, "the total is input + output + cached");
    for operation in ["execute_event_loop_cycle", "invoke_agent", "execute_tool", "invoke_swarm"] {
        let made =
            span("strands", operation, &json!({"gen_ai.operation.name": operation, "gen_ai.usage.input_tokens": 9}));
        is_no_call(&made, "gen_ai.operation.name");
    }
}

#[test]
fn openllmetry_of_older_versions() {
    let made = span(
        "opentelemetry.instrumentation.openai.v1",
        "openai.chat",
        &json!({
            "llm.request.type": "chat", "llm.vendor": "OpenAI", "llm.request.model": "gpt-4",
            "llm.response.model": "gpt-4-0613", "llm.usage.prompt_tokens": 11, "llm.usage.completion_tokens": 22,
            "llm.usage.total_tokens": 33, "llm.is_streaming": true, "llm.user": "u",
            "traceloop.association.properties.session_id": "s",
        }),
    )
    .event("llm.content.completion.chunk", 300, &json!({}))
    .event("llm.content.completion.chunk", 400, &json!({}));
    shows(
        &made,
        Convention::OpenLlmetry,
        &json!({
            "model": "gpt-4-0613", "requested_model": "gpt-4", "provider": "OpenAI", "input_tokens": 11,
            "output_tokens": 22, "streaming": true, "ttft_s": 0.3, "user_id": "u", "session_id": "s",
        }),
    );
    is_no_call(
        &span("traceloop.tracer", "w.workflow", &json!({"traceloop.span.kind": "workflow"})),
        "traceloop.span.kind",
    );
    is_no_call(&span("x", "rerank", &json!({"llm.request.type": "rerank"})), "rerank");
}

/// Semantic Kernel, and Traceloop's instrumentation of the OpenAI Agents SDK.
#[test]
fn frameworks_name_operations_of_their_own() {
    for operation in ["chat.completions", "chat.streaming_completions", "text.streaming_completions", "response"] {
        let named = json!({"gen_ai.operation.name": operation, "gen_ai.request.model": "gpt-4o"});
        shows(&span("any", operation, &named), Convention::GenAi, &json!({"requested_model": "gpt-4o"}));
    }
    let response = json!({"llm.request.type": "response", "gen_ai.operation.name": "response"});
    shows(&span("any", "openai.response", &response), Convention::OpenLlmetry, &json!({"status": "ok"}));
}

#[test]
fn spring_ai_writes_none_where_it_knows_nothing() {
    let chat = |none: &str| {
        let chat = json!({
            "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": none,
            "gen_ai.response.model": none, "gen_ai.response.id": none, "gen_ai.response.finish_reasons": none,
        });
        span("org.springframework.boot", "chat none", &chat)
    };
    let fields = |text: Json| json!({"requested_model": text, "model": text, "response_id": text});
    shows(&chat("none"), Convention::GenAi, &fields(Json::Null));
    shows(&chat("none"), Convention::GenAi, &json!({"finish_reasons": null}));
    shows(&chat("None"), Convention::GenAi, &fields(json!("None")));
    shows(&chat("none").and("user.id", &json!("none")), Convention::GenAi, &json!({"user_id": null}));
}

#[test]
fn litellm_behind_a_proxy() {
    let call_1 = json!({
        "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "my-alias",
        "gen_ai.response.model": "my-alias", "litellm.provider.model": "openai/gpt-4o", "llm.request.type": "acompletion",
        "llm.is_streaming": "True", "gen_ai.usage.input_tokens": 5, "gen_ai.cost.total_cost": 0.5,
        "metadata.user_api_key_end_user_id": "end-user", "metadata.user_api_key_alias": "",
    });
    for name in ["Received Proxy Server Request", "litellm_request", "any name"] {
        shows(
            &span("litellm", name, &call_1),
            Convention::LiteLlm,
            &json!({"upstream_model": "openai/gpt-4o", "streaming": true, "cost": 0.5, "user_id": "end-user"}),
        );
    }
    let call_2 = json!({
        "gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openai", "litellm.call_id": "c",
        "gen_ai.conversation.id": "s", "litellm.cost.total": 0.25, "litellm.request.streaming": false,
        "gen_ai.response.time_to_first_chunk": 0.125, "litellm.end_user.id": "e",
    });
    shows(
        &span("litellm", "embeddings text-embedding-3-small", &call_2),
        Convention::LiteLlm,
        &json!({"session_id": "s", "cost": 0.25, "streaming": false, "ttft_s": 0.125, "user_id": "e"}),
    );
    let server = span("litellm", "POST /v1/chat/completions", &json!({"litellm.call_id": "c", "http.route": "/"}));
    is_no_call(&server, "no LLM convention");
    is_no_call(&span("litellm", "raw_gen_ai_request", &json!({"llm.openai.model": "m"})), "repeats");
    is_no_call(&span("litellm", "raw_gen_ai_request", &json!({"session.id": "s"})), "repeats");
    let moderation = json!({"gen_ai.operation.name": "litellm.moderation", "litellm.call_id": "c"});
    is_no_call(&span("litellm", "moderation", &moderation), "names no call of a model");
}

#[test]
fn litellm_names_its_call_types() {
    for operation in ["completion", "acompletion", "responses", "aresponses", "aembedding", "anthropic_messages"] {
        let made = span("litellm", "litellm_request", &json!({"gen_ai.operation.name": operation}));
        shows(&made, Convention::LiteLlm, &json!({"status": "ok"}));
        let made = span("litellm", "litellm_request", &json!({"llm.request.type": operation}));
        shows(&made, Convention::LiteLlm, &json!({"status": "ok"}));
    }
}

fn logfire(span_type: &str, stream: bool) -> Made {
    span(
        "logfire.openai",
        "Chat Completion with {request_data[model]!r}",
        &json!({
            "request_data": format!("{{\"model\":\"gpt-4o\",\"stream\":{stream}}}"), "logfire.span_type": span_type,
            "gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.usage.input_tokens": 100, "operation.cost": 0.001,
            "gen_ai.usage.raw": "{\"prompt_tokens\":100,\"completion_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":64}}",
        }),
    )
}

#[test]
fn logfire_reports_a_stream_once() {
    let fields = json!({"input_tokens": 100, "output_tokens": 9, "cached": 64, "cost": 0.001});
    shows(&logfire("span", false), Convention::GenAi, &fields);
    is_no_call(&logfire("span", true), "Logfire records its answer apart");
    is_no_call(&logfire("pending_span", false), "pending_span");
    shows(&logfire("span", true).failed("Error code: 429"), Convention::GenAi, &json!({"http_status": 429}));
    let record = logfire("log", true).and("duration", &json!(1.5));
    shows(&record, Convention::GenAi, &fields);
    call(&record, |facts, _| {
        assert_eq!((facts.is_streaming, facts.duration_ms), (Some(true), Some(1500.0)));
        assert_eq!(facts.start_unix_nano, Some(START - 1_500_000_000));
    });
}

#[test]
fn logfire_spans_of_the_agents_sdk_name_no_operation() {
    let generation = json!({
        "logfire.span_type": "span", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o", "gen_ai.usage.input_tokens": 3,
    });
    shows(
        &span("logfire.openai_agents", "Chat completion", &generation),
        Convention::GenAi,
        &json!({"input_tokens": 3}),
    );
    let agent = span("logfire.openai_agents", "Agent run", &json!({"gen_ai.system": "openai", "name": "a"}));
    is_no_call(&agent, "no LLM convention");
    let voice = json!({
        "logfire.span_type": "span", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o-transcribe",
        "gen_ai.response.model": "gpt-4o-transcribe",
    });
    let transcription = span("logfire.openai_agents", "Speech → Text with {gen_ai.request.model!r}", &voice);
    is_no_call(&transcription, "a transcription");
    for (key, value) in [("request_data", json!("{}")), ("gen_ai.operation.name", json!("chat"))] {
        shows(&transcription.clone().and(key, &value), Convention::GenAi, &json!({"model": "gpt-4o-transcribe"}));
    }
}

#[test]
fn model_servers_name_no_operation_either() {
    let served = json!({
        "gen_ai.request.id": "cmpl-1", "gen_ai.usage.prompt_tokens": 128, "gen_ai.usage.completion_tokens": 512,
        "gen_ai.latency.time_to_first_token": 0.045, "gen_ai.latency.e2e": 2.1,
    });
    shows(
        &span("vllm.llm_engine", "llm_request", &served),
        Convention::GenAi,
        &json!({"input_tokens": 128, "output_tokens": 512, "ttft_s": 0.045, "response_id": "cmpl-1"}),
    );
}

#[test]
fn googles_adk_has_its_own_keys_for_session_and_reasoning() {
    let call_llm = json!({
        "gen_ai.system": "gcp.vertex.agent", "gen_ai.request.model": "gemini-2.5-flash", "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5, "gen_ai.usage.experimental.reasoning_tokens": 30,
        "gen_ai.response.finish_reasons": ["stop"], "gcp.vertex.agent.session_id": "s",
    });
    shows(
        &span("gcp.vertex.agent", "call_llm", &call_llm),
        Convention::GenAi,
        &json!({"session_id": "s", "reasoning": 30, "input_tokens": 10}),
    );
}

#[test]
fn langsmith_decides_by_its_kind() {
    let made = span(
        "langsmith",
        "ChatOpenAI",
        &json!({
            "langsmith.span.kind": "llm", "gen_ai.operation.name": "chat", "gen_ai.system": "langchain",
            "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.response.id": "chatcmpl-9",
            "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 40, "gen_ai.usage.total_tokens": 140,
            "gen_ai.usage.input_token_details": "{'audio': 0, 'cache_read': 64}",
            "gen_ai.usage.output_token_details": "{'audio': 0, 'reasoning': 32}",
            "gen_ai.response.finish_reasons": "stop, length", "langsmith.request.streaming": true,
            "langsmith.metadata.ls_provider": "openai", "langsmith.metadata.thread_id": "t",
            "langsmith.trace.session_id": "the id of a project", "langsmith.metadata.user_id": "u",
        }),
    );
    shows(
        &made,
        Convention::LangSmith,
        &json!({
            "provider": "openai", "cached": 64, "reasoning": 32, "finish_reasons": ["stop", "length"],
            "streaming": true, "session_id": "t", "user_id": "u", "response_id": "chatcmpl-9",
        }),
    );
    assert_eq!(input_count(&made), InputCount::Inclusive);
    let failed = made.failed("").event(
        "exception",
        9,
        &json!({"exception.message": "RateLimitError(\"Error code: 429 - {'error': {}}\")Traceback"}),
    );
    shows(&failed, Convention::LangSmith, &json!({"http_status": 429}));
    let prompt = json!({"langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat", "gen_ai.request.model": "m"});
    is_no_call(&span("langsmith", "prompt", &prompt), "langsmith.span.kind");
    let embedding = span("langsmith", "e", &json!({"langsmith.span.kind": "embedding"}));
    shows(&embedding, Convention::LangSmith, &json!({"status": "ok"}));
}

#[test]
fn langfuse_writes_usage_as_json() {
    let made = span(
        "langfuse-sdk",
        "OpenAI-generation",
        &json!({
            "langfuse.observation.type": "generation", "langfuse.observation.model.name": "gpt-4o-2024-08-06",
            "langfuse.observation.usage_details":
                "{\"prompt_tokens\": 100, \"completion_tokens\": 40, \"total_tokens\": 140, \"prompt_tokens_details\": {\"cached_tokens\": 64}}",
            "langfuse.observation.cost_details": "{\"input\": 0.1, \"total\": 0.3}",
            "langfuse.observation.completion_start_time": "\"2026-11-23T09:25:54.250000Z\"",
            "langfuse.observation.model.parameters": "{\"temperature\": 1, \"stream\": true}",
            "session.id": "s", "user.id": "u",
        }),
    );
    shows(
        &made,
        Convention::Langfuse,
        &json!({
            "model": "gpt-4o-2024-08-06", "input_tokens": 100, "output_tokens": 40, "cached": 64, "cost": 0.3,
            "ttft_s": 0.25, "session_id": "s", "user_id": "u", "streaming": true, "status": "ok",
        }),
    );
    let flat = made
        .clone()
        .and("langfuse.observation.usage_details", &json!("{\"input\": 36, \"output\": 40, \"input_cache_read\": 64}"));
    shows(&flat, Convention::Langfuse, &json!({"input_tokens": 36, "cached": 64}));
    assert_eq!(input_count(&flat), InputCount::Exclusive);
    let failed = made
        .and("langfuse.observation.level", &json!("ERROR"))
        .and("langfuse.observation.status_message", &json!("Error code: 401 - no key"));
    shows(&failed, Convention::Langfuse, &json!({"status": "error", "http_status": 401}));
    for kind in ["agent", "chain", "tool", "span", "retriever"] {
        is_no_call(
            &span("langfuse-sdk", "x", &json!({"langfuse.observation.type": kind})),
            "langfuse.observation.type",
        );
    }
}

#[test]
fn vercel_of_versions_4_and_5() {
    let version_4 = span(
        "ai",
        "ai.streamText.doStream",
        &json!({
            "ai.operationId": "ai.streamText.doStream", "ai.model.id": "claude-sonnet-4-5",
            "ai.model.provider": "anthropic.messages", "ai.usage.promptTokens": 1000, "ai.usage.completionTokens": 50,
            "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50, "ai.response.msToFirstChunk": 187.5,
            "ai.response.finishReason": "stop", "ai.response.id": "msg_1", "ai.response.model": "claude-sonnet-4-5-20250929",
            "ai.response.providerMetadata":
                "{\"anthropic\":{\"cacheCreationInputTokens\":256,\"cacheReadInputTokens\":512,\"usage\":{\"input_tokens\":1000}}}",
            "ai.telemetry.metadata.sessionId": "s",
        }),
    );
    shows(
        &version_4,
        Convention::Vercel,
        &json!({
            "requested_model": "claude-sonnet-4-5", "model": "claude-sonnet-4-5-20250929", "provider": "anthropic.messages",
            "input_tokens": 1000, "output_tokens": 50, "cached": 512, "cache_creation": 256, "streaming": true,
            "ttft_s": 0.1875, "finish_reasons": ["stop"], "response_id": "msg_1", "session_id": "s",
        }),
    );
    assert_eq!(input_count(&version_4), InputCount::Exclusive);
    let version_6 = version_4.and("ai.usage.inputTokenDetails.noCacheTokens", &json!(232));
    assert_eq!(input_count(&version_6), InputCount::Inclusive);
    let openai = span(
        "ai",
        "ai.generateObject.doGenerate",
        &json!({
            "ai.operationId": "ai.generateObject.doGenerate", "ai.model.id": "o4-mini", "ai.model.provider": "openai.chat",
            "ai.usage.promptTokens": 1000, "ai.usage.completionTokens": 50,
            "ai.response.providerMetadata": "{\"openai\":{\"reasoningTokens\":32,\"cachedPromptTokens\":512}}",
        }),
    );
    shows(&openai, Convention::Vercel, &json!({"cached": 512, "reasoning": 32, "streaming": false}));
    assert_eq!(input_count(&openai), InputCount::Inclusive);
}

#[test]
fn vercel_wrappers_stay_wrappers_whatever_a_processor_adds() {
    for (operation_id, reason) in [
        ("ai.generateText", ".doGenerate child"),
        ("ai.streamObject", ".doStream child"),
        ("ai.embedMany", ".doEmbed child"),
        ("ai.toolCall", "a tool"),
        ("ai.rerank.doRerank", "reranking"),
        ("ai.somethingNew", "names no provider call"),
    ] {
        let made = span(
            "ai",
            operation_id,
            &json!({
                "ai.operationId": operation_id, "ai.usage.inputTokens": 9, "openinference.span.kind": "LLM",
                "langsmith.span.kind": "llm", "gen_ai.operation.name": "chat",
            }),
        );
        is_no_call(&made, reason);
    }
}

#[test]
fn openinference_decides_by_its_kind() {
    for kind in ["AGENT", "CHAIN", "TOOL", "RETRIEVER", "RERANKER", "GUARDRAIL", "agent"] {
        let made =
            span("openinference", "x", &json!({"openinference.span.kind": kind, "gen_ai.operation.name": "chat"}));
        is_no_call(&made, &kind.to_uppercase());
    }
    is_no_call(&span("openinference", "x", &json!({"openinference.span.kind": "NEW"})), "neither LLM nor EMBEDDING");
    let generation = span(
        "openinference.instrumentation.openai_agents",
        "response",
        &json!({
            "openinference.span.kind": "LLM", "llm.system": "openai", "llm.model_name": "gpt-5-mini",
            "llm.token_count.prompt": 10, "llm.token_count.completion": 4, "llm.cost.total": 0.125,
            "llm.invocation_parameters": "{\"model\": \"gpt-5-mini\", \"stream\": \"yes\"}",
            "output.value": "{\"id\": \"resp_abcdef\", \"output\": []}",
        }),
    );
    shows(
        &generation,
        Convention::OpenInference,
        &json!({"requested_model": "gpt-5-mini", "streaming": null, "cost": 0.125, "response_id": "resp_abcdef"}),
    );
    let own_json = generation.and("output.value", &json!("{\"id\": \"order-7\"}"));
    shows(&own_json, Convention::OpenInference, &json!({"response_id": null}));
}

#[test]
fn sessions_of_wrappers_apply_to_spans_below() {
    for (key, session) in [
        ("session.id", "a"),
        ("gen_ai.conversation.id", "b"),
        ("ai.settings.context.sessionId", "c"),
        ("traceloop.association.properties.session_id", "d"),
        ("traceloop.association.properties.sessionId", "e"),
        ("traceloop.association.properties.conversation_id", "f"),
        ("gcp.vertex.agent.session_id", "g"),
    ] {
        let made = span("any", "handler", &json!({"http.method": "POST"})).and(key, &json!(session));
        let request = made.request();
        let SpanRole::Context { session_id, user_id } = reading(&request).role else { panic!("no context") };
        assert_eq!((session_id.as_deref(), user_id), (Some(session), None));
    }
    for key in ["user.id", "traceloop.association.properties.user_id", "traceloop.association.properties.userId"] {
        let agent = span("gen_ai", "invoke_agent", &json!({"gen_ai.operation.name": "invoke_agent", key: "u"}));
        let request = agent.request();
        let reading = reading(&request);
        assert!(matches!(reading.role, SpanRole::Context { session_id: None, user_id: Some(_) }), "{key}");
        assert!(reading.why.contains("an agent, not a call"));
    }
}

#[test]
fn spans_of_other_programs_are_nothing() {
    for json in [
        json!({}),
        json!({"http.request.method": "GET", "http.response.status_code": 200, "url.path": "/"}),
        json!({"db.system": "postgresql", "error.type": "timeout"}),
        json!({"gen_ai.request.model": "m"}),
        json!({"duration": 1.5, "logfire.span_type": "log"}),
    ] {
        let request = span("http", "GET /", &json).request();
        assert_eq!(reading(&request).role, SpanRole::Other, "{json}");
    }
}

#[test]
fn plano_reads_the_last_of_several_and_only_scalars() {
    let made = span(
        "brightstaff",
        "POST /v1/chat/completions fast -> openai/gpt-4o",
        &json!({"llm.model": "openai/gpt-4o", "llm.duration_ms": "12.5", "llm.time_to_first_token": "soon"}),
    )
    .and("llm.model", &json!("gpt-4o-2024-08-06"))
    .and("llm.model", &json!(["not a scalar"]))
    .and("llm.usage.prompt_tokens", &json!("42"))
    .and("llm.usage.completion_tokens", &json!(-1))
    .and("llm.usage.total_tokens", &json!(7))
    .and("llm.usage.total_tokens", &json!("unreadable"))
    .and("llm.is_streaming", &json!(true))
    .and("llm.provider", &json!(" "))
    .under("service.name", &json!("plano(llm)"));
    call(&made, |facts, why| {
        assert_eq!(why, "llm.model is set");
        assert_eq!(facts.model.as_deref(), Some("gpt-4o-2024-08-06"));
        assert_eq!(facts.upstream_model.as_deref(), Some("openai/gpt-4o"));
        assert_eq!(facts.request_model.as_deref(), Some("fast"));
        assert_eq!((facts.duration_ms, facts.ttft_ms), (Some(12.5), None));
        assert_eq!((facts.usage.input, facts.usage.output, facts.usage.total), (Some(42), None, None));
        assert_eq!((facts.is_streaming, facts.status_code), (Some(true), None));
        assert_eq!((facts.provider.as_deref(), facts.service_name.as_deref()), (None, Some("plano(llm)")));
    });
}

#[test]
fn plano_without_a_model_is_rejected_or_nothing() {
    let role = |made: &Made| {
        let request = made.request();
        match reading(&request).role {
            SpanRole::Rejected => "rejected",
            SpanRole::Completes(_) => "completes",
            SpanRole::Other => "other",
            SpanRole::Call(_) | SpanRole::Context { .. } => "else",
        }
    };
    let named = |name: &str, json: Json| span("brightstaff", name, &json);
    assert_eq!(role(&named("llm", json!({"component": "llm", "llm.model": ""}))), "rejected");
    assert_eq!(role(&named("llm", json!({"service.name.override": "plano(llm)"}))), "rejected");
    assert_eq!(role(&named("llm", json!({"http.path": "/"}))), "other");
    assert_eq!(role(&named("routing", json!({"model.requested": "m"}))), "completes");
    assert_eq!(role(&named("x", json!({"model.requested": "m", "component": "routing"}))), "completes");
    assert_eq!(
        role(&named("x", json!({"model.requested": "m"})).under("service.name", &json!("plano(routing)"))),
        "completes"
    );
    assert_eq!(role(&named("x", json!({"model.requested": "m"}))), "other");
    assert_eq!(role(&named("routing", json!({"component": "routing"}))), "other");
}

#[test]
fn a_clock_that_goes_backwards_gives_no_duration() {
    let mut made = span("s", "chat", &json!({"gen_ai.operation.name": "chat"}));
    assert_eq!(made.span.end_time_unix_nano - made.span.start_time_unix_nano, LASTED);
    made.span.end_time_unix_nano = START - 1;
    let made = made.event("gen_ai.content.completion.chunk", 0, &json!({}));
    call(&made, |facts, _| assert_eq!((facts.duration_ms, facts.ttft_ms), (None, Some(0.0))));
    let mut timeless = made;
    timeless.span.start_time_unix_nano = 0;
    call(&timeless, |facts, _| {
        assert_eq!((facts.start_unix_nano, facts.duration_ms, facts.ttft_ms), (None, None, None));
    });
}
