//! Which spans of a trace are one call (SEMCONV.md, section 4), and which rows are rebuilt when one more arrives.

use hashbrown::{HashMap, HashSet};

use super::node::{Node, PartKind};
use super::trace::Trace;
use crate::call::{CallId, LlmCall};

/// The most spans whose facts are merged into a call. A call has a few; each costs a pass over all facts.
const MOST_FACTS: usize = 64;

type ByPosition<T> = HashMap<usize, T, foldhash::fast::RandomState>;

/// A row to rebuild: its leading call with all gaps filled, and the rows that it replaces.
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
    if is_leaf && matches!(node.kind, PartKind::Other | PartKind::Rejected | PartKind::Context) {
        return Vec::new();
    }
    // Without a budget for visits, a call is a row of its own until there is one.
    if is_leaf && !trace.has_above(at) || !trace.may_visit() {
        return alone(node, at).into_iter().collect();
    }
    match trace.top(at) {
        None if has_context(trace, at) => below(trace, at),
        Some(top) if trace.subtree(top).contains(&at) => regroup(trace, top),
        // Too many around it to tell what it belongs to: a call is a row of its own then.
        Some(_) if node.is_candidate() => regroup(trace, at),
        None | Some(_) => Vec::new(),
    }
}

/// Whether the span or one above it has a session or user for the calls below.
fn has_context(trace: &Trace, at: usize) -> bool {
    trace.lineage(at).any(|at| trace.node(at).is_some_and(|node| node.kind == PartKind::Context))
}

/// No call at or above it: calls below may now see its session, but belong together no more than before.
fn below(trace: &Trace, at: usize) -> Vec<Regrouped> {
    let is_top = |&below: &usize| trace.node(below).is_some_and(Node::is_candidate) && trace.top(below) == Some(below);
    trace.subtree(at).into_iter().filter(is_top).flat_map(|top| regroup(trace, top)).collect()
}

/// A call without a parent or children, as most gateways' calls are when they arrive.
pub(super) fn alone(node: &Node, at: usize) -> Option<Regrouped> {
    let facts = node.facts().filter(|_| node.is_candidate())?;
    Some(Regrouped { rows: Vec::new(), facts: vec![facts.clone()], members: vec![at] })
}

/// All calls of the subtree of the topmost candidate `top`, each with its members.
fn regroup(trace: &Trace, top: usize) -> Vec<Regrouped> {
    let subtree = trace.subtree(top);
    let leaders = leaders(trace, &subtree, top);
    let membership = Membership::new(trace, &leaders);
    let mut members: ByPosition<Vec<usize>> = HashMap::default();
    let is_member =
        |&at: &usize| trace.node(at).is_some_and(|node| matches!(node.kind, PartKind::Call | PartKind::Completes));
    for at in subtree.into_iter().filter(is_member) {
        members.entry(membership.leader_of(trace, at)).or_default().push(at);
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
struct Membership<'l> {
    leaders: &'l [usize],
    first_below: ByPosition<usize>,
    is_leader: HashSet<usize, foldhash::fast::RandomState>,
}

impl<'l> Membership<'l> {
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
        let completes = node.is_some_and(|node| node.kind == PartKind::Completes);
        (at != leader, completes, trace.depth(at), node.map(|node| (node.started(), node.id)))
    });
    let contexts =
        trace.lineage(leader).filter(|&at| trace.node(at).is_some_and(|node| node.kind == PartKind::Context));
    let sources = members.iter().copied().take(MOST_FACTS).chain(contexts);
    let facts = sources.filter_map(|at| trace.node(at)?.facts().cloned());
    let mut rows: Vec<CallId> = members.iter().filter_map(|&at| trace.node(at)?.row).collect();
    rows.sort_unstable();
    rows.dedup();
    let facts = facts.collect();
    Regrouped { rows, facts, members }
}
