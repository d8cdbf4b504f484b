//! The fields of the filter language as one table, from which parsing, completion, help and reference are made.

use crate::call::{KeptId, LlmCall};

/// The unit of a figure, which determines how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Milliseconds, written as a duration: `800ms`, `2s`, `1m30s`.
    Duration,
    /// USD, with or without `$`: `$0.01`.
    Money,
    /// A count, with `k` and `m`: `10k`.
    Count,
    /// Tokens per second.
    Rate,
    /// Percent, with or without `%`.
    Percent,
}

/// What a field holds and where it is read, which determines the values it can be compared with.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldKind {
    /// A name, compared as a whole; `*` is a wildcard.
    Name(for<'a> fn(&'a LlmCall) -> Option<&'a str>),
    /// Prose in one or two pieces: matches a part of it, or with `=` the whole; `*` is a wildcard.
    Prose(for<'a> fn(&'a LlmCall) -> [Option<&'a str>; 2]),
    /// An id, compared as a name; it is turned into text only where it could match.
    Id(for<'a> fn(&'a LlmCall) -> KeptId<'a>),
    /// A figure: comparisons, ranges, known or unknown.
    Figure(Unit, fn(&LlmCall) -> Option<f64>),
    /// How the call ended: a code, a class of codes, a comparison, `ok`, `error`.
    Status,
    /// Yes, no, or unknown.
    Stream,
    /// Plano's behaviour flag or its verdict.
    Flag,
    /// A duration before now, after which the call started.
    Since,
}

/// One field of the expression language.
#[derive(Debug)]
pub struct FilterField {
    /// The name in help, completion and the header.
    pub name: &'static str,
    /// Other accepted spellings, among them the names of `--json`.
    pub aliases: &'static [&'static str],
    pub(super) kind: FieldKind,
    /// Keywords that are accepted as values, for completion.
    pub words: &'static [&'static str],
    /// One line of help.
    pub help: &'static str,
    /// A term that uses it.
    pub example: &'static str,
}

impl FilterField {
    /// The field with this name or alias, in any case.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.spellings().any(|spelling| spelling.eq_ignore_ascii_case(name)))
    }

    pub(super) fn spellings(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }
}

const fn name(
    name: &'static str,
    aliases: &'static [&'static str],
    read: for<'a> fn(&'a LlmCall) -> Option<&'a str>,
    help: &'static str,
    example: &'static str,
) -> FilterField {
    FilterField { name, aliases, kind: FieldKind::Name(read), words: &[], help, example }
}

const fn figure(
    name: &'static str,
    aliases: &'static [&'static str],
    unit: Unit,
    read: fn(&LlmCall) -> Option<f64>,
    help: &'static str,
    example: &'static str,
) -> FilterField {
    FilterField { name, aliases, kind: FieldKind::Figure(unit, read), words: &["unknown"], help, example }
}

