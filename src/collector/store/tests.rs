//! Joining, driven through the store: which spans become which rows, in whatever order they arrive.

mod one_call;

use proptest::prelude::*;

use super::*;
use crate::call::{CallFacts, Name, RequestId, Usage};

const TRACE: TraceId = [7; 16];

fn store() -> Store {
    store_of(100)
}

fn store_of(capacity: usize) -> Store {
    Store::new(StoreConfig { capacity, span_memory: 1 << 20, pricer: Arc::default(), names: SharedNames::default() })
}

/// A span of a test trace: its start is its id, so that order in time is order of ids.
#[derive(Clone, Debug)]
struct TestSpan {
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    role: TestRole,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum TestRole {
    Plano,
    Call(Option<&'static str>),
    Completes,
    Context,
    Other,
    Acts,
}

fn span(id: SpanId, parent: SpanId, role: TestRole) -> TestSpan {
    TestSpan { trace: TRACE, id, parent, role }
}

/// Each span carries one token count, which identifies the span.
fn arrival(span: &TestSpan) -> Arrival {
    let id_bytes = span.id.to_be_bytes();
    let mut facts = CallFacts {
        trace_id: &span.trace,
        span_id: &id_bytes,
        start_unix_nano: Some(span.id),
        convention: Convention::GenAi,
        ..CallFacts::default()
    };
    let nth = Some(span.id);
    match span.id % 3 {
        0 => facts.usage.input = nth,
        1 => facts.usage.output = nth,
        _ => facts.usage.total = nth,
    }
    let keep = |facts: &CallFacts<'_>| LlmCall::from_facts(facts, &mut crate::call::Names::default(), 0);
    let part = match span.role {
        TestRole::Plano => {
            facts.convention = Convention::Plano;
            facts.model = Some("gpt".into());
            Part::Call(keep(&facts))
        }
        TestRole::Call(response_id) => {
            facts.request_id = response_id.map_or(RequestId::SpanId, |id| RequestId::Emitted(id.into()));
            Part::Call(keep(&facts))
        }
        TestRole::Completes => {
            facts.usage = Usage::default();
            facts.request_model = Some("asked".into());
            Part::Completes(Box::new(keep(&facts)))
        }
        TestRole::Context => {
            facts.usage = Usage::default();
            facts.session_id = Some(format!("session-{}", span.id).into());
            Part::Context(Box::new(keep(&facts)))
        }
        TestRole::Other | TestRole::Acts => Part::Other,
    };
    Arrival {
        ids: Some((span.trace, span.id)),
        parent: span.parent,
        part,
        why: "",
        range: 0..0,
        acts: span.role == TestRole::Acts,
        adds_up: false,
        is_sampled: false,
    }
}

fn feed(store: &mut Store, spans: &[TestSpan]) {
    for span in spans {
        let batch = Batch { request: Bytes::from_static(b"x"), arrivals: vec![arrival(span)], received_unix_nano: 1 };
        store.apply(batch);
    }
}

/// The visible rows without their places, sorted.
fn rows(store: &Store) -> Vec<String> {
    let visible = |call: &&LlmCall| !call.is_merged_away();
    let mut rows: Vec<String> =
        store.snapshot().calls.iter().filter(visible).map(|call| format!("{:?}", call.facts())).collect();
    rows.sort();
    rows
}

fn ids(store: &Store) -> Vec<u8> {
    store.snapshot().calls.iter().filter(|call| !call.is_merged_away()).map(|call| call.ids().1[7]).collect()
}

fn assert_books_balance(counters: &Counters) {
    let ended = counters.llm_calls + counters.merged + counters.not_llm + counters.rejected + counters.spans_refused;
    assert_eq!(counters.spans_received, ended, "{counters:?}");
}

#[test]
fn the_requested_model_joins_whichever_comes_first() {
    let call = span(1, 0, TestRole::Plano);
    let routing = span(2, 1, TestRole::Completes);
    for order in [[&call, &routing], [&routing, &call]] {
        let mut store = store();
        feed(&mut store, &order.map(Clone::clone));
        let snapshot = store.snapshot();
        let row = snapshot.calls.get(CallId(0)).unwrap();
        assert_eq!(row.request_model().map(Name::as_str), Some("asked"));
        assert_eq!(snapshot.calls.len(), 1);
        assert_eq!(snapshot.counters.llm_calls, 1);
        assert_books_balance(&snapshot.counters);
    }
}

#[test]
fn a_row_that_is_completed_stays_in_its_place_with_a_higher_revision() {
    let mut store = store();
    feed(
        &mut store,
        &[span(5, 4, TestRole::Call(None)), span(20, 0, TestRole::Call(None)), span(4, 0, TestRole::Call(None))],
    );
    let calls = store.snapshot().calls;
    let row = calls.get(CallId(0)).unwrap();
    assert_eq!((row.revision(), row.ids().1[7]), (2, 4));
    assert_eq!(row.usage().total, Some(5), "the inner span fills the gap");
    assert_eq!(calls.get(CallId(1)).unwrap().revision(), 1);
}

#[test]
fn the_gateway_knows_more_than_the_client_above_it() {
    let spans = [span(1, 0, TestRole::Call(None)), span(2, 1, TestRole::Other), span(3, 2, TestRole::Plano)];
    for order in [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0]] {
        let mut store = store();
        feed(&mut store, &order.map(|nth| spans[nth].clone()));
        assert_eq!(ids(&store), [3], "{order:?}");
    }
}

#[test]
fn two_gateway_calls_under_one_client_span_are_two_calls() {
    let spans = [span(1, 0, TestRole::Call(None)), span(3, 1, TestRole::Plano), span(5, 1, TestRole::Plano)];
    let mut store = store();
    feed(&mut store, &spans);
    assert_eq!(ids(&store), [3, 5]);
    assert_books_balance(&store.snapshot().counters);
}

#[test]
fn a_retry_of_the_same_spans_adds_no_row() {
    let spans = [span(1, 0, TestRole::Plano), span(2, 1, TestRole::Completes), span(3, 0, TestRole::Other)];
    let mut store = store();
    feed(&mut store, &spans);
    let before = rows(&store);
    feed(&mut store, &spans);
    assert_eq!(rows(&store), before);
    assert_eq!(store.snapshot().counters.merged, 4);
    assert_books_balance(&store.snapshot().counters);
}

#[test]
fn namesakes_and_spans_without_ids_are_calls_of_their_own() {
    let mut store = store();
    let mut namesake = arrival(&span(9, 0, TestRole::Plano));
    namesake.ids = Some((TRACE, 1));
    let mut nameless = arrival(&span(11, 0, TestRole::Plano));
    nameless.ids = None;
    feed(&mut store, &[span(1, 0, TestRole::Plano)]);
    store.apply(Batch { request: Bytes::new(), arrivals: vec![namesake, nameless], received_unix_nano: 1 });
    assert_eq!(store.snapshot().calls.len(), 3);
    assert_books_balance(&store.snapshot().counters);
}

#[test]
fn the_same_response_id_in_two_traces_is_one_call() {
    let here = span(3, 0, TestRole::Call(Some("chatcmpl-1")));
    let there = TestSpan { trace: [8; 16], ..span(4, 0, TestRole::Call(Some("chatcmpl-1"))) };
    let other = TestSpan { trace: [9; 16], ..span(5, 0, TestRole::Call(Some("chatcmpl-2"))) };
    for order in [[&here, &there, &other], [&other, &there, &here]] {
        let mut store = store();
        feed(&mut store, &order.map(Clone::clone));
        let shown = rows(&store);
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(ids(&store).contains(&3) && ids(&store).contains(&5));
        assert_books_balance(&store.snapshot().counters);
    }
}

/// Guarantees: an id that comes again in another trace (Ollama has 999 of them, a cache repeats them) merges no two calls.
#[test]
fn a_response_id_that_comes_again_later_is_another_call() {
    const SECOND: u64 = 1_000_000_000;
    let at = |seconds, trace| TestSpan {
        trace: [trace; 16],
        ..span(seconds * SECOND, 0, TestRole::Call(Some("chatcmpl-1")))
    };
    let late_part_of_the_older = TestSpan { trace: [1; 16], ..span(7, 100 * SECOND, TestRole::Completes) };
    for (seconds, expected) in [(101, 1), (110, 1), (111, 2), (700, 2)] {
        for order in [[at(100, 1), at(seconds, 2)], [at(seconds, 2), at(100, 1)]] {
            let mut store = store();
            feed(&mut store, &order);
            assert_eq!(rows(&store).len(), expected, "{seconds} s");
            // Whatever comes in which order, the id stands for the newer call.
            feed(&mut store, &[at(seconds, 3), late_part_of_the_older.clone(), at(seconds, 4)]);
            assert_eq!(rows(&store).len(), expected, "{seconds} s, {order:?}");
            assert_books_balance(&store.snapshot().counters);
        }
    }
}

/// Guarantees: a call whose row from another trace is no longer kept is shown.
#[test]
fn a_twin_of_a_row_that_is_gone_is_a_row() {
    let other_trace = |id, trace| TestSpan { trace: [trace; 16], ..span(id, 0, TestRole::Call(Some("chatcmpl-1"))) };
    let mut store = store_of(1);
    feed(&mut store, &[other_trace(1, 1), span(2, 0, TestRole::Plano), other_trace(3, 2)]);
    assert_eq!(ids(&store), [3]);
    assert_books_balance(&store.snapshot().counters);
}

#[test]
fn sessions_flow_down_to_the_calls_below() {
    let spans = [span(1, 0, TestRole::Context), span(2, 1, TestRole::Other), span(3, 2, TestRole::Call(None))];
    for order in [[0, 1, 2], [2, 1, 0], [2, 0, 1]] {
        let mut store = store();
        feed(&mut store, &order.map(|nth| spans[nth].clone()));
        let calls = store.snapshot().calls;
        assert_eq!(calls.get(CallId(0)).unwrap().session_id().map(Name::as_str), Some("session-1"), "{order:?}");
    }
}

/// Guarantees: an agent's span, which ends last, lends its session to all the calls of a long run.
#[test]
fn a_session_that_comes_last_reaches_every_call_of_a_long_run() {
    let mut store = store_of(1000);
    let calls = 2..=501;
    feed(&mut store, &calls.clone().map(|id| span(id, 1, TestRole::Call(None))).collect::<Vec<_>>());
    feed(&mut store, &[span(1, 0, TestRole::Context)]);
    let snapshot = store.snapshot();
    assert_eq!(snapshot.calls.iter().filter(|call| call.session_id().is_some()).count(), calls.count());
    assert_books_balance(&snapshot.counters);
}

#[test]
fn a_lone_call_with_a_twin_is_completed_whichever_comes_first() {
    let spans = [
        span(3, 0, TestRole::Call(Some("chatcmpl-1"))),
        TestSpan { trace: [8; 16], ..span(4, 0, TestRole::Call(Some("chatcmpl-1"))) },
        span(5, 3, TestRole::Completes),
    ];
    let mut shown = Vec::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut store = store();
        feed(&mut store, &order.map(|nth| spans[nth].clone()));
        assert_books_balance(&store.snapshot().counters);
        shown.push(rows(&store));
    }
    assert!(shown[0].len() == 1 && shown[0][0].contains("asked"), "{shown:?}");
    assert!(shown.iter().all(|rows| *rows == shown[0]), "{shown:?}");
}

