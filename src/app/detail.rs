//! A call in full, as data: sections of labelled lines, made of the call and of the spans of its trace.
//!
//! [`sections`] is pure; the screen wraps and draws what it returns, and the clipboard gets the same.

mod call;
mod cost;
mod error;
mod known;
mod messages;
mod plano;
mod raw;
mod spans;

use std::borrow::Cow;

use crate::call::{LlmCall, Status};
use crate::collector::decode::PlainSpan;
use crate::text::Zone;
use crate::text::secrets::Secrets;
pub use known::{Detail, TraceSpan, Wanted, own_id};
pub use raw::span_sections;

/// What a line means, for those who colour it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Tone {
    /// No emphasis.
    #[default]
    Text,
    /// What can be overlooked.
    Dim,
    /// What the eye should find first.
    Strong,
    /// As it should be.
    Good,
    /// Doubtful, but not failed.
    Fair,
    /// Failed or invalid.
    Bad,
    /// How a call ended.
    Status(Status),
    /// A latency in ms.
    Latency(f64),
    /// A time to first token in ms.
    FirstToken(f64),
}

/// A value and what it is. The value may be long and have line breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it is; empty where the value speaks for itself.
    pub label: Cow<'static, str>,
    /// Unsanitised text from spans.
    pub value: Cow<'static, str>,
    /// Selects the colour.
    pub tone: Tone,
}

impl Line {
    /// A line with this label, in the ordinary tone.
    pub fn new(label: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        Self { label: label.into(), value: value.into(), tone: Tone::Text }
    }

    /// A remark without a label.
    pub fn remark(value: impl Into<Cow<'static, str>>) -> Self {
        Self::new("", value).toned(Tone::Dim)
    }

    /// Whether what is looked for, in lower case, is in it.
    pub fn has(&self, find: &str) -> bool {
        find.is_empty() || self.label.to_lowercase().contains(find) || self.value.to_lowercase().contains(find)
    }

    /// The same line, meaning something.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// Lines on one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// The subject; empty for the first, which needs none.
    pub title: Cow<'static, str>,
    /// In the order of display.
    pub lines: Vec<Line>,
}

impl Section {
    /// Whether its title has what is looked for in it, so that all of it is meant.
    pub fn has(&self, find: &str) -> bool {
        self.title.to_lowercase().contains(find)
    }

    /// A section of these lines.
    pub fn new(title: impl Into<Cow<'static, str>>, lines: Vec<Line>) -> Self {
        Self { title: title.into(), lines }
    }
}

/// What the sections of a call are made of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The stored call, present even if its spans were evicted.
    pub call: &'a LlmCall,
    /// What was found out about it, once it was.
    pub detail: Option<&'a Detail>,
    /// The zone in which times are shown.
    pub zone: Zone,
    /// Most characters of one value; the rest is counted.
    pub most_chars: usize,
    /// How credentials in the row are shown; those in spans were masked when they were decoded.
    pub secrets: Secrets,
}

impl<'a> Facts<'a> {
    /// The span that the row was made of, while it is kept.
    fn own(self) -> Option<&'a PlainSpan> {
        self.detail?.own(self.call)?.span.as_ref()
    }

    /// The kept spans that completed the row or were merged into it.
    fn parts(self) -> impl Iterator<Item = &'a PlainSpan> {
        let parts = self.detail.map(|detail| detail.parts(self.call));
        parts.into_iter().flatten().filter_map(|span| span.span.as_ref())
    }

    /// All kept spans of the row, the one it was made of first.
    fn spans(self) -> impl Iterator<Item = &'a PlainSpan> {
        self.own().into_iter().chain(self.parts())
    }
}

/// All sections about a call; empty ones are left out.
pub fn sections(facts: Facts<'_>) -> Vec<Section> {
    let of_row = |section| guarded(section, facts.secrets);
    let mut sections = vec![
        of_row(call::overview(facts)),
        of_row(error::section(facts)),
        call::timing(facts),
        call::tokens(facts),
        cost::section(facts),
        of_row(call::attempts(facts)),
        of_row(plano::routing::section(facts)),
        plano::ledger::section(facts),
        plano::behaviour::section(facts),
    ];
    sections.extend(messages::sections(facts));
    sections.push(of_row(call::identity(facts)));
    sections.push(spans::section(facts));
    sections.extend(raw::sections(facts));
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn guarded(mut section: Section, secrets: Secrets) -> Section {
    for line in &mut section.lines {
        if let Cow::Owned(masked) = secrets.in_text(&line.value) {
            line.value = masked.into();
        }
    }
    section
}

/// The sections as plain text, for the clipboard: a line an element, and only lines with `find` in them.
pub fn text(sections: &[Section], find: &str) -> Vec<String> {
    let mut text = Vec::new();
    for section in sections {
        let lines: Vec<_> = section.lines.iter().filter(|line| section.has(find) || line.has(find)).collect();
        if lines.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push(String::new());
        }
        if !section.title.is_empty() {
            text.push(section.title.to_string());
        }
        text.extend(lines.into_iter().flat_map(line_text));
    }
    text
}

/// A value's further lines are set in, so that none of them can pass for a line of ours.
fn line_text(line: &Line) -> impl Iterator<Item = String> {
    let label = line.label.as_ref();
    line.value.lines().enumerate().map(move |(nth, value)| match (nth, label) {
        (0, "") => value.to_owned(),
        (0, label) => format!("{label}: {value}"),
        _ => format!("  {value}"),
    })
}

/// Characters of one value that a pane shows; more would bury everything else.
pub const SHOWN_CHARS: usize = 8000;

/// `value`, cut where it is very long, with what was left out counted.
fn shortened(value: &str, most: usize) -> String {
    match value.char_indices().nth(most) {
        None => value.to_owned(),
        Some((end, _)) => {
            let (head, rest) = value.split_at(end);
            format!("{head}… {} more characters", crate::text::format::count(rest.chars().count() as u128))
        }
    }
}

#[cfg(test)]
mod tests;
