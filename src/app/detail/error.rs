//! What went wrong: the message on the row, and every exception that its spans recorded.

use super::{Facts, Line, Section, Tone, shortened};
use crate::collector::decode::{PlainEvent, PlainSpan};

/// The error, where there is one.
pub(super) fn section(facts: Facts<'_>) -> Section {
    let call = facts.call;
    let kind = call.labels().error_type.as_ref();
    let message = call.error_message();
    let mut lines = Vec::new();
    lines.extend(kind.map(|kind| Line::new("type", kind.to_string()).toned(Tone::Bad)));
    lines.extend(message.map(|message| Line::new("message", message.to_string()).toned(Tone::Bad)));
    let known = message.map_or("", |message| message.as_str());
    for span in facts.spans() {
        lines.extend(status_message(span, known, facts.most_chars));
    }
    let mut exceptions: Vec<&PlainEvent> = Vec::new();
    for event in facts.spans().flat_map(|span| &span.events).filter(|event| event.name == "exception") {
        // Wrappers record again what they pass on.
        if !exceptions.iter().any(|other| other.attributes == event.attributes) {
            exceptions.push(event);
        }
    }
    lines.extend(exceptions.into_iter().flat_map(|event| exception(event, known, facts.most_chars)));
    Section::new("error", lines)
}

fn status_message(span: &PlainSpan, known: &str, most: usize) -> Option<Line> {
    let message = Some(span.message.as_str()).filter(|message| !message.is_empty() && !known.contains(message))?;
    Some(Line::new("span status", shortened(message, most)).toned(Tone::Bad))
}

/// An `exception` event (OpenTelemetry semantic conventions, exceptions on spans).
fn exception(event: &PlainEvent, known: &str, most: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(kind) = event.attribute("exception.type") {
        lines.push(Line::new("exception", kind.to_owned()).toned(Tone::Bad));
    }
    if let Some(message) = event.attribute("exception.message").filter(|message| !known.contains(message)) {
        lines.push(Line::new("message", shortened(message, most)).toned(Tone::Bad));
    }
    if let Some(trace) = event.attribute("exception.stacktrace").map(str::trim_end).filter(|trace| !trace.is_empty()) {
        lines.push(Line::new("stack trace", shortened(trace, most)).toned(Tone::Dim));
    }
    lines
}