/// Guarantees: what strangers make spans say is forgotten before it fills the memory, however few the spans are.
#[test]
fn huge_texts_shorten_the_memory_for_joining() {
    let mut store = store();
    let texts: Vec<String> = (0..12).map(|nth| format!("{nth}").repeat(1000)).collect();
    let text = |nth: usize| Some(std::borrow::Cow::Borrowed(texts[nth].as_str()));
    for nth in 1..=20_000_u64 {
        let mut huge = arrival(&TestSpan { trace: u128::from(nth).to_be_bytes(), ..span(nth, 0, TestRole::Other) });
        let facts = CallFacts {
            session_id: text(0),
            user_id: text(1),
            model: text(2),
            provider: text(3),
            route_name: text(4),
            operation: text(5),
            error_type: text(6),
            error_message: text(7),
            ..CallFacts::default()
        };
        let call = LlmCall::from_facts(&facts, &mut store.names.lock(), 0);
        huge.part = Part::Context(Box::new(call));
        store.apply(Batch { request: Bytes::new(), arrivals: vec![huge], received_unix_nano: 1 });
    }
    assert!(store.join.len() < 10_000, "{} spans remembered", store.join.len());
    assert_books_balance(&store.snapshot().counters);
}

#[test]
fn an_orphan_flood_stays_within_its_bound() {
    let mut store = store();
    for nth in 1..=(JOIN_SPANS as u64 + 20_000) {
        let mut trace = [1; 16];
        trace[..8].copy_from_slice(&(nth / 3 + 1).to_be_bytes());
        feed(&mut store, &[TestSpan { trace, ..span(nth, u64::MAX - nth, TestRole::Completes) }]);
    }
    assert!(store.join.len() <= JOIN_SPANS);
}

