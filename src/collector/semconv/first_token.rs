//! Time to first token. Emitters disagree on its unit and place (SEMCONV.md, section 2): most keys imply a unit, for one
//! the value's type does, and some emitters record an event instead.

use super::keys::Key;
use super::langfuse::unix_nano;
use super::scalar;
use super::span_view::SpanView;
use crate::collector::wire::Value;

/// Keys whose values are seconds.
const SECONDS: [Key; 4] = [
    Key::GenAiTimeToFirstChunk,
    Key::GenAiClientTimeToFirstChunk,
    Key::GenAiLatencyTimeToFirstToken,
    Key::LiveKitTimeToFirstToken,
];

/// Keys whose values are milliseconds.
const MILLISECONDS: [Key; 2] = [Key::AiMsToFirstChunk, Key::AiStreamMsToFirstChunk];

/// Events that mark the first token. The first in span order counts.
const EVENTS: [&str; 4] = [
    "First Token Stream Event",
    "gen_ai.content.completion.chunk",
    "llm.content.completion.chunk",
    "mlflow.chunk.item.0",
];

/// Time to first token, ms.
pub(super) fn ms(view: &SpanView<'_, '_>) -> Option<f64> {
    view.amount(&SECONDS)
        .map(|seconds| seconds * 1e3)
        .or_else(|| view.amount(&MILLISECONDS))
        .or_else(|| view.value(Key::GenAiServerTimeToFirstToken).and_then(by_type))
        .or_else(|| view.str(Key::MastraCompletionStart).and_then(unix_nano).and_then(|nano| view.ms_until(nano)))
        .or_else(|| by_event(view))
}

/// openlit writes this key in seconds as a double, strands in milliseconds as an integer.
fn by_type(value: &Value<'_>) -> Option<f64> {
    let number = scalar::number(value).filter(|&number| number >= 0.0)?;
    Some(if matches!(value, Value::Int(_)) { number } else { number * 1e3 })
}

fn by_event(view: &SpanView<'_, '_>) -> Option<f64> {
    let event = view.span.events().find(|event| EVENTS.contains(&event.name))?;
    view.ms_until(event.time_unix_nano)
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
