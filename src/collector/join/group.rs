//! Which spans of a trace are one call (SEMCONV.md, section 4), and which rows are rebuilt when one more arrives.

use hashbrown::HashSet;

use super::node::{Node, PartKind};
use super::region::{ByPosition, Region};
use super::trace::Trace;
use crate::call::{CallId, LlmCall, Usage};

/// The most spans whose facts are merged into a call. A call has a few; each costs a pass over all facts.
const MOST_FACTS: usize = 64;

/// A row to rebuild: its leading call with all gaps filled, and the rows that it replaces.
#[derive(Clone, Debug)]
pub(crate) struct Regrouped {
    /// The rows its spans had so far, oldest first; empty for a new call.
    pub rows: Vec<CallId>,
    /// The leading call and, in order of trust, those that fill its gaps.
    pub sources: Vec<Source>,
    /// The spans that belong to the row, by their positions in the trace.
    pub members: Vec<usize>,
    /// Whether the leading call has no parent.
    pub is_root: bool,
    /// The attempts of the call, in order; empty where there was one.
    pub attempts: Vec<LlmCall>,
    /// What calls before it counted, where its counts are a running sum.
    pub counted_before: Option<Usage>,
}

/// The facts of a span that a row is made of.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub facts: LlmCall,
    pub share: Share,
}

/// What a row takes of a span's facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Everything that is missing.
    Whole,
    /// Everything that is missing, and model and counts in any case.
    Wire,
    /// Everything that is missing, and what served it in any case.
    Served,
    /// Session and user.
    Caller,
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
    let top = trace.top(at);
    let mut groups = match top.map(|top| Region::below(trace, top)) {
        Some(region) if region.contains(at) => regroup(trace, &region),
        // Too many spans around it to decide where it belongs: the call becomes a row of its own.
        Some(_) if node.is_candidate() => regroup(trace, &Region::below(trace, at)),
        None | Some(_) => Vec::new(),
    };
    if !is_leaf && (node.adds_up || has_context(trace, at)) {
        groups.extend(below(trace, at, top));
    }
    if let Some(top) = top {
        let later = later_siblings(trace, top);
        groups.extend(later.into_iter().flat_map(|later| regroup(trace, &Region::below(trace, later))));
    }
    groups
}

/// The span whose counts of the calls below are running sums, if this call is right below one.
fn running_sum(trace: &Trace, at: usize) -> Option<usize> {
    trace.lineage(at).nth(1).filter(|&above| trace.node(above).is_some_and(|node| node.adds_up))
}

/// The calls right below a running sum, besides this one, and whether they started after it.
fn siblings(trace: &Trace, at: usize) -> impl Iterator<Item = (usize, bool)> {
    let order = |at: usize| trace.node(at).map(|node| (node.started(), node.id));
    let below = running_sum(trace, at).into_iter().flat_map(|above| trace.children(above));
    let is_other = move |&other: &usize| other != at && trace.node(other).is_some_and(Node::is_candidate);
    below.filter(is_other).map(move |other| (other, order(other) > order(at)))
}

fn later_siblings(trace: &Trace, at: usize) -> Vec<usize> {
    siblings(trace, at).filter(|&(_, is_later)| is_later).map(|(other, _)| other).collect()
}

/// What the calls of a running sum before this one counted.
fn counted_before(trace: &Trace, at: usize) -> Option<Usage> {
    let earlier = siblings(trace, at).filter(|&(_, is_later)| !is_later).filter_map(|(other, _)| trace.node(other));
    let counted = earlier.filter(|node| node.counts().is_some());
    counted.max_by_key(|node| (node.started(), node.id))?.counted_before(trace.node(at)?)
}

/// Whether the span or one above it has a session or user for the calls below.
fn has_context(trace: &Trace, at: usize) -> bool {
    trace.lineage(at).any(|at| trace.node(at).is_some_and(Node::identifies_caller))
}

/// The calls below that are not of the span's own region: they may now see its session, but belong together no more than
/// before.
fn below(trace: &Trace, at: usize, own: Option<usize>) -> Vec<Regrouped> {
    let is_candidate = |at: usize| trace.node(at).is_some_and(Node::is_candidate);
    let is_top = |&below: &usize| is_candidate(below) && trace.top(below) == Some(below) && own != Some(below);
    let tops = trace.subtree(at).into_iter().filter(is_top);
    tops.flat_map(|top| regroup(trace, &Region::below(trace, top))).collect()
}

/// A call without a parent or children, as most gateways' calls are when they arrive.
pub(super) fn alone(node: &Node, at: usize) -> Option<Regrouped> {
    let facts = node.facts().filter(|_| node.is_candidate())?;
    let leader = Source { facts: facts.clone(), share: Share::Whole };
    Some(Regrouped {
        rows: Vec::new(),
        sources: vec![leader],
        members: vec![at],
        is_root: node.parent == 0,
        attempts: Vec::new(),
        counted_before: None,
    })
}

