//! Genkit (SEMCONV.md, section 3): actions of subtype `model` or `embedder` are rows; `util`, `flow` and tools wrap. Model
//! and counts are in the JSON of `genkit:output`.

use super::keys::Key;
use super::span_kind::Kind;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, recorded};
use crate::call::{CallFacts, Text};

/// Reads a span with `genkit:metadata:subtype`.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    let subtype = view.str(Key::GenkitSubtype)?;
    Some(match Kind::named(subtype) {
        Some(Kind::Chat) => Classification::call(facts(view, "chat"), "genkit:metadata:subtype is model"),
        Some(Kind::Embedding) => Classification::call(facts(view, "embeddings"), "genkit:metadata:subtype is embedder"),
        Some(Kind::Other) | None => not_a_call(view, "genkit:metadata:subtype is neither model nor embedder"),
    })
}

/// The name is `PLUGIN/MODEL`, such as `googleai/gemini-2.5-flash`.
fn facts<'a>(view: &SpanView<'a, '_>, operation: &'static str) -> CallFacts<'a> {
    let mut facts = gen_ai::facts(view);
    facts.operation.get_or_insert(Text::Borrowed(operation));
    if let Some((plugin, model)) = view.str(Key::GenkitName).and_then(|name| name.split_once('/')) {
        facts.provider.get_or_insert(Text::Borrowed(plugin));
        facts.request_model.get_or_insert(Text::Borrowed(model));
    }
    if operation == "chat" {
        recorded::complete(view, Key::GenkitOutput, &mut facts);
    }
    facts
}
