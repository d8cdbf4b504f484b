//! Traffic that is the same on every run: what the screens are tested with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use planoai::app::detail::{Detail, TraceSpan, Wanted};
use planoai::app::{About, App, Clock, Event};
use planoai::call::{
    CallFacts, Convention, Cost, CostBasis, LlmCall, Name, Names, PlanoFacts, Quality, RequestId, Usage,
};
use planoai::collector::SharedNames;
use planoai::collector::ingest::read;
use planoai::collector::ring::Ring;
use planoai::collector::store::{Batch, Store, StoreConfig};
use planoai::collector::{Counters, HttpListener, Snapshot};
use planoai::pricing::Pricer;
use planoai::query::analysis::{Analysis, ViewSpec};
use planoai::stats::Totals;
use planoai::text::secrets::Secrets;
use ratatui::crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};

/// 2026-11-23 12:03:22 UTC.
pub(crate) const NOW: i64 = 1_795_435_402_000_000_000;

const SECOND: i64 = 1_000_000_000;

/// A screen's worth of program: state, analysis, collector.
pub(crate) struct Harness {
    pub app: App,
    analysis: Analysis,
    ring: Ring,
    names: Names,
    totals: Totals,
    counters: Counters,
    version: u64,
    store: Option<Store>,
}

struct Model {
    name: &'static str,
    provider: &'static str,
    usd_per_token: Option<f64>,
    tokens_per_sec: u64,
}

const MODELS: [Model; 6] = [
    Model { name: "gpt-5-2025-08-07", provider: "openai", usd_per_token: Some(1e-5), tokens_per_sec: 71 },
    Model {
        name: "claude-sonnet-4-5-20250929",
        provider: "anthropic",
        usd_per_token: Some(1.5e-5),
        tokens_per_sec: 64,
    },
    Model { name: "gpt-4o-mini", provider: "openai", usd_per_token: Some(6e-7), tokens_per_sec: 112 },
    Model { name: "gemini-2.5-flash", provider: "google", usd_per_token: Some(2.5e-6), tokens_per_sec: 183 },
    Model { name: "openai-gpt-oss-120b", provider: "digitalocean", usd_per_token: Some(7e-9), tokens_per_sec: 96 },
    Model { name: "qwen3-coder-local", provider: "vllm", usd_per_token: None, tokens_per_sec: 38 },
];
const ROUTES: [Option<&str>; 5] = [Some("code generation"), Some("chat"), Some("summaries"), Some("chat"), None];
const SESSIONS: [Option<&str>; 4] = [Some("sess-alpha"), Some("implicit:7f3a9c02d1e84b55"), Some("support-4711"), None];

/// A linear congruential generator (Knuth's MMIX constants): enough for lifelike figures.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

impl Harness {
    pub(crate) fn empty() -> Self {
        let about = About {
            grpc: "0.0.0.0:4317".into(),
            http: HttpListener::Bound("0.0.0.0:4318".parse().unwrap()),
            is_open: true,
            is_demo: false,
            prices: "prices: bundled 2026-11-20".into(),
            secrets: Secrets::Masked,
            ..About::default()
        };
        let clock = Clock { unix_nano: NOW, ..Clock::default() };
        let mut harness = Self {
            app: App::new(about, ViewSpec::default(), Duration::from_millis(500), clock),
            analysis: Analysis::default(),
            ring: Ring::new(1000),
            names: Names::default(),
            totals: Totals::default(),
            counters: Counters::default(),
            version: 0,
            store: None,
        };
        harness.publish();
        harness
    }

    /// Ten minutes of traffic.
    pub(crate) fn busy() -> Self {
        let mut harness = Self::empty();
        let mut dice = Dice(42);
        harness.tick(-610);
        for nth in 0..320 {
            let start = NOW - (320 - nth) * 1_900_000_000 + i64::try_from(dice.roll(900_000_000)).unwrap();
            harness.call(&mut dice, start);
            if nth % 10 == 9 {
                harness.tick(19);
                harness.publish();
            }
        }
        harness.counters = Counters { connections: 2, requests: 118, spans_received: 702, ..harness.counters };
        harness.publish();
        harness.tick((NOW - harness.app.clock.unix_nano) / SECOND);
        harness
    }

