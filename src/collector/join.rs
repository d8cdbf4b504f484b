//! Joining: which spans of a trace are one call (SEMCONV.md, section 4).
//!
//! Knows the shape of recent traces only: for each span its parent, its role and the row it is part of. Bounded by a number
//! of spans and by the bytes of what they say; the traces that were quiet longest are forgotten first.
//!
//! Most traces of a gateway under load are met once: a span alone is kept in place, without what it says (its row says it).
//! Traces stand in a row in order of their turn to be forgotten, each with a number, and tables lead from ids to numbers.

mod group;
mod index;
mod node;
mod trace;

use std::collections::VecDeque;

pub(crate) use group::Regrouped;
pub(crate) use node::{Node, Outcome, Part, Place, SpanId, TraceId};

use self::index::Index;
use self::trace::Trace;
use crate::call::{CallId, LlmCall};

/// How a span meets what is remembered of its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// No span of the trace is remembered.
    First,
    /// Others of its trace are.
    Joins,
    /// The same span was here before.
    Repeat,
    /// Another span has its id.
    DuplicateSpanId,
}

/// The remembered spans of one trace: a lone one in place, several behind a pointer.
#[derive(Debug)]
struct Remembered {
    id: TraceId,
    /// Met since its last turn to be forgotten.
    touched: bool,
    lone: Option<Node>,
    several: Option<Box<Trace>>,
}

impl Remembered {
    const fn new(id: TraceId, node: Node) -> Self {
        Self { id, touched: true, lone: Some(node), several: None }
    }

    fn nodes(&self) -> &[Node] {
        match &self.several {
            Some(trace) => trace.nodes(),
            None => self.lone.as_slice(),
        }
    }

    fn find(&self, id: SpanId) -> Option<&Node> {
        match &self.several {
            Some(trace) => trace.position(id).and_then(|at| trace.node(at)),
            None => self.lone.as_ref().filter(|node| node.id == id),
        }
    }

    fn nodes_mut(&mut self) -> &mut [Node] {
        match &mut self.several {
            Some(trace) => trace.nodes_mut(),
            None => self.lone.as_mut_slice(),
        }
    }

    fn trace(&mut self) -> &mut Trace {
        let lone = self.lone.take();
        self.several.get_or_insert_with(|| Box::new(lone.map(Trace::of).unwrap_or_default()))
    }

    fn weight(&self) -> usize {
        weight(self.nodes())
    }
}

fn weight(nodes: &[Node]) -> usize {
    nodes.iter().map(Node::weight).sum()
}

/// The most bytes of what remembered spans say.
const MOST_WEIGHT: usize = 64 * 1024 * 1024;

/// The most spans that room is made for at once, far less than are remembered.
const AT_ONCE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Join {
    /// In order of their turn to be forgotten, numbered one by one from `first` on.
    traces: VecDeque<Remembered>,
    first: u32,
    /// Trace id -> number.
    index: Index,
    spans: usize,
    limit: usize,
    weight: usize,
}