/// All calls of a region, each with its members.
fn regroup(trace: &Trace, region: &Region) -> Vec<Regrouped> {
    let leaders = leaders(trace, region);
    let membership = Membership::new(trace, region, &leaders);
    let mut members: ByPosition<Vec<usize>> = ByPosition::default();
    let is_member =
        |at: usize| trace.node(at).is_some_and(|node| matches!(node.kind, PartKind::Call | PartKind::Completes));
    for at in region.spans.iter().copied().filter(|&at| is_member(at)) {
        members.entry(membership.leader_of(trace, region, at)).or_default().push(at);
    }
    let group = |&leader: &usize| gather(trace, region, members.remove(&leader).unwrap_or_default(), leader);
    let mut groups: Vec<Regrouped> = leaders.iter().map(group).collect();
    claim_rows_once(trace, &leaders, &mut groups);
    groups
}

/// The spans that are rows: of each call its leader, unless spans of a gateway are part of it, each of which is always a row.
fn leaders(trace: &Trace, region: &Region) -> Vec<usize> {
    let mut of_calls: ByPosition<Vec<usize>> = ByPosition::default();
    for &at in &region.spans {
        let Some(node) = trace.node(at).filter(|node| node.is_candidate()) else { continue };
        let gateways = of_calls.entry(region.call_of(at).unwrap_or(at)).or_default();
        if node.is_plano() {
            gateways.push(at);
        }
    }
    let of_call = |(call, mut gateways): (usize, Vec<usize>)| {
        if gateways.is_empty() {
            vec![region.leader(call)]
        } else if region.serves(trace, &mut gateways) {
            gateways.split_off(gateways.len() - 1)
        } else {
            gateways
        }
    };
    let mut leaders: Vec<usize> = of_calls.into_iter().flat_map(of_call).collect();
    leaders.sort_by_key(|&at| trace.node(at).map(|node| (node.started(), node.id)));
    leaders
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

/// The leaders of a region, and which of them is the first one of a call, and below a span of it.
struct Membership<'l> {
    leaders: &'l [usize],
    first_of: ByPosition<usize>,
    first_below: ByPosition<usize>,
    is_leader: HashSet<usize, foldhash::fast::RandomState>,
}

impl<'l> Membership<'l> {
    fn new(trace: &Trace, region: &Region, leaders: &'l [usize]) -> Self {
        let (mut first_of, mut first_below) = (ByPosition::default(), ByPosition::default());
        for &leader in leaders {
            let call = region.call_of(leader).unwrap_or(leader);
            first_of.entry(call).or_insert(leader);
            for above in trace.lineage(leader).filter(|&at| region.call_of(at) == Some(call)) {
                first_below.entry(above).or_insert(leader);
            }
        }
        Self { leaders, first_of, first_below, is_leader: leaders.iter().copied().collect() }
    }

    /// Which leader a span belongs to: of those of its call, the nearest above it, else the first below it, else the first.
    fn leader_of(&self, trace: &Trace, region: &Region, at: usize) -> usize {
        let Some(call) = region.call_of(at) else { return self.leaders.first().copied().unwrap_or(at) };
        let is_its = |above: &usize| self.is_leader.contains(above) && region.call_of(*above) == Some(call);
        let above = trace.lineage(at).find(is_its);
        above.or_else(|| self.first_below.get(&at).copied()).or(self.first_of.get(&call).copied()).unwrap_or(at)
    }
}

fn gather(trace: &Trace, region: &Region, mut members: Vec<usize>, leader: usize) -> Regrouped {
    // Trust: the leader, then calls from the outermost in, then completions.
    members.sort_by_cached_key(|&at| {
        let node = trace.node(at);
        let completes = node.is_some_and(|node| node.kind == PartKind::Completes);
        (at != leader, completes, trace.depth(at), node.map(|node| (node.started(), node.id)))
    });
    let attempts = region.attempts(trace, leader, &members);
    let (served, failed) = attempts.split_last().map_or((None, &[][..]), |(last, failed)| (Some(*last), failed));
    let is_of_failed = |at: usize| !failed.is_empty() && trace.lineage(at).any(|above| failed.contains(&above));
    let own = members.iter().copied().filter(|&at| !region.wraps_several(at) && !is_of_failed(at)).take(MOST_FACTS);
    let identifies = |&at: &usize| trace.node(at).is_some_and(Node::identifies_caller);
    let callers = trace.lineage(leader).skip(1).filter(identifies);
    let source = |at: usize, share| Some(Source { facts: trace.node(at)?.facts()?.clone(), share });
    let share = |at| if Some(at) == served { Share::Served } else { Share::Whole };
    let sources = own.filter_map(|at| source(at, share(at)));
    let sources = sources.chain(callers.filter_map(|at| source(at, Share::Caller))).collect();
    let mut rows: Vec<CallId> = members.iter().filter_map(|&at| trace.node(at)?.row).collect();
    rows.sort_unstable();
    rows.dedup();
    let is_root = trace.node(leader).is_some_and(|node| node.parent == 0);
    let attempts = attempts.iter().filter_map(|&at| trace.node(at)?.facts().cloned()).collect();
    Regrouped { rows, sources, members, is_root, attempts, counted_before: counted_before(trace, leader) }
}
