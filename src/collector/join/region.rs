//! The calls around one another in a trace, with nothing acting in between, and which of them are the same call
//! (SEMCONV.md 4.2).

use hashbrown::HashMap;

use super::node::Node;
use super::trace::Trace;

pub(super) type ByPosition<T> = HashMap<usize, T, foldhash::fast::RandomState>;

/// How many spans that wrap one other may stand between a call and its attempts.
const MOST_WRAPPERS: usize = 4;

/// What a candidate is to the candidates right below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// The same call, where nothing proves the contrary.
    Call,
    /// Their only one is the call, and it fills the gaps of that.
    OneCall,
    /// Several calls: it is a row of none, and its counts are nobody's.
    Calls,
}

/// The candidates of a subtree that is cut at acting spans, each with the call it is part of.
#[derive(Debug, Default)]
pub(super) struct Region {
    /// All spans, parents before children.
    pub spans: Vec<usize>,
    /// The nearest candidate above a span.
    above: ByPosition<usize>,
    /// Candidate -> the topmost candidate of its call.
    calls: ByPosition<usize>,
    /// Wrappers of several calls.
    wrappers: ByPosition<()>,
    /// The candidate that leads a call in place of the topmost one.
    leads: ByPosition<usize>,
}

impl Region {
    pub(super) fn below(trace: &Trace, top: usize) -> Self {
        let mut region = Self { spans: trace.region(top), ..Self::default() };
        region.link(trace);
        let holds = region.judge(trace);
        region.divide(trace, &holds);
        region
    }

    pub(super) fn contains(&self, at: usize) -> bool {
        self.spans.contains(&at)
    }

    /// Whether the span is a wrapper of several calls, which shares its session and user with them and nothing else.
    pub(super) fn wraps_several(&self, at: usize) -> bool {
        self.wrappers.contains_key(&at)
    }

    /// The call that a candidate, or the nearest candidate above any other span, is part of.
    pub(super) fn call_of(&self, at: usize) -> Option<usize> {
        let candidate = if self.calls.contains_key(&at) { Some(&at) } else { self.above.get(&at) };
        candidate.and_then(|candidate| self.calls.get(candidate)).copied()
    }

    /// The candidate that leads a call: the outermost, unless that wraps the one that does.
    pub(super) fn leader(&self, call: usize) -> usize {
        self.leads.get(&call).copied().unwrap_or(call)
    }

    /// Whether spans of a gateway right below one client's are the attempts of a call that was served in the end. Sorts them.
    pub(super) fn serves(&self, trace: &Trace, gateways: &mut [usize]) -> bool {
        sort(trace, gateways);
        let client = gateways.first().and_then(|first| self.above.get(first));
        let is_served = |last: &usize| trace.node(*last).is_some_and(|node| !node.failed());
        gateways.len() > 1
            && client.is_some()
            && gateways.iter().all(|at| self.above.get(at) == client)
            && follow_one_another(trace, gateways)
            && gateways.last().is_some_and(is_served)
    }

    /// The attempts of a call among its members: of the spans right below one of them those that followed one another, all but
    /// the last one failed.
    pub(super) fn attempts(&self, trace: &Trace, leader: usize, members: &[usize]) -> Vec<usize> {
        let below = |outer: usize| {
            let is_below = |&at: &usize| {
                at != leader
                    && self.above.get(&at) == Some(&outer)
                    && trace.node(at).is_some_and(Node::is_candidate)
                    && !self.wraps_several(at)
            };
            let mut below: Vec<usize> = members.iter().copied().filter(is_below).collect();
            sort(trace, &mut below);
            below
        };
        // A gateway's span that leads another one is the last of several attempts.
        let mut gateways: Vec<usize> =
            members.iter().copied().filter(|&at| trace.node(at).is_some_and(Node::is_plano)).collect();
        if self.serves(trace, &mut gateways) {
            return gateways;
        }
        let mut outer = Some(leader);
        // Wrappers of one span may stand between the call and its attempts.
        for _ in 0..MOST_WRAPPERS {
            let found = outer.map(&below).unwrap_or_default();
            match found.as_slice() {
                [only] => outer = Some(*only),
                [] => return Vec::new(),
                _ if follow_one_another(trace, &found) => return found,
                _ => return Vec::new(),
            }
        }
        Vec::new()
    }

    fn link(&mut self, trace: &Trace) {
        for &at in self.spans.iter().skip(1) {
            let Some(parent) = trace.lineage(at).nth(1) else { continue };
            let is_candidate = trace.node(parent).is_some_and(Node::is_candidate);
            let above = if is_candidate { Some(parent) } else { self.above.get(&parent).copied() };
            if let Some(above) = above {
                self.above.insert(at, above);
            }
        }
    }

