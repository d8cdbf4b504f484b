//! What holds of a filter expression whatever is typed.
//!
//! Includers bring `planoai::query::filter` and `planoai::call` into scope as `filter` and `call`: the unit tests and the
//! fuzz target share this.

use super::call::{CallFacts, Convention, Cost, CostBasis, LlmCall, Names, PlanoFacts, Quality, RequestId, Usage};
use super::filter::{Filter, FilterError};

/// The moment at which calls are asked, ns since the epoch.
pub(super) const NOW: i64 = 1_800_000_000_000_000_000;
/// In ns.
const MINUTE: i64 = 60_000_000_000;

/// Asserts that an expression is read or refused at a place within it, that what is read means the same in the one
/// spelling that is shown, and that asking calls in turn and all at once gives the same. True when it was read.
pub(super) fn check_invariants(text: &str) -> bool {
    match Filter::parse(text) {
        Ok(filter) => {
            means_what_it_shows(text, &filter);
            true
        }
        Err(error) => {
            error_has_its_place(text, &error);
            false
        }
    }
}

fn means_what_it_shows(text: &str, filter: &Filter) {
    let shown = filter.describe();
    assert_eq!(shown.is_empty(), filter.is_empty(), "{text:?}");
    let (rich, bare) = (rich(), bare());
    let calls = [&rich, &bare, &rich, &bare];
    let one_by_one: Vec<bool> = calls.iter().map(|call| filter.matches(call, NOW)).collect();
    let selected: Vec<_> = filter.select(calls.into_iter(), NOW).map(std::ptr::from_ref).collect();
    let passing = calls.iter().zip(&one_by_one).filter(|(_, passes)| **passes);
    assert!(passing.map(|(call, _)| std::ptr::from_ref(*call)).eq(selected), "{text:?}");
    for call in calls {
        assert!(filter.next_change(call, NOW).is_none_or(|next| next > NOW), "{text:?}");
    }
    let again = Filter::parse(&shown).unwrap_or_else(|error| panic!("{text:?} as {shown:?}: {error}"));
    assert_eq!(&again, filter, "{text:?}");
    assert_eq!(again.describe(), shown, "{text:?}");
    let again: Vec<bool> = calls.iter().map(|call| again.matches(call, NOW)).collect();
    assert_eq!(again, one_by_one, "{text:?}");
}

fn error_has_its_place(text: &str, error: &FilterError) {
    assert!(text.get(error.span.clone()).is_some(), "{text:?}: {error:?}");
    let message = format!("{}{}", error.message, error.hint.as_deref().unwrap_or_default());
    assert!(!message.chars().any(char::is_control), "{message:?}");
    let explained = error.explain(text);
    assert!(!explained.chars().any(|char| char.is_control() && char != '\n'), "{explained:?}");
}

fn keep(draft: &CallFacts<'_>) -> LlmCall {
    LlmCall::from_facts(draft, &mut Names::default(), 7)
}

/// A call of which much is known.
pub(super) fn rich() -> LlmCall {
    let mut call = keep(&CallFacts {
        request_id: RequestId::Emitted("33fc87a5-b59f-4a18-bea1-9bbfcf806091".into()),
        start_unix_nano: u64::try_from(NOW - 3 * MINUTE).ok(),
        model: Some("gpt-5-mini".into()),
        provider: Some("OpenAI".into()),
        request_model: Some("fast".into()),
        upstream_model: Some("azure/gpt-5-mini".into()),
        session_id: Some("sess-alpha".into()),
        route_name: Some("code generation".into()),
        is_streaming: Some(true),
        status_code: Some(429),
        usage: Usage {
            input: Some(12_000),
            output: Some(50),
            cache_read: Some(0),
            reasoning: Some(20),
            ..Usage::default()
        },
        ttft_ms: Some(900.0),
        duration_ms: Some(2_500.0),
        operation: Some("chat".into()),
        error_type: Some("rate_limit".into()),
        error_message: Some("Slow down, *please*".into()),
        user_id: Some("ada".into()),
        finish_reasons: Some("stop,length".into()),
        service_name: Some("plano(llm)".into()),
        trace_id: &[0x4b; 16],
        span_id: &[0xf0; 8],
        plano: PlanoFacts {
            quality: Some(Quality::Poor),
            flagged: true,
            session_switches: Some(2),
            session_overhead_pct: Some(7.5),
        },
        ..CallFacts::default()
    });
    call.set_cost(Some(Cost { usd: 0.02, basis: CostBasis::Estimate }));
    call
}

/// A call of which nothing is known.
pub(super) fn bare() -> LlmCall {
    keep(&CallFacts {
        convention: Convention::GenAi,
        start_unix_nano: Some(1),
        span_id: &[0xab; 8],
        ..CallFacts::default()
    })
}