const fn id(
    name: &'static str,
    aliases: &'static [&'static str],
    read: for<'a> fn(&'a LlmCall) -> KeptId<'a>,
    help: &'static str,
    example: &'static str,
) -> FilterField {
    FilterField { name, aliases, kind: FieldKind::Id(read), words: &[], help, example }
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn count(tokens: Option<u64>) -> Option<f64> {
    tokens.map(|tokens| tokens as f64)
}

/// All fields, in the order in which help lists them.
pub static FIELDS: &[FilterField] = &[
    name(
        "model",
        &[],
        |call| known(call.shown_model()),
        "model that answered, or the requested one",
        "model:gpt-5*,claude-*",
    ),
    name(
        "route",
        &["route_name"],
        |call| call.route_name().map(AsRef::as_ref),
        "route chosen by the gateway",
        "route:code",
    ),
    name("provider", &[], emitted_provider, "provider", "!provider:openai"),
    FilterField {
        name: "status",
        aliases: &["status_code"],
        kind: FieldKind::Status,
        words: &["ok", "error", "4xx", "5xx", "none"],
        help: "HTTP status, a class of it, ok or error; none: no code was reported",
        example: "status:429,5xx",
    },
    FilterField {
        name: "error",
        aliases: &["error_type", "error_message"],
        kind: FieldKind::Prose(|call| [call.labels().error_type.as_deref(), call.error_message().map(AsRef::as_ref)]),
        words: &["none"],
        help: "text within the error's type or message",
        example: "error:\"rate limit\"",
    },
    figure("cost", &["cost_usd"], Unit::Money, |call| call.cost().map(|cost| cost.usd), "cost in USD", "cost:>$0.01"),
    figure(
        "latency",
        &["duration", "duration_ms"],
        Unit::Duration,
        LlmCall::duration_ms,
        "duration of the call",
        "latency:>2s",
    ),
    figure("ttft", &["ttft_ms"], Unit::Duration, LlmCall::ttft_ms, "time to first token", "ttft:>800ms"),
    figure(
        "tok/s",
        &["tps", "tokens_per_sec"],
        Unit::Rate,
        LlmCall::generation_rate,
        "generated tokens per second",
        "tok/s:<20",
    ),
    figure(
        "in",
        &["input"],
        Unit::Count,
        |call| count(call.usage().input_total()),
        "input tokens, cached ones included",
        "in:>10k",
    ),
    figure(
        "new",
        &["fresh", "input_fresh_tokens"],
        Unit::Count,
        |call| count(call.usage().input_fresh()),
        "input tokens neither read from nor written to the cache",
        "new:<1k",
    ),
    figure(
        "cached",
        &["cache_read", "cached_input_tokens"],
        Unit::Count,
        |call| count(call.usage().cache_read),
        "input tokens read from the cache",
        "cached:0",
    ),
    figure(
        "written",
        &["cache_write", "cache_creation_tokens"],
        Unit::Count,
        |call| count(call.usage().cache_write),
        "input tokens written to the cache",
        "written:>0",
    ),
    figure(
        "out",
        &["output", "completion_tokens"],
        Unit::Count,
        |call| count(call.usage().output),
        "output tokens",
        "out:1k..4k",
    ),
    figure(
        "reasoning",
        &["rsn", "reasoning_tokens"],
        Unit::Count,
        |call| count(call.usage().reasoning),
        "output tokens spent on reasoning",
        "reasoning:>500",
    ),
    figure(
        "total",
        &["total_tokens"],
        Unit::Count,
        |call| count(call.usage().total),
        "total tokens as reported",
        "total:>100k",
    ),
    figure(
        "attempts",
        &["tries"],
        Unit::Count,
        |call| call.attempts().map(f64::from),
        "attempts that the call took, where several are known",
        "attempts:>1",
    ),
    figure(
        "reported",
        &["reported_cost_usd"],
        Unit::Money,
        LlmCall::reported_cost_usd,
        "cost in USD as reported by the emitter",
        "reported:unknown",
    ),
    name(
        "basis",
        &["cost_basis"],
        |call| call.cost().map(|cost| cost.basis.name()),
        "where the cost comes from: reported, priced, refreshed, estimate",
        "basis:estimate",
    ),
    name(
        "session",
        &["session_id"],
        |call| call.session_id().map(AsRef::as_ref),
        "session or conversation",
        "session:sess-alpha",
    ),
    name("user", &["user_id"], |call| call.user_id().map(AsRef::as_ref), "end user", "user:ada"),
    FilterField {
        name: "stream",
        aliases: &["streaming", "is_streaming"],
        kind: FieldKind::Stream,
        words: &["yes", "no", "unknown"],
        help: "whether the response was streamed; unknown: not reported",
        example: "stream:yes",
    },
    FilterField {
        name: "since",
        aliases: &[],
        kind: FieldKind::Since,
        words: &["1m", "5m", "15m", "1h"],
        help: "started within this time before now",
        example: "since:5m",
    },
    FilterField {
        name: "flag",
        aliases: &["quality"],
        kind: FieldKind::Flag,
        words: &["yes", "no", "excellent", "good", "neutral", "poor", "severe", "none"],
        help: "flagged by the gateway (yes, no), or its verdict; none: no verdict",
        example: "flag:poor,severe",
    },
    name(
        "requested",
        &["asked", "request_model"],
        |call| call.request_model().map(AsRef::as_ref),
        "model requested by the client",
        "requested:fast",
    ),
    name(
        "upstream",
        &["upstream_model"],
        |call| call.upstream_model().map(AsRef::as_ref),
        "model the gateway dispatched to, where it differs",
        "upstream:azure/*",
    ),
    name(
        "strategy",
        &["routing_strategy"],
        |call| call.labels().routing_strategy.as_deref(),
        "routing strategy",
        "strategy:none",
    ),
    FilterField {
        name: "reason",
        aliases: &["routing_reason"],
        kind: FieldKind::Prose(|call| [call.labels().routing_reason.as_deref(), None]),
        words: &["none"],
        help: "text within the routing reason",
        example: "reason:budget",
    },
    name(
        "operation",
        &["op"],
        |call| call.labels().operation.as_deref(),
        "operation: chat, embeddings, …",
        "operation:embeddings",
    ),
    FilterField {
        name: "finish",
        aliases: &["finish_reasons"],
        kind: FieldKind::Prose(|call| [call.labels().finish_reasons.as_deref(), None]),
        words: &["none"],
        help: "text within the finish reasons",
        example: "finish:length",
    },
    name(
        "tier",
        &["service_tier"],
        |call| call.labels().service_tier.as_deref(),
        "service tier that was billed",
        "tier:flex,priority",
    ),
    name(
        "service",
        &["service_name"],
        |call| call.labels().service_name.as_deref(),
        "service that sent the span",
        "service:plano*",
    ),
    name(
        "convention",
        &[],
        |call| Some(call.labels().convention.name()),
        "semantic convention of the call",
        "convention:plano",
    ),
    id("id", &["request_id"], LlmCall::kept_id, "request id", "id:33fc87a5*"),
    id("trace", &["trace_id"], |call| KeptId::Hex(call.ids().0), "trace id in hex", "trace:4bf92f35*"),
    id("span", &["span_id"], |call| KeptId::Hex(call.ids().1), "span id in hex", "span:00f067aa*"),
    figure(
        "switches",
        &["session_switches"],
        Unit::Count,
        |call| call.plano_facts().session_switches.map(f64::from),
        "model switches of the session so far",
        "switches:>0",
    ),
    figure(
        "overhead",
        &["session_overhead_pct"],
        Unit::Percent,
        |call| call.plano_facts().session_overhead_pct,
        "cost of model switches in the session, percent of its baseline",
        "overhead:>5%",
    ),
];

/// The provider that is shown, unless it is `unknown`.
fn emitted_provider(call: &LlmCall) -> Option<&str> {
    call.known_provider()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn spellings_are_unique_and_writable() {
        let mut seen = HashSet::new();
        for spelling in FIELDS.iter().flat_map(FilterField::spellings) {
            assert!(seen.insert(spelling), "{spelling} twice");
            assert!(
                spelling.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'/')),
                "{spelling}"
            );
        }
    }

    #[test]
    fn every_example_uses_its_field_and_reads_well() {
        for field in FIELDS {
            let term = field.example.trim_start_matches('!');
            assert!(term.strip_prefix(field.name).is_some_and(|rest| rest.starts_with(':')), "{}", field.example);
            super::super::Filter::parse(field.example).unwrap();
            for word in field.words {
                super::super::Filter::parse(&format!("{}:{word}", field.name)).unwrap();
            }
        }
    }
}
