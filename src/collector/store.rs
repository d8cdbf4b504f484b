//! The store owns ring, joining, span log and counters.
//!
//! [`Store`] is plain state that tests drive directly; [`run`] is the task that owns it in a running
//! collector, takes batches and commands, and publishes snapshots.

mod cross_trace_dedup;
mod lost_context;
mod prices;

use std::borrow::Cow;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::byte_budget::Reservation;
use super::counters::Counters;
use super::decode::{DecodedSpan, decode};
use super::join::{Join, Node, Outcome, Part, Place, Regrouped, Relation, Share, Source, SpanId, TraceId};
use super::metrics::CollectorMetrics;
use super::ring::Ring;
use super::shared_names::SharedNames;
use super::snapshot::Snapshot;
use super::span_log::{SpanLog, SpanRef};
use crate::call::{Attempt, Attempts, CallId, Convention, Cost, LlmCall, MOST_ATTEMPTS, Usage};
use crate::pricing::Pricer;
use crate::stats::Totals;
use cross_trace_dedup::{CrossTraceDedup, KnownRow};
use lost_context::{LostContext, Sighting};
use prices::Prices;

/// Spans remembered for joining: what a gateway sends in many minutes, and about 20 MB at the most.
pub const JOIN_SPANS: usize = 65_536;

/// One span of a batch, interned.
#[derive(Debug)]
pub struct Arrival {
    /// Its trace and its own id, when both are well formed and not zero.
    pub ids: Option<(TraceId, SpanId)>,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// What it contributes to a call.
    pub part: Part,
    /// The rule that gave it its role.
    pub why: &'static str,
    /// Its place in the request.
    pub range: Range<u32>,
    /// Whether it acts between model calls: a tool, an agent, a workflow.
    pub acts: bool,
    /// Whether the counts of the calls right below it are running sums.
    pub adds_up: bool,
    /// Whether its trace state marks it as sampled.
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
    /// Approximate bytes in the queue: the request, its spans, and a call for each.
    pub fn weight(&self) -> usize {
        let spans = self.arrivals.len().saturating_mul(size_of::<Arrival>() + size_of::<LlmCall>());
        self.request.len().saturating_add(spans)
    }
}

/// A batch on its way to the store, which counts towards the bytes that may wait there until it is dropped.
#[derive(Debug)]
pub struct QueuedBatch {
    pub(super) batch: Batch,
    #[expect(dead_code, reason = "gives back its bytes on drop")]
    pub(super) reservation: Reservation,
}

/// A span of a trace, with its bytes if the span log still has them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnownSpan {
    /// Span id; 0 if malformed.
    pub id: SpanId,
    /// Its parent's id; 0 for a root.
    pub parent: SpanId,
    /// The row it is part of.
    pub row: Option<CallId>,
    /// How it was counted.
    pub outcome: Outcome,
    /// The rule that gave it its role; owned where it came from a remote collector.
    pub why: Cow<'static, str>,
    /// The export request that brought it, and its place in there; `None` when the span log dropped it.
    #[serde(skip)]
    pub bytes: Option<(Bytes, Range<usize>)>,
}

impl KnownSpan {
    /// Decodes the name; `None` when the span log dropped the span.
    pub fn name(&self) -> Option<String> {
        self.decoded().map(|decoded| decoded.span.name)
    }

    /// Decodes the span; `None` when the span log dropped it.
    pub fn decoded(&self) -> Option<DecodedSpan> {
        let (request, range) = self.bytes.as_ref()?;
        decode(request, range)
    }
}

/// Requests to a running store.
#[derive(Debug)]
pub enum Command {
    /// Drops all calls and spans; counters and totals stay.
    Clear {
        /// Receives once they are dropped.
        done: std::sync::mpsc::Sender<()>,
    },
    /// Returns all known spans of a trace.
    Spans {
        /// Trace whose spans are requested.
        trace: TraceId,
        /// Receives the spans, or disconnects without an answer.
        reply: std::sync::mpsc::Sender<Vec<KnownSpan>>,
    },
}

