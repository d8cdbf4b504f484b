//! The store: the one owner of ring, joining, span log and counters.
//!
//! [`Store`] is plain state that tests drive directly; [`run`] is the task that owns it in a running
//! collector, takes batches and commands, and publishes snapshots.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::decode::{DecodedSpan, decode};
use super::gate::Gate;
use super::ingest::{SharedNames, lock};
use super::join::{Join, Node, Outcome, Part, Regrouped, SpanId, TraceId};
use super::ring::Ring;
use super::snapshot::{Counters, Snapshot};
use super::spanlog::{SpanLog, SpanRef};
use crate::call::{CallId, Convention, Labels, LlmCall, Name};
use crate::pricing::{Facts, Match, Pricer, Sold, shown_cost};
use crate::stats::Totals;

/// Spans remembered for joining: what a gateway sends in many minutes, and about 20 MB at the most.
pub const JOIN_SPANS: usize = 65_536;

/// Response ids remembered for recognising one call in two traces.
const RESPONSE_IDS: usize = 65_536;

/// A shorter response id is more likely a placeholder than an id.
const SHORTEST_RESPONSE_ID: usize = 8;

/// One span of a batch, interned.
#[derive(Debug)]
pub struct Arrival {
    /// Its trace and its own id, when both are well formed and not zero.
    pub ids: Option<(TraceId, SpanId)>,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// What it brought.
    pub part: Part,
    /// The rule that gave it its role.
    pub why: &'static str,
    /// Its place in the request.
    pub range: Range<u32>,
    /// Whether it says that only a share of all traces was kept.
    pub is_sampled: bool,
}

/// All spans of one accepted export request.
#[derive(Debug)]
pub struct Batch {
    /// The request as it arrived.
    pub request: Bytes,
    /// Its spans in order.
    pub arrivals: Vec<Arrival>,
    /// When it arrived, ns since the epoch.
    pub received_unix_nano: i64,
}

impl Batch {
    /// The bytes it takes while it waits, roughly: the request, its spans, and a call for each.
    pub fn weight(&self) -> usize {
        let spans = self.arrivals.len().saturating_mul(size_of::<Arrival>() + size_of::<LlmCall>());
        self.request.len().saturating_add(spans)
    }
}

/// A span of a trace as the store knows it, with the bytes it came in if they are still kept.
#[derive(Clone, Debug)]
pub struct KnownSpan {
    /// Its id.
    pub id: SpanId,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// The row it is part of.
    pub row: Option<CallId>,
    /// How it ended up.
    pub outcome: Outcome,
    /// The rule behind that; only a span that another collector tells of has one of its own.
    pub why: Cow<'static, str>,
    /// The export request that brought it, and its place in there; `None` when the span log dropped it.
    pub bytes: Option<(Bytes, Range<usize>)>,
}

impl KnownSpan {
    /// Its name, decoded now; `None` when the span log dropped it.
    pub fn name(&self) -> Option<String> {
        self.decoded().map(|decoded| decoded.span.name)
    }

    /// All of it, decoded now; `None` when the span log dropped it.
    pub fn decoded(&self) -> Option<DecodedSpan> {
        let (request, range) = self.bytes.as_ref()?;
        decode(request, range)
    }
}

/// What can be asked of a running store.
#[derive(Debug)]
pub enum Command {
    /// Forget all calls and spans; counters and totals stay.
    Clear,
    /// All known spans of a trace.
    Spans {
        /// The trace.
        trace: TraceId,
        /// Where the answer goes.
        reply: std::sync::mpsc::Sender<Vec<KnownSpan>>,
    },
}

/// Settings of a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Most calls kept.
    pub capacity: usize,
    /// Most bytes of raw spans kept.
    pub span_memory: usize,
    /// Prices.
    pub pricer: Arc<Pricer>,
    /// The names shared with ingest.
    pub names: SharedNames,
}

/// The collector's state.
#[derive(Debug)]
pub struct Store {
    ring: Ring,
    join: Join,
    log: SpanLog,
    counters: Counters,
    totals: Totals,
    prices: Prices,
    response_ids: ResponseIds,
    names: SharedNames,
    version: u64,
}

