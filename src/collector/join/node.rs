//! One span of a trace, as joining remembers it.

use serde::{Deserialize, Serialize};

use crate::call::{CallId, Convention, KeptId, LlmCall, Usage};
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
    pub const fn kind(&self) -> PartKind {
        match self {
            Self::Call(_) => PartKind::Call,
            Self::Completes(_) => PartKind::Completes,
            Self::Context(_) => PartKind::Context,
            Self::Rejected => PartKind::Rejected,
            Self::Other => PartKind::Other,
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

    /// Takes the part out, leaving [`Part::Other`].
    #[must_use]
    pub const fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Other)
    }

    /// The emitted start, ns since the epoch.
    pub fn started(&self) -> Option<i64> {
        self.facts().and_then(LlmCall::emitted_start_unix_nano)
    }

    /// Moves the facts onto the heap, if there are any.
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
pub enum PartKind {
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

/// How a span was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is the row.
    Row,
    /// It is part of a row that another span leads.
    Merged,
    /// It completed the call above it, or waits for it.
    Completed,
    /// Its session or user applies to the calls below it.
    Context,
    /// A call that the gateway rejected before it had a model.
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
    pub kind: PartKind,
    /// The row it is part of.
    pub row: Option<CallId>,
    /// The rule that gave it its role.
    pub why: &'static str,
    /// Where its bytes are.
    pub span: SpanRef,
    /// Whether it acts between model calls: a tool, an agent, a workflow.
    pub acts: bool,
    /// Whether the counts of the calls right below it are running sums.
    pub adds_up: bool,
    /// `None` for a call that is a row alone: the row has the same facts.
    facts: Option<Box<LlmCall>>,
    /// When it started, else when it arrived, ns since the epoch; 0 without facts.
    started: i64,
    traits: Traits,
}

/// Copies of facts that joining reads often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent properties of the span")]
struct Traits {
    /// The start was emitted; otherwise it is the arrival.
    has_emitted_start: bool,
    is_plano: bool,
    is_embedding: bool,
    has_input_count: bool,
}

impl Traits {
    fn of(facts: &LlmCall) -> Self {
        let labels = facts.labels();
        Self {
            has_emitted_start: facts.emitted_start_unix_nano().is_some(),
            is_plano: labels.convention == Convention::Plano,
            is_embedding: labels.operation.as_deref() == Some("embeddings"),
            has_input_count: facts.usage().input.is_some(),
        }
    }
}

/// The identity of a span, where its bytes are, and the rule that gave it its role.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub id: SpanId,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// The rule that gave it its role.
    pub why: &'static str,
    /// Where its bytes are.
    pub span: SpanRef,
    /// Whether it acts between model calls: a tool, an agent, a workflow.
    pub acts: bool,
    /// Whether the counts of the calls right below it are running sums.
    pub adds_up: bool,
}

/// The next attempt may start while the span of the one before it is being ended, ns.
const ATTEMPTS_OVERLAP_NANOS: i64 = 5_000_000;

/// Tolerated clock skew between emitters, ns. Servers with NTP are right to milliseconds; a laptop or virtual machine that
/// has just resumed may be seconds off. More would merge calls that follow each other.
pub(crate) const CLOCK_SKEW_NANOS: i64 = 5_000_000_000;

impl Node {
    /// A span that keeps its facts.
    pub(crate) fn new(place: Place, part: &mut Part) -> Self {
        let node = Self::bare(place, part.kind(), part.facts());
        Self { facts: part.take_facts(), ..node }
    }

    /// A call whose row has all of its facts.
    pub(crate) fn with_facts_in_row(place: Place, call: &LlmCall, row: CallId) -> Self {
        Self { row: Some(row), ..Self::bare(place, PartKind::Call, Some(call)) }
    }

    fn bare(place: Place, kind: PartKind, facts: Option<&LlmCall>) -> Self {
        let Place { id, parent, why, span, acts, adds_up } = place;
        Self {
            id,
            parent,
            kind,
            row: None,
            why,
            span,
            acts,
            adds_up,
            facts: None,
            started: facts.map_or(0, LlmCall::start_unix_nano),
            traits: facts.map_or_else(Traits::default, Traits::of),
        }
    }

    /// The facts that are kept apart from the row.
    pub(crate) fn facts(&self) -> Option<&LlmCall> {
        self.facts.as_deref()
    }

    /// Copies the facts of a call out of its row, if they are there alone and the row is still kept.
    pub(crate) fn copy_facts_from_row(&mut self, row: impl FnOnce(CallId) -> Option<LlmCall>) {
        if self.facts.is_none() && self.kind == PartKind::Call {
            self.facts = self.row.and_then(row).map(Box::new);
        }
    }

