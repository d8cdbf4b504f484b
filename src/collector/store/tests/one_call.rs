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
    adds_up: bool,
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
    Spanned { id, parent, acts: false, adds_up: false, trace: TRACE, facts: Some(facts) }
}

fn other(id: SpanId, parent: SpanId) -> Spanned {
    Spanned { id, parent, acts: false, adds_up: false, trace: TRACE, facts: None }
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

    pub(super) fn in_trace(self, trace: u8) -> Self {
        Self { trace: [trace; 16], ..self }
    }

    fn arrival(&self) -> Arrival {
        let id = self.id.to_be_bytes();
        let keep = |facts: &CallFacts<'_>| {
            let facts = CallFacts { trace_id: &self.trace, span_id: &id, ..facts.clone() };
            Part::Call(LlmCall::from_facts(&facts, &mut Names::default(), 0))
        };
        let part = self.facts.as_ref().map_or(Part::Other, keep);
        let ids = Some((self.trace, self.id));
        Arrival {
            ids,
            parent: self.parent,
            part,
            why: "",
            range: 0..0,
            acts: self.acts,
            adds_up: self.adds_up,
            is_sampled: false,
        }
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

/// A call of a framework, and what the SDK below it shows of it in a trace of its own.
fn in_two_traces() -> [Spanned; 2] {
    let of = |scope: &'static str| {
        move |facts: &mut CallFacts<'static>| {
            facts.request_model = Some("claude-sonnet-4-5".into());
            facts.scope_name = Some(scope.into());
            facts.service_name = Some("app".into());
        }
    };
    let framework = call(1, 9, 0..9).with(of("langsmith")).tokens(30, 7).in_trace(1);
    let sdk = call(2, 0, 1..8).with(of("com.anthropic.sdk.python")).tokens(20, 7).answer("msg_12345").in_trace(2);
    [framework, sdk]
}

#[test]
fn an_sdk_that_lost_the_context_shows_the_call_of_the_framework() {
    let [framework, sdk] = in_two_traces();
    let model = |facts: &mut CallFacts<'static>| facts.model = Some("claude-sonnet-4-5-20250929".into());
    let rows = rows_of(&[framework.clone(), sdk.clone().with(model)]);
    let row = &rows[0];
    assert_eq!((rows.len(), row.ids().1[7], row.request_id().as_str()), (1, 1, "msg_12345"));
    assert_eq!((row.usage().input, row.model().map(Name::as_str)), (Some(20), Some("claude-sonnet-4-5-20250929")));
    let fail = |facts: &mut CallFacts<'static>| {
        facts.usage = Usage::default();
        facts.request_id = RequestId::SpanId;
        facts.span_error = true;
    };
    assert_eq!(shown(&[framework.clone().with(fail), sdk.clone().with(fail)]), [1], "both failed");
    let [others_framework, others_sdk] = in_two_traces();
    let later = |facts: &mut CallFacts<'static>| {
        facts.start_unix_nano = facts.start_unix_nano.map(|nano| nano + 3 * SECOND / 2);
    };
    let others = [others_framework.with(later).in_trace(3), others_sdk.answer("msg_67890").with(later).in_trace(4)];
    assert_eq!(rows_of(&[framework, sdk, others[0].clone(), others[1].clone()]).len(), 2, "each has one");
}

