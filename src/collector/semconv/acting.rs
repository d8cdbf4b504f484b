//! Spans that act: tools, agents, workflows, invocations and steps of agents. A model call below one is another call than a
//! model call above it (SEMCONV.md 4.2).

use super::keys::Key;
use super::span_view::SpanView;
use crate::collector::wire::{Attribute, Value};

/// Words that name what acts, as the last or the only word of a kind: `TOOL`, `invoke_agent`, `tool_call`, `agent_step`.
const WORDS: [&str; 5] = ["tool", "agent", "workflow", "invocation", "step"];

/// Kinds that act although no word of theirs is among [`WORDS`].
const OTHER_KINDS: [&str; 1] = ["execute_event_loop_cycle"];

/// Kinds that the adapters read, whose values are compared with [`WORDS`].
const KINDS: [Key; 6] = [
    Key::GenAiOperationName,
    Key::OpenInferenceSpanKind,
    Key::LangSmithSpanKind,
    Key::LangfuseObservationType,
    Key::TraceloopSpanKind,
    Key::AiOperationId,
];

/// Names of acting spans of frameworks that mark them by name alone; what follows a separator is the name of a tool or agent.
const NAMES: [&str; 12] = [
    "invocation",
    "agent_run",
    "agent run",
    "agent.run",
    "invoke_agent",
    "invoke_workflow",
    "execute_tool",
    "tool.execute",
    "tool_call",
    "running tool",
    "running tools",
    "tools/call",
];

/// Whether a span that is not a call acts, by its kind or its name.
pub(super) fn acts(view: &SpanView<'_, '_>) -> bool {
    is_acting_name(view.span.name)
        || (view.index.decides && KINDS.iter().any(|&key| view.str(key).is_some_and(is_acting_kind)))
        || view.span.attributes.iter().any(marks_action)
}

/// Whether the calls right below a span report what all of them have used so far: the `call` advisor of Spring AI's tool loop.
pub(super) fn adds_up(view: &SpanView<'_, '_>) -> bool {
    let is_advisor = |attribute: &Attribute<'_>| {
        attribute.key == "spring.ai.kind" && matches!(attribute.value, Value::Str(kind) if kind == "advisor")
    };
    view.span.name == "call" && view.span.attributes.iter().any(is_advisor)
}

/// The kind of a span under the keys of further frameworks.
fn marks_action(attribute: &Attribute<'_>) -> bool {
    let is_kind = matches!(
        attribute.key,
        "gen_ai.span.kind"
            | "langwatch.span.type"
            | "lmnr.span.type"
            | "mlflow.spanType"
            | "spring.ai.kind"
            | "genkit:metadata:subtype"
    );
    match attribute.value {
        Value::Str(kind) if is_kind => is_acting_kind(kind.trim_matches('"')),
        _ => false,
    }
}

fn is_acting_kind(kind: &str) -> bool {
    let kind = kind.trim();
    let is_word = |word: &str| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known));
    kind.split(['_', ' ', '.', '-']).any(is_word)
        || kind.eq_ignore_ascii_case("ai.toolCall")
        || OTHER_KINDS.iter().any(|other| kind.eq_ignore_ascii_case(other))
}

fn is_acting_name(name: &str) -> bool {
    NAMES.iter().any(|known| {
        name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.', ':', '/', '[']))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::SpanRole;
    use super::super::tests::build::{reading, span};

    #[test]
    fn tools_agents_workflows_and_invocations_act() {
        for (name, attributes) in [
            ("invocation", json!({})),
            ("agent_run [inner]", json!({})),
            ("execute_tool get_weather", json!({})),
            ("tool.execute", json!({})),
            ("agent.run", json!({})),
            ("running tools", json!({})),
            ("x", json!({"gen_ai.operation.name": "execute_tool"})),
            ("x", json!({"gen_ai.operation.name": "invoke_agent"})),
            ("x", json!({"gen_ai.operation.name": "agent_step"})),
            ("x", json!({"gen_ai.operation.name": "execute_event_loop_cycle"})),
            ("x", json!({"openinference.span.kind": "TOOL"})),
            ("x", json!({"openinference.span.kind": "AGENT", "session.id": "s"})),
            ("x", json!({"langsmith.span.kind": "tool"})),
            ("x", json!({"traceloop.span.kind": "workflow"})),
            ("x", json!({"ai.operationId": "ai.toolCall"})),
            ("x", json!({"gen_ai.operation.name": "framework", "spring.ai.kind": "tool_call"})),
            ("x", json!({"mlflow.spanType": "\"TOOL\""})),
        ] {
            assert!(reading(&span("s", name, &attributes).request()).acts, "{name} {attributes}");
        }
    }

    #[test]
    fn the_call_advisor_of_spring_ai_adds_up() {
        let adds_up = |name, kind| {
            let attributes = json!({"gen_ai.operation.name": "framework", "spring.ai.kind": kind});
            reading(&span("s", name, &attributes).request()).adds_up
        };
        assert!(adds_up("call", "advisor"));
        assert!(!adds_up("stream", "advisor") && !adds_up("call", "tool_call"));
    }

    #[test]
    fn chains_wrappers_requests_and_calls_do_not() {
        for (name, attributes) in [
            ("chain", json!({"openinference.span.kind": "CHAIN"})),
            ("invocations", json!({})),
            ("POST /tools", json!({"http.route": "/agent"})),
            ("ai.generateText", json!({"ai.operationId": "ai.generateText"})),
            ("spring_ai chat_client", json!({"gen_ai.operation.name": "framework", "spring.ai.kind": "chat_client"})),
            ("x", json!({"langsmith.span.kind": "chain", "tool": "agent"})),
        ] {
            assert!(!reading(&span("s", name, &attributes).request()).acts, "{name} {attributes}");
        }
        let call = span("s", "agent_run", &json!({"gen_ai.operation.name": "chat"})).request();
        assert!(!reading(&call).acts);
        assert!(matches!(reading(&call).role, SpanRole::Call(_)));
    }
}
