//! Spans as they came: every attribute, event and resource attribute.

use super::spans::{label, name};
use super::{Facts, Line, SHOWN_CHARS, Section, Tone, TraceSpan, shortened};
use crate::collector::decode::{Field, PlainEvent, PlainSpan};
use crate::text::Zone;
use crate::text::format::{duration, moment};

/// All that the spans of the row carry.
pub(super) fn sections(facts: Facts<'_>) -> Vec<Section> {
    let Some(detail) = facts.detail else { return Vec::new() };
    let own = detail.own(facts.call);
    let of_own = own.and_then(|own| own.span.as_ref()).into_iter().flat_map(|span| carried("", span, facts.most_chars));
    let of_parts = detail.parts(facts.call).filter_map(|part| {
        let span = part.span.as_ref()?;
        Some(carried(&format!(" of `{}` ({})", span.name, label(part)), span, facts.most_chars))
    });
    of_own.chain(of_parts.flatten()).collect()
}

/// A span on its own, for the trace detail.
pub fn span_sections(span: &TraceSpan, zone: Zone) -> Vec<Section> {
    let Some(decoded) = span.span.as_ref() else {
        let gone = Line::remark("the raw span was evicted from the span log (--span-memory)");
        return vec![Section::new("", vec![Line::new("span", name(span)), gone])];
    };
    let mut sections = vec![Section::new("", facts_of(span, decoded, zone))];
    sections.extend(carried("", decoded, SHOWN_CHARS));
    sections
}

fn facts_of(span: &TraceSpan, decoded: &PlainSpan, zone: Zone) -> Vec<Line> {
    let mut lines = vec![Line::new("span", decoded.name.clone()).toned(Tone::Strong)];
    let mut known = |label: &'static str, value: &str| {
        if !value.is_empty() {
            lines.push(Line::new(label, value.to_owned()));
        }
    };
    known("service", decoded.service());
    known("kind", decoded.kind);
    known("scope", &decoded.scope);
    known("id", &format!("{:016x}", span.id));
    if decoded.start_unix_nano > 0 {
        let start = i64::try_from(decoded.start_unix_nano).unwrap_or(i64::MAX);
        known("started", &moment(start, zone));
        known("took", &duration(decoded.duration_nanos() as f64 / 1e6));
    }
    known("counted as", label(span));
    known("because", &span.why);
    if decoded.is_error {
        let message = if decoded.message.is_empty() { "error" } else { &decoded.message };
        lines.push(Line::new("status", shortened(message, SHOWN_CHARS)).toned(Tone::Bad));
    }
    lines
}

fn carried(of: &str, span: &PlainSpan, most: usize) -> Vec<Section> {
    let mut sections = vec![Section::new(format!("attributes{of}"), fields(&span.attributes, most))];
    if !span.events.is_empty() {
        let lines = span.events.iter().flat_map(|event| event_lines(event, span.start_unix_nano, most)).collect();
        sections.push(Section::new(format!("events{of}"), lines));
    }
    sections.push(Section::new(format!("resource{of}"), fields(&span.resource, most)));
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn fields(fields: &[Field], most: usize) -> Vec<Line> {
    fields.iter().map(|field| Line::new(field.key.clone(), shortened(&field.value, most))).collect()
}

/// An event with its place in time, and its attributes below it.
fn event_lines(event: &PlainEvent, start_unix_nano: u64, most: usize) -> Vec<Line> {
    let offset = i128::from(event.unix_nano) - i128::from(start_unix_nano);
    let at = if event.unix_nano == 0 || start_unix_nano == 0 {
        String::new()
    } else {
        let sign = if offset < 0 { '-' } else { '+' };
        format!("{sign}{}", duration(offset.unsigned_abs() as f64 / 1e6))
    };
    let head = Line::new(at, shortened(&event.name, most)).toned(Tone::Strong);
    let attributes =
        event.attributes.iter().map(|field| Line::new(format!("  {}", field.key), shortened(&field.value, most)));
    std::iter::once(head).chain(attributes).collect()
}
