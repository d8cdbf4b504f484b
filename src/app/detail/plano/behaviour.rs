//! Conversation quality, and each behaviour signal with its trigger.

use super::super::{Facts, Line, Section, Tone};
use super::{figure, plain};
use crate::collector::decode::{PlainEvent, PlainSpan};

/// One kind of behaviour signal: `interaction.misalignment`, how often, how grave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signal<'a> {
    pub name: &'a str,
    /// `….count`
    pub count: Option<f64>,
    /// `….severity`
    pub severity: Option<&'a str>,
}

/// One place in the conversation that set a signal off.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trigger<'a> {
    /// Layer, kind and leaf.
    pub name: &'a str,
    /// `signal.snippet`
    pub snippet: Option<&'a str>,
    /// `signal.confidence`, 0 to 1
    pub confidence: Option<f64>,
    /// `signal.message_index`
    pub message: Option<&'a str>,
}

/// The signals of a span, in order of their first attribute.
pub(crate) fn signals(own: &PlainSpan) -> Vec<Signal<'_>> {
    let mut signals: Vec<Signal<'_>> = Vec::new();
    for field in &own.attributes {
        let rest = field.key.strip_prefix("signals.").and_then(|rest| rest.rsplit_once('.'));
        let Some((name, leaf @ ("count" | "severity"))) = rest else { continue };
        let at = signals.iter().position(|signal| signal.name == name).unwrap_or_else(|| {
            signals.push(Signal { name, count: None, severity: None });
            signals.len() - 1
        });
        let Some(signal) = signals.get_mut(at) else { continue };
        match leaf {
            "count" => signal.count = super::number(&field.value),
            _ => signal.severity = Some(&field.value),
        }
    }
    signals
}

/// What set the signals of a span off, in order.
pub(crate) fn triggers(own: &PlainSpan) -> Vec<Trigger<'_>> {
    own.events.iter().filter_map(trigger).collect()
}

fn trigger(event: &PlainEvent) -> Option<Trigger<'_>> {
    let name = event.name.strip_prefix("signal.")?;
    Some(Trigger {
        name,
        snippet: event.attribute("signal.snippet"),
        confidence: event.attribute("signal.confidence").and_then(super::number),
        message: event.attribute("signal.message_index"),
    })
}

/// Quality and signals; from the row where the span was evicted.
pub(crate) fn section(facts: Facts<'_>) -> Section {
    let lines = facts.own().map(span_lines).filter(|lines| !lines.is_empty());
    Section::new("behaviour", lines.unwrap_or_else(|| of_row(facts)))
}

fn of_row(facts: Facts<'_>) -> Vec<Line> {
    let plano = facts.call.plano_facts();
    let mut lines = Vec::new();
    lines.extend(plano.quality.map(|quality| quality_line(quality.name(), None)));
    if plano.flagged {
        lines.push(Line::new("signals", "⚑ at least one fired").toned(Tone::Fair));
    }
    lines
}

fn span_lines(own: &PlainSpan) -> Vec<Line> {
    let mut lines = Vec::new();
    let score = figure(own, "signals.quality_score");
    lines.extend(own.attribute("signals.quality").map(|quality| quality_line(quality, score)));
    lines.extend(figure(own, "signals.turn_count").map(|turns| Line::new("turns", plain(turns))));
    lines.extend(figure(own, "signals.efficiency_score").map(|score| Line::new("efficiency", plain(score))));
    let mut triggers = triggers(own);
    for signal in signals(own) {
        lines.push(signal_line(&signal));
        let (its, others) = triggers.into_iter().partition(|trigger| trigger.name.starts_with(signal.name));
        triggers = others;
        let its: Vec<Trigger<'_>> = its;
        lines.extend(its.iter().map(|trigger| trigger_line(trigger, signal.name)));
    }
    // Triggers without a count are listed, too.
    lines.extend(triggers.iter().map(|trigger| trigger_line(trigger, "")));
    lines
}

fn quality_line(quality: &str, score: Option<f64>) -> Line {
    let tone = match quality {
        "excellent" | "good" => Tone::Good,
        "poor" => Tone::Fair,
        "severe" => Tone::Bad,
        _ => Tone::Text,
    };
    let score = score.map_or_else(String::new, |score| format!(", {} of 100", plain(score)));
    Line::new("quality", format!("{quality}{score}")).toned(tone)
}

fn signal_line(signal: &Signal<'_>) -> Line {
    let times = signal.count.map(|count| format!("{}×", plain(count)));
    let severity = signal.severity.map(|severity| format!("severity {severity}"));
    let details: Vec<_> = times.into_iter().chain(severity).collect();
    Line::new("⚑ signal", format!("{} {}", signal.name, details.join(", "))).toned(Tone::Fair)
}

/// `message 2, correction: “no, i said” (confidence 1)`
fn trigger_line(trigger: &Trigger<'_>, of_signal: &str) -> Line {
    let leaf = trigger.name.strip_prefix(of_signal).unwrap_or(trigger.name).trim_start_matches('.');
    let snippet = trigger.snippet.map_or_else(String::new, |snippet| format!(": “{snippet}”"));
    let sure = trigger.confidence.map_or_else(String::new, |sure| format!(" (confidence {})", plain(sure)));
    let label = trigger.message.map_or_else(String::new, |message| format!("  message {message}"));
    Line::new(label, format!("{leaf}{snippet}{sure}"))
}