    /// What a gateway really sent, spans and all.
    pub(crate) fn captured() -> Self {
        Self::captured_from("plano-brightstaff")
    }

    /// What a client really sent.
    pub(crate) fn captured_from(client: &str) -> Self {
        let mut harness = Self::empty();
        let names = SharedNames::default();
        let pricer = Arc::<Pricer>::default();
        let span_memory = 1 << 20;
        let mut store = Store::new(StoreConfig { capacity: 1000, span_memory, pricer, names: names.clone() });
        let folder = std::fs::read_dir(format!("tests/fixtures/{client}")).unwrap();
        let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "binpb"));
        files.sort();
        for file in files {
            let request = Bytes::from(std::fs::read(file).unwrap());
            let received_unix_nano = 1_795_425_100 * SECOND;
            let arrivals = read(&request, &mut names.lock(), received_unix_nano).unwrap();
            store.apply(Batch { request, arrivals, received_unix_nano });
        }
        harness.tick(1_795_425_100 - NOW / SECOND);
        harness.app.update(Event::Snapshot(Arc::new(Snapshot { version: 1, ..store.snapshot() })));
        harness.store = Some(store);
        harness.analyse();
        harness
    }

    /// Looks into the open call, as the details thread does.
    pub(crate) fn look_into(&mut self) {
        let Some(store) = &self.store else { return };
        if let Some(lookup) = self.app.look_up() {
            let own = |call: &LlmCall| {
                let id = u64::from_be_bytes(call.ids().1.try_into().unwrap());
                let known = store.spans(&Wanted::of(call).trace?).into_iter().find(|span| span.id == id)?;
                TraceSpan::decode(known, Secrets::Masked).span
            };
            let read = lookup.calls.iter().flat_map(|call| {
                let span = own(call);
                let value = move |key: &Name| span.as_ref()?.attribute(key).map(str::to_owned);
                lookup.keys.iter().map(move |key| (call.id(), key.clone(), value(key)))
            });
            let read = read.collect();
            self.app.update(Event::Attributes(read));
        }
        let Some(call) = self.app.look_into() else { return };
        let wanted = Wanted::of(&call);
        let spans = wanted.trace.map(|trace| store.spans(&trace)).unwrap_or_default();
        let spans = spans.into_iter().map(|span| TraceSpan::decode(span, Secrets::Masked)).collect();
        let detail = Detail { wanted, spans, cost: Pricer::default().explain(&call) };
        self.app.update(Event::Detail(Box::new(detail)));
    }

    fn call(&mut self, dice: &mut Dice, start: i64) {
        let model = &MODELS[[0, 0, 0, 1, 1, 2, 3, 3, 4, 5][usize::try_from(dice.roll(10)).unwrap()]];
        let route = ROUTES[usize::try_from(dice.roll(5)).unwrap()];
        let session = SESSIONS[usize::try_from(dice.roll(4)).unwrap()];
        let failure = match dice.roll(40) {
            0 => Some(Some(429)),
            1 => Some(Some(503)),
            2 => Some(None),
            _ => None,
        };
        let input = 400 + dice.roll(9000);
        let cached = if dice.roll(3) == 0 { 0 } else { input * dice.roll(80) / 100 };
        let output = 20 + dice.roll(1400);
        let ttft = 120 + dice.roll(500) + if dice.roll(12) == 0 { 1400 } else { 0 };
        let duration = ttft + output * 1000 / model.tokens_per_sec;
        let ok = failure.is_none();
        let span = dice.roll(u64::MAX >> 34).to_be_bytes();
        let id = format!("{:08x}-b59f-4a18-bea1-9bbfcf80{:04x}", dice.roll(1 << 31), dice.roll(1 << 16));
        let draft = CallFacts {
            convention: Convention::Plano,
            request_id: RequestId::Emitted(id.into()),
            start_unix_nano: u64::try_from(start).ok(),
            model: Some(model.name.into()),
            provider: Some(model.provider.into()),
            request_model: Some(if route.is_some() { "arch-router".into() } else { model.name.into() }),
            session_id: session.map(Into::into),
            route_name: route.map(Into::into),
            status_code: failure.unwrap_or(Some(200)),
            usage: Usage {
                input: ok.then_some(input),
                output: ok.then_some(output),
                total: ok.then_some(input + output),
                cache_read: ok.then_some(cached),
                reasoning: (ok && model.name.starts_with("gpt-5")).then_some(output / 3),
                ..Usage::default()
            },
            ttft_ms: ok.then_some(ttft as f64),
            duration_ms: Some(if ok { duration as f64 } else { 87.0 }),
            error_message: match failure {
                Some(Some(429)) => Some("Rate limit reached for requests per minute (RPM): limit 500, used 500".into()),
                Some(Some(_)) => Some("upstream connect error or disconnect/reset before headers".into()),
                Some(None) => Some("connection refused".into()),
                None => None,
            },
            trace_id: &[0xab; 16],
            span_id: &span,
            plano: PlanoFacts {
                flagged: dice.roll(30) == 0,
                quality: Some(Quality::Good),
                session_switches: session.map(|_| 2),
                session_overhead_pct: session.map(|_| 1.25),
            },
            ..CallFacts::default()
        };
        let cost = model.usd_per_token.filter(|_| ok).map(|rate| Cost {
            usd: rate * (output as f64 + input as f64 / 5.0),
            basis: if model.provider == "digitalocean" { CostBasis::Estimate } else { CostBasis::Priced },
        });
        self.push(&draft, cost);
    }

    /// Adds a call.
    pub(crate) fn push(&mut self, draft: &CallFacts<'_>, cost: Option<Cost>) {
        let mut call = LlmCall::from_facts(draft, &mut self.names, NOW);
        call.set_cost(cost);
        self.totals.add(&call);
        self.counters.llm_calls += 1;
        self.counters.spans_received += 1;
        self.ring.push(call);
    }

    /// Sets what the collector counted besides calls.
    pub(crate) fn count(&mut self, counters: Counters) {
        self.counters = counters;
        self.publish();
    }

    /// Publishes what was pushed and lets the analysis catch up.
    pub(crate) fn publish(&mut self) {
        self.version += 1;
        let snapshot = Snapshot {
            version: self.version,
            calls: self.ring.calls().clone(),
            counters: self.counters,
            totals: self.totals,
            capacity: self.ring.capacity(),
        };
        self.app.update(Event::Snapshot(Arc::new(snapshot)));
        self.analyse();
    }

    fn analyse(&mut self) {
        if let Some(request) = self.app.request() {
            let picture = self.analysis.update(&request.spec, &request.snapshot, request.now_unix_nano);
            self.app.update(Event::Picture(picture));
        }
    }

    /// Lets time go on.
    pub(crate) fn tick(&mut self, seconds: i64) {
        let unix_nano = self.app.clock.unix_nano + seconds * SECOND;
        self.app.update(Event::Tick(Clock { unix_nano, ..self.app.clock }));
        self.analyse();
    }

    /// Presses keys: `\n` is Enter, `\x1b` Esc, `\x08` Backspace, `\x01` to `\x1a` are Ctrl with a letter.
    pub(crate) fn press(&mut self, keys: &str) {
        for char in keys.chars() {
            let (code, modifiers) = match char {
                '\n' => (KeyCode::Enter, KeyModifiers::NONE),
                '\t' => (KeyCode::Tab, KeyModifiers::NONE),
                '\x1b' => (KeyCode::Esc, KeyModifiers::NONE),
                '\x08' => (KeyCode::Backspace, KeyModifiers::NONE),
                '\x01'..='\x1a' => (KeyCode::Char(char::from(char as u8 + b'a' - 1)), KeyModifiers::CONTROL),
                char => (KeyCode::Char(char), KeyModifiers::NONE),
            };
            self.app.update(Event::Input(Input::Key(KeyEvent::new(code, modifiers))));
            self.analyse();
            self.look_into();
        }
    }
}