#[test]
fn calls_of_two_traces_are_two_unless_all_they_tell_agrees() {
    let differences: [fn(&mut CallFacts<'static>); 8] = [
        |facts| facts.usage.output = Some(8),
        |facts| facts.request_model = Some("claude-haiku-4-5".into()),
        |facts| facts.service_name = Some("another".into()),
        |facts| facts.scope_name = Some("langsmith".into()),
        |facts| facts.duration_ms = Some(9e3),
        |facts| facts.start_unix_nano = Some(20 * SECOND),
        |facts| facts.span_error = true,
        |facts| facts.usage = Usage::default(),
    ];
    for (nth, difference) in differences.into_iter().enumerate() {
        let [framework, sdk] = in_two_traces();
        assert_eq!(rows_of(&[framework, sdk.with(difference)]).len(), 2, "{nth}");
    }
    let [framework, sdk] = in_two_traces();
    assert_eq!(rows_of(&[framework.clone().answer("msg_98765"), sdk.clone()]).len(), 2, "answers differ");
    assert_eq!(rows_of(&[framework, Spanned { parent: 5, ..sdk }]).len(), 2, "it has a parent of its own");
}

#[test]
fn a_response_id_joins_no_calls_that_contradict_each_other() {
    let one = || call(1, 0, 0..4).tokens(5, 6).answer("chatcmpl-123").in_trace(1);
    let other = |change: fn(&mut CallFacts<'static>)| {
        call(2, 0, 1..3).tokens(5, 6).answer("chatcmpl-123").with(change).in_trace(2)
    };
    assert_eq!(rows_of(&[one(), other(|_| {})]).len(), 1);
    let model = |facts: &mut CallFacts<'static>| facts.model = Some("openai/gpt-4o".into());
    let version: fn(&mut CallFacts<'static>) = |facts| facts.model = Some("gpt-4o-2024-08-06".into());
    assert_eq!(rows_of(&[one().with(model), other(version)]).len(), 1, "a version of the model");
    let reasons: fn(&mut CallFacts<'static>) = |facts| {
        (facts.usage.output, facts.usage.reasoning) = (Some(4), Some(2));
    };
    assert_eq!(rows_of(&[one(), other(reasons)]).len(), 1, "reasoning may be counted apart");
    let contradictions: [fn(&mut CallFacts<'static>); 4] = [
        |facts| facts.usage.output = Some(7),
        |facts| facts.usage.input = Some(7),
        |facts| facts.span_error = true,
        |facts| facts.model = Some("llama3".into()),
    ];
    for (nth, contradiction) in contradictions.into_iter().enumerate() {
        assert_eq!(rows_of(&[one().with(model), other(contradiction)]).len(), 2, "{nth}");
    }
    let scope = |facts: &mut CallFacts<'static>| facts.scope_name = Some("openai".into());
    assert_eq!(rows_of(&[one().with(scope), other(|_| {}).with(scope)]).len(), 2, "one instrumentation counted both");
    assert_eq!(rows_of(&[one().with(scope), other(|facts| facts.usage = Usage::default()).with(scope)]).len(), 1);
}

/// An attempt that failed, with a status.
fn failing(id: SpanId, parent: SpanId, seconds: std::ops::Range<u64>) -> Spanned {
    call(id, parent, seconds).with(|facts| {
        (facts.span_error, facts.status_code) = (true, Some(429));
        facts.request_model = Some("gpt-5.4".into());
    })
}

#[test]
fn attempts_below_one_span_are_one_call_that_shows_what_served_it() {
    let client = call(1, 0, 0..9).with(|facts| facts.request_model = Some("gpt-5.4".into()));
    let served = call(3, 1, 3..8).tokens(5, 6).with(|facts| {
        facts.request_model = Some("gpt-5.4-mini".into());
        facts.provider = Some("azure".into());
    });
    let rows = rows_of(&[client.clone(), failing(2, 1, 1..3), served.clone()]);
    let row = &rows[0];
    assert_eq!((rows.len(), row.ids().1[7], row.status().is_error()), (1, 1, false));
    assert_eq!((row.shown_model(), row.request_model().unwrap().as_str()), ("gpt-5.4-mini", "gpt-5.4"));
    assert_eq!((row.provider(), row.usage().input, row.attempts()), ("azure", Some(5), Some(2)));
    assert_eq!((row.failed_attempts_ms(), row.failed_attempts_usd()), (Some(2e3), None));
    let known = row.known_attempts();
    assert_eq!((known[0].model.as_deref(), known[0].status_code), (Some("gpt-5.4"), Some(429)));
    assert_eq!((known[1].model.as_deref(), known[1].usage.output), (Some("gpt-5.4-mini"), Some(6)));

    let all_fail = client.clone().with(|facts| facts.span_error = true);
    let rows = rows_of(&[all_fail, failing(2, 1, 1..3), failing(3, 1, 4..5), failing(4, 1, 6..7)]);
    assert_eq!((rows.len(), rows[0].attempts(), rows[0].status_code()), (1, Some(3), Some(429)));
    assert_eq!(rows[0].failed_attempts_ms(), Some(3e3), "the last one is not lost before another");

    let alone = rows_of(&[client, served]);
    assert_eq!((alone[0].attempts(), alone[0].known_attempts().len()), (None, 0));
}

#[test]
fn what_goes_on_at_once_or_succeeds_twice_is_no_further_attempt() {
    let client = call(1, 0, 0..9);
    let attempts = |spans: &[Spanned]| rows_of(spans).iter().map(LlmCall::attempts).collect::<Vec<_>>();
    assert_eq!(attempts(&[client.clone(), failing(2, 1, 1..4), call(3, 1, 2..8)]), [None], "at once");
    assert_eq!(attempts(&[client, call(2, 1, 1..3), failing(3, 1, 4..8)]), [None], "the first one served");
    assert_eq!(attempts(&[failing(2, 9, 1..3), call(3, 9, 3..8)]), [None, None], "below no call");
}

#[test]
fn attempts_of_a_gateway_are_one_call_where_one_of_them_served_a_client() {
    let gateway = |id, seconds, status| {
        call(id, 1, seconds).with(|facts| {
            (facts.convention, facts.status_code, facts.operation) = (Convention::Plano, Some(status), None);
        })
    };
    let rows = rows_of(&[call(1, 0, 0..9), gateway(2, 1..2, 503), gateway(3, 3..4, 200)]);
    assert_eq!((rows.len(), rows[0].ids().1[7], rows[0].attempts()), (1, 3, Some(2)));
    assert_eq!(rows_of(&[call(1, 0, 0..9), gateway(2, 1..2, 200), gateway(3, 3..4, 200)]).len(), 2);
    assert_eq!(rows_of(&[call(1, 0, 0..9), gateway(2, 1..2, 503), gateway(3, 3..4, 503)]).len(), 2);
}

#[test]
fn running_sums_of_a_tool_loop_count_their_difference() {
    let advisor = |adds_up| Spanned { adds_up, ..other(1, 0) };
    let round =
        |id, seconds, tokens: (u64, u64), answer| call(id, 1, seconds).tokens(tokens.0, tokens.1).answer(answer);
    let counts = |spans: &[Spanned]| {
        rows_of(spans).iter().map(|row| (row.usage().input, row.usage().output)).collect::<Vec<_>>()
    };
    let rounds = |second, answer| [round(2, 0..1, (10, 4), "chatcmpl-1"), round(3, 2..3, second, answer)];
    let under = |adds_up, rounds: [Spanned; 2]| [vec![advisor(adds_up)], rounds.to_vec()].concat();
    let (first, third) = ((Some(10), Some(4)), round(4, 4..5, (40, 15), "chatcmpl-3"));
    let sums = under(true, rounds((25, 9), "chatcmpl-2"));
    assert_eq!(counts(&sums), [first, (Some(15), Some(5))]);
    assert_eq!(counts(&[sums, vec![third]].concat()), [first, (Some(15), Some(5)), (Some(15), Some(6))]);
    assert_eq!(counts(&under(false, rounds((25, 9), "chatcmpl-2"))), [first, (Some(25), Some(9))], "no loop");
    assert_eq!(counts(&under(true, rounds((25, 3), "chatcmpl-2"))), [first, (Some(25), Some(3))], "it fell");
    assert_eq!(counts(&under(true, rounds((25, 9), "chatcmpl-1"))), [first, (Some(25), Some(9))], "one answer");
}
