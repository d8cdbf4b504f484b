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
    /// Where each span's parent stands, once it is there.
    above: Vec<Option<usize>>,
    nodes: Vec<Node>,
    touched: bool,
}

/// How far up a span's lineage is followed, and how many spans below one are looked at. No call has so many around it;
/// without a bound a stranger's trace of calls below calls would cost minutes a span.
const HIGHEST: usize = 32;
const WIDEST: usize = 64;

/// Spans remembered in one trace; a trace that never ends forgets its oldest quarter.
const TRACE_SPANS: usize = 4096;

impl Trace {
    fn position(&self, id: SpanId) -> Option<usize> {
        self.ids.iter().rposition(|&known| known == id)
    }

    fn push(&mut self, node: Node) -> usize {
        let at = self.ids.len();
        for (&parent, above) in self.parents.iter().zip(&mut self.above) {
            if parent == node.id && above.is_none() {
                *above = Some(at);
            }
        }
        self.ids.push(node.id);
        self.parents.push(node.parent);
        self.above.push((node.parent != 0).then(|| self.position(node.parent)).flatten());
        self.nodes.push(node);
        at
    }

    /// From the span upwards, itself first. A ring of parents, which only hostile input has, ends the climb.
    fn lineage(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(at), |&at| *self.above.get(at)?).take(HIGHEST.min(self.ids.len()))
    }

    fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        self.above.iter().enumerate().filter(move |&(_, &above)| above == Some(at)).map(|(at, _)| at)
    }

    /// The span and all below it, parents before children.
    fn subtree(&self, at: usize) -> Vec<usize> {
        let mut found = vec![at];
        let mut next = 0;
        while let Some(&at) = found.get(next) {
            next += 1;
            let room = WIDEST.saturating_sub(found.len());
            let new: Vec<usize> = self.children(at).filter(|child| !found.contains(child)).take(room).collect();
            found.extend(new);
        }
        found
    }

    fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    fn forget_oldest(&mut self, count: usize) {
        self.ids.drain(..count);
        self.parents.drain(..count);
        self.above.drain(..count);
        for above in &mut self.above {
            *above = above.and_then(|above| above.checked_sub(count));
        }
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
        let at = trace.push(node);
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
    let is_leaf = trace.children(at).next().is_none();
    if is_leaf && matches!(node.part, Part::Other | Part::Rejected | Part::Context(_)) {
        return Vec::new();
    }
    if is_leaf && trace.above.get(at).copied().flatten().is_none() {
        return alone(node).into_iter().collect();
    }
    match trace.top(at) {
        None => {}
        Some(top) if trace.subtree(top).contains(&at) => return regroup(trace, top),
        // Too many around it to tell what it belongs to: a call is a row of its own then.
        Some(_) if node.is_candidate() => return regroup(trace, at),
        Some(_) => return Vec::new(),
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
    let led = Led::new(trace, &leaders);
    let mut members: HashMap<usize, Vec<usize>, foldhash::fast::RandomState> = HashMap::default();
    let is_member =
        |&at: &usize| trace.node(at).is_some_and(|node| matches!(node.part, Part::Call(_) | Part::Completes(_)));
    for at in subtree.into_iter().filter(is_member) {
        members.entry(led.leader_of(trace, at)).or_default().push(at);
    }
    let group = |&leader: &usize| gather(trace, members.remove(&leader).unwrap_or_default(), leader);
    let mut groups: Vec<Regrouped> = leaders.iter().map(group).collect();
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

/// The leaders of a group, and which of them is the first one below a span.
struct Led<'l> {
    leaders: &'l [usize],
    first_below: HashMap<usize, usize, foldhash::fast::RandomState>,
}

impl<'l> Led<'l> {
    fn new(trace: &Trace, leaders: &'l [usize]) -> Self {
        let mut first_below = HashMap::default();
        for &leader in leaders {
            for above in trace.lineage(leader) {
                first_below.entry(above).or_insert(leader);
            }
        }
        Self { leaders, first_below }
    }

    /// Which leader a span of the group belongs to: the nearest above it, else the first below it, else the first one.
    fn leader_of(&self, trace: &Trace, at: usize) -> usize {
        let above = trace.lineage(at).find(|at| self.leaders.contains(at));
        above.or_else(|| self.first_below.get(&at).copied()).or(self.leaders.first().copied()).unwrap_or(at)
    }
}

fn gather(trace: &Trace, mut members: Vec<usize>, leader: usize) -> Regrouped {
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