impl Join {
    /// Remembers at most `limit` spans.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.max(trace::MOST_SPANS);
        Self { traces: VecDeque::new(), first: 0, index: Index::new(limit), spans: 0, limit, weight: 0 }
    }

    /// The remembered spans of a trace, in order of arrival.
    pub(crate) fn spans(&self, trace: &TraceId) -> &[Node] {
        self.find(trace).map_or(&[], Remembered::nodes)
    }

    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.spans
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// What the trace makes of a span with this id that says it [`started`](Part::started) then.
    pub(crate) fn meet(&self, trace: &TraceId, id: SpanId, started: Option<i64>) -> Meeting {
        let Some(remembered) = self.find(trace) else { return Meeting::First };
        match remembered.find(id) {
            None => Meeting::Joins,
            Some(node) if node.is_repeated_by(started) => Meeting::Repeat,
            Some(_) => Meeting::DuplicateSpanId,
        }
    }

    /// Remembers the [first](Meeting::First) span of a trace.
    pub(crate) fn begin(&mut self, trace: TraceId, node: Node) {
        self.make_room(1);
        self.spans += 1;
        self.weight += node.weight();
        self.queue(Remembered::new(trace, node));
    }

    /// Gives a trace its turn after all others.
    fn queue(&mut self, remembered: Remembered) {
        self.index.learn(&remembered.id, self.first.wrapping_add(position(self.traces.len())));
        self.traces.push_back(remembered);
    }

    /// Remembers a span that [joins](Meeting::Joins) others and says which rows have to be made anew because of it. `row` is
    /// asked for the rows of calls that were alone until now.
    pub(crate) fn join(
        &mut self,
        trace: &TraceId,
        node: Node,
        row: impl Fn(CallId) -> Option<LlmCall>,
    ) -> Vec<Regrouped> {
        self.make_room(1);
        self.own_facts(trace, row);
        let Some(remembered) = self.find_mut(trace) else {
            let alone = group::alone(&node, 0).into_iter().collect();
            self.begin(*trace, node);
            return alone;
        };
        remembered.touched = true;
        let (added, trace) = (node.weight(), remembered.trace());
        let forgotten = trace.make_room();
        let at = trace.push(node);
        let regrouped = group::affected(trace, at);
        self.spans = self.spans + 1 - forgotten.len();
        self.weight = self.weight + added - weight(&forgotten);
        regrouped
    }

    /// Has the calls of the trace keep what they say, because their rows will say more from now on.
    pub(crate) fn own_facts(&mut self, trace: &TraceId, row: impl Fn(CallId) -> Option<LlmCall>) {
        // Only a span alone in its trace is spoken for by its row.
        let Some(lone) = self.find_mut(trace).and_then(|remembered| remembered.lone.as_mut()) else { return };
        let before = lone.weight();
        lone.own_facts(row);
        let after = lone.weight();
        self.weight = self.weight + after - before;
    }

    /// Notes that the spans at these positions of the trace are part of `row`. To be asked before another span joins.
    pub(crate) fn assign(&mut self, trace: &TraceId, members: &[usize], row: CallId) {
        let Some(remembered) = self.find_mut(trace) else { return };
        let nodes = remembered.nodes_mut();
        for &member in members {
            if let Some(node) = nodes.get_mut(member) {
                node.row = Some(row);
            }
        }
    }

    fn find(&self, trace: &TraceId) -> Option<&Remembered> {
        self.traces.get(self.place(trace)?)
    }

    fn find_mut(&mut self, trace: &TraceId) -> Option<&mut Remembered> {
        let at = self.place(trace)?;
        self.traces.get_mut(at)
    }

    fn place(&self, trace: &TraceId) -> Option<usize> {
        let place = |number: u32| number.wrapping_sub(self.first) as usize;
        let is_it = |number| self.traces.get(place(number)).is_some_and(|known| known.id == *trace);
        self.index.find(trace, is_it).map(place)
    }

    /// Drops quiet traces until so many more spans fit; a trace touched since its last turn gets another. Done for many spans
    /// at once it takes less time each: what is dropped has long left the processor's cache, and then all of it is fetched together.
    pub(crate) fn make_room(&mut self, spans: usize) {
        let limit = self.limit - spans.min(AT_ONCE);
        while self.spans > limit || self.weight > MOST_WEIGHT {
            let Some(mut oldest) = self.traces.pop_front() else { return };
            self.first = self.first.wrapping_add(1);
            if std::mem::take(&mut oldest.touched) && oldest.several.is_some() && !self.traces.is_empty() {
                self.queue(oldest);
                continue;
            }
            self.spans -= oldest.nodes().len();
            self.weight -= oldest.weight();
        }
    }
}

/// Far fewer traces are remembered than 32 bits count.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::span_log::SpanRef;

    const LIMIT: usize = trace::MOST_SPANS;

    fn trace(nth: u64) -> TraceId {
        u128::from(nth).to_be_bytes()
    }

    fn node(id: SpanId) -> Node {
        let place = Place { id, parent: 0, why: "", span: SpanRef { request: 0, start: 0, end: 0 } };
        Node::new(place, &mut Part::Other)
    }

    /// Guarantees: traces are forgotten oldest first, one that goes on is not, and numbers may begin anew.
    #[test]
    fn the_newest_traces_are_remembered_and_one_that_goes_on() {
        let long = u64::MAX;
        let mut join = Join { first: u32::MAX - position(LIMIT), ..Join::new(LIMIT) };
        join.begin(trace(long), node(1));
        for nth in 1..=5 * LIMIT as u64 {
            join.begin(trace(nth), node(1));
            if nth % 1000 == 0 {
                assert_eq!(join.meet(&trace(long), nth, None), Meeting::Joins, "met {nth} traces ago");
                join.join(&trace(long), node(nth), |_| None);
            }
            assert!(join.len() <= LIMIT);
        }
        let (newest, remembered) = (5 * LIMIT as u64, (join.len() - join.spans(&trace(long)).len()) as u64);
        assert!(remembered > LIMIT as u64 - 50);
        let is_known = |nth: u64| !join.spans(&trace(nth)).is_empty();
        assert!((newest - remembered + 1..=newest).all(is_known));
        assert!(!(1..=newest - remembered).any(is_known));
    }
}
