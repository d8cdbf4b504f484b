//! Which spans of a trace are one call (SEMCONV.md, section 4), and what has to be made anew when one more arrives.

use hashbrown::{HashMap, HashSet};

use super::node::{Kind, Node};
use super::trace::Trace;
use crate::call::{CallId, LlmCall};

/// The most trusted spans of a call that are asked what it was; a call has a few, and each costs a look at all that it says.
const MOST_TOLD: usize = 64;

type ByPosition<T> = HashMap<usize, T, foldhash::fast::RandomState>;

/// A row that must be made anew: its leading call with all gaps filled, and the rows that it takes over.
#[derive(Clone, Debug)]
pub(crate) struct Regrouped {
    /// The rows its spans had so far, oldest first; empty for a new call.
    pub rows: Vec<CallId>,
    /// The leading call and, in order of trust, those that fill its gaps.
    pub facts: Vec<LlmCall>,
    /// The spans that belong to the row, by their positions in the trace.
    pub members: Vec<usize>,
}

/// The rows that the new span at `at` has to do with.
pub(super) fn affected(trace: &Trace, at: usize) -> Vec<Regrouped> {
    let Some(node) = trace.node(at) else { return Vec::new() };
    let is_leaf = trace.is_leaf(at);
    if is_leaf && matches!(node.kind, Kind::Other | Kind::Rejected | Kind::Context) {
        return Vec::new();
    }
    // Where no look is left, a call is a row of its own until another is taken.
    if is_leaf && !trace.has_above(at) || !trace.may_look() {
        return alone(node, at).into_iter().collect();
    }
    match trace.top(at) {
        None if lends(trace, at) => below(trace, at),
        Some(top) if trace.subtree(top).contains(&at) => regroup(trace, top),
        // Too many around it to tell what it belongs to: a call is a row of its own then.
        Some(_) if node.is_candidate() => regroup(trace, at),
        None | Some(_) => Vec::new(),
    }
}

/// Whether the span or one above it has a session or user for the calls below.
fn lends(trace: &Trace, at: usize) -> bool {
    trace.lineage(at).any(|at| trace.node(at).is_some_and(|node| node.kind == Kind::Context))
}

/// No call at or above it: calls below may now see its session, but belong together no more than before.
fn below(trace: &Trace, at: usize) -> Vec<Regrouped> {
    let is_top = |&below: &usize| trace.node(below).is_some_and(Node::is_candidate) && trace.top(below) == Some(below);
    trace.subtree(at).into_iter().filter(is_top).flat_map(|top| regroup(trace, top)).collect()
}

/// A call with nobody above or below it, as most gateways' calls are when they arrive.
pub(super) fn alone(node: &Node, at: usize) -> Option<Regrouped> {
    let facts = node.facts().filter(|_| node.is_candidate())?;
    Some(Regrouped { rows: Vec::new(), facts: vec![facts.clone()], members: vec![at] })
}

/// All calls of the subtree of the topmost candidate `top`, each with its members.
fn regroup(trace: &Trace, top: usize) -> Vec<Regrouped> {
    let subtree = trace.subtree(top);
    let leaders = leaders(trace, &subtree, top);
    let led = Led::new(trace, &leaders);
    let mut members: ByPosition<Vec<usize>> = HashMap::default();
    let is_member = |&at: &usize| trace.node(at).is_some_and(|node| matches!(node.kind, Kind::Call | Kind::Completes));
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
    let mut claimed: HashSet<CallId, foldhash::fast::RandomState> = leaders.iter().filter_map(row_of).collect();
    for (leader, group) in leaders.iter().zip(groups) {
        let own = row_of(leader);
        group.rows.retain(|row| own == Some(*row) || !claimed.contains(row));
        claimed.extend(&group.rows);
    }
}

/// The leaders of a group, and which of them is the first one below a span.
struct Led<'l> {
    leaders: &'l [usize],
    first_below: ByPosition<usize>,
    is_leader: HashSet<usize, foldhash::fast::RandomState>,
}

impl<'l> Led<'l> {
    fn new(trace: &Trace, leaders: &'l [usize]) -> Self {
        let mut first_below = HashMap::default();
        for &leader in leaders {
            for above in trace.lineage(leader) {
                first_below.entry(above).or_insert(leader);
            }
        }
        Self { leaders, first_below, is_leader: leaders.iter().copied().collect() }
    }

    /// Which leader a span of the group belongs to: the nearest above it, else the first below it, else the first one.
    fn leader_of(&self, trace: &Trace, at: usize) -> usize {
        let above = trace.lineage(at).find(|at| self.is_leader.contains(at));
        above.or_else(|| self.first_below.get(&at).copied()).or(self.leaders.first().copied()).unwrap_or(at)
    }
}

fn gather(trace: &Trace, mut members: Vec<usize>, leader: usize) -> Regrouped {
    // Trust: the leader, then calls from the outermost in, then completions.
    members.sort_by_cached_key(|&at| {
        let node = trace.node(at);
        let completes = node.is_some_and(|node| node.kind == Kind::Completes);
        (at != leader, completes, trace.depth(at), node.map(|node| (node.started(), node.id)))
    });
    let contexts = trace.lineage(leader).filter(|&at| trace.node(at).is_some_and(|node| node.kind == Kind::Context));
    let told = members.iter().copied().take(MOST_TOLD).chain(contexts);
    let facts = told.filter_map(|at| trace.node(at)?.facts().cloned());
    let mut rows: Vec<CallId> = members.iter().filter_map(|&at| trace.node(at)?.row).collect();
    rows.sort_unstable();
    rows.dedup();
    let facts = facts.collect();
    Regrouped { rows, facts, members }
}
