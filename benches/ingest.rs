//! What a span costs from the bytes of its request to its row, stage by stage, and what that depends on: the mix, the
//! size of requests, how many calls are kept.
//!
//! Prints nanoseconds a span, the best of many rounds. Copying a request into fresh memory, which every server does that
//! keeps what it gets, is the floor.

#[path = "../examples/flood/traffic.rs"]
mod traffic;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use planoai::collector::SharedNames;
use planoai::collector::ingest::{read, unix_nano_now};
use planoai::collector::store::{Batch, Store, StoreConfig};
use planoai::collector::{semconv, wire};
use traffic::{Mix, Template};

const GATEWAY: Mix = Mix { batch: 512, one_llm_in: 1, attributes: 28, models: 8, sessions: 500 };

const MIXES: [(&str, Mix); 4] = [
    ("512 LLM spans a request", GATEWAY),
    ("512 spans, one in three LLM", Mix { one_llm_in: 3, ..GATEWAY }),
    ("8 LLM spans a request", Mix { batch: 8, ..GATEWAY }),
    ("512 LLM spans, every session another", Mix { sessions: u64::MAX, ..GATEWAY }),
];

const KEPT: [usize; 3] = [1_000, 100_000, 1_000_000];

/// Spans of a round, and rounds.
const SPANS: u64 = 64 * 512;
const ROUNDS: usize = 20;

/// A running store with requests to take in.
struct Bench {
    template: Template,
    batch: u64,
    sent: u64,
    store: Store,
    names: SharedNames,
}

impl Bench {
    fn new(mix: Mix, kept: usize) -> Self {
        let names = SharedNames::default();
        let store = Store::new(StoreConfig {
            capacity: kept,
            span_memory: 64 << 20,
            pricer: Arc::default(),
            names: names.clone(),
        });
        Self { template: Template::new(mix), batch: mix.batch.into(), sent: 0, store, names }
    }

    /// The next request, as hot in the cache as one that was just received.
    fn request(&mut self) -> Bytes {
        self.sent += self.batch;
        Bytes::copy_from_slice(self.template.fill(self.sent))
    }

    fn take(&mut self, request: Bytes) {
        let received_unix_nano = unix_nano_now();
        let arrivals = read(&request, &mut self.names.lock(), received_unix_nano).unwrap_or_default();
        self.store.apply(Batch { request, arrivals, received_unix_nano });
    }
}

/// Nanoseconds a span: the best of many rounds, each over new requests. Making them is not counted.
fn nanos(bench: &mut Bench, mut work: impl FnMut(&mut Bench, Bytes)) -> f64 {
    let requests = SPANS / bench.batch;
    let mut round = || {
        let mut took = Duration::ZERO;
        for _ in 0..requests {
            let request = bench.request();
            let start = Instant::now();
            work(bench, request);
            took += start.elapsed();
        }
        took.as_nanos() as f64 / (requests * bench.batch) as f64
    };
    (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min)
}

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn main() {
    println!("{:<40}{:>8}{:>8}{:>10}{:>8}{:>9}", "ns a span", "copy", "walk", "semconv", "read", "store");
    for (name, mix) in MIXES {
        let mut bench = Bench::new(mix, 1000);
        let copied = nanos(&mut bench, |_, request| drop(black_box(Bytes::copy_from_slice(&request))));
        let walked = nanos(&mut bench, |_, request| {
            let _ = black_box(wire::walk_at_once(&request, |_, span| _ = black_box(span)));
        });
        let known = nanos(&mut bench, |_, request| {
            let mut reader = semconv::SpanReader::default();
            let look = |origin: &wire::Origin<'_, '_>, span: &wire::Span<'_, '_>| {
                _ = black_box(reader.read(origin, span));
            };
            let _ = black_box(wire::walk_at_once(&request, look));
        });
        let interned = nanos(&mut bench, |bench, request| {
            let _ = black_box(read(&request, &mut bench.names.lock(), 0));
        });
        let stored = nanos(&mut bench, Bench::take);
        println!("{name:<40}{copied:>8.0}{walked:>8.0}{known:>10.0}{interned:>8.0}{stored:>9.0}");
    }
    println!("\n{:<40}{:>8}", "ns a span, by calls kept", "store");
    for kept in KEPT {
        let mut bench = Bench::new(GATEWAY, kept);
        while bench.sent < kept as u64 {
            let request = bench.request();
            bench.take(request);
        }
        println!("{kept:<40}{:>8.0}", nanos(&mut bench, Bench::take));
    }
}
