//! Joining: which spans of a trace are one call (SEMCONV.md, section 4).
//!
//! Knows the shape of recent traces only: for each span its parent, its role and the row it is part of.
//! Bounded by a number of spans; the traces that were quiet longest are forgotten first.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::spanlog::SpanRef;
use crate::call::{CallId, Convention, LlmCall};

/// A trace id and span ids that can be joined on: well formed and not zero.
pub type TraceId = [u8; 16];
/// A span id as a number; 0 is "none".
pub type SpanId = u64;

/// What a span brought, once interned.
#[derive(Clone, Debug)]
pub enum Part {
    /// An LLM call or a part of one.
    Call(Box<LlmCall>),
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
    /// The start that the span tells, if it does and it is known.
    fn emitted_start(&self) -> Option<i64> {
        match self {
            Self::Call(call) | Self::Completes(call) | Self::Context(call) => call.emitted_start_unix_nano(),
            Self::Rejected | Self::Other => None,
        }
    }
}

/// How a span ended up, for those who ask why a call is or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// One span of a trace, as joining remembers it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its id.
    pub id: SpanId,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// What it brought.
    pub part: Part,
    /// The row it is part of.
    pub row: Option<CallId>,
    /// The rule that gave it its role.
    pub why: &'static str,
    /// Where its bytes are.
    pub span: SpanRef,
}

impl Node {
    fn facts(&self) -> Option<&LlmCall> {
        match &self.part {
            Part::Call(call) => Some(call),
            Part::Completes(_) | Part::Context(_) | Part::Rejected | Part::Other => None,
        }
    }

    fn is_plano(&self) -> bool {
        self.facts().is_some_and(|call| call.labels().convention == Convention::Plano)
    }

    fn is_embedding(&self) -> bool {
        self.facts().is_some_and(|call| call.labels().operation.as_deref() == Some("embeddings"))
    }

    fn has_input_count(&self) -> bool {
        self.facts().is_some_and(|call| call.usage().input.is_some())
    }

    /// Vercel AI SDK 7 puts an embeddings span without usage above the embeddings spans of its requests.
    fn wraps_embeddings(&self) -> bool {
        self.is_embedding() && !self.has_input_count()
    }

    fn is_counted_embedding(&self) -> bool {
        self.is_embedding() && self.has_input_count()
    }

    fn is_candidate(&self) -> bool {
        matches!(self.part, Part::Call(_))
    }

    fn started(&self) -> i64 {
        match &self.part {
            Part::Call(call) | Part::Completes(call) | Part::Context(call) => call.start_unix_nano(),
            Part::Rejected | Part::Other => 0,
        }
    }

    /// How the span ended up.
    pub fn outcome(&self, leads: bool) -> Outcome {
        match self.part {
            Part::Call(_) if leads => Outcome::Row,
            Part::Call(_) => Outcome::Merged,
            Part::Completes(_) => Outcome::Completed,
            Part::Context(_) => Outcome::Context,
            Part::Rejected => Outcome::Rejected,
            Part::Other => Outcome::NotCounted,
        }
    }
}

/// A row that must be made anew: its leading call with all gaps filled, and the rows that it takes over.
#[derive(Clone, Debug)]
pub struct Regrouped {
    /// The rows its spans had so far, oldest first; empty for a new call.
    pub rows: Vec<CallId>,
    /// The leading call and, in order of trust, those that fill its gaps.
    pub facts: Vec<LlmCall>,
    /// The span ids that belong to the row.
    pub members: Vec<SpanId>,
}

/// The spans of one trace. Ids stand apart from the nodes so that looking one up reads few cache lines.
#[derive(Debug, Default)]
struct Trace {
    ids: Vec<SpanId>,
    parents: Vec<SpanId>,
    nodes: Vec<Node>,
    touched: bool,
}

/// Spans remembered in one trace; a trace that never ends forgets its oldest quarter.
const TRACE_SPANS: usize = 4096;

impl Trace {
    fn position(&self, id: SpanId) -> Option<usize> {
        self.ids.iter().rposition(|&known| known == id)
    }

    fn parent(&self, at: usize) -> Option<usize> {
        let parent = *self.parents.get(at)?;
        (parent != 0).then(|| self.position(parent)).flatten()
    }

