//! One span of a trace, as joining remembers it.

use serde::{Deserialize, Serialize};

use crate::call::{CallId, Convention, LlmCall};
use crate::collector::span_log::SpanRef;

/// A trace id that can be joined on: well formed and not zero.
pub(crate) type TraceId = [u8; 16];
/// A span id as a number; 0 is "none".
pub(crate) type SpanId = u64;

/// What a span brought, once interned.
#[derive(Clone, Debug)]
pub enum Part {
    /// An LLM call or a part of one. In place, as it moves into the ring.
    Call(LlmCall),
    /// Facts for the call above it.
    Completes(Box<LlmCall>),
    /// Session and user for the calls below it, as a call with nothing else set.
    Context(Box<LlmCall>),
    /// A call that the gateway rejected before it had a model.
    Rejected,
    /// Nothing of interest, except that it links its parent to its children.
    Other,
}

impl Part {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Call(_) => Kind::Call,
            Self::Completes(_) => Kind::Completes,
            Self::Context(_) => Kind::Context,
            Self::Rejected => Kind::Rejected,
            Self::Other => Kind::Other,
        }
    }

    /// The facts it holds, if any.
    pub fn facts(&self) -> Option<&LlmCall> {
        match self {
            Self::Call(call) => Some(call),
            Self::Completes(call) | Self::Context(call) => Some(&**call),
            Self::Rejected | Self::Other => None,
        }
    }

    /// Takes it out of its place, where nothing of interest is left.
    #[must_use = "what it was is left nowhere else"]
    pub const fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Other)
    }

    /// When the span says that it started, ns since the epoch.
    pub fn started(&self) -> Option<i64> {
        self.facts().and_then(LlmCall::emitted_start_unix_nano)
    }

    /// Takes the facts it holds onto the heap. Where there are none, nothing is moved.
    fn take_facts(&mut self) -> Option<Box<LlmCall>> {
        self.facts()?;
        match self.take() {
            Self::Call(call) => Some(Box::new(call)),
            Self::Completes(call) | Self::Context(call) => Some(call),
            Self::Rejected | Self::Other => None,
        }
    }
}

/// What kind of part a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Part::Call`]
    Call,
    /// [`Part::Completes`]
    Completes,
    /// [`Part::Context`]
    Context,
    /// [`Part::Rejected`]
    Rejected,
    /// [`Part::Other`]
    Other,
}

/// How a span ended up, for those who ask why a call is or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is the row.
    Row,
    /// It is part of a row that another span leads.
    Merged,
    /// It completed the call above it, or waits for it.
    Completed,
    /// It lends its session or user to the calls below it.
    Context,
    /// A call that never was.
    Rejected,
    /// Not an LLM call.
    NotCounted,
}

impl Outcome {
    /// The words used in `--json` and in the detail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Merged => "merged",
            Self::Completed => "completes",
            Self::Context => "context",
            Self::Rejected => "rejected",
            Self::NotCounted => "not counted",
        }
    }
}

/// One span of a trace.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub id: SpanId,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// What it is to joining.
    pub kind: Kind,
    /// The row it is part of.
    pub row: Option<CallId>,
    /// The rule that gave it its role.
    pub why: &'static str,
    /// Where its bytes are.
    pub span: SpanRef,
    /// What it says. A call that is a row alone needs none of its own: the row says the same.
    facts: Option<Box<LlmCall>>,
    /// When it started, else when it arrived, ns since the epoch; 0 without facts.
    started: i64,
    traits: Traits,
}

/// What is asked of a call's facts so often that it stands apart from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says something else of the span")]
struct Traits {
    /// The start is the span's own word.
    tells_start: bool,
    is_plano: bool,
    is_embedding: bool,
    has_input_count: bool,
}

impl Traits {
    fn of(facts: &LlmCall) -> Self {
        let labels = facts.labels();
        Self {
            tells_start: facts.emitted_start_unix_nano().is_some(),
            is_plano: labels.convention == Convention::Plano,
            is_embedding: labels.operation.as_deref() == Some("embeddings"),
            has_input_count: facts.usage().input.is_some(),
        }
    }
}

/// Where a span stands: its id, its parent's, its bytes, and the rule that gave it its role.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub id: SpanId,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// The rule that gave it its role.
    pub why: &'static str,
    /// Where its bytes are.
    pub span: SpanRef,
}

impl Node {
    /// A span that keeps what it says.
    pub(crate) fn new(place: Place, part: &mut Part) -> Self {
        let node = Self::bare(place, part.kind(), part.facts());
        Self { facts: part.take_facts(), ..node }
    }

    /// A call whose row says all that it says.
    pub(crate) fn spoken_for(place: Place, call: &LlmCall, row: CallId) -> Self {
        Self { row: Some(row), ..Self::bare(place, Kind::Call, Some(call)) }
    }

    fn bare(place: Place, kind: Kind, facts: Option<&LlmCall>) -> Self {
        let Place { id, parent, why, span } = place;
        Self {
            id,
            parent,
            kind,
            row: None,
            why,
            span,
            facts: None,
            started: facts.map_or(0, LlmCall::start_unix_nano),
            traits: facts.map_or_else(Traits::default, Traits::of),
        }
    }

    /// What the span says, where it is kept apart from its row.
    pub(crate) fn facts(&self) -> Option<&LlmCall> {
        self.facts.as_deref()
    }

    /// Gives a call that its row spoke for what it says itself. A row that is gone says nothing any more.
    pub(crate) fn own_facts(&mut self, row: impl FnOnce(CallId) -> Option<LlmCall>) {
        if self.facts.is_none() && self.kind == Kind::Call {
            self.facts = self.row.and_then(row).map(Box::new);
        }
    }

    /// The bytes that its facts take, their texts as if nobody shared them.
    pub(crate) fn weight(&self) -> usize {
        self.facts().map_or(0, |facts| size_of::<LlmCall>() + facts.text_bytes())
    }

    /// Whether a span with this id that says it started then is this one again. When they arrived tells nothing.
    pub(crate) fn is_repeated_by(&self, started: Option<i64>) -> bool {
        started == self.traits.tells_start.then_some(self.started)
    }

    /// Whether it is a call or a part of one.
    pub(crate) fn is_candidate(&self) -> bool {
        self.kind == Kind::Call
    }

    /// Whether it is a call of a gateway.
    pub(crate) fn is_plano(&self) -> bool {
        self.is_candidate() && self.traits.is_plano
    }

    /// Vercel AI SDK 7 puts an embeddings span without usage above the embeddings spans of its requests.
    pub(crate) fn wraps_embeddings(&self) -> bool {
        self.is_embedding() && !self.traits.has_input_count
    }

    /// Whether it is an embeddings call that was counted.
    pub(crate) fn is_counted_embedding(&self) -> bool {
        self.is_embedding() && self.traits.has_input_count
    }

    fn is_embedding(&self) -> bool {
        self.is_candidate() && self.traits.is_embedding
    }

    /// When it started, for the order among spans.
    pub(crate) const fn started(&self) -> i64 {
        self.started
    }

    /// How the span ended up.
    pub(crate) const fn outcome(&self, leads: bool) -> Outcome {
        match self.kind {
            Kind::Call if leads => Outcome::Row,
            Kind::Call => Outcome::Merged,
            Kind::Completes => Outcome::Completed,
            Kind::Context => Outcome::Context,
            Kind::Rejected => Outcome::Rejected,
            Kind::Other => Outcome::NotCounted,
        }
    }
}