/// Settings of a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Capacity of the ring, calls.
    pub capacity: usize,
    /// Most bytes of raw spans kept.
    pub span_memory: usize,
    /// Prices calls as they arrive.
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
    dedup: CrossTraceDedup,
    lost_context: LostContext,
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
            dedup: CrossTraceDedup::default(),
            lost_context: LostContext::default(),
            names: config.names,
            version: 0,
        }
    }

    /// Stores a whole batch.
    pub fn apply(&mut self, mut batch: Batch) {
        self.counters.requests += 1;
        self.counters.spans_received += batch.arrivals.len() as u64;
        self.counters.last_batch_unix_nano = Some(batch.received_unix_nano);
        let request = self.log.next();
        self.log.push(&batch.request);
        self.join.make_room(batch.arrivals.len());
        // Spans are read in place and moved once: reading what was just copied would wait for all earlier writes to memory.
        for arrival in &mut batch.arrivals {
            self.arrive(arrival, request, batch.received_unix_nano);
        }
    }

    fn note_clock(&mut self, call: &LlmCall, received_unix_nano: i64) {
        let ahead = call.start_unix_nano().saturating_sub(received_unix_nano);
        self.counters.clock_ahead_nanos = self.counters.clock_ahead_nanos.max(ahead);
    }

    /// Forgets all calls and spans; counters, totals and numbering go on.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.join.clear();
        self.log.clear();
        self.dedup = CrossTraceDedup::default();
        self.lost_context = LostContext::default();
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Clear { done } => {
                self.clear();
                // Most callers do not wait.
                let _ = done.send(());
            }
            Command::Spans { trace, reply } => {
                // The receiver may be gone.
                let _ = reply.send(self.spans(&trace));
            }
        }
    }

    /// Shares the segments of the ring; copies pointers only.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            version: self.version,
            calls: self.ring.calls().clone(),
            counters: Counters { llm_calls: self.totals.calls, ..self.counters },
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

    fn arrive(&mut self, arrival: &mut Arrival, request: u64, received_unix_nano: i64) {
        let Arrival { ids, parent, part, why, range, acts, adds_up, is_sampled } = arrival;
        self.counters.spans_sampled += u64::from(*is_sampled);
        if let Part::Call(call) = part {
            self.note_clock(call, received_unix_nano);
        }
        let &mut Some((trace, id)) = ids else { return self.arrive_alone(part.take()) };
        let span = SpanRef { request, start: range.start, end: range.end };
        let place = Place { id, parent: *parent, why, span, acts: *acts, adds_up: *adds_up };
        match self.join.relation(&trace, id, part.started()) {
            Relation::NewTrace => self.arrive_first(trace, place, part),
            Relation::KnownTrace => self.arrive_late(trace, place, part),
            Relation::Repeat => self.counters.merged += 1,
            // This one is not joined, so that the other keeps the id.
            Relation::DuplicateSpanId => self.arrive_alone(part.take()),
        }
    }

    /// The first span of its trace, as nearly all are under load. A call alone in its trace is a row, which holds its facts.
    fn arrive_first(&mut self, trace: TraceId, place: Place, part: &mut Part) {
        let node = match part {
            Part::Call(call) if self.in_another_trace(call, trace, place.parent == 0, &[]).is_none() => {
                let row = self.ring.calls().next_id();
                self.price_and_count(call);
                self.dedup.record(call, row, trace, self.ring.calls());
                self.lost_context.record(call, &Sighting { row, trace, is_root: place.parent == 0 });
                let node = Node::with_facts_in_row(place, call, row);
                if let Part::Call(call) = part.take() {
                    self.ring.push(call);
                }
                node
            }
            Part::Call(_) => return self.arrive_late(trace, place, part),
            Part::Completes(_) | Part::Context(_) | Part::Rejected | Part::Other => {
                self.count(part);
                Node::new(place, part)
            }
        };
        self.join.begin(trace, node);
    }

    /// A span of a trace with other spans, or a call that another trace has, too.
    fn arrive_late(&mut self, trace: TraceId, place: Place, part: &mut Part) {
        self.count(part);
        let calls_booked = self.totals.calls + self.counters.merged + u64::from(matches!(part, Part::Call(_)));
        let Self { join, ring, .. } = self;
        let rows = join.join(&trace, Node::new(place, part), |row| ring.calls().get(row).cloned());
        for regrouped in rows {
            self.regroup(trace, regrouped);
        }
        // Each call is a row or part of one; a former part may have become a row again.
        self.counters.merged = calls_booked.saturating_sub(self.totals.calls);
    }

    /// A span that cannot be joined: its ids are missing, malformed or taken.
    fn arrive_alone(&mut self, part: Part) {
        self.count(&part);
        if let Part::Call(call) = part {
            self.add(call);
        }
    }

    /// Counts the span by its role. Calls are counted when it is known whether they are a row of their own.
    fn count(&mut self, part: &Part) {
        match part {
            Part::Call(_) => {}
            Part::Completes(_) => self.counters.merged += 1,
            Part::Rejected => self.counters.rejected += 1,
            Part::Context(_) | Part::Other => self.counters.not_llm += 1,
        }
    }

    fn add(&mut self, mut call: LlmCall) -> CallId {
        self.price_and_count(&mut call);
        self.ring.push(call)
    }

    /// Prices a call that becomes a row, and counts it.
    fn price_and_count(&mut self, call: &mut LlmCall) {
        call.set_cost(self.cost(call));
        self.totals.add(call);
    }

    /// What a call cost with all of its attempts.
    fn cost(&mut self, call: &LlmCall) -> Option<Cost> {
        let cost = self.prices.cost(call);
        match call.failed_attempts_usd() {
            None => cost,
            // A cost that was computed by the emitter of the call is that of all attempts.
            Some(_) if call.reported_cost_usd().is_some_and(|usd| usd > 0.0) => cost,
            Some(lost) => cost.map(|cost| Cost { usd: cost.usd + lost, ..cost }),
        }
    }

    /// The call without the tokens that calls before it counted.
    fn without(&mut self, call: &LlmCall, before: &Usage) -> LlmCall {
        let mut facts = call.facts();
        facts.usage.subtract(before);
        LlmCall::from_facts(&facts, &mut self.names.lock(), call.start_unix_nano())
    }

    /// The attempts of a call, each with its cost, where there were several.
    fn attempts(&mut self, spans: &[LlmCall]) -> Attempts {
        let count = u32::try_from(spans.len()).ok().filter(|&count| count > 1);
        let newest = spans.iter().skip(spans.len().saturating_sub(MOST_ATTEMPTS));
        let known = newest.map(|span| {
            let is_billed = span.usage().input.is_some() || span.usage().output.is_some();
            let cost = self.prices.cost(span).filter(|_| is_billed);
            Attempt::of(span, cost)
        });
        Attempts { known: known.collect(), count }
    }

    /// Rebuilds a row from all spans that belong to it.
    fn regroup(&mut self, trace: TraceId, regrouped: Regrouped) {
        let Regrouped { mut rows, sources, members, is_root, attempts, counted_before } = regrouped;
        let attempts = self.attempts(&attempts);
        let Some(mut call) = self.merge(sources, &attempts) else { return };
        if let Some(before) = counted_before {
            call = self.without(&call, &before);
        }
        let other_trace = self.in_another_trace(&call, trace, is_root, &rows);
        if let Some(other_trace) = other_trace {
            call = self.merge_across_traces(other_trace, call);
            if !rows.contains(&other_trace.row) {
                rows.push(other_trace.row);
            }
        }
        let row = match self.oldest(&rows) {
            None => self.add(call),
            Some(row) => {
                self.replace(row, call);
                row
            }
        };
        for absorbed in rows.into_iter().filter(|&absorbed| absorbed != row) {
            self.mark_merged(absorbed);
        }
        self.record(row, trace, is_root, other_trace);
        self.join.assign(&trace, &members, row);
    }

    /// The oldest row that is still kept, or the oldest where none is.
    fn oldest(&self, rows: &[CallId]) -> Option<CallId> {
        rows.iter().copied().min_by_key(|&row| (self.ring.calls().get(row).is_none(), row))
    }

    /// The row of another trace that shows this call, whose spans are part of `rows` so far.
    fn in_another_trace(&self, call: &LlmCall, trace: TraceId, is_root: bool, rows: &[CallId]) -> Option<KnownRow> {
        let calls = self.ring.calls();
        self.dedup.find(call, trace, rows, calls).or_else(|| self.lost_context.find(call, trace, is_root, rows, calls))
    }

    fn record(&mut self, row: CallId, trace: TraceId, is_root: bool, other_trace: Option<KnownRow>) {
        let Some(call) = self.ring.calls().get(row) else { return };
        self.dedup.record(call, row, trace, self.ring.calls());
        match other_trace {
            None => self.lost_context.record(call, &Sighting { row, trace, is_root }),
            Some(other) => self.lost_context.pair(call, row, [trace, other.trace]),
        }
    }

    /// One call out of the leading one and those that fill its gaps.
    fn merge(&mut self, mut sources: Vec<Source>, attempts: &Attempts) -> Option<LlmCall> {
        if sources.len() <= 1 && attempts.is_empty() {
            return sources.pop().map(|source| source.facts);
        }
        let (leader, others) = sources.split_first()?;
        Some(self.fill(&leader.facts, others, attempts))
    }

    /// The same call seen in two traces: the one that started first leads, a gateway always does. Below it, in time, is the one
    /// nearer to the wire.
    fn merge_across_traces(&mut self, other_trace: KnownRow, call: LlmCall) -> LlmCall {
        let Self { join, ring, .. } = self;
        join.copy_facts_from_row(&other_trace.trace, |row| ring.calls().get(row).cloned());
        let Some(other) = ring.calls().get(other_trace.row).cloned() else { return call };
        let order = |call: &LlmCall| (call.labels().convention != Convention::Plano, call.start_unix_nano());
        let (leader, other) = if order(&other) <= order(&call) { (other, call) } else { (call, other) };
        let is_inner = leader.labels().convention != Convention::Plano && is_within(&other, &leader);
        let share = if is_inner { Share::Wire } else { Share::Whole };
        self.fill(&leader, &[Source { facts: other, share }], &Attempts::default())
    }

    /// The leader with its gaps filled from the others, in order of trust.
    fn fill(&mut self, leader: &LlmCall, others: &[Source], attempts: &Attempts) -> LlmCall {
        let mut facts = leader.facts();
        facts.attempts.fill_gaps(attempts);
        for other in others {
            match other.share {
                Share::Whole => facts.fill_gaps(&other.facts.facts()),
                Share::Wire => {
                    facts.fill_gaps(&other.facts.facts());
                    facts.trust(&other.facts.facts());
                }
                Share::Served => {
                    facts.served_by(&other.facts.facts());
                    facts.fill_gaps(&other.facts.facts());
                }
                Share::Caller => facts.fill_caller(&other.facts.facts()),
            }
        }
        LlmCall::from_facts(&facts, &mut self.names.lock(), leader.start_unix_nano())
    }

    fn replace(&mut self, row: CallId, mut call: LlmCall) {
        call.set_cost(self.cost(&call));
        let Some(old) = self.ring.calls().get(row) else { return };
        if old.same_facts(&call) {
            return;
        }
        self.totals.replace(old, &call);
        self.ring.replace(row, call);
    }

    /// Two rows turned out to be one call: this one stays in its place, hidden and uncounted. One that is no longer kept
    /// stays counted. A span of another trace may use this row again, and then have it merged once more.
    fn mark_merged(&mut self, row: CallId) {
        let Some(old) = self.ring.calls().get(row).filter(|old| !old.is_merged_away()) else { return };
        let mut hidden = old.clone();
        hidden.mark_merged();
        self.totals.replace(old, &hidden);
        self.ring.replace(row, hidden);
    }
}

