//! Kinds of spans in the words of frameworks that otherwise follow the GenAI convention: `gen_ai.span.kind` (Aliyun, Dify,
//! Eino), `lmnr.span.type`, `langwatch.span.type`, `span.type` (`VoltAgent`).

use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, openllmetry};
use crate::call::{CallFacts, Text};

/// What a framework calls a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call of a model.
    Chat,
    Embedding,
    /// Contains or supports calls.
    Other,
}

const KEYS: [Key; 4] = [Key::GenAiSpanKind, Key::LmnrSpanType, Key::LangWatchSpanType, Key::SpanType];

const CHAT: [&str; 6] = ["llm", "generation", "chatmodel", "chat_model", "model", "chat"];
const EMBEDDING: [&str; 3] = ["embedding", "embeddings", "embedder"];
const OTHER: [&str; 22] = [
    "chain",
    "task",
    "tool",
    "tools",
    "toolsnode",
    "tool.v2",
    "agent",
    "workflow",
    "graph",
    "step",
    "retriever",
    "reranker",
    "rerank",
    "rag",
    "guardrail",
    "evaluator",
    "evaluation",
    "memory",
    "flow",
    "util",
    "executor",
    "lambda",
];

impl Kind {
    /// The kind of this name, in any case; `None` for a name that says nothing.
    pub(super) fn named(name: &str) -> Option<Self> {
        let is_in = |names: &[&str]| names.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
        match name {
            _ if is_in(&CHAT) => Some(Self::Chat),
            _ if is_in(&EMBEDDING) => Some(Self::Embedding),
            _ if is_in(&OTHER) => Some(Self::Other),
            _ => None,
        }
    }
}

/// Reads a span whose framework names its kind.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let kind = KEYS.iter().find_map(|&key| Kind::named(view.str(key)?))?;
    Some(match kind {
        Kind::Chat => Classification::call(facts(view, "chat"), "the framework's kind of the span is a model call"),
        Kind::Embedding => {
            Classification::call(facts(view, "embeddings"), "the framework's kind of the span is an embedding")
        }
        Kind::Other => not_a_call(view, "the framework's kind of the span is no model call"),
    })
}

fn facts<'a>(view: &SpanView<'a, '_>, operation: &'static str) -> CallFacts<'a> {
    let has_older_names = view.has(Key::LlmModel) || view.has(Key::LlmRequestModel);
    let mut facts = if has_older_names { openllmetry::facts(view) } else { gen_ai::facts(view) };
    facts.operation.get_or_insert(Text::Borrowed(operation));
    facts
}