    /// From the span upwards, itself first. A ring of parents, which only hostile input has, ends the climb.
    fn lineage(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(at), |&at| self.parent(at)).take(self.ids.len())
    }

    fn children(&self, id: SpanId) -> impl Iterator<Item = usize> {
        self.parents.iter().enumerate().filter(move |&(_, &parent)| parent == id).map(|(at, _)| at)
    }

    /// The span and all below it, parents before children.
    fn subtree(&self, at: usize) -> Vec<usize> {
        let mut found = vec![at];
        let mut next = 0;
        while let Some(&at) = found.get(next) {
            next += 1;
            let Some(&id) = self.ids.get(at) else { continue };
            for child in self.children(id) {
                if child != at && !found.contains(&child) {
                    found.push(child);
                }
            }
        }
        found
    }

    fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    fn forget_oldest(&mut self, count: usize) {
        self.ids.drain(..count);
        self.parents.drain(..count);
        self.nodes.drain(..count);
    }

    /// The topmost candidate of the span's lineage.
    fn top(&self, at: usize) -> Option<usize> {
        self.lineage(at).filter(|&at| self.node(at).is_some_and(Node::is_candidate)).last()
    }

    fn depth(&self, at: usize) -> usize {
        self.lineage(at).count()
    }
}

/// The recent traces.
#[derive(Debug)]
pub struct Join {
    traces: HashMap<TraceId, Trace, foldhash::fast::RandomState>,
    order: VecDeque<TraceId>,
    spans: usize,
    limit: usize,
}

impl Join {
    /// Remembers at most `limit` spans.
    pub fn new(limit: usize) -> Self {
        Self { traces: HashMap::default(), order: VecDeque::new(), spans: 0, limit: limit.max(TRACE_SPANS) }
    }

    /// The remembered spans of a trace, in order of arrival.
    pub fn spans(&self, trace: &TraceId) -> &[Node] {
        self.traces.get(trace).map_or(&[], |trace| &trace.nodes)
    }

    /// How many spans are remembered.
    pub const fn len(&self) -> usize {
        self.spans
    }

    /// Whether no span is remembered.
    pub const fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// The remembered span with this id, when it started at the same time: a repeat, not a namesake. When they arrived
    /// tells nothing.
    pub fn repeats(&self, trace: &TraceId, id: SpanId, part: &Part) -> bool {
        let Some(trace) = self.traces.get(trace) else { return false };
        let Some(node) = trace.position(id).and_then(|at| trace.node(at)) else { return false };
        node.part.emitted_start() == part.emitted_start()
    }

    /// Whether a different span already has this id.
    pub fn knows(&self, trace: &TraceId, id: SpanId) -> bool {
        self.traces.get(trace).is_some_and(|trace| trace.position(id).is_some())
    }

    /// Remembers a span and says which rows have to be made anew because of it.
    pub fn insert(&mut self, id: TraceId, node: Node) -> Vec<Regrouped> {
        self.make_room();
        let trace = self.traces.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            // Most traces have a span or two; the default growth would reserve four.
            Trace { nodes: Vec::with_capacity(1), ..Trace::default() }
        });
        if trace.ids.len() >= TRACE_SPANS {
            trace.forget_oldest(TRACE_SPANS / 4);
            self.spans -= TRACE_SPANS / 4;
        }
        trace.touched = true;
        self.spans += 1;
        let at = trace.ids.len();
        trace.ids.push(node.id);
        trace.parents.push(node.parent);
        trace.nodes.push(node);
        affected(trace, at)
    }

    /// Notes that these spans of the trace are part of `row`.
    pub fn assign(&mut self, trace: &TraceId, members: &[SpanId], row: CallId) {
        let Some(trace) = self.traces.get_mut(trace) else { return };
        for &member in members {
            if let Some(node) = trace.position(member).and_then(|at| trace.nodes.get_mut(at)) {
                node.row = Some(row);
            }
        }
    }

    /// Drops quiet traces until one more span fits; a trace touched since its last turn gets another.
    fn make_room(&mut self) {
        while self.spans >= self.limit {
            let Some(id) = self.order.pop_front() else { return };
            let Some(trace) = self.traces.get_mut(&id) else { continue };
            if trace.touched && self.order.len() > 1 {
                trace.touched = false;
                self.order.push_back(id);
            } else {
                self.spans -= trace.ids.len();
                self.traces.remove(&id);
            }
        }
    }
}

/// The rows that the new span at `at` has to do with.
fn affected(trace: &Trace, at: usize) -> Vec<Regrouped> {
    let Some(node) = trace.node(at) else { return Vec::new() };
    let is_leaf = trace.children(node.id).next().is_none();
    if is_leaf && matches!(node.part, Part::Other | Part::Rejected | Part::Context(_)) {
        return Vec::new();
    }
    if is_leaf && trace.parent(at).is_none() {
        return alone(node).into_iter().collect();
    }
    if let Some(top) = trace.top(at) {
        return regroup(trace, top);
    }
    // No call at or above it: calls below may now see its session, but belong together no more than before.
    let below = trace.subtree(at);
    below.iter().filter(|&&below| trace.top(below) == Some(below)).flat_map(|&top| regroup(trace, top)).collect()
}

