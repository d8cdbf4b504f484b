//! Which spans are LLM calls, and what they say of them: one small adapter a convention.
//!
//! An adapter reads one span and knows nothing of others; what hangs together is joined in the store. Adapters
//! are asked in a fixed order: a framework's own kind decides before the general names do
//! (SEMCONV.md, section 4.1).

mod failure;
mod fields;
mod finish_reason;
mod first_token;
mod gen_ai;
mod keys;
mod langfuse;
mod langsmith;
mod litellm;
mod logfire;
mod openinference;
mod openllmetry;
mod plano;
mod scalar;
mod span_view;
mod structured;
#[cfg(test)]
mod tests;
mod usage_text;
mod vercel;

use self::span_view::{KeyIndex, SpanView};
use super::wire::{self, Origin, Span};
use crate::call::{CallFacts, Text};

/// What a span is to the viewer.
#[derive(Clone, Debug, PartialEq)]
pub enum SpanRole<'a> {
    /// An LLM call, or a part of one that another span shows too.
    Call(Box<CallFacts<'a>>),
    /// Not a call itself: completes the call of its parent span (Plano's `routing` child).
    Completes(Box<CallFacts<'a>>),
    /// Not a call, but says for the calls below it which session or user they belong to.
    Context {
        /// Session or conversation.
        session_id: Option<Text<'a>>,
        /// End user.
        user_id: Option<Text<'a>>,
    },
    /// A call that the gateway rejected before it had a model.
    Rejected,
    /// Anything else.
    Other,
}

/// A span's role and why it has it, in words a user can check against the span.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification<'a> {
    /// What the span is.
    pub role: SpanRole<'a>,
    /// The rule that decided, e.g. `openinference.span.kind is AGENT`.
    pub why: &'static str,
}

impl<'a> Classification<'a> {
    fn call(mut draft: CallFacts<'a>, why: &'static str) -> Self {
        draft.usage.cache_write = draft.usage.written();
        Self { role: SpanRole::Call(Box::new(draft)), why }
    }

    const fn other(why: &'static str) -> Self {
        Self { role: SpanRole::Other, why }
    }
}

/// Reads a span, or leaves it to the next adapter.
type Adapter = for<'a> fn(&SpanView<'a, '_>) -> Option<Classification<'a>>;

/// Asked in this order. The AI SDK comes before the kinds that exporters add to its spans: they call its wrappers
/// calls, too.
const ADAPTERS: [Adapter; 10] = [
    plano::read,
    vercel::read,
    openinference::read,
    langsmith::read,
    langfuse::read,
    logfire::read,
    litellm::read,
    openllmetry::read,
    gen_ai::read,
    gen_ai::read_without_operation,
];

/// Names of spans by which an adapter may know them, whatever their attributes.
const DECIDING_NAMES: [&str; 2] = [plano::LLM, litellm::RAW_REQUEST];

const NO_MATCH: &str = "no LLM convention matches";

/// Reads the spans of one request. Remembers where the known keys of a [`Shape`](wire::Shape) stand.
#[derive(Debug, Default)]
pub struct SpanReader {
    known: [Option<(wire::Shape, Box<KeyIndex>)>; wire::KINDS],
}

impl SpanReader {
    /// Reads one span.
    pub fn read<'a>(&mut self, origin: &Origin<'a, '_>, span: &Span<'a, '_>) -> Classification<'a> {
        let Some(slot) = self.known.get_mut(span.shape.kind) else { return read(origin, span) };
        match slot {
            Some((shape, places)) if *shape == span.shape => read_at(origin, span, places),
            Some((shape, places)) => {
                *shape = span.shape;
                **places = KeyIndex::of(span.attributes);
                read_at(origin, span, places)
            }
            None => {
                let (_, places) = slot.insert((span.shape, Box::new(KeyIndex::of(span.attributes))));
                read_at(origin, span, places)
            }
        }
    }
}

/// Reads one span by itself.
pub fn read<'a>(origin: &Origin<'a, '_>, span: &Span<'a, '_>) -> Classification<'a> {
    read_at(origin, span, &KeyIndex::of(span.attributes))
}

fn read_at<'a>(origin: &Origin<'a, '_>, span: &Span<'a, '_>, places: &KeyIndex) -> Classification<'a> {
    let evidence = SpanView { origin, span, places };
    // Most spans that are no calls are seen at a glance.
    if places.decides || DECIDING_NAMES.contains(&span.name) { ask(&evidence) } else { not_a_call(&evidence, NO_MATCH) }
}

fn ask<'a>(evidence: &SpanView<'a, '_>) -> Classification<'a> {
    ADAPTERS.iter().find_map(|adapter| adapter(evidence)).unwrap_or_else(|| not_a_call(evidence, NO_MATCH))
}

/// Reads one span as if only Plano's adapter existed: what the others cost is measured against it.
pub fn read_by_plano_alone<'a>(origin: &Origin<'a, '_>, span: &Span<'a, '_>) -> Classification<'a> {
    let evidence = SpanView { origin, span, places: &KeyIndex::of(span.attributes) };
    plano::read(&evidence).unwrap_or_else(|| Classification::other(NO_MATCH))
}

/// A span that is no call, but may say whose calls are below it.
fn not_a_call<'a>(evidence: &SpanView<'a, '_>, why: &'static str) -> Classification<'a> {
    if !evidence.places.tells_whose {
        return Classification::other(why);
    }
    let (session_id, user_id) = (fields::session(evidence), fields::user(evidence));
    if session_id.is_none() && user_id.is_none() {
        return Classification::other(why);
    }
    Classification { role: SpanRole::Context { session_id, user_id }, why }
}
