//! Joining: which spans of a trace are one call (SEMCONV.md, section 4).
//!
//! Knows the shape of recent traces only: for each span its parent, its role and the row it is part of. Bounded by a number
//! of spans and by the bytes of what they say; the traces that were quiet longest are forgotten first.
//!
//! Most traces of a gateway under load are met once: a span alone is kept in place, without what it says (its row says it),
//! and found through a table of four-byte slots that stays in the cache.

mod group;
mod node;
mod trace;

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use slab::Slab;

pub use group::Regrouped;
pub use node::{Kind, Node, Outcome, Part, Place, SpanId, TraceId};

use self::trace::Trace;
use crate::call::{CallId, LlmCall};

/// How a span meets what is remembered of its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// No span of the trace is remembered.
    First,
    /// Others of its trace are.
    Joins,
    /// The same span was here before.
    Repeat,
    /// Another span has its id.
    Namesake,
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

    fn nodes_mut(&mut self) -> &mut [Node] {
        match &mut self.several {
            Some(trace) => trace.nodes_mut(),
            None => self.lone.as_mut_slice(),
        }
    }

    fn find(&self, id: SpanId) -> Option<&Node> {
        match &self.several {
            Some(trace) => trace.position(id).and_then(|at| trace.node(at)),
            None => self.lone.as_ref().filter(|node| node.id == id),
        }
    }

    fn find_mut(&mut self, id: SpanId) -> Option<&mut Node> {
        match &mut self.several {
            Some(trace) => trace.position(id).and_then(|at| trace.nodes_mut().get_mut(at)),
            None => self.lone.as_mut().filter(|node| node.id == id),
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

/// The recent traces.
#[derive(Debug)]
pub struct Join {
    traces: Slab<Remembered>,
    /// Trace id -> where it stands in `traces`.
    table: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
    /// Where they stand in order of their turn to be forgotten.
    order: VecDeque<u32>,
    spans: usize,
    limit: usize,
    weight: usize,
}

impl Join {
    /// Remembers at most `limit` spans.
    pub fn new(limit: usize) -> Self {
        Self {
            traces: Slab::new(),
            table: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            order: VecDeque::new(),
            spans: 0,
            limit: limit.max(trace::MOST_SPANS),
            weight: 0,
        }
    }

    /// The remembered spans of a trace, in order of arrival.
    pub fn spans(&self, trace: &TraceId) -> &[Node] {
        self.find(trace).map_or(&[], Remembered::nodes)
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

    /// What the trace makes of a span with this id that says it [`started`](Part::started) then.
    pub fn meet(&self, trace: &TraceId, id: SpanId, started: Option<i64>) -> Meeting {
        let Some(remembered) = self.find(trace) else { return Meeting::First };
        match remembered.find(id) {
            None => Meeting::Joins,
            Some(node) if node.is_repeated_by(started) => Meeting::Repeat,
            Some(_) => Meeting::Namesake,
        }
    }

    /// Remembers the [first](Meeting::First) span of a trace.
    pub fn begin(&mut self, trace: TraceId, node: Node) {
        self.make_room(1);
        self.spans += 1;
        self.weight += node.weight();
        let at = position(self.traces.insert(Remembered::new(trace, node)));
        let Self { traces, hasher, .. } = self;
        let rehash = |&at: &u32| traces.get(at as usize).map_or(0, |known| hasher.hash_one(known.id));
        self.table.insert_unique(hasher.hash_one(trace), at, rehash);
        self.order.push_back(at);
    }

    /// Remembers a span that [joins](Meeting::Joins) others and says which rows have to be made anew because of it. `row` is
    /// asked for the rows of calls that were alone until now.
    pub fn join(&mut self, trace: &TraceId, node: Node, row: impl Fn(CallId) -> Option<LlmCall>) -> Vec<Regrouped> {
        self.make_room(1);
        self.own_facts(trace, row);
        let Some(remembered) = self.place(trace).and_then(|at| self.traces.get_mut(at)) else {
            let alone = group::alone(&node).into_iter().collect();
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
    pub fn own_facts(&mut self, trace: &TraceId, row: impl Fn(CallId) -> Option<LlmCall>) {
        let Some(remembered) = self.find_mut(trace) else { return };
        let before = remembered.weight();
        for node in remembered.nodes_mut() {
            node.own_facts(&row);
        }
        let after = remembered.weight();
        self.weight = self.weight + after - before;
    }

    /// Notes that these spans of the trace are part of `row`.
    pub fn assign(&mut self, trace: &TraceId, members: &[SpanId], row: CallId) {
        let Some(remembered) = self.find_mut(trace) else { return };
        for &member in members {
            if let Some(node) = remembered.find_mut(member) {
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
        let is_it = |&at: &u32| self.traces.get(at as usize).is_some_and(|known| known.id == *trace);
        self.table.find(self.hasher.hash_one(trace), is_it).map(|&at| at as usize)
    }

    /// Drops quiet traces until so many more spans fit; a trace touched since its last turn gets another. Done for many spans
    /// at once it takes less time each: what is dropped has long left the processor's cache, and then all of it is fetched together.
    pub fn make_room(&mut self, spans: usize) {
        let limit = self.limit - spans.min(AT_ONCE);
        while self.spans > limit || self.weight > MOST_WEIGHT {
            let Some(at) = self.order.pop_front() else { return };
            let Some(remembered) = self.traces.get_mut(at as usize) else { continue };
            if std::mem::take(&mut remembered.touched) && remembered.several.is_some() && !self.order.is_empty() {
                self.order.push_back(at);
                continue;
            }
            let gone = self.traces.remove(at as usize);
            self.spans -= gone.nodes().len();
            self.weight -= gone.weight();
            if let Ok(entry) = self.table.find_entry(self.hasher.hash_one(gone.id), |&known| known == at) {
                entry.remove();
            }
        }
    }
}

/// Far fewer traces are remembered than 32 bits count.
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