#[test]
fn a_ring_of_parents_ends() {
    let mut store = store();
    feed(
        &mut store,
        &[
            span(1, 2, TestRole::Call(None)),
            span(2, 3, TestRole::Other),
            span(3, 1, TestRole::Context),
            span(4, 4, TestRole::Plano),
        ],
    );
    assert_books_balance(&store.snapshot().counters);
}

fn role() -> impl Strategy<Value = TestRole> {
    prop_oneof![
        2 => Just(TestRole::Call(None)),
        1 => Just(TestRole::Plano),
        1 => Just(TestRole::Completes),
        1 => Just(TestRole::Context),
        1 => Just(TestRole::Acts),
        2 => Just(TestRole::Other),
    ]
}

/// A tree: each span's parent comes before it, or is missing altogether.
fn tree() -> impl Strategy<Value = Vec<TestSpan>> {
    prop::collection::vec((role(), any::<prop::sample::Index>()), 1..12).prop_map(|roles| {
        let parent = |nth: usize, pick: &prop::sample::Index| pick.index(nth + 1) as u64;
        roles.iter().enumerate().map(|(nth, (role, pick))| span(nth as u64 + 1, parent(nth, pick), *role)).collect()
    })
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_the_order_of_arrival(
        (spans, shuffled) in tree().prop_flat_map(|spans| (Just(spans.clone()), Just(spans).prop_shuffle()))
    ) {
        let (mut one, mut other) = (store(), store());
        feed(&mut one, &spans);
        feed(&mut other, &shuffled);
        prop_assert_eq!(rows(&one), rows(&other));
        for store in [&one, &other] {
            assert_books_balance(&store.snapshot().counters);
            prop_assert_eq!(store.snapshot().counters.llm_calls, rows(store).len() as u64);
        }
    }
}