impl Store {
    /// An empty store.
    pub fn new(config: StoreConfig) -> Self {
        Self {
            ring: Ring::new(config.capacity),
            join: Join::new(JOIN_SPANS),
            log: SpanLog::new(config.span_memory),
            counters: Counters::default(),
            totals: Totals::default(),
            prices: Prices::new(config.pricer),
            response_ids: ResponseIds::default(),
            names: config.names,
            version: 0,
        }
    }

    /// Stores a whole batch.
    pub fn apply(&mut self, batch: Batch) {
        self.counters.requests += 1;
        self.counters.spans_received += batch.arrivals.len() as u64;
        self.counters.last_batch_unix_nano = Some(batch.received_unix_nano);
        let request = self.log.next();
        self.log.push(&batch.request);
        for arrival in batch.arrivals {
            self.note_hints(&arrival, batch.received_unix_nano);
            self.arrive(arrival, request);
        }
    }

    fn note_hints(&mut self, arrival: &Arrival, received_unix_nano: i64) {
        self.counters.spans_sampled += u64::from(arrival.is_sampled);
        if let Part::Call(call) = &arrival.part {
            let ahead = call.start_unix_nano().saturating_sub(received_unix_nano);
            self.counters.clock_ahead_nanos = self.counters.clock_ahead_nanos.max(ahead);
        }
    }

