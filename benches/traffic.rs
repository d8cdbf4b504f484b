//! Calls for benches: the same in every run.

use std::sync::Arc;

use planoai::call::{CallFacts, Cost, CostBasis, LlmCall, Names, RequestId, Usage};
use planoai::collector::Snapshot;
use planoai::collector::ring::Ring;

const SECOND: i64 = 1_000_000_000;
const NOON: i64 = 1_800_000_000 * SECOND;
/// Calls in a second of the bench's traffic.
const RATE: i64 = 30_000;

/// Traffic that repeats itself only after long: 12 models, 6 routes, 500 sessions, one call in 50 failing.
pub(crate) struct Traffic {
    names: Names,
    ring: Ring,
    random: u64,
    /// Start of the next call, ns since the epoch.
    pub now: i64,
}

impl Traffic {
    /// As many calls as are kept.
    pub(crate) fn new(kept: usize) -> Self {
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

    /// Lets calls arrive.
    pub(crate) fn arrive(&mut self, calls: usize) {
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
        let draft = CallFacts {
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
            ..CallFacts::default()
        };
        let mut call = LlmCall::from_facts(&draft, &mut self.names, self.now);
        call.set_cost(Some(Cost { usd: input as f64 * 1e-6, basis: CostBasis::Priced }));
        call
    }

    /// The picture of this moment.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            version: self.ring.calls().next_id().0,
            calls: self.ring.calls().clone(),
            ..Snapshot::default()
        })
    }
}
