//! What arrives when: conversations under way, calm and bursts, and the order in which a gateway exports its spans.

use std::time::Duration;

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};

use super::{
    app, attributes,
    plano::{self, LLM_SERVICE, ROUTING_SERVICE},
    random::Random,
    session::Session,
};

/// Conversations under way at once.
const SESSIONS: usize = 14;
/// Calls that fill the first screen, back-dated over [`BACKLOG`].
const BACKLOG_CALLS: u32 = 60;
const BACKLOG: Duration = Duration::from_mins(10);
/// Mean pause between calls, ms.
const CALM_MS: f64 = 250.0;
const BURST_MS: f64 = 130.0;

/// An endless, repeatable stream of export requests.
#[derive(Clone, Debug)]
pub struct Traffic {
    random: Random,
    sessions: Vec<Session>,
    /// Routing spans that the gateway exports only with the next batch, after their parents.
    held_back: Vec<Span>,
    /// When the next call ends, ns since the epoch.
    next: u64,
    /// When live traffic began, ns since the epoch: what lies before is the backlog.
    live_from: u64,
    /// Until when the present burst or calm lasts, ns since the epoch.
    mood_until: u64,
    mood: Mood,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Calm,
    Burst,
    /// A burst that the upstream answers with 429s.
    Storm,
}

#[derive(Debug, Default)]
struct Batch {
    routing: Vec<Span>,
    llm: Vec<Span>,
    app: Vec<Span>,
}

impl Traffic {
    /// Traffic whose live part begins at `start` (ns since the epoch), after a backlog of about a screenful.
    pub fn new(seed: u64, start: u64) -> Self {
        let mut random = Random::new(seed);
        let sessions = (0..SESSIONS).map(|_| Session::start(&mut random)).collect();
        Self {
            random,
            sessions,
            held_back: Vec::new(),
            next: start.saturating_sub(nanos(BACKLOG)),
            live_from: start,
            mood_until: start,
            mood: Mood::Calm,
        }
    }

    /// The requests of all calls that ended by `now` (ns since the epoch) and were not handed out yet.
    pub fn advance(&mut self, now: u64) -> Vec<ExportTraceServiceRequest> {
        let mut batch = Batch::default();
        while self.next <= now {
            let end = self.next;
            self.call(end, &mut batch);
            self.next = end.saturating_add(self.pause(end)).max(end + 1);
        }
        self.export(batch)
    }

    /// The requests of the next `calls` calls, however long they take: for floods.
    pub fn batch(&mut self, calls: usize) -> Vec<ExportTraceServiceRequest> {
        let mut batch = Batch::default();
        for _ in 0..calls {
            let end = self.next;
            self.call(end, &mut batch);
            self.next = end.saturating_add(self.pause(end)).max(end + 1);
        }
        self.export(batch)
    }

    fn call(&mut self, end: u64, batch: &mut Batch) {
        if self.random.chance(0.06) {
            return batch.app.extend(app::spans(end, &mut self.random));
        }
        if self.random.chance(0.012) {
            return batch.llm.push(plano::rejected(end, &mut self.random));
        }
        let index = self.random.between(0, SESSIONS as u64 - 1);
        let Some(session) = usize::try_from(index).ok().and_then(|index| self.sessions.get_mut(index)) else { return };
        if session.is_over() {
            *session = Session::start(&mut self.random);
        }
        let storm = if self.mood == Mood::Storm { 0.45 } else { 0.0 };
        let turn = session.turn(end, storm, &mut self.random);
        let spans = plano::spans(&turn, end, &mut self.random);
        batch.routing.push(spans.routing);
        batch.llm.push(spans.llm);
    }

    /// Nanoseconds to the next call.
    fn pause(&mut self, now: u64) -> u64 {
        let mean_ms = if now < self.live_from {
            BACKLOG.as_secs_f64() * 1000.0 / f64::from(BACKLOG_CALLS)
        } else {
            self.live_pause(now)
        };
        let pause = Duration::try_from_secs_f64(self.random.exponential(mean_ms) / 1000.0).unwrap_or_default();
        nanos(pause)
    }

