//! Records of calls: the table of fields, and the selection of fields with `--fields`.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};
use thiserror::Error;

use super::span_explainer::SpanExplanation;
use crate::call::{CallId, LlmCall, Name, hex};
use crate::pricing::{CostObject, Pricer};
use crate::text::secrets::Secrets;

/// The value of one field. Unknown values are [`FieldValue::Null`], never zero or empty.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// Unknown: `null` in JSON, empty in CSV.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A count.
    Count(u64),
    /// A number; written as unknown if not finite.
    Figure(f64),
    /// Text as emitted, not yet escaped for a terminal or a spreadsheet.
    Text(Cow<'a, str>),
    /// A list of texts; joined by commas in CSV.
    Texts(Vec<Cow<'a, str>>),
    /// A cost with its parts.
    Cost(Box<CostObject>),
    /// The spans of a trace.
    Spans(&'a [SpanExplanation]),
}

impl Serialize for FieldValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(yes) => serializer.serialize_bool(*yes),
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Figure(figure) => serializer.serialize_f64(*figure),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Texts(texts) => texts.serialize(serializer),
            Self::Cost(cost) => cost.serialize(serializer),
            Self::Spans(spans) => spans.serialize(serializer),
        }
    }
}

impl<'a> FieldValue<'a> {
    fn count(count: Option<u64>) -> Self {
        count.map_or(Self::Null, Self::Count)
    }

    fn figure(figure: Option<f64>) -> Self {
        figure.map_or(Self::Null, Self::Figure)
    }

    fn flag(flag: Option<bool>) -> Self {
        flag.map_or(Self::Null, Self::Bool)
    }

    fn name(name: Option<&'a Name>) -> Self {
        name.map_or(Self::Null, |name| Self::Text(Cow::Borrowed(name)))
    }

    /// The value with credentials in its text masked if required.
    fn masked(self, secrets: Secrets) -> Self {
        match self {
            Self::Text(text) => Self::Text(masked(text, secrets)),
            Self::Texts(texts) => Self::Texts(texts.into_iter().map(|text| masked(text, secrets)).collect()),
            other => other,
        }
    }

    fn id(bytes: &[u8]) -> Self {
        if bytes.is_empty() { Self::Null } else { Self::Text(Cow::Owned(hex(bytes))) }
    }
}

fn masked(text: Cow<'_, str>, secrets: Secrets) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => secrets.in_text(text),
        Cow::Owned(text) => Cow::Owned(secrets.in_text(&text).into_owned()),
    }
}

/// A field of a record.
#[derive(Debug)]
pub struct RecordField {
    /// Its key in NDJSON, column in CSV and name in `--fields`.
    pub name: &'static str,
    /// Content and unit, for the documentation.
    pub help: &'static str,
    /// Whether it is an object or a list of objects, which CSV leaves out by default.
    pub is_nested: bool,
    read: Read,
}

impl RecordField {
    /// Whether it is written only if requested by name.
    pub const fn is_extra(&self) -> bool {
        matches!(self.read, Read::Spans)
    }
}

/// The source of a field's value.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// Read from the stored call.
    Call(for<'a> fn(&'a LlmCall) -> FieldValue<'a>),
    /// Computed with the price catalog.
    Prices,
    /// A query to the collector, made only if the field is requested.
    Spans,
}

/// Data for fields that the call itself does not hold.
#[derive(Clone, Copy, Debug)]
pub struct RecordContext<'a> {
    /// Prices for the explanation of costs.
    pub pricer: &'a Pricer,
    /// The spans of the call's trace; `None` if unknown.
    pub spans: Option<&'a [SpanExplanation]>,
    /// Whether credentials in text are masked.
    pub secrets: Secrets,
}

const fn field(name: &'static str, help: &'static str, read: for<'a> fn(&'a LlmCall) -> FieldValue<'a>) -> RecordField {
    RecordField { name, help, is_nested: false, read: Read::Call(read) }
}

const CALL_ID: &str = "call_id";
const REVISION: &str = "revision";
const MERGED: &str = "merged";
const SPANS: &str = "spans";