    /// Forgets all calls and spans; counters, totals and numbering go on.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.join.clear();
        self.response_ids = ResponseIds::default();
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Clear => self.clear(),
            Command::Spans { trace, reply } => {
                // The asker may have gone; then nobody misses the answer.
                let _ = reply.send(self.spans(&trace));
            }
        }
    }

    /// The picture of this moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: self.version,
            calls: self.ring.calls().clone(),
            counters: self.counters,
            totals: self.totals,
            capacity: self.ring.capacity(),
        }
    }

    /// All known spans of a trace, in order of arrival.
    pub fn spans(&self, trace: &TraceId) -> Vec<KnownSpan> {
        let leads = |node: &Node| {
            let row = node.row.and_then(|row| self.ring.calls().get(row));
            row.is_some_and(|call| call.ids().1 == node.id.to_be_bytes())
        };
        let known = |node: &Node| KnownSpan {
            id: node.id,
            parent: node.parent,
            row: node.row,
            outcome: node.outcome(leads(node)),
            why: node.why.into(),
            bytes: self.log.get(node.span.request).map(|request| (request.clone(), node.span.range())),
        };
        self.join.spans(trace).iter().map(known).collect()
    }

    fn arrive(&mut self, arrival: Arrival, request: u64) {
        let Arrival { ids, parent, part, why, range, is_sampled: _ } = arrival;
        let Some((trace, id)) = ids.filter(|(trace, id)| !self.is_namesake(trace, *id, &part)) else {
            self.arrive_alone(part);
            return;
        };
        if self.join.repeats(&trace, id, &part) {
            self.counters.merged += 1;
            return;
        }
        self.count(&part);
        let calls_booked = self.counters.llm_calls + self.counters.merged + u64::from(matches!(part, Part::Call(_)));
        let span = SpanRef { request, start: range.start, end: range.end };
        let rows = self.join.insert(trace, Node { id, parent, part, row: None, why, span });
        for regrouped in rows {
            self.regroup(trace, regrouped);
        }
        // Whatever became of the rows, a call is one or part of one; one may be a row again that was part of another.
        self.counters.merged = calls_booked.saturating_sub(self.counters.llm_calls);
    }

    /// Another span with the id of this one: both are told apart by giving this one no place in the trace.
    fn is_namesake(&self, trace: &TraceId, id: SpanId, part: &Part) -> bool {
        self.join.knows(trace, id) && !self.join.repeats(trace, id, part)
    }

    /// A span that cannot be joined: its ids are missing, malformed or taken.
    fn arrive_alone(&mut self, part: Part) {
        self.count(&part);
        if let Part::Call(call) = part {
            self.add(*call);
        }
    }

    /// Books the span by its role. Calls are booked when it is known whether they are a row of their own.
    fn count(&mut self, part: &Part) {
        match part {
            Part::Call(_) => {}
            Part::Completes(_) => self.counters.merged += 1,
            Part::Rejected => self.counters.rejected += 1,
            Part::Context(_) | Part::Other => self.counters.not_llm += 1,
        }
    }

    /// A new row.
    fn add(&mut self, mut call: LlmCall) -> CallId {
        call.set_cost(self.prices.cost(&call));
        self.counters.llm_calls += 1;
        self.totals.add(&call);
        self.ring.push(call)
    }

    /// Makes a row anew from all spans that belong to it.
    fn regroup(&mut self, trace: TraceId, regrouped: Regrouped) {
        let Regrouped { mut rows, facts, members } = regrouped;
        let Some(mut call) = self.merge(facts) else { return };
        let twin = self.response_ids.twin(&call, trace);
        if let Some(other) = twin.and_then(|twin| self.ring.calls().get(twin)) {
            call = self.merge_twins(other.clone(), call);
        }
        rows.extend(twin);
        let row = match rows.iter().copied().min() {
            None => self.add(call),
            Some(row) => {
                self.replace(row, call);
                row
            }
        };
        for absorbed in rows.into_iter().filter(|&absorbed| absorbed != row) {
            self.merge_away(absorbed);
        }
        self.response_ids.learn(self.ring.calls().get(row), row, trace);
        self.join.assign(&trace, &members, row);
    }

    /// One call out of the leading one and those that fill its gaps.
    fn merge(&mut self, mut facts: Vec<LlmCall>) -> Option<LlmCall> {
        if facts.len() <= 1 {
            return facts.pop();
        }
        let (leader, others) = facts.split_first()?;
        Some(self.fill(leader, others))
    }

    /// The same call seen in two traces: the one that started first leads, a gateway always does.
    fn merge_twins(&mut self, one: LlmCall, other: LlmCall) -> LlmCall {
        let order = |call: &LlmCall| (call.labels().convention != Convention::Plano, call.start_unix_nano());
        let (leader, other) = if order(&one) <= order(&other) { (one, other) } else { (other, one) };
        self.fill(&leader, &[other])
    }

    /// The leader with its gaps filled from the others, in order of trust.
    fn fill(&mut self, leader: &LlmCall, others: &[LlmCall]) -> LlmCall {
        let mut draft = leader.draft();
        for other in others {
            draft.fill_gaps(&other.draft());
        }
        LlmCall::keep(&draft, &mut lock(&self.names), leader.start_unix_nano())
    }

    fn replace(&mut self, row: CallId, mut call: LlmCall) {
        call.set_cost(self.prices.cost(&call));
        let Some(old) = self.ring.calls().get(row) else { return };
        if old.same_facts(&call) {
            return;
        }
        self.totals.replace(old, &call);
        self.ring.replace(row, call);
    }

    /// Two rows turned out to be one call: this one stays in its place, unseen and uncounted.
    fn merge_away(&mut self, row: CallId) {
        self.counters.llm_calls -= 1;
        self.counters.merged += 1;
        let Some(old) = self.ring.calls().get(row) else { return };
        let mut hidden = old.clone();
        hidden.merge_away();
        self.totals.replace(old, &hidden);
        self.ring.replace(row, hidden);
    }
}

/// Price rows by label set, so that a call costs arithmetic only.
#[derive(Debug)]
struct Prices {
    pricer: Arc<Pricer>,
    version: u64,
    by_labels: HashMap<usize, (Arc<Labels>, Option<Match>), foldhash::fast::RandomState>,
}

/// Distinct label sets whose price row is remembered.
const PRICED_LABELS: usize = 4096;

impl Prices {
    fn new(pricer: Arc<Pricer>) -> Self {
        Self { pricer, version: 0, by_labels: HashMap::default() }
    }

