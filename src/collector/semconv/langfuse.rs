//! Langfuse's SDK (SEMCONV.md, section 3): `langfuse.observation.type` generation or embedding is a row. Usage
//! and cost are JSON text; the time of the first token is in ISO 8601.

use chrono::{DateTime, NaiveDateTime};
use serde_json::Value as Json;

use super::fields::{self, Fields};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, structured, usage_text};
use crate::call::{CallFacts, Convention, Text};

const FIELDS: Fields = Fields {
    convention: Convention::Langfuse,
    model: &[Key::LangfuseModelName, Key::GenAiResponseModel],
    ..gen_ai::FIELDS
};

/// Reads a span with `langfuse.observation.type`.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    view.has(Key::LangfuseObservationType).then_some(())?;
    Some(if view.is(Key::LangfuseObservationType, "generation") {
        Classification::call(facts(view, "chat"), "langfuse.observation.type is generation")
    } else if view.is(Key::LangfuseObservationType, "embedding") {
        Classification::call(facts(view, "embeddings"), "langfuse.observation.type is embedding")
    } else {
        not_a_call(view, "langfuse.observation.type is neither generation nor embedding")
    })
}

fn facts<'a>(view: &SpanView<'a, '_>, operation: &'static str) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    facts.operation.get_or_insert(Text::Borrowed(operation));
    if let Some(usage) = view.str(Key::LangfuseUsageDetails) {
        let reported = usage_text::read(usage);
        usage_text::complete(&mut facts.usage, &reported);
    }
    facts.ttft_ms =
        view.str(Key::LangfuseCompletionStartTime).and_then(unix_nano).map_or(facts.ttft_ms, |at| view.ms_until(at));
    facts.add_reported_cost(cost(view));
    facts.is_streaming = facts.is_streaming.or_else(|| streamed(view));
    fill_failure(view, &mut facts);
    facts
}

/// Langfuse may report a failure in level and message only and leave the span status unset.
fn fill_failure<'a>(view: &SpanView<'a, '_>, facts: &mut CallFacts<'a>) {
    if view.is(Key::LangfuseLevel, "ERROR") && !facts.span_error {
        facts.span_error = true;
        super::failure::fill(view, facts);
    }
}

/// `total`, else the sum of the parts, USD. An unreadable part makes the sum unknown.
fn cost(view: &SpanView<'_, '_>) -> Option<f64> {
    let details = structured::object(view.str(Key::LangfuseCostDetails)?)?;
    if let Some(total) = details.get("total").filter(|total| !total.is_null()) {
        return usd(total);
    }
    let parts: Vec<f64> = details.values().filter(|part| !part.is_null()).map(usd).collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| parts.iter().sum()).filter(|sum: &f64| sum.is_finite())
}

fn usd(amount: &Json) -> Option<f64> {
    amount.as_f64().filter(|usd| usd.is_finite() && *usd >= 0.0)
}

fn streamed(view: &SpanView<'_, '_>) -> Option<bool> {
    structured::object(view.str(Key::LangfuseModelParameters)?)?.get("stream")?.as_bool()
}

/// Parses an ISO 8601 time, optionally quoted, UTC if it has no offset, into ns since the epoch.
pub(super) fn unix_nano(text: &str) -> Option<u64> {
    let text = text.trim().trim_matches('"');
    let moment = DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|moment| moment.and_utc()))
        .ok()?;
    u64::try_from(moment.timestamp_nanos_opt()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_iso_8601() {
        let cases = [
            (r#""2026-11-23T09:25:54.250000Z""#, Some(1_795_425_954_250_000_000)),
            ("2026-11-23T09:25:54.250+00:00", Some(1_795_425_954_250_000_000)),
            ("2026-11-23T10:25:54.250+01:00", Some(1_795_425_954_250_000_000)),
            ("2026-11-23T09:25:54.250", Some(1_795_425_954_250_000_000)),
            ("1960-01-01T00:00:00Z", None),
            ("9999-12-31T23:59:59Z", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(unix_nano(text), expected, "{text}");
        }
    }
}
