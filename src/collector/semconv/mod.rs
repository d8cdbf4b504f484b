//! Which spans are LLM calls, and what they say of them: one small adapter a convention.
//!
//! An adapter reads one span and knows nothing of others; what hangs together is joined in the store.

use super::wire::{Origin, Span};
use crate::call::{Draft, Text};

/// What a span is to the viewer.
#[derive(Clone, Debug, PartialEq)]
pub enum Role<'a> {
    /// An LLM call, or a part of one that another span shows too.
    Call(Box<Draft<'a>>),
    /// Not a call itself: completes the call of its parent span (Plano's `routing` child).
    Completes(Box<Draft<'a>>),
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
pub struct Reading<'a> {
    /// What the span is.
    pub role: Role<'a>,
    /// The rule that decided, e.g. `openinference.span.kind is AGENT`.
    pub why: &'static str,
}

/// Reads one span.
pub fn read<'a>(origin: &Origin<'a, '_>, span: &Span<'a, '_>) -> Reading<'a> {
    let _ = (origin, span);
    Reading { role: Role::Other, why: "no LLM convention matches" }
}
