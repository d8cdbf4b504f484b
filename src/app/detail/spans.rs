//! Which spans made the row, and which were not counted and why.

use super::{Facts, Line, Section, Tone, TraceSpan};
use crate::collector::join::Outcome;

/// Spans that are not part of the row and are listed all the same; a trace may have thousands.
const LISTED: usize = 20;

/// The spans of the call's trace.
pub(super) fn section(facts: Facts<'_>) -> Section {
    let Some(detail) = facts.detail else { return Section::new("spans", Vec::new()) };
    let call = facts.call;
    let mut lines = Vec::new();
    if detail.wanted.trace.is_none() {
        lines.push(Line::remark("malformed span ids: the trace cannot be looked up"));
    } else if detail.own(call).is_none_or(|own| own.span.is_none()) {
        lines
            .push(Line::remark("the raw span was evicted from the span log (--span-memory); the row's figures remain"));
    }
    lines.extend(detail.own(call).map(|span| line(span, Tone::Strong)));
    lines.extend(detail.parts(call).map(|span| line(span, Tone::Text)));
    let others: Vec<_> = detail.spans.iter().filter(|span| span.row != Some(call.id())).collect();
    lines.extend(others.iter().take(LISTED).map(|span| line(span, Tone::Dim)));
    if others.len() > LISTED {
        lines.push(Line::remark(format!("and {} more spans of the trace (t shows them)", others.len() - LISTED)));
    }
    Section::new("spans", lines)
}

fn line(span: &TraceSpan, tone: Tone) -> Line {
    Line::new(label(span), format!("{}{}", name(span), why(span))).toned(tone)
}

/// What the span is to the row.
pub(super) const fn label(span: &TraceSpan) -> &'static str {
    match (span.outcome, span.row.is_some()) {
        (Outcome::Completed, false) => "waits",
        (outcome, _) => outcome.name(),
    }
}

/// `POST /v1/chat/completions at plano(llm)`
pub(super) fn name(span: &TraceSpan) -> String {
    match &span.span {
        None => format!("{:016x}, no longer kept", span.id),
        Some(decoded) if decoded.service().is_empty() => decoded.name.clone(),
        Some(decoded) => format!("{} at {}", decoded.name, decoded.service()),
    }
}

fn why(span: &TraceSpan) -> String {
    if span.why.is_empty() { String::new() } else { format!(" — {}", span.why) }
}