    fn live_pause(&mut self, now: u64) -> f64 {
        if now >= self.mood_until {
            let (mood, seconds) = match (self.mood, self.random.between(0, 3)) {
                (Mood::Calm, 0) => (Mood::Storm, self.random.between(3, 6)),
                (Mood::Calm, _) => (Mood::Burst, self.random.between(2, 6)),
                (Mood::Burst | Mood::Storm, _) => (Mood::Calm, self.random.between(8, 25)),
            };
            self.mood = mood;
            self.mood_until = now.saturating_add(nanos(Duration::from_secs(seconds)));
        }
        match self.mood {
            Mood::Calm => CALM_MS,
            Mood::Burst | Mood::Storm => BURST_MS,
        }
    }

    /// One request a service, as brightstaff exports. Some routing spans come after their parents, a batch later.
    fn export(&mut self, mut batch: Batch) -> Vec<ExportTraceServiceRequest> {
        let mut late = std::mem::take(&mut self.held_back);
        if self.random.chance(0.2) {
            self.held_back = std::mem::take(&mut batch.routing);
        }
        late.append(&mut batch.routing);
        let requests = [
            (ROUTING_SERVICE, plano::SCOPE, late),
            (LLM_SERVICE, plano::SCOPE, batch.llm),
            (app::SERVICE, app::SCOPE, batch.app),
        ];
        requests
            .into_iter()
            .filter(|(_, _, spans)| !spans.is_empty())
            .map(|(service, scope, spans)| attributes::request(service, scope, spans))
            .collect()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use opentelemetry_proto::tonic::{common::v1::any_value::Value, trace::v1::Span};

    use super::*;

    const START: u64 = 1_795_000_000_000_000_000;

    fn spans(requests: &[ExportTraceServiceRequest]) -> Vec<&Span> {
        let scopes = requests.iter().flat_map(|request| &request.resource_spans).flat_map(|spans| &spans.scope_spans);
        scopes.flat_map(|scope| &scope.spans).collect()
    }

    fn last_text(span: &Span, key: &str) -> Option<String> {
        span.attributes.iter().rev().find(|attribute| attribute.key == key).and_then(|attribute| {
            match attribute.value.as_ref()?.value.as_ref()? {
                Value::StringValue(text) => Some(text.clone()),
                Value::IntValue(int) => Some(int.to_string()),
                _ => None,
            }
        })
    }

    /// Guarantees: the first look at the screen is full, and nothing lies in the future.
    #[test]
    fn a_screenful_at_once() {
        let requests = Traffic::new(1, START).advance(START);
        let calls = spans(&requests).iter().filter(|span| last_text(span, "llm.model").is_some()).count();
        assert!((40..=90).contains(&calls), "{calls} calls");
        assert!(spans(&requests).iter().all(|span| span.end_time_unix_nano <= START));
        assert!(spans(&requests).iter().all(|span| span.start_time_unix_nano < span.end_time_unix_nano));
    }

    #[test]
    fn the_same_seed_gives_the_same_traffic_however_it_is_cut() {
        let whole = Traffic::new(5, START).batch(40);
        assert_eq!(whole, Traffic::new(5, START).batch(40));
        assert_ne!(whole, Traffic::new(6, START).batch(40));
        let mut traffic = Traffic::new(5, START);
        let (early, late) = (traffic.advance(START), traffic.advance(START + 60_000_000_000));
        let rate = spans(&late).iter().filter(|span| last_text(span, "llm.model").is_some()).count() as f64 / 60.0;
        assert!(!early.is_empty() && (3.0..=9.0).contains(&rate), "{rate} calls/s");
        assert!(traffic.advance(START + 60_000_000_000).len() <= 1, "only held back spans are left");
    }

    /// Guarantees: whatever the viewer can show, the demo shows.
    #[test]
    fn every_kind_of_call_appears() {
        let requests: Vec<_> = {
            let mut traffic = Traffic::new(2, START);
            (0..60).flat_map(|_| traffic.batch(25)).collect()
        };
        let all = spans(&requests);
        let values = |key: &str| all.iter().filter_map(|span| last_text(span, key)).collect::<BTreeSet<_>>();
        let statuses = values("http.status_code");
        for status in ["200", "401", "429", "500", "503"] {
            assert!(statuses.contains(status), "no {status}");
        }
        let routes = values("plano.route.name");
        assert!(routes.contains("code") && routes.contains("reasoning"), "{routes:?}");
        assert!(values("llm.model").len() >= 7);
        assert!(values("llm.model").contains("atlas-legal-9b"), "a model without a price");
        assert_eq!(values("plano.switch.decision").len(), 2);
        assert!(values("signals.quality").len() >= 4);
        assert!(values("gen_ai.operation.name").len() >= 3);
        let without_answer = all
            .iter()
            .filter(|span| last_text(span, "llm.model").is_some() && last_text(span, "http.status_code").is_none());
        assert!(without_answer.count() > 0);
        assert!(all.iter().any(|span| span.name == "llm" && last_text(span, "llm.model").is_none()));
        let flagged: Vec<_> = all.iter().filter(|span| span.name.ends_with('🚩')).collect();
        assert!(!flagged.is_empty());
        assert!(flagged.iter().all(|span| span.events.iter().any(|event| event.name.starts_with("signal."))));
    }

    /// Guarantees: a routing span has a parent that arrives before or after it, and both orders happen.
    #[test]
    fn routing_spans_come_before_and_after_their_parents() {
        let mut traffic = Traffic::new(4, START);
        let requests: Vec<_> = (0..40).flat_map(|_| traffic.batch(5)).collect();
        let mut seen = BTreeMap::new();
        for (at, request) in requests.iter().enumerate() {
            for span in spans(std::slice::from_ref(request)) {
                assert!(seen.insert(span.span_id.clone(), at).is_none(), "span ids are unique");
            }
        }
        let orders: BTreeSet<bool> = spans(&requests)
            .iter()
            .filter(|span| span.name == "routing")
            .filter_map(|span| Some(seen.get(&span.span_id)? < seen.get(&span.parent_span_id)?))
            .collect();
        assert_eq!(orders.len(), 2);
    }

    /// Guarantees: keys, their order and their types on an answered call are those of the captured gateway.
    #[test]
    fn shaped_as_captured() {
        use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
        use prost::Message;
        let capture = include_bytes!("../../../tests/fixtures/plano-brightstaff/002.binpb");
        let capture = vec![ExportTraceServiceRequest::decode(&capture[..]).unwrap()];
        let generated = Traffic::new(3, START).batch(400);
        let shapes = |requests: &[ExportTraceServiceRequest]| -> BTreeMap<String, u8> {
            let answered = |span: &&Span| {
                last_text(span, "http.path").as_deref() == Some("/v1/chat/completions")
                    && last_text(span, "http.status_code").as_deref() == Some("200")
                    && !span.name.ends_with('🚩')
            };
            spans(requests).into_iter().filter(answered).flat_map(|span| &span.attributes).map(shape).collect()
        };
        let (real, ours) = (shapes(&capture), shapes(&generated));
        for (key, kind) in &real {
            // Header-derived, and each deployment's own.
            if key != "id" {
                assert_eq!(ours.get(key), Some(kind), "{key}");
            }
        }
        for key in ours.keys() {
            assert!(real.contains_key(key) || key == "llm.tools", "{key} was never captured");
        }
    }

    fn shape(attribute: &opentelemetry_proto::tonic::common::v1::KeyValue) -> (String, u8) {
        let kind = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(_)) => b's',
            Some(Value::IntValue(_)) => b'i',
            Some(Value::DoubleValue(_)) => b'd',
            Some(Value::BoolValue(_)) => b'b',
            _ => b'?',
        };
        (attribute.key.clone(), kind)
    }
}
