//! When the first token came, in ms after the call's start. Emitters disagree on unit and on place
//! (SEMCONV.md, section 2): the key tells the unit, for one key the value's type does, some record an event.

use super::keys::Key;
use super::scalar;
use super::span_view::SpanView;
use crate::collector::wire::Value;

/// Keys that mean seconds.
const SECONDS: [Key; 3] =
    [Key::GenAiTimeToFirstChunk, Key::GenAiClientTimeToFirstChunk, Key::GenAiLatencyTimeToFirstToken];

/// Keys that mean milliseconds.
const MILLISECONDS: [Key; 2] = [Key::AiMsToFirstChunk, Key::AiStreamMsToFirstChunk];

/// Events that mark the first token, the first of them in the span's order.
const EVENTS: [&str; 3] =
    ["First Token Stream Event", "gen_ai.content.completion.chunk", "llm.content.completion.chunk"];

/// Time to first token as the span tells it.
pub(super) fn ms(evidence: &SpanView<'_, '_>) -> Option<f64> {
    evidence
        .amount(&SECONDS)
        .map(|seconds| seconds * 1e3)
        .or_else(|| evidence.amount(&MILLISECONDS))
        .or_else(|| evidence.value(Key::GenAiServerTimeToFirstToken).and_then(by_type))
        .or_else(|| by_event(evidence))
}

/// One key, two meanings: openlit writes it in seconds as a double, strands in milliseconds as an integer.
fn by_type(value: &Value<'_>) -> Option<f64> {
    let number = scalar::number(value).filter(|&number| number >= 0.0)?;
    Some(if matches!(value, Value::Int(_)) { number } else { number * 1e3 })
}

fn by_event(evidence: &SpanView<'_, '_>) -> Option<f64> {
    let event = evidence.span.events().find(|event| EVENTS.contains(&event.name))?;
    evidence.ms_until(event.time_unix_nano)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_means_seconds_or_milliseconds() {
        assert_eq!(by_type(&Value::Double(0.25)), Some(250.0));
        assert_eq!(by_type(&Value::Int(250)), Some(250.0));
        assert_eq!(by_type(&Value::Double(-1.0)), None);
        assert_eq!(by_type(&Value::Bool(true)), None);
    }
}
