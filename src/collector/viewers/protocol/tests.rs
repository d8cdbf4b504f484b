use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::call::{Convention, CostBasis, LONGEST_TEXT, Quality, RequestId};
use crate::collector::join::Outcome;

/// A call with every fact set, each to something of its own.
fn whole() -> LlmCall {
    let facts = crate::call::testing::whole();
    let mut call = LlmCall::from_facts(&facts, &mut Names::default(), 0);
    call.set_cost(Some(Cost { usd: 0.1 + 0.2, basis: CostBasis::Estimate }));
    call.place(CallId(u64::from(u32::MAX) + 1), u16::MAX);
    call.mark_merged();
    call
}

fn bytes_of(call: &LlmCall) -> Bytes {
    encode(&Call::from(call))
}

fn decoded(bytes: &[u8]) -> Option<LlmCall> {
    decode::<Call<'_>>(bytes).map(|call| call.keep(&mut Names::default()))
}

fn assert_survives(call: &LlmCall) {
    let there = decoded(&bytes_of(call)).expect("a call of this version");
    let place = |call: &LlmCall| (call.id(), call.revision(), call.is_merged_away(), call.start_unix_nano());
    assert_eq!(place(&there), place(call));
    assert_eq!((there.facts(), there.cost()), (call.facts(), call.cost()));
}

fn survives<T>(value: T) -> bool
where
    T: Serialize + for<'a> Deserialize<'a> + PartialEq,
{
    decode(&encode(&value)) == Some(value)
}

#[test]
fn every_fact_survives() {
    assert_survives(&whole());
    assert_survives(&LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), -5));
    let odd = CallFacts { trace_id: &[7; 3], span_id: &[], ..CallFacts::default() };
    assert_survives(&LlmCall::from_facts(&odd, &mut Names::default(), i64::MAX));
}

#[test]
fn every_word_survives() {
    use Convention::{GenAi, LangSmith, Langfuse, LiteLlm, OpenInference, OpenLlmetry, Plano, Vercel};
    use Outcome::{Completed, Context, Merged, NotCounted, Rejected, Row};
    assert!(
        [Plano, GenAi, OpenInference, OpenLlmetry, Vercel, LiteLlm, LangSmith, Langfuse].map(survives) == [true; 8]
    );
    assert!(
        [CostBasis::Reported, CostBasis::Priced, CostBasis::Estimate, CostBasis::Refreshed].map(survives) == [true; 4]
    );
    assert!(
        [Quality::Excellent, Quality::Good, Quality::Neutral, Quality::Poor, Quality::Severe].map(survives)
            == [true; 5]
    );
    assert!([Row, Merged, Completed, Context, Rejected, NotCounted].map(survives) == [true; 6]);
}

#[test]
fn bytes_that_no_collector_sends_are_no_call() {
    let bytes = bytes_of(&whole());
    for length in 0..bytes.len() {
        assert!(decoded(&bytes[..length]).is_none(), "{length} of {} bytes", bytes.len());
    }
    assert!(decoded(&[&bytes[..], &[0]].concat()).is_none(), "more than a call");
    assert_eq!(decode::<Convention>(&[8]), None);
    assert_eq!(decode::<Quality>(&[5]), None);
    assert_eq!(decode::<CostBasis>(&[4]), None);
    assert_eq!(decode::<Outcome>(&[6]), None);
    assert_eq!(decode::<u16>(&encode(&65_536_u32)), None, "a status or revision out of range");
    assert_eq!(decode::<Cow<'_, str>>(&[1, 0xff]), None, "no UTF-8");
    assert_eq!(decode::<Cow<'_, str>>(&encode(&u64::MAX)), None, "a text longer than the message");
}

#[test]
fn texts_and_ids_are_cut_whatever_was_sent() {
    let long = "x".repeat(10 * LONGEST_TEXT);
    let facts = CallFacts {
        model: Some(long.as_str().into()),
        error_message: Some(long.as_str().into()),
        request_id: RequestId::Emitted(long.as_str().into()),
        trace_id: &[1; 10_000],
        ..CallFacts::default()
    };
    let sent = encode(&Call { facts, ..Call::from(&whole()) });
    let call = decoded(&sent).unwrap();
    assert!(call.shown_model().len() <= LONGEST_TEXT && call.request_id().len() <= LONGEST_TEXT);
    assert!(call.error_message().is_some_and(|text| text.len() <= LONGEST_TEXT));
    assert!(call.ids().0.len() < 100);
}

#[test]
fn every_counter_survives() {
    // A small number takes one byte, so that these are counters that all differ.
    let each: Vec<u8> = (1..).take(encode(&Counters::default()).len()).collect();
    let counters: Counters = decode(&each).unwrap();
    assert!(each.len() >= 20 && counters != Counters::default());
    let counters = Counters { clock_ahead_nanos: -21, last_batch_unix_nano: Some(i64::MIN), ..counters };
    let bytes = encode(&State::from(&Snapshot { counters, ..Snapshot::default() }));
    assert_eq!(decode::<State>(&bytes).unwrap().snapshot().counters, counters);
    assert_eq!(decode::<State>(&bytes[1..]), None);
}

proptest! {
    #[test]
    fn sums_survive(tokens in any::<u128>(), femto in any::<i128>(), calls in any::<u64>()) {
        let totals = Totals { calls, input_tokens: tokens, cost_femto_usd: femto, ..Totals::default() };
        let bytes = encode(&State::from(&Snapshot { totals, ..Snapshot::default() }));
        prop_assert_eq!(decode::<State>(&bytes).map(|state| state.snapshot().totals), Some(totals));
    }

    #[test]
    fn arbitrary_calls_survive(
        texts in prop::collection::vec(prop::option::of(".{0,40}"), 4),
        counts in prop::collection::vec(prop::option::of(any::<u64>()), 3),
        figures in prop::collection::vec(prop::option::of(prop::num::f64::NORMAL), 2),
        ids in (prop::collection::vec(any::<u8>(), 0..20), prop::collection::vec(any::<u8>(), 0..20)),
        start in prop::option::of(0..i64::MAX as u64),
    ) {
        let text = |nth: usize| texts[nth].as_deref().map(Cow::Borrowed);
        let facts = CallFacts {
            request_id: text(0).map_or(RequestId::SpanId, RequestId::Emitted),
            model: text(1),
            provider: text(2),
            error_message: text(3),
            usage: crate::call::Usage {
                input: counts[0],
                output: counts[1],
                fresh: counts[2],
                ..crate::call::Usage::default()
            },
            ttft_ms: figures[0],
            reported_cost_usd: figures[1],
            trace_id: &ids.0,
            span_id: &ids.1,
            start_unix_nano: start,
            ..CallFacts::default()
        };
        assert_survives(&LlmCall::from_facts(&facts, &mut Names::default(), 7));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decoded(&bytes);
        let _ = decode::<State>(&bytes);
    }

    /// Damage reaches further into a message than chance does.
    #[test]
    fn a_damaged_call_does_no_harm(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = bytes_of(&whole()).to_vec();
        let (at, cut) = (at.index(bytes.len()), cut.index(bytes.len()));
        bytes[at] = byte;
        bytes.truncate(cut);
        if let Some(call) = decoded(&bytes) {
            prop_assert!(call.text_bytes() <= bytes.len());
        }
    }
}