/// Trees of several traces, whose calls share response ids now and then, their spans arriving in turns. Either all calls go on
/// at the same time, or only those next to each other do.
fn trees_with_twins() -> impl Strategy<Value = Vec<TestSpan>> {
    let id = prop::sample::select(vec!["chatcmpl-1", "chatcmpl-2"]);
    let role = prop_oneof![3 => id.prop_map(|id| TestRole::Call(Some(id))), 2 => role()];
    let apart = prop::sample::select(vec![1, 4_000_000_000_u64]);
    (prop::collection::vec((0..3_u8, role, any::<prop::sample::Index>()), 1..16), apart)
        .prop_map(|(spans, apart)| {
            let span = |(nth, (trace, role, pick)): (usize, &(u8, TestRole, prop::sample::Index))| {
                let (id, parent) = ((nth as u64 + 1) * apart, pick.index(nth + 1) as u64 * apart);
                TestSpan { trace: [trace + 1; 16], ..span(id, parent, *role) }
            };
            spans.iter().enumerate().map(span).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

proptest! {
    /// Guarantees: whichever rows turn out to be one call, in whatever order, what is counted is what is shown.
    #[test]
    fn rows_are_counted_once_whichever_are_one(spans in trees_with_twins(), capacity in prop::sample::select(vec![2_usize, 100])) {
        let mut store = store_of(capacity);
        for span in &spans {
            feed(&mut store, std::slice::from_ref(span));
            let snapshot = store.snapshot();
            assert_books_balance(&snapshot.counters);
            let (counted, shown) = (snapshot.counters.llm_calls, rows(&store).len() as u64);
            prop_assert!(counted == shown || counted > shown && capacity < spans.len(), "{counted} after {span:?}");
        }
    }
}

/// Guarantees: a trace made to be costly, calls below calls below calls, or all below one, costs no more than others.
/// Without bounds this test would take hours. However many calls of a gateway are below one span, each stays a row.
#[test]
fn a_trace_made_to_be_costly_is_taken_like_others() {
    const SPANS: u64 = 3000;
    let roles = [TestRole::Plano, TestRole::Call(None), TestRole::Completes, TestRole::Other, TestRole::Context];
    let chain: fn(u64) -> u64 = |nth| nth.saturating_sub(1);
    let star: fn(u64) -> u64 = |nth| u64::from(nth > 1);
    let upwards: fn(u64) -> u64 = |nth| nth + 1;
    let ring: fn(u64) -> u64 = |nth| nth % 1000 + 1;
    for (parent, is_star) in [(chain, false), (star, true), (upwards, false), (ring, false)] {
        let mut store = store();
        for nth in 1..=SPANS {
            let role = roles[usize::try_from(nth / 7).unwrap() % roles.len()];
            feed(&mut store, &[span(nth, parent(nth), role)]);
        }
        let counters = store.snapshot().counters;
        assert_books_balance(&counters);
        let gateway = (1..=SPANS).filter(|nth| nth / 7 % 5 == 0).count() as u64;
        assert!(!is_star || counters.llm_calls >= gateway, "{counters:?}");
    }
}
