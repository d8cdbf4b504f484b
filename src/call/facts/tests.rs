//! What an outer span takes from an inner one of the same call, and what token counts say together.

use super::*;
use crate::call::testing::whole;

fn filled(mut outer: CallFacts<'static>, inner: &CallFacts<'static>) -> CallFacts<'static> {
    outer.fill_gaps(inner);
    outer
}

/// Guarantees: a call that succeeded shows nothing of an attempt that failed below it; one that failed shows the reason.
#[test]
fn an_attempt_that_was_survived_leaves_no_error() {
    let attempt = CallFacts {
        convention: Convention::GenAi,
        span_error: true,
        status_code: Some(429),
        error_type: Some("RateLimitError".into()),
        error_message: Some("Error code: 429".into()),
        ..CallFacts::default()
    };
    let gen_ai = CallFacts { convention: Convention::GenAi, ..CallFacts::default() };
    let cases = [
        (gen_ai.clone(), false, None),
        (CallFacts { status_code: Some(200), ..gen_ai.clone() }, false, Some(200)),
        (CallFacts { span_error: true, ..gen_ai.clone() }, true, Some(429)),
        (CallFacts { status_code: Some(500), ..gen_ai }, true, Some(500)),
        // A gateway's call without a status got no answer.
        (CallFacts::default(), true, None),
    ];
    for (outer, has_error, status_code) in cases {
        let call = filled(outer.clone(), &attempt);
        assert_eq!(call.error_type.is_some(), has_error, "{outer:?}");
        assert_eq!(call.error_message.is_some(), has_error, "{outer:?}");
        assert_eq!(call.status_code, status_code, "{outer:?}");
    }
}

#[test]
fn a_reported_zero_hides_no_cost() {
    let costing = |reported_cost_usd| CallFacts { reported_cost_usd, ..CallFacts::default() };
    for (outer, inner, expected) in [
        (None, None, None),
        (None, Some(0.0), Some(0.0)),
        (Some(0.0), None, Some(0.0)),
        (Some(0.0), Some(0.0), Some(0.0)),
        (Some(0.0), Some(0.5), Some(0.5)),
        (Some(0.5), Some(0.0), Some(0.5)),
        (Some(0.25), Some(0.5), Some(0.25)),
    ] {
        let call = filled(costing(outer), &costing(inner));
        assert_eq!(call.reported_cost_usd, expected, "{outer:?} above {inner:?}");
    }
}

/// Guarantees: what was written for an hour was written, also where the total of writes is not reported.
#[test]
fn writes_for_an_hour_are_writes() {
    let usage = |cache_write, cache_write_1h| Usage {
        input: Some(5000),
        cache_read: Some(500),
        cache_write,
        cache_write_1h,
        ..Usage::default()
    };
    for (all, for_an_hour, written, fresh) in [
        (None, Some(1000), Some(1000), 3500),
        (Some(1500), Some(1000), Some(1500), 3000),
        (Some(0), Some(1000), Some(0), 4500),
        (None, None, None, 4500),
    ] {
        let usage = usage(all, for_an_hour);
        assert_eq!(usage.written(), written, "{usage:?}");
        assert_eq!((usage.input_fresh(), usage.input_total()), (Some(fresh), Some(5000)), "{usage:?}");
    }
}

/// Guarantees: a call without facts takes all that an inner span has, but for what identifies the outer span itself.
#[test]
fn gaps_are_filled_with_every_fact() {
    let outer = CallFacts { span_error: true, ..CallFacts::default() };
    let inner = whole();
    let expected = CallFacts { convention: Convention::Plano, trace_id: &[], span_id: &[], ..inner.clone() };
    assert_eq!(filled(outer, &inner), expected);
    assert_eq!(filled(inner.clone(), &CallFacts::default()), inner, "nothing is taken away");
}

/// Guarantees: no text of a kept call is longer than the bound, whichever fact it belongs to.
#[test]
fn every_text_is_bounded() {
    let mut facts = whole();
    facts.request_id = RequestId::Emitted("x".repeat(2 * LONGEST_TEXT).into());
    for text in facts.texts_mut() {
        *text = text.as_ref().map(|text| text.repeat(2 * LONGEST_TEXT).into());
    }
    facts.service_name = Some("x".repeat(2 * LONGEST_TEXT).into());
    let json = serde_json::to_value(facts.bounded().unwrap()).unwrap();
    let mut texts = 0;
    let mut left = vec![&json];
    while let Some(value) = left.pop() {
        match value {
            serde_json::Value::Object(fields) => left.extend(fields.values()),
            serde_json::Value::String(text) => {
                texts += 1;
                assert!(text.len() <= LONGEST_TEXT, "{text:.20}… has {} bytes", text.len());
            }
            _ => {}
        }
    }
    assert!(texts > TEXTS, "only {texts} texts");
    assert_eq!(whole().bounded(), None);
}
