//! Which spans are one call: each rule with a case where it applies, and one where it does not.

use super::*;
use crate::call::Names;

const SECOND: u64 = 1_000_000_000;

/// A span with facts, and how long it took.
#[derive(Clone)]
pub(super) struct Spanned {
    id: SpanId,
    parent: SpanId,
    acts: bool,
    trace: TraceId,
    facts: Option<CallFacts<'static>>,
}

/// A model call from one second to another, with counts.
pub(super) fn call(id: SpanId, parent: SpanId, seconds: std::ops::Range<u64>) -> Spanned {
    let facts = CallFacts {
        convention: Convention::GenAi,
        operation: Some("chat".into()),
        start_unix_nano: Some(seconds.start * SECOND),
        duration_ms: Some((seconds.end - seconds.start) as f64 * 1e3),
        ..CallFacts::default()
    };
    Spanned { id, parent, acts: false, trace: TRACE, facts: Some(facts) }
}

fn other(id: SpanId, parent: SpanId) -> Spanned {
    Spanned { id, parent, acts: false, trace: TRACE, facts: None }
}

fn tool(id: SpanId, parent: SpanId) -> Spanned {
    Spanned { acts: true, ..other(id, parent) }
}

impl Spanned {
    pub(super) fn with(mut self, change: impl FnOnce(&mut CallFacts<'static>)) -> Self {
        change(self.facts.as_mut().unwrap());
        self
    }

    pub(super) fn tokens(self, input: u64, output: u64) -> Self {
        self.with(|facts| (facts.usage.input, facts.usage.output) = (Some(input), Some(output)))
    }

    pub(super) fn answer(self, id: &'static str) -> Self {
        self.with(|facts| facts.request_id = RequestId::Emitted(id.into()))
    }

    fn arrival(&self) -> Arrival {
        let id = self.id.to_be_bytes();
        let keep = |facts: &CallFacts<'_>| {
            let facts = CallFacts { trace_id: &self.trace, span_id: &id, ..facts.clone() };
            Part::Call(LlmCall::from_facts(&facts, &mut Names::default(), 0))
        };
        let part = self.facts.as_ref().map_or(Part::Other, keep);
        let ids = Some((self.trace, self.id));
        Arrival { ids, parent: self.parent, part, why: "", range: 0..0, acts: self.acts, is_sampled: false }
    }
}

/// The rows, oldest first, that spans give in whatever order they arrive: all orders of a few, else both directions.
pub(super) fn rows_of(spans: &[Spanned]) -> Vec<LlmCall> {
    let given: Vec<Vec<LlmCall>> = orders(spans.len()).iter().map(|order| rows_in_order(spans, order)).collect();
    let text =
        |rows: &[LlmCall]| rows.iter().map(|row| format!("{:?} {:?}", row.facts(), row.cost())).collect::<Vec<_>>();
    for rows in &given {
        assert_eq!(text(rows), text(&given[0]));
    }
    given.into_iter().next().unwrap()
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count > 5 {
        return vec![(0..count).collect(), (0..count).rev().collect()];
    }
    let mut orders = vec![Vec::new()];
    for next in 0..count {
        let insert = |order: &Vec<usize>| {
            (0..=order.len()).map(|at| [&order[..at], &[next], &order[at..]].concat()).collect::<Vec<_>>()
        };
        orders = orders.iter().flat_map(insert).collect();
    }
    orders
}

fn rows_in_order(spans: &[Spanned], order: &[usize]) -> Vec<LlmCall> {
    let mut store = store();
    for &nth in order {
        let arrivals = vec![spans[nth].arrival()];
        store.apply(Batch { request: Bytes::from_static(b"x"), arrivals, received_unix_nano: 1 });
    }
    assert_books_balance(&store.snapshot().counters);
    let mut rows: Vec<LlmCall> = store.snapshot().calls.iter().filter(|call| !call.is_merged_away()).cloned().collect();
    assert_eq!(store.snapshot().counters.llm_calls, rows.len() as u64);
    rows.sort_by_key(|row| (row.start_unix_nano(), row.ids().1.to_vec()));
    rows
}

/// The ids of the spans that are rows, oldest first.
fn shown(spans: &[Spanned]) -> Vec<u8> {
    rows_of(spans).iter().map(|row| row.ids().1[7]).collect()
}

#[test]
fn a_call_below_a_tool_of_a_call_is_another_call() {
    let spans = [call(1, 0, 0..9).tokens(1, 1), tool(2, 1), other(3, 2), call(4, 3, 1..2).tokens(2, 2)];
    assert_eq!(shown(&spans), [1, 4]);
    let without = [call(1, 0, 0..9).tokens(1, 1), other(2, 1), other(3, 2), call(4, 3, 1..2).tokens(2, 2)];
    assert_eq!(shown(&without), [1]);
}