/// All fields, in output order.
pub static FIELDS: &[RecordField] = &[
    field("request_id", "id of the request, else the hex span id", |call| {
        FieldValue::Text(Cow::Owned(call.request_id()))
    }),
    field("timestamp", "start of the call, RFC 3339 in UTC with microseconds", |call| {
        FieldValue::Text(Cow::Owned(timestamp(call.start_unix_nano())))
    }),
    field("model", "model that answered", |call| FieldValue::name(call.model())),
    field("provider", "provider, else the service that sent the span, else `unknown`", |call| {
        FieldValue::Text(Cow::Borrowed(call.provider()))
    }),
    field("request_model", "model the client asked for", |call| FieldValue::name(call.request_model())),
    field("session_id", "session or conversation", |call| FieldValue::name(call.session_id())),
    field("route_name", "route the gateway chose", |call| FieldValue::name(call.route_name())),
    field("is_streaming", "whether the answer was streamed, as emitted", |call| FieldValue::flag(call.is_streaming())),
    field("status_code", "HTTP status", |call| FieldValue::count(call.status_code().map(u64::from))),
    field("prompt_tokens", "input tokens as reported", |call| FieldValue::count(call.usage().input)),
    field("completion_tokens", "output tokens, reasoning included", |call| FieldValue::count(call.usage().output)),
    field("total_tokens", "total tokens as reported", |call| FieldValue::count(call.usage().total)),
    field("cached_input_tokens", "input tokens read from the cache", |call| FieldValue::count(call.usage().cache_read)),
    field("cache_creation_tokens", "input tokens written to the cache", |call| {
        FieldValue::count(call.usage().cache_write)
    }),
    field("reasoning_tokens", "output tokens spent on reasoning", |call| FieldValue::count(call.usage().reasoning)),
    field("ttft_ms", "time to first token, ms", |call| FieldValue::figure(call.ttft_ms())),
    field("duration_ms", "duration, ms", |call| FieldValue::figure(call.duration_ms())),
    field("routing_strategy", "how the route was chosen", |call| {
        FieldValue::name(call.labels().routing_strategy.as_ref())
    }),
    field("routing_reason", "why the route was chosen", |call| FieldValue::name(call.labels().routing_reason.as_ref())),
    field("cost_usd", "cost, USD, not rounded", |call| FieldValue::figure(call.cost().map(|cost| cost.usd))),
    field("tpt_ms", "time a generated token took, ms", |call| FieldValue::figure(call.tpt_ms())),
    field("tokens_per_sec", "generated tokens a second", |call| FieldValue::figure(call.tokens_per_sec())),
    field(CALL_ID, "arrival number, from 0", |call| FieldValue::Count(call.id().0)),
    field(REVISION, "1 at first, more each time another span completed the call", |call| {
        FieldValue::Count(u64::from(call.revision()))
    }),
    RecordField {
        name: "cost",
        help: "the cost, its parts and where it comes from: usd, basis, input_usd, cache_read_usd, cache_write_usd, \
               output_usd, request_usd, provider, row, matched_by, alias, source",
        is_nested: true,
        read: Read::Prices,
    },
    field(
        "cost_basis",
        "reported, priced, refreshed (by a price list from the network) or estimate",
        |call| match call.cost() {
            Some(cost) => FieldValue::Text(Cow::Borrowed(cost.basis.name())),
            None => FieldValue::Null,
        },
    ),
    field("is_error", "whether the call failed; an answer that never came is a failure", |call| {
        FieldValue::Bool(call.status().is_error())
    }),
    field("operation", "chat, embeddings, …", |call| FieldValue::name(call.labels().operation.as_ref())),
    field("error_type", "class of the error", |call| FieldValue::name(call.labels().error_type.as_ref())),
    field("error_message", "status or exception message", |call| FieldValue::name(call.error_message())),
    field("user_id", "end user", |call| FieldValue::name(call.user_id())),
    field("finish_reasons", "why generation ended", |call| match &call.labels().finish_reasons {
        Some(reasons) => FieldValue::Texts(reasons.split(',').map(Cow::Borrowed).collect()),
        None => FieldValue::Null,
    }),
    field("trace_id", "trace id, hex", |call| FieldValue::id(call.ids().0)),
    field("span_id", "span id, hex", |call| FieldValue::id(call.ids().1)),
    field("service_name", "service that sent the span", |call| FieldValue::name(call.labels().service_name.as_ref())),
    field("reported_cost_usd", "cost that the emitter computed, USD", |call| {
        FieldValue::figure(call.reported_cost_usd())
    }),
    field("convention", "semantic convention of the span", |call| {
        FieldValue::Text(Cow::Borrowed(call.labels().convention.name()))
    }),
    field("upstream_model", "model dispatched to, where it differs", |call| FieldValue::name(call.upstream_model())),
    field("attempts", "attempts that the call took, where several are known", |call| {
        FieldValue::count(call.attempts().map(u64::from))
    }),
    field("failed_attempts_ms", "time lost to attempts that failed before the last one, ms", |call| {
        FieldValue::figure(call.failed_attempts_ms())
    }),
    field("failed_attempts_usd", "money lost to attempts that failed before the last one, USD", |call| {
        FieldValue::figure(call.failed_attempts_usd())
    }),
    field("service_tier", "service tier that was billed", |call| FieldValue::name(call.labels().service_tier.as_ref())),
    field("input_fresh_tokens", "input tokens neither read from nor written to the cache", |call| {
        FieldValue::count(call.usage().input_fresh())
    }),
    field("quality", "verdict of the gateway's behaviour signals", |call| match call.plano_facts().quality {
        Some(quality) => FieldValue::Text(Cow::Borrowed(quality.name())),
        None => FieldValue::Null,
    }),
    field("is_flagged", "whether the gateway flagged the call", |call| FieldValue::Bool(call.plano_facts().flagged)),
    field(MERGED, "true in the last record of a call that turned out to be part of another", |_| {
        FieldValue::Bool(false)
    }),
    RecordField {
        name: SPANS,
        help: "with --explain-spans: the known spans of the call's trace, each with span_id, parent_span_id, name, role, \
               why and the call_id it is part of; written again when more of them arrive",
        is_nested: true,
        read: Read::Spans,
    },
];

