//! What a picture costs, by how many calls are kept: following 1,000 new calls, changing the filter, the window, the order.

use std::cell::RefCell;
use std::sync::Arc;

use divan::Bencher;
use planoai::app::analysis::{Analysis, ViewSpec, Window};
use planoai::app::column::{Column, Direction};
use planoai::app::filter::Filter;
use planoai::call::{Cost, CostBasis, Draft, LlmCall, Names, RequestId, Usage};
use planoai::collector::Snapshot;
use planoai::collector::ring::Ring;

const KEPT: [usize; 3] = [1_000, 100_000, 1_000_000];
const SECOND: i64 = 1_000_000_000;
const NOON: i64 = 1_800_000_000 * SECOND;
/// Calls in a second of the bench's traffic.
const RATE: i64 = 30_000;

fn main() {
    divan::main();
}

/// Traffic that repeats itself only after long: 12 models, 6 routes, 500 sessions, one call in 50 failing.
struct Traffic {
    names: Names,
    ring: Ring,
    random: u64,
    now: i64,
}

impl Traffic {
    fn new(kept: usize) -> Self {
        let mut traffic = Self { names: Names::default(), ring: Ring::new(kept), random: 1, now: NOON };
        traffic.arrive(kept);
        traffic
    }

    /// A number below `bound` (xorshift).
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }

    fn arrive(&mut self, calls: usize) {
        for _ in 0..calls {
            let call = self.call();
            self.ring.push(call);
            self.now += SECOND / RATE;
        }
    }

    fn call(&mut self) -> LlmCall {
        let ttft_ms = 80.0 + self.below(2_000_000) as f64 / 1e3;
        let duration_ms = ttft_ms + self.below(20_000_000) as f64 / 1e3;
        let input = self.below(30_000);
        let draft = Draft {
            request_id: RequestId::SpanId,
            start_unix_nano: u64::try_from(self.now).ok(),
            model: Some(format!("provider-model-{}", self.below(12)).into()),
            provider: Some("provider".into()),
            route_name: Some(format!("route-{}", self.below(6)).into()),
            session_id: Some(format!("session-{}", self.below(500)).into()),
            status_code: Some(if self.below(50) == 0 { 429 } else { 200 }),
            usage: Usage {
                input: Some(input),
                cache_read: Some(input / 2),
                output: Some(1 + self.below(2000)),
                ..Usage::default()
            },
            ttft_ms: Some(ttft_ms),
            duration_ms: Some(duration_ms),
            trace_id: &[7; 16],
            span_id: &[7; 8],
            ..Draft::default()
        };
        let mut call = LlmCall::keep(&draft, &mut self.names, self.now);
        call.set_cost(Some(Cost { usd: input as f64 * 1e-6, basis: CostBasis::Priced }));
        call
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            version: self.ring.calls().next_id().0,
            calls: self.ring.calls().clone(),
            ..Snapshot::default()
        })
    }
}

/// Measures updates that follow 1,000 new calls each.
fn follow(bencher: Bencher<'_, '_>, kept: usize, spec: &ViewSpec) {
    let traffic = RefCell::new(Traffic::new(kept));
    let analysis = RefCell::new(Analysis::default());
    analysis.borrow_mut().update(spec, &traffic.borrow().snapshot(), traffic.borrow().now);
    bencher
        .with_inputs(|| {
            let mut traffic = traffic.borrow_mut();
            traffic.arrive(1000);
            (traffic.snapshot(), traffic.now)
        })
        .bench_local_refs(|(snapshot, now)| analysis.borrow_mut().update(spec, snapshot, *now));
}

/// Measures the change from one wish to another over the same calls; the way back is not measured.
fn change(bencher: Bencher<'_, '_>, kept: usize, from: &ViewSpec, to: &ViewSpec) {
    let traffic = Traffic::new(kept);
    let snapshot = traffic.snapshot();
    let analysis = RefCell::new(Analysis::default());
    bencher.with_inputs(|| analysis.borrow_mut().update(from, &snapshot, traffic.now)).bench_local_values(|former| {
        drop(former);
        analysis.borrow_mut().update(to, &snapshot, traffic.now)
    });
}

fn all() -> ViewSpec {
    ViewSpec::default()
}

fn filtered(expression: &str) -> ViewSpec {
    ViewSpec { filter: Arc::new(Filter::parse(expression).unwrap_or_default()), ..all() }
}

fn sorted(column: Column) -> ViewSpec {
    ViewSpec { sort: Some((column, Direction::Descending)), ..all() }
}

#[divan::bench(args = KEPT)]
fn first_look(bencher: Bencher<'_, '_>, kept: usize) {
    let traffic = Traffic::new(kept);
    let snapshot = traffic.snapshot();
    bencher.bench_local(|| Analysis::default().update(&all(), &snapshot, traffic.now));
}

#[divan::bench(args = KEPT)]
fn follow_1k_new_calls(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &all());
}

#[divan::bench(args = KEPT)]
fn follow_1k_filtered(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &filtered("model:*-1 status:200"));
}

#[divan::bench(args = KEPT)]
fn follow_1k_in_a_window(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &ViewSpec { window: Window::Minute, ..all() });
}

#[divan::bench(args = KEPT)]
fn follow_1k_sorted_by_latency(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &sorted(Column::Latency));
}

#[divan::bench(args = KEPT)]
fn follow_1k_sorted_by_session(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &sorted(Column::Session));
}

#[divan::bench(args = KEPT)]
fn follow_1k_with_sessions(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &ViewSpec { sessions: true, ..all() });
}

#[divan::bench(args = KEPT)]
fn filter_by_model(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &filtered("model:*-1*"));
}

#[divan::bench(args = KEPT)]
fn filter_by_word(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &filtered("session-42"));
}

#[divan::bench(args = KEPT)]
fn filter_that_all_pass(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &filtered("out:>0"));
}

#[divan::bench(args = KEPT)]
fn sort_by_latency(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &sorted(Column::Latency));
}

#[divan::bench(args = KEPT)]
fn sort_by_session(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &sorted(Column::Session));
}
