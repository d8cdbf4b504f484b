//! `MLflow`'s own tracing (SEMCONV.md, section 3): `mlflow.spanType` `CHAT_MODEL`, `LLM` or `EMBEDDING` is a row. Every attribute
//! is JSON.

use super::keys::Key;
use super::span_kind::Kind;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, recorded, structured, usage_text};
use crate::call::{CallFacts, Text};

/// Reads a span with `mlflow.spanType`.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let kind = unquoted(view, Key::MlflowSpanType)?;
    Some(match Kind::named(&kind) {
        Some(Kind::Chat) => Classification::call(facts(view, "chat"), "mlflow.spanType is a model call"),
        Some(Kind::Embedding) => Classification::call(facts(view, "embeddings"), "mlflow.spanType is EMBEDDING"),
        Some(Kind::Other) | None => not_a_call(view, "mlflow.spanType is no model call"),
    })
}

fn facts<'a>(view: &SpanView<'a, '_>, operation: &'static str) -> CallFacts<'a> {
    let mut facts = gen_ai::facts(view);
    facts.operation.get_or_insert(Text::Borrowed(operation));
    facts.model = unquoted(view, Key::MlflowModel).or(facts.model);
    facts.request_model = unquoted(view, Key::MlflowRequestModel).or(facts.request_model);
    facts.provider = unquoted(view, Key::MlflowProvider).or(facts.provider);
    facts.is_streaming = facts.is_streaming.or_else(|| view.flag(&[Key::MlflowStream]));
    if let Some(usage) = view.str(Key::MlflowTokenUsage) {
        usage_text::complete(&mut facts.usage, &usage_text::read(usage));
    }
    recorded::complete(view, Key::MlflowOutputs, &mut facts);
    facts
}

fn unquoted<'a>(view: &SpanView<'a, '_>, key: Key) -> Option<Text<'a>> {
    view.str(key).map(structured::unquoted).filter(|text| !text.is_empty())
}
