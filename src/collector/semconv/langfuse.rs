//! Langfuse's SDK (SEMCONV.md, section 3): `langfuse.observation.type` generation or embedding is a row. Usage
//! and cost are JSON text, the first token is a moment in ISO 8601.

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

/// Reads a span that has Langfuse's type.
pub(super) fn read<'a>(evidence: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    evidence.has(Key::LangfuseObservationType).then_some(())?;
    Some(if evidence.is(Key::LangfuseObservationType, "generation") {
        Classification::call(draft(evidence, "chat"), "langfuse.observation.type is generation")
    } else if evidence.is(Key::LangfuseObservationType, "embedding") {
        Classification::call(draft(evidence, "embeddings"), "langfuse.observation.type is embedding")
    } else {
        not_a_call(evidence, "langfuse.observation.type is neither generation nor embedding")
    })
}

fn draft<'a>(evidence: &SpanView<'a, '_>, operation: &'static str) -> CallFacts<'a> {
    let mut draft = fields::draft(evidence, &FIELDS);
    draft.operation.get_or_insert(Text::Borrowed(operation));
    if let Some(usage) = evidence.str(Key::LangfuseUsageDetails) {
        let reported = usage_text::read(usage);
        usage_text::complete(&mut draft.usage, &reported);
    }
    draft.ttft_ms = evidence
        .str(Key::LangfuseCompletionStartTime)
        .and_then(unix_nano)
        .map_or(draft.ttft_ms, |at| evidence.ms_until(at));
    draft.add_reported_cost(cost(evidence));
    draft.is_streaming = draft.is_streaming.or_else(|| streamed(evidence));
    fill_failure(evidence, &mut draft);
    draft
}

/// A failure may be told by level and message alone, with the span's own status unset.
fn fill_failure<'a>(evidence: &SpanView<'a, '_>, draft: &mut CallFacts<'a>) {
    if evidence.is(Key::LangfuseLevel, "ERROR") && !draft.span_error {
        draft.span_error = true;
        super::failure::fill(evidence, draft);
    }
}

/// The total, or the sum of the parts where there is none. A part that is no amount makes the sum unknown.
fn cost(evidence: &SpanView<'_, '_>) -> Option<f64> {
    let details = structured::object(evidence.str(Key::LangfuseCostDetails)?)?;
    if let Some(total) = details.get("total").filter(|total| !total.is_null()) {
        return usd(total);
    }
    let parts: Vec<f64> = details.values().filter(|part| !part.is_null()).map(usd).collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| parts.iter().sum()).filter(|sum: &f64| sum.is_finite())
}

fn usd(amount: &Json) -> Option<f64> {
    amount.as_f64().filter(|usd| usd.is_finite() && *usd >= 0.0)
}

fn streamed(evidence: &SpanView<'_, '_>) -> Option<bool> {
    structured::object(evidence.str(Key::LangfuseModelParameters)?)?.get("stream")?.as_bool()
}

/// A moment in ISO 8601, quoted or not, with or without an offset (then UTC), as ns since the epoch.
fn unix_nano(text: &str) -> Option<u64> {
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