    fn cost(&mut self, call: &LlmCall) -> Option<crate::call::Cost> {
        let version = self.pricer.version();
        if self.version != version || self.by_labels.len() >= PRICED_LABELS {
            self.by_labels.clear();
            self.version = version;
        }
        let labels = call.labels();
        // The entry holds the labels, so that their address stays theirs.
        let (_, found) = self
            .by_labels
            .entry(Arc::as_ptr(labels).addr())
            .or_insert_with(|| (Arc::clone(labels), Sold::of(labels).and_then(|sold| self.pricer.find(sold))));
        shown_cost(found.as_ref(), &Facts::of(call))
    }
}

/// Recent response ids: the same one in another trace is the same call (SEMCONV.md 4.4).
#[derive(Debug, Default)]
struct ResponseIds {
    rows: HashMap<Name, ResponseRow, foldhash::fast::RandomState>,
    order: VecDeque<Name>,
}

#[derive(Debug)]
struct ResponseRow {
    row: CallId,
    trace: TraceId,
    /// Seen in a second trace: the row holds facts of both.
    shared: bool,
}

impl ResponseIds {
    /// Plano's request ids are not response ids: a client may send the same one twice.
    fn of(call: &LlmCall) -> Option<String> {
        if call.labels().convention == Convention::Plano {
            return None;
        }
        call.emitted_request_id().filter(|id| id.len() >= SHORTEST_RESPONSE_ID)
    }

    /// The row that shows this call from another trace too.
    fn twin(&self, call: &LlmCall, trace: TraceId) -> Option<CallId> {
        let known = self.rows.get(Self::of(call)?.as_str())?;
        (known.shared || known.trace != trace).then_some(known.row)
    }

    fn learn(&mut self, call: Option<&LlmCall>, row: CallId, trace: TraceId) {
        let Some(id) = call.and_then(Self::of).map(Name::from) else { return };
        if let Some(known) = self.rows.get_mut(&id) {
            known.row = row;
            known.shared |= known.trace != trace;
            return;
        }
        if self.order.len() >= RESPONSE_IDS
            && let Some(oldest) = self.order.pop_front()
        {
            self.rows.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.rows.insert(id, ResponseRow { row, trace, shared: false });
    }
}

/// Owns the store: takes batches and commands, publishes at most once every `publish_every`, and only what changed.
/// When `stop` is cancelled it takes what was queued by then, publishes for the last time, and from then on only answers.
pub async fn run(
    mut store: Store,
    mut batches: mpsc::Receiver<Batch>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    gate: Arc<Gate>,
    published: watch::Sender<Arc<Snapshot>>,
    publish_every: Duration,
    stop: CancellationToken,
) {
    let take = |store: &mut Store, batch: Batch| {
        gate.leave(batch.weight());
        store.apply(batch);
    };
    let mut next_publish = Instant::now();
    let mut changed = true;
    loop {
        tokio::select! {
            batch = batches.recv() => match batch {
                Some(batch) => take(&mut store, batch),
                None => break,
            },
            Some(command) = commands.recv() => {
                // A command is about all that was accepted before it.
                for _ in 0..batches.len() {
                    if let Ok(batch) = batches.try_recv() {
                        take(&mut store, batch);
                    }
                }
                store.obey(command);
            }
            () = gate.changed() => {},
            () = stop.cancelled() => break,
            () = tokio::time::sleep_until(next_publish), if changed => {
                publish(&mut store, &gate, &published);
                next_publish = Instant::now() + publish_every;
                changed = false;
                continue;
            }
        }
        changed = true;
    }
    batches.close();
    while let Some(batch) = batches.recv().await {
        take(&mut store, batch);
    }
    publish(&mut store, &gate, &published);
    drop(published);
    while let Some(command) = commands.recv().await {
        store.obey(command);
    }
}

fn publish(store: &mut Store, gate: &Gate, published: &watch::Sender<Arc<Snapshot>>) {
    store.version += 1;
    let mut snapshot = store.snapshot();
    gate.add_to(&mut snapshot.counters);
    published.send_replace(Arc::new(snapshot));
}

#[cfg(test)]
mod tests;
