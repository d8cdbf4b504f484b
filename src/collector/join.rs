//! Joining: which spans of a trace are one call (SEMCONV.md, section 4).
//!
//! Knows the shape of recent traces only: for each span its parent, its role and the row it is part of. Bounded by a number
//! of spans and by the bytes of their facts; the least recently used traces are evicted first.
//!
//! Most traces of a gateway under load have one span, which is kept in place and without facts: its row has them. Traces are
//! queued in eviction order, each with a number; [`Index`] maps trace ids to numbers.

mod group;
mod index;
mod node;
mod region;
mod trace;

use std::collections::VecDeque;

pub(crate) use group::{Regrouped, Share, Source};
pub(crate) use node::{CLOCK_SKEW_NANOS, Node, Outcome, Part, Place, SpanId, TraceId};

use self::index::Index;
use self::trace::Trace;
use crate::call::{CallId, LlmCall};

/// How a span relates to the remembered spans of its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// No span of the trace is remembered.
    NewTrace,
    /// Others of its trace are remembered.
    KnownTrace,
    /// The same span has arrived before.
    Repeat,
    /// Another span has its id.
    DuplicateSpanId,
}

/// The remembered spans of one trace: a lone one in place, several behind a pointer.
#[derive(Debug)]
struct Remembered {
    id: TraceId,
    /// Used since it was last considered for eviction.
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

/// The most bytes of the facts of remembered spans.
const MOST_WEIGHT: usize = 64 * 1024 * 1024;

/// The most spans that room is made for at once, far less than are remembered.
const AT_ONCE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Join {
    /// In eviction order, numbered one by one from `first` on.
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

    /// How a span with this id and [start](Part::started) relates to its trace.
    pub(crate) fn relation(&self, trace: &TraceId, id: SpanId, started: Option<i64>) -> Relation {
        let Some(remembered) = self.find(trace) else { return Relation::NewTrace };
        match remembered.find(id) {
            None => Relation::KnownTrace,
            Some(node) if node.is_repeated_by(started) => Relation::Repeat,
            Some(_) => Relation::DuplicateSpanId,
        }
    }

    /// Remembers the [first](Relation::NewTrace) span of a trace.
    pub(crate) fn begin(&mut self, trace: TraceId, node: Node) {
        self.make_room(1);
        self.spans += 1;
        self.weight += node.weight();
        self.queue(Remembered::new(trace, node));
    }

    /// Queues a trace for eviction after all others.
    fn queue(&mut self, remembered: Remembered) {
        self.index.learn(&remembered.id, self.first.wrapping_add(position(self.traces.len())));
        self.traces.push_back(remembered);
    }

    /// Remembers a span that [joins](Relation::KnownTrace) others and returns which rows have to be rebuilt. `row` is
    /// asked for the rows of calls that were alone until now.
    pub(crate) fn join(
        &mut self,
        trace: &TraceId,
        node: Node,
        row: impl Fn(CallId) -> Option<LlmCall>,
    ) -> Vec<Regrouped> {
        self.make_room(1);
        self.copy_facts_from_row(trace, row);
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

    /// Copies the facts of a lone call out of its row, before other spans' facts are merged into the row.
    pub(crate) fn copy_facts_from_row(&mut self, trace: &TraceId, row: impl Fn(CallId) -> Option<LlmCall>) {
        // Only a span alone in its trace has its facts in its row.
        let Some(lone) = self.find_mut(trace).and_then(|remembered| remembered.lone.as_mut()) else { return };
        let before = lone.weight();
        lone.copy_facts_from_row(row);
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
        let span = SpanRef { request: 0, start: 0, end: 0 };
        let place = Place { id, parent: 0, why: "", span, acts: false, adds_up: false };
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
                assert_eq!(join.relation(&trace(long), nth, None), Relation::KnownTrace, "met {nth} traces ago");
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