    /// The bytes of its facts, with shared texts counted in full.
    pub(crate) fn weight(&self) -> usize {
        self.facts().map_or(0, |facts| size_of::<LlmCall>() + facts.text_bytes())
    }

    /// Whether a span with this id and emitted start is this one again. Arrival times differ between repeats.
    pub(crate) fn is_repeated_by(&self, started: Option<i64>) -> bool {
        started == self.traits.has_emitted_start.then_some(self.started)
    }

    /// Whether it is a call or a part of one.
    pub(crate) fn is_candidate(&self) -> bool {
        self.kind == PartKind::Call
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

    /// Whether its emitter names its operation.
    pub(crate) fn has_operation(&self) -> bool {
        self.facts().is_some_and(|facts| facts.labels().operation.is_some())
    }

    /// Whether it holds a session or a user, which apply to the calls below it.
    pub(crate) fn identifies_caller(&self) -> bool {
        let identifies = |facts: &LlmCall| facts.session_id().is_some() || facts.user_id().is_some();
        self.kind == PartKind::Context || self.is_candidate() && self.facts().is_some_and(identifies)
    }

    /// The id of the answer. A gateway's request ids are none.
    pub(crate) fn response_id(&self) -> Option<KeptId<'_>> {
        let id = self.facts().filter(|_| !self.is_plano())?.kept_id();
        (!matches!(id, KeptId::Hex(_))).then_some(id)
    }

    /// Its input and output tokens, if it has any.
    pub(crate) fn counts(&self) -> Option<(u64, u64)> {
        let usage = self.facts()?.usage();
        let has_any = usage.input.is_some() || usage.output.is_some();
        has_any.then(|| (usage.input_total().unwrap_or(0), usage.output.unwrap_or(0)))
    }

    /// Whether a candidate below it started before this one ended, as far as both are known. A gateway reports the time of the
    /// upstream, which does not bound its end.
    pub(crate) fn is_in_time(&self, inner: &Self) -> bool {
        let (Some(outer_facts), Some(inner_facts)) = (self.facts(), inner.facts()) else { return true };
        let is_known = self.traits.has_emitted_start && inner.traits.has_emitted_start;
        if self.is_plano() || !is_known || outer_facts.duration_ms().is_none() {
            return true;
        }
        let is_same_clock = outer_facts.labels().service_name == inner_facts.labels().service_name;
        let skew = if is_same_clock { 0 } else { CLOCK_SKEW_NANOS };
        inner.started <= outer_facts.end_unix_nano().saturating_add(skew)
    }

    /// What was counted before a span whose counts go on from those of this one: both have answers of their own.
    pub(crate) fn counted_before(&self, later: &Self) -> Option<Usage> {
        let differ = self.response_id()? != later.response_id()?;
        let ((input, output), (later_input, later_output)) = self.counts().zip(later.counts())?;
        let goes_on = differ && input <= later_input && output <= later_output;
        self.facts().filter(|_| goes_on).map(LlmCall::usage)
    }

    pub(crate) fn failed(&self) -> bool {
        self.facts().is_some_and(|facts| facts.status().is_error())
    }

    /// Whether it failed, and ended before another span of the same call started.
    pub(crate) fn failed_before(&self, later: &Self) -> bool {
        let Some(facts) = self.facts() else { return false };
        self.failed() && facts.end_unix_nano() <= later.started.saturating_add(ATTEMPTS_OVERLAP_NANOS)
    }

    /// Whether a candidate below it, with nothing acting in between, is the same call. Only proof separates them: it started
    /// after this one ended, or both have ids of answers, which differ as their counts do (gateways give ids of their own).
    pub(crate) fn is_same_call(&self, inner: &Self) -> bool {
        let differ = |ours: Option<KeptId<'_>>, theirs| ours.zip(theirs).is_some_and(|(ours, theirs)| ours != theirs);
        let is_other_answer = differ(self.response_id(), inner.response_id());
        self.is_in_time(inner) && !(is_other_answer && self.counts() != inner.counts())
    }

    /// When it started, for the order among spans.
    pub(crate) const fn started(&self) -> i64 {
        self.started
    }

    /// How the span is counted.
    pub(crate) const fn outcome(&self, leads: bool) -> Outcome {
        match self.kind {
            PartKind::Call if leads => Outcome::Row,
            PartKind::Call => Outcome::Merged,
            PartKind::Completes => Outcome::Completed,
            PartKind::Context => Outcome::Context,
            PartKind::Rejected => Outcome::Rejected,
            PartKind::Other => Outcome::NotCounted,
        }
    }
}
