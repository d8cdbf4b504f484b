//! The spans of one trace as a tree.

use std::cell::Cell;

use super::node::{Node, SpanId};

/// How far up a span's ancestors are followed. Real calls are not nested so deep; without a bound a hostile trace would cost
/// minutes a span.
const HIGHEST: usize = 32;
/// How many descendants of a span are visited: more than an agent's run has, for the same reason.
const WIDEST: usize = 1024;

/// Visits that each span adds to the budget of its trace (a token bucket). Calls have a few spans around them, and agents'
/// runs a thousand once; a trace that needs a thousand visits for each of its spans is regrouped now and then only.
const VISITS_A_SPAN: usize = 16;
/// The most visits that the budget holds.
const MOST_VISITS: usize = 8 * WIDEST;

/// Spans remembered in one trace; a trace that never ends forgets its oldest quarter.
pub(super) const MOST_SPANS: usize = 4096;

/// The spans of a trace in order of arrival. Links stand apart from the nodes so that looking an id up reads few cache lines.
#[derive(Debug, Default)]
pub(super) struct Trace {
    links: Vec<Link>,
    nodes: Vec<Node>,
    /// Visits that are left.
    visits: Cell<usize>,
}

/// Where a span hangs. Positions are those in the trace; [`Link::NOWHERE`] is none.
#[derive(Clone, Copy, Debug)]
struct Link {
    id: SpanId,
    parent: SpanId,
    above: u32,
    first_below: u32,
    /// The next span below the same one.
    next: u32,
}

impl Link {
    const NOWHERE: u32 = u32::MAX;
}

/// A link's position as an index, unless it is none.
fn somewhere(at: u32) -> Option<usize> {
    (at != Link::NOWHERE).then_some(at as usize)
}

/// An index as a link's position: a trace has at most [`MOST_SPANS`].
fn position_of(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(Link::NOWHERE)
}

impl Trace {
    /// A trace of one span.
    pub(super) fn of(node: Node) -> Self {
        let mut trace =
            Self { links: Vec::with_capacity(4), nodes: Vec::with_capacity(4), visits: Cell::new(MOST_VISITS) };
        trace.push(node);
        trace
    }

    /// All spans in order of arrival.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// The span at a position.
    pub(super) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    /// Where the span with this id stands, the last one if there are several.
    pub(super) fn position(&self, id: SpanId) -> Option<usize> {
        self.links.iter().rposition(|link| link.id == id)
    }

    /// Adds a span below its parent and above those that waited for it. Returns its position.
    pub(super) fn push(&mut self, node: Node) -> usize {
        let at = self.links.len();
        let (id, parent) = (node.id, node.parent);
        let waiting: Vec<usize> = self.waiting_for(id).collect();
        let above = (parent != 0).then(|| self.position(parent)).flatten();
        let nowhere = Link::NOWHERE;
        self.links.push(Link { id, parent, above: nowhere, first_below: nowhere, next: nowhere });
        self.nodes.push(node);
        self.visits.set((self.visits.get() + VISITS_A_SPAN).min(MOST_VISITS));
        self.attach(at, above.map_or(nowhere, position_of));
        for below in waiting {
            self.attach(below, position_of(at));
        }
        at
    }

    /// Whether the visit budget allows to regroup.
    pub(super) const fn may_visit(&self) -> bool {
        self.visits.get() > 0
    }

    /// Spans whose parent has this id and has not arrived.
    fn waiting_for(&self, id: SpanId) -> impl Iterator<Item = usize> {
        let waits = move |link: &Link| link.parent == id && link.above == Link::NOWHERE;
        self.links.iter().enumerate().filter(move |(_, link)| waits(link)).map(|(at, _)| at)
    }

    fn attach(&mut self, at: usize, above: u32) {
        let Some(parent) = somewhere(above).and_then(|above| self.links.get_mut(above)) else { return };
        let next = std::mem::replace(&mut parent.first_below, position_of(at));
        if let Some(link) = self.links.get_mut(at) {
            link.above = above;
            link.next = next;
        }
    }

    /// Makes room where there is none, by forgetting the oldest quarter. Returns what was forgotten.
    pub(super) fn make_room(&mut self) -> Vec<Node> {
        if self.links.len() < MOST_SPANS {
            return Vec::new();
        }
        let count = MOST_SPANS / 4;
        self.links.drain(..count);
        let forgotten = self.nodes.drain(..count).collect();
        let above: Vec<u32> = self.links.iter().map(|link| link.above).collect();
        for link in &mut self.links {
            (link.above, link.first_below, link.next) = (Link::NOWHERE, Link::NOWHERE, Link::NOWHERE);
        }
        for (at, above) in above.into_iter().enumerate() {
            let above = somewhere(above).and_then(|above| above.checked_sub(count));
            self.attach(at, above.map_or(Link::NOWHERE, position_of));
        }
        forgotten
    }

    /// Whether the span's parent is there.
    pub(super) fn has_above(&self, at: usize) -> bool {
        self.above(at).is_some()
    }

    /// Whether no span is below this one.
    pub(super) fn is_leaf(&self, at: usize) -> bool {
        self.children(at).next().is_none()
    }

    fn above(&self, at: usize) -> Option<usize> {
        somewhere(self.links.get(at)?.above)
    }

    pub(super) fn children(&self, at: usize) -> impl Iterator<Item = usize> {
        let first = self.links.get(at).and_then(|link| somewhere(link.first_below));
        std::iter::successors(first, |&at| somewhere(self.links.get(at)?.next))
    }

    /// The span and its ancestors, itself first. Bounded, so that a cycle of parents, which only hostile input has, ends.
    pub(super) fn lineage(&self, at: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(at), |&at| self.above(at)).take(HIGHEST.min(self.links.len()))
    }

    /// The span and its descendants, parents before children; each takes a visit from the budget. Every span has one parent, so
    /// only the first can occur again.
    pub(super) fn subtree(&self, at: usize) -> Vec<usize> {
        self.descend(at, |_| true)
    }

    /// The span and its descendants down to the acting ones, which are left out.
    pub(super) fn region(&self, at: usize) -> Vec<usize> {
        self.descend(at, |child| !self.acts(child))
    }

    fn descend(&self, at: usize, includes: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut found = vec![at];
        let mut next = 0;
        while let Some(&parent) = found.get(next) {
            next += 1;
            let room = WIDEST.saturating_sub(found.len());
            found.extend(self.children(parent).filter(|&child| child != at && includes(child)).take(room));
        }
        self.visits.set(self.visits.get().saturating_sub(found.len()));
        found
    }

    /// The topmost candidate of the span's lineage that no acting span separates from it.
    pub(super) fn top(&self, at: usize) -> Option<usize> {
        let reached = self.lineage(at).take_while(|&at| !self.acts(at));
        reached.filter(|&at| self.node(at).is_some_and(Node::is_candidate)).last()
    }

    fn acts(&self, at: usize) -> bool {
        self.node(at).is_some_and(|node| node.acts)
    }

    /// How many spans the lineage has.
    pub(super) fn depth(&self, at: usize) -> usize {
        self.lineage(at).count()
    }
}