/// A call with nobody above or below it, as most gateways' calls are when they arrive.
fn alone(node: &Node) -> Option<Regrouped> {
    Some(Regrouped { rows: Vec::new(), facts: vec![node.facts()?.clone()], members: vec![node.id] })
}

/// All calls of the subtree of the topmost candidate `top`, each with its members.
fn regroup(trace: &Trace, top: usize) -> Vec<Regrouped> {
    let subtree = trace.subtree(top);
    let leaders = leaders(trace, &subtree, top);
    let mut groups: Vec<Regrouped> = leaders.iter().map(|&leader| gather(trace, &subtree, &leaders, leader)).collect();
    claim_rows_once(trace, &leaders, &mut groups);
    groups
}

/// The spans that are rows: the topmost candidate, unless calls of a gateway hang below it, each of which is always
/// a row, or it is only the wrapper of the embedding requests below it.
fn leaders(trace: &Trace, subtree: &[usize], top: usize) -> Vec<usize> {
    let all = |is_leader: fn(&Node) -> bool| -> Vec<usize> {
        let mut found: Vec<usize> =
            subtree.iter().copied().filter(|&at| trace.node(at).is_some_and(is_leader)).collect();
        found.sort_by_key(|&at| trace.node(at).map(|node| (node.started(), node.id)));
        found
    };
    let gateway = all(Node::is_plano);
    if !gateway.is_empty() {
        return gateway;
    }
    let is_wrapper = trace.node(top).is_some_and(Node::wraps_embeddings);
    let wrapped = if is_wrapper { all(Node::is_counted_embedding) } else { Vec::new() };
    if wrapped.is_empty() { vec![top] } else { wrapped }
}

/// A span may change its group when another leader turns up; its former row stays with that row's leader, or
/// with the first group that has a claim.
fn claim_rows_once(trace: &Trace, leaders: &[usize], groups: &mut [Regrouped]) {
    let row_of = |leader: &usize| trace.node(*leader).and_then(|node| node.row);
    let mut claimed: Vec<CallId> = leaders.iter().filter_map(row_of).collect();
    for (leader, group) in leaders.iter().zip(groups) {
        let own = row_of(leader);
        group.rows.retain(|row| own == Some(*row) || !claimed.contains(row));
        claimed.extend(&group.rows);
    }
}

/// Which leader a span of the group belongs to: the nearest above it, else the first one.
fn leader_of(trace: &Trace, leaders: &[usize], at: usize) -> Option<usize> {
    trace.lineage(at).find(|at| leaders.contains(at)).or_else(|| {
        let below = |leader: &&usize| trace.lineage(**leader).any(|above| above == at);
        leaders.iter().find(below).or(leaders.first()).copied()
    })
}

fn gather(trace: &Trace, subtree: &[usize], leaders: &[usize], leader: usize) -> Regrouped {
    let mut members: Vec<usize> = subtree
        .iter()
        .copied()
        .filter(|&at| trace.node(at).is_some_and(|node| matches!(node.part, Part::Call(_) | Part::Completes(_))))
        .filter(|&at| leader_of(trace, leaders, at) == Some(leader))
        .collect();
    // Trust: the leader, then calls from the outermost in, then completions.
    members.sort_by_key(|&at| {
        let node = trace.node(at);
        let completes = node.is_some_and(|node| matches!(node.part, Part::Completes(_)));
        (at != leader, completes, trace.depth(at), node.map(|node| (node.started(), node.id)))
    });
    let contexts =
        trace.lineage(leader).filter(|&at| trace.node(at).is_some_and(|node| matches!(node.part, Part::Context(_))));
    let facts =
        members.iter().copied().chain(contexts).filter_map(|at| trace.node(at)).filter_map(|node| match &node.part {
            Part::Call(call) | Part::Completes(call) | Part::Context(call) => Some((**call).clone()),
            Part::Rejected | Part::Other => None,
        });
    let mut rows: Vec<CallId> = members.iter().filter_map(|&at| trace.node(at)?.row).collect();
    rows.sort_unstable();
    rows.dedup();
    Regrouped {
        rows,
        facts: facts.collect(),
        members: members.iter().filter_map(|&at| trace.ids.get(at).copied()).collect(),
    }
}