/// RFC 3339 in UTC with microseconds, which every parser accepts.
pub(super) fn timestamp(unix_nano: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros(unix_nano)).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Rounds to microseconds through a double, as Python's `datetime` does: at most one off the nearest, and equal to the
/// output of other tools.
#[expect(clippy::cast_possible_truncation, reason = "seconds and microseconds of an i64 of nanoseconds")]
fn micros(unix_nano: i64) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    let seconds = unix_nano.div_euclid(SECOND) as f64 + unix_nano.rem_euclid(SECOND) as f64 / 1e9;
    (seconds.floor() as i64) * 1_000_000 + (seconds.rem_euclid(1.0) * 1e6).round_ties_even() as i64
}

/// The shown cost with its parts. If prices were refreshed since the call was priced, cost and basis stay and parts of a
/// different sum are left out.
fn explained_cost(call: &LlmCall, pricer: &Pricer) -> CostObject {
    let explained = pricer.explain(call).cost;
    let usd = call.cost().map(|cost| cost.usd);
    let basis = call.cost().map(|cost| cost.basis.name());
    let parts = if explained.usd == usd { explained } else { CostObject::default() };
    CostObject { usd, basis, ..parts }
}

/// An unknown name in `--fields`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown field {0:?}; {hint}", hint = self.hint())]
pub struct UnknownField(pub String);

impl UnknownField {
    /// Suggests similar fields, or lists all of them.
    fn hint(&self) -> String {
        let near = self.near();
        if near.is_empty() {
            format!("the fields are {}", names(FIELDS.iter()))
        } else {
            format!("did you mean {}?", names(near.into_iter()))
        }
    }

    /// The fields closest in spelling, else those that contain the word.
    fn near(&self) -> Vec<&'static RecordField> {
        let word = self.0.to_ascii_lowercase();
        if word.is_empty() || word.len() > MAX_NAME {
            return Vec::new();
        }
        let distance = |field: &&'static RecordField| strsim::osa_distance(&word, field.name);
        let closest = FIELDS.iter().map(|field| distance(&field)).min().unwrap_or(usize::MAX);
        let is_misspelt = |field: &&'static RecordField| closest <= word.len() / 3 && distance(field) == closest;
        let misspelt: Vec<_> = FIELDS.iter().filter(is_misspelt).collect();
        if misspelt.is_empty() { FIELDS.iter().filter(|field| field.name.contains(&word)).collect() } else { misspelt }
    }
}

/// Longest name for which suggestions are searched, bytes.
const MAX_NAME: usize = 32;

