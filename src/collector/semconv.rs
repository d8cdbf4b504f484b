//! Semantic conventions: which spans are LLM calls and which facts they hold. One adapter per convention.
//!
//! An adapter reads one span in isolation; the store joins the spans of a call. Adapters are tried in a fixed order, in
//! which a framework's own span kind precedes the general names (SEMCONV.md, section 4.1).

mod acting;
mod braintrust;
mod count_name;
mod failure;
mod fields;
mod finish_reason;
mod first_token;
mod gen_ai;
mod genkit;
mod http_client;
mod keys;
mod langfuse;
mod langsmith;
mod litellm;
mod logfire;
mod mlflow;
mod openinference;
mod openllmetry;
mod plano;
mod provider;
mod recorded;
mod scalar;
mod span_kind;
mod span_view;
mod structured;
#[cfg(test)]
mod tests;
mod usage_text;
mod vercel;

use self::span_view::{KeyIndex, SpanView};
use super::wire::{self, Origin, Span};
use crate::call::{CallFacts, Text};

/// The role of a span in a call.
#[derive(Clone, Debug, PartialEq)]
pub enum SpanRole<'a> {
    /// An LLM call, or a second span of one.
    Call(Box<CallFacts<'a>>),
    /// Adds facts to the call of its parent span (Plano's `routing` child).
    Completes(Box<CallFacts<'a>>),
    /// Not a call; sets session and user of the calls below it.
    Context {
        /// Session or conversation id.
        session_id: Option<Text<'a>>,
        /// End user id.
        user_id: Option<Text<'a>>,
    },
    /// A request that the gateway rejected before it chose a model.
    Rejected,
    /// Any other span.
    Other,
}

/// The role of a span and the rule that assigned it.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification<'a> {
    /// The assigned role, with the facts it carries.
    pub role: SpanRole<'a>,
    /// The rule, shown to users, e.g. `openinference.span.kind is AGENT`.
    pub why: &'static str,
    /// Whether it acts between model calls: a tool, agent, workflow, invocation or step. Never for a call.
    pub acts: bool,
    /// Whether the counts of the calls right below it are running sums.
    pub adds_up: bool,
}

impl<'a> Classification<'a> {
    const fn new(role: SpanRole<'a>, why: &'static str) -> Self {
        Self { role, why, acts: false, adds_up: false }
    }

    fn call(mut facts: CallFacts<'a>, why: &'static str) -> Self {
        facts.usage.cache_write = facts.usage.written();
        let is_google = [&facts.model, &facts.request_model, &facts.provider]
            .into_iter()
            .flatten()
            .any(|name| GOOGLE.iter().any(|word| scalar::mentions(name, word)));
        usage_text::settle_output(&mut facts.usage, is_google);
        Self::new(SpanRole::Call(Box::new(facts)), why)
    }

    const fn other(why: &'static str) -> Self {
        Self::new(SpanRole::Other, why)
    }
}

/// Words in the names of Google's models and of itself as a seller.
const GOOGLE: [&str; 3] = ["gemini", "google", "gcp."];

/// Classifies a span; `None` leaves it to the next adapter.
type Adapter = for<'a> fn(&SpanView<'a, '_>) -> Option<Classification<'a>>;

/// In the order they are tried. The AI SDK precedes the kinds that exporters add to its spans, which mark its wrappers as
/// calls.
const ADAPTERS: [Adapter; 14] = [
    plano::read,
    vercel::read,
    openinference::read,
    langsmith::read,
    langfuse::read,
    logfire::read,
    litellm::read,
    genkit::read,
    mlflow::read,
    braintrust::read,
    span_kind::read,
    openllmetry::read,
    gen_ai::read,
    gen_ai::read_without_operation,
];

/// Span names that an adapter recognizes without a deciding attribute.
const DECIDING_NAMES: [&str; 4] = [plano::LLM, litellm::RAW_REQUEST, gen_ai::ADK_CALL, gen_ai::CLAUDE_CODE_CALL];

const NO_MATCH: &str = "no LLM convention matches";

/// Classifies the spans of a request. Caches the attribute index of each [`AttributeShape`](wire::AttributeShape).
#[derive(Debug, Default)]
pub struct SpanReader {
    known: [Option<(wire::AttributeShape, Box<KeyIndex>)>; wire::KINDS],
}

impl SpanReader {
    /// Classifies one span.
    pub fn read<'a>(&mut self, origin: &Origin<'a, '_>, span: &Span<'a, '_>) -> Classification<'a> {
        let Some(slot) = self.known.get_mut(span.shape.kind) else { return read(origin, span) };
        match slot {
            Some((shape, index)) if *shape == span.shape => read_at(origin, span, index),
            Some((shape, index)) => {
                *shape = span.shape;
                **index = KeyIndex::of(span.attributes);
                read_at(origin, span, index)
            }
            None => {
                let (_, index) = slot.insert((span.shape, Box::new(KeyIndex::of(span.attributes))));
                read_at(origin, span, index)
            }
        }
    }
}

/// Classifies one span without a cached index.
pub fn read<'a>(origin: &Origin<'a, '_>, span: &Span<'a, '_>) -> Classification<'a> {
    read_at(origin, span, &KeyIndex::of(span.attributes))
}

fn read_at<'a>(origin: &Origin<'a, '_>, span: &Span<'a, '_>, index: &KeyIndex) -> Classification<'a> {
    let view = SpanView { origin, span, index };
    // Skips the adapters for most spans that are not calls.
    let classification = if index.decides || DECIDING_NAMES.contains(&span.name) {
        classify(&view)
    } else {
        let request = if index.addresses { http_client::read(&view) } else { None };
        request.unwrap_or_else(|| not_a_call(&view, NO_MATCH))
    };
    match classification.role {
        SpanRole::Context { .. } | SpanRole::Other => {
            Classification { acts: acting::acts(&view), adds_up: acting::adds_up(&view), ..classification }
        }
        SpanRole::Call(_) | SpanRole::Completes(_) | SpanRole::Rejected => classification,
    }
}

fn classify<'a>(view: &SpanView<'a, '_>) -> Classification<'a> {
    ADAPTERS.iter().find_map(|adapter| adapter(view)).unwrap_or_else(|| not_a_call(view, NO_MATCH))
}

/// Classifies one span with Plano's adapter only: the baseline for benchmarks of the others.
pub fn read_by_plano_alone<'a>(origin: &Origin<'a, '_>, span: &Span<'a, '_>) -> Classification<'a> {
    let view = SpanView { origin, span, index: &KeyIndex::of(span.attributes) };
    plano::read(&view).unwrap_or_else(|| Classification::other(NO_MATCH))
}

/// A span that is not a call: [`SpanRole::Context`] if it holds a session or a user.
fn not_a_call<'a>(view: &SpanView<'a, '_>, why: &'static str) -> Classification<'a> {
    if !view.index.identifies_caller {
        return Classification::other(why);
    }
    let (session_id, user_id) = (fields::session(view), fields::user(view));
    if session_id.is_none() && user_id.is_none() {
        return Classification::other(why);
    }
    Classification::new(SpanRole::Context { session_id, user_id }, why)
}