    /// What each candidate is to those below it, from the innermost out: a wrapper's calls are its parent's, too.
    fn judge(&mut self, trace: &Trace) -> ByPosition<Holds> {
        let (mut holds, mut inner) = (ByPosition::default(), ByPosition::<Vec<usize>>::default());
        let mut first_inner = ByPosition::default();
        for &at in self.spans.iter().rev() {
            let Some(node) = trace.node(at).filter(|node| node.is_candidate()) else { continue };
            let below = inner.remove(&at).unwrap_or_default();
            let what = judge(trace, node, &below);
            holds.insert(at, what);
            let earliest = below.iter().copied().min_by_key(|&at| trace.node(at).map(|node| (node.started(), node.id)));
            if let (Holds::Calls, Some(first)) = (what, earliest) {
                first_inner.insert(at, first);
            }
            if let Some(&above) = self.above.get(&at) {
                let given = inner.entry(above).or_default();
                if what == Holds::Calls { given.extend(below) } else { given.push(at) }
            }
        }
        // Resolved once the calls are known: until then, the call of its first one.
        self.wrappers = first_inner.keys().map(|&at| (at, ())).collect();
        self.leads = first_inner;
        holds
    }

    fn divide(&mut self, trace: &Trace, holds: &ByPosition<Holds>) {
        let first_inner = std::mem::take(&mut self.leads);
        for &at in &self.spans {
            let Some(node) = trace.node(at).filter(|node| node.is_candidate()) else { continue };
            let above = self.above.get(&at).filter(|above| holds.get(*above) != Some(&Holds::Calls));
            let is_same = |above: &&usize| trace.node(**above).is_some_and(|outer| outer.is_same_call(node));
            let call = above.filter(is_same).and_then(|above| self.calls.get(above)).copied().unwrap_or(at);
            self.calls.insert(at, call);
            let wrapper = above.filter(|above| holds.get(*above) == Some(&Holds::OneCall));
            if wrapper.is_some() && call != at {
                self.leads.insert(call, at);
            }
        }
        for (wrapper, first) in first_inner {
            if let Some(&call) = self.calls.get(&first) {
                self.calls.insert(wrapper, call);
            }
        }
    }
}

fn judge(trace: &Trace, outer: &Node, below: &[usize]) -> Holds {
    let inner = || below.iter().filter_map(|&at| trace.node(at)).filter(|inner| outer.is_in_time(inner));
    let count = |is_one: &dyn Fn(&Node) -> bool| inner().filter(|inner| is_one(inner)).count();
    let wrapped = if outer.wraps_embeddings() {
        count(&Node::is_counted_embedding)
    } else if !outer.is_plano() && !outer.has_operation() {
        count(&Node::has_operation)
    } else {
        0
    };
    match wrapped {
        1 if below.len() == 1 => Holds::OneCall,
        1.. => Holds::Calls,
        0 if sums_up(outer, inner()) || (outer.response_id().is_none() && has_several_ids(inner())) => Holds::Calls,
        0 => Holds::Call,
    }
}

/// Whether the counts of a span are those of several calls below it, added up.
fn sums_up<'n>(outer: &Node, inner: impl Iterator<Item = &'n Node>) -> bool {
    let Some(whole) = outer.counts() else { return false };
    let mut parts = 0_u32;
    let sum = inner.filter_map(Node::counts).filter(|&counts| counts != (0, 0)).fold(
        (0_u64, 0_u64),
        |sum, (input, output)| {
            parts += 1;
            (sum.0.saturating_add(input), sum.1.saturating_add(output))
        },
    );
    parts > 1 && sum == whole
}

fn has_several_ids<'n>(inner: impl Iterator<Item = &'n Node>) -> bool {
    let mut ids = inner.filter_map(Node::response_id);
    ids.next().is_some_and(|first| ids.any(|id| id != first))
}

/// In the order in which they started.
fn sort(trace: &Trace, spans: &mut [usize]) {
    spans.sort_by_key(|&at| trace.node(at).map(|node| (node.started(), node.id)));
}

/// Whether each of several spans but the last one failed, before the next one started.
fn follow_one_another(trace: &Trace, spans: &[usize]) -> bool {
    spans.windows(2).all(|pair| {
        let node = |nth: usize| pair.get(nth).and_then(|&at| trace.node(at));
        node(0).zip(node(1)).is_some_and(|(earlier, later)| earlier.failed_before(later))
    })
}