fn names(fields: impl Iterator<Item = &'static RecordField>) -> String {
    fields.map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// The written fields, in order.
#[derive(Clone, Debug)]
pub struct FieldList(Vec<&'static RecordField>);

impl FieldList {
    /// Every field except those written only on request.
    pub fn all() -> Self {
        Self(FIELDS.iter().filter(|field| !field.is_extra()).collect())
    }

    /// Every field that is not nested.
    pub fn flat() -> Self {
        Self(FIELDS.iter().filter(|field| !field.is_nested).collect())
    }

    /// Adds the spans of each call's trace.
    #[must_use]
    pub fn with_spans(mut self) -> Self {
        if !self.have_spans() {
            self.0.extend(FIELDS.iter().filter(|field| matches!(field.read, Read::Spans)));
        }
        self
    }

    /// Whether the spans of each call's trace are included.
    pub fn have_spans(&self) -> bool {
        self.names().any(|name| name == SPANS)
    }

    /// Parses `a,b,c`. Blanks around names and repeated names are ignored.
    ///
    /// # Errors
    /// [`UnknownField`] with the first unknown name, which is empty for an empty list.
    pub fn parse(list: &str) -> Result<Self, UnknownField> {
        let mut chosen: Vec<&'static RecordField> = Vec::new();
        for word in list.split(',').map(str::trim) {
            let field = FIELDS.iter().find(|field| field.name == word).ok_or_else(|| UnknownField(word.to_owned()))?;
            if !chosen.iter().any(|known| known.name == field.name) {
                chosen.push(field);
            }
        }
        Ok(Self(chosen))
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|field| field.name)
    }

    /// Whether records identify their call, without which it cannot be retracted.
    pub fn include_call_id(&self) -> bool {
        self.names().any(|name| name == CALL_ID)
    }
}

/// One line of NDJSON or CSV.
#[derive(Clone, Copy, Debug)]
pub enum Record<'a> {
    /// A call, new or revised.
    Call(&'a LlmCall),
    /// Retracts a written call that turned out to be part of another. Id and revision.
    MergedAway(CallId, u16),
}

impl<'a> Record<'a> {
    /// The new record of a call that was written before.
    pub fn revised(call: &'a LlmCall) -> Self {
        if call.is_merged_away() { Self::MergedAway(call.id(), call.revision()) } else { Self::Call(call) }
    }

    /// The value of one field. In a retraction only id, revision and `merged` are set.
    fn value(self, field: &RecordField, sources: RecordContext<'a>) -> FieldValue<'a> {
        match (self, field.read, field.name) {
            (Self::Call(call), Read::Call(read), _) => read(call).masked(sources.secrets),
            (Self::Call(call), Read::Prices, _) => FieldValue::Cost(Box::new(explained_cost(call, sources.pricer))),
            (Self::Call(_), Read::Spans, _) => sources.spans.map_or(FieldValue::Null, FieldValue::Spans),
            (Self::MergedAway(id, _), _, CALL_ID) => FieldValue::Count(id.0),
            (Self::MergedAway(_, revision), _, REVISION) => FieldValue::Count(u64::from(revision)),
            (Self::MergedAway(..), _, MERGED) => FieldValue::Bool(true),
            (Self::MergedAway(..), ..) => FieldValue::Null,
        }
    }

    /// Name and value of each selected field.
    pub(super) fn values(
        self,
        columns: &FieldList,
        sources: RecordContext<'a>,
    ) -> impl Iterator<Item = (&'static str, FieldValue<'a>)> {
        columns.0.iter().map(move |field| (field.name, self.value(field, sources)))
    }

    /// Names and values of a retraction; `None` for other records.
    pub(super) fn retraction(self) -> Option<[(&'static str, FieldValue<'static>); 3]> {
        match self {
            Self::Call(_) => None,
            Self::MergedAway(id, revision) => Some([
                (CALL_ID, FieldValue::Count(id.0)),
                (REVISION, FieldValue::Count(u64::from(revision))),
                (MERGED, FieldValue::Bool(true)),
            ]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_once_and_the_twenty_come_first() {
        let names: Vec<&str> = FieldList::all().names().collect();
        let expected = "request_id,timestamp,model,provider,request_model,session_id,route_name,is_streaming,\
            status_code,prompt_tokens,completion_tokens,total_tokens,cached_input_tokens,cache_creation_tokens,\
            reasoning_tokens,ttft_ms,duration_ms,routing_strategy,routing_reason,cost_usd,tpt_ms,tokens_per_sec,\
            call_id,revision,cost";
        assert_eq!(names.get(..25).unwrap().join(","), expected);
        assert!(names.iter().enumerate().all(|(nth, name)| !names[..nth].contains(name)));
    }

    #[test]
    fn a_choice_of_fields() {
        let names = |list: &str| FieldList::parse(list).map(|columns| columns.names().collect::<Vec<_>>().join(","));
        assert_eq!(names("model, cost_usd,model"), Ok("model,cost_usd".to_owned()));
        assert_eq!(names("model,modle"), Err(UnknownField("modle".to_owned())));
        assert_eq!(names(""), Err(UnknownField(String::new())));
        assert_eq!(names("model,"), Err(UnknownField(String::new())));
    }

    #[test]
    fn an_unknown_field_gets_a_hint() {
        for (word, hint) in [
            ("modle", "did you mean model?"),
            ("Cost", "did you mean cost?"),
            (
                "tokens",
                "did you mean prompt_tokens, completion_tokens, total_tokens, cached_input_tokens, \
                        cache_creation_tokens, reasoning_tokens, tokens_per_sec, input_fresh_tokens?",
            ),
            ("latency", "the fields are request_id, timestamp, model, "),
            ("", "the fields are request_id, "),
        ] {
            let message = UnknownField(word.to_owned()).to_string();
            assert!(message.starts_with(&format!("unknown field {word:?}; {hint}")), "{message}");
        }
    }

    #[test]
    fn times_are_utc_with_microseconds() {
        assert_eq!(timestamp(1_795_424_977_505_544_999), "2026-11-23T09:09:37.505545Z");
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(timestamp(i64::MAX), "2262-04-11T23:47:16.854776Z");
    }
}