#[test]
fn a_call_below_a_tool_has_the_session_of_the_call_above_it() {
    let spans = [call(1, 0, 0..9).with(|facts| facts.session_id = Some("s".into())), tool(2, 1), call(4, 2, 1..2)];
    let rows = rows_of(&spans);
    assert_eq!(rows[1].session_id().map(Name::as_str), Some("s"));
}

#[test]
fn a_nested_span_that_starts_after_the_outer_one_ended_is_another_call() {
    assert_eq!(shown(&[call(1, 0, 0..2), call(2, 1, 3..4)]), [1, 2]);
    assert_eq!(shown(&[call(1, 0, 0..2), call(2, 1, 1..4)]), [1], "it started in time");
    let unknown = call(1, 0, 0..2).with(|facts| facts.duration_ms = None);
    assert_eq!(shown(&[unknown, call(2, 1, 3..4)]), [1], "no end is known");
    let elsewhere = call(2, 1, 3..4).with(|facts| facts.service_name = Some("elsewhere".into()));
    assert_eq!(shown(&[call(1, 0, 0..2), elsewhere]), [1], "clocks of two services differ");
}

#[test]
fn two_answers_are_two_calls() {
    let outer = call(1, 0, 0..9).tokens(1, 1).answer("chatcmpl-1");
    assert_eq!(shown(&[outer.clone(), call(2, 1, 1..2).tokens(2, 2).answer("chatcmpl-2")]), [1, 2]);
    assert_eq!(shown(&[outer.clone(), call(2, 1, 1..2).tokens(1, 1).answer("chatcmpl-1")]), [1]);
    assert_eq!(shown(&[outer, call(2, 1, 1..2).tokens(1, 1).answer("msg-2")]), [1], "a gateway gives ids of its own");
}

#[test]
fn a_span_above_several_answers_is_a_wrapper() {
    let wrapper = call(1, 0, 0..9).tokens(9, 9).with(|facts| facts.session_id = Some("s".into()));
    let inner = [call(2, 1, 1..2).answer("chatcmpl-1"), call(3, 1, 2..3).answer("chatcmpl-2")];
    let rows = rows_of(&[std::slice::from_ref(&wrapper), &inner[..]].concat());
    let of = |row: &LlmCall| (row.ids().1[7], row.usage().input, row.session_id().map(Name::to_string));
    assert_eq!(rows.iter().map(of).collect::<Vec<_>>(), [(2, None, Some("s".into())), (3, None, Some("s".into()))]);
    assert_eq!(shown(&[wrapper, inner[0].clone()]), [1], "one answer is the call itself");
}

#[test]
fn a_span_whose_counts_are_those_of_several_below_it_is_a_wrapper() {
    let inner = [call(2, 1, 1..2).tokens(3, 4), call(3, 1, 2..3).tokens(5, 6)];
    assert_eq!(shown(&[&[call(1, 0, 0..9).tokens(8, 10)], &inner[..]].concat()), [2, 3]);
    assert_eq!(shown(&[&[call(1, 0, 0..9).tokens(8, 11)], &inner[..]].concat()), [1], "they do not add up");
    let nested = [call(9, 0, 0..9).tokens(8, 10), call(1, 9, 0..9).tokens(8, 10)];
    assert_eq!(shown(&[&nested[..], &inner[..]].concat()), [2, 3], "nor is a wrapper of the wrapper a call");
}

#[test]
fn a_span_without_operation_above_calls_with_one_is_a_wrapper() {
    let root = |to| call(1, 0, 0..to).tokens(9, 9).with(|facts| facts.operation = None);
    let inner = call(2, 1, 1..2).tokens(3, 4);
    let rows = rows_of(&[root(9), inner.clone()]);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].ids().1[7], rows[0].usage().input, rows[0].duration_ms()), (2, Some(3), Some(1e3)));
    assert_eq!(shown(&[root(9), inner.clone(), call(3, 1, 3..4)]), [2, 3]);
    assert_eq!(shown(&[root(9), inner.clone().with(|facts| facts.operation = None)]), [1], "neither names it");
    assert_eq!(shown(&[root(1), call(2, 1, 2..3)]), [1, 2], "one after the other");
    assert_eq!(shown(&[root(9), tool(5, 1), call(2, 5, 1..2)]), [1, 2], "a tool acts in between");
}