/// Whether a call went on within another one, and not at the very same time.
fn is_within(inner: &LlmCall, outer: &LlmCall) -> bool {
    let times = |call: &LlmCall| (call.start_unix_nano(), call.end_unix_nano());
    let (inner, outer) = (times(inner), times(outer));
    inner != outer && outer.0 <= inner.0 && inner.1 <= outer.1
}

/// The task that owns the store.
#[derive(Debug)]
pub(super) struct StoreTask {
    pub store: Store,
    pub batches: mpsc::Receiver<QueuedBatch>,
    pub commands: mpsc::UnboundedReceiver<Command>,
    pub metrics: Arc<CollectorMetrics>,
    pub published: watch::Sender<Arc<Snapshot>>,
    /// A changed snapshot is published at most once in this time.
    pub publish_every: Duration,
}

/// Runs the store: applies batches and commands, and publishes changes at most once every `publish_every`. When `stop` is
/// cancelled it applies what is queued, publishes for the last time, and then only answers commands.
pub(super) async fn run(task: StoreTask, stop: CancellationToken) {
    let StoreTask { mut store, mut batches, mut commands, metrics, published, publish_every } = task;
    let take_all = |store: &mut Store, batches: &mut mpsc::Receiver<QueuedBatch>| {
        for _ in 0..batches.len() {
            if let Ok(queued) = batches.try_recv() {
                store.apply(queued.batch);
            }
        }
    };
    let mut next_publish = pin!(tokio::time::sleep(Duration::ZERO));
    let mut stopped = pin!(stop.cancelled());
    let mut changed = true;
    loop {
        tokio::select! {
            batch = batches.recv() => match batch {
                Some(queued) => {
                    store.apply(queued.batch);
                    take_all(&mut store, &mut batches);
                }
                None => break,
            },
            Some(command) = commands.recv() => {
                // A command applies to all batches accepted before it.
                take_all(&mut store, &mut batches);
                store.handle_command(command);
            }
            () = metrics.changed() => {},
            () = &mut stopped => break,
            () = &mut next_publish, if changed => {
                publish(&mut store, &metrics, &published);
                next_publish.as_mut().reset(Instant::now() + publish_every);
                changed = false;
                continue;
            }
        }
        changed = true;
    }
    batches.close();
    while let Some(queued) = batches.recv().await {
        store.apply(queued.batch);
    }
    publish(&mut store, &metrics, &published);
    drop(published);
    while let Some(command) = commands.recv().await {
        store.handle_command(command);
    }
}

fn publish(store: &mut Store, metrics: &CollectorMetrics, published: &watch::Sender<Arc<Snapshot>>) {
    store.version += 1;
    let mut snapshot = store.snapshot();
    metrics.add_to(&mut snapshot.counters);
    published.send_replace(Arc::new(snapshot));
}

#[cfg(test)]
mod tests;
