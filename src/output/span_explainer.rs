//! The spans of a call's trace and the rule that was applied to each (`--explain-spans`).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::call::LlmCall;
use crate::collector::{Handle, KnownSpan};
use crate::text::secrets::Secrets;

/// Timeout of a query to the store.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// One span of a call's trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpanExplanation {
    /// Span id, hex.
    pub span_id: String,
    /// Parent span id, hex; `None` for a root.
    pub parent_span_id: Option<String>,
    /// Span name; `None` if its bytes were dropped to stay within `--span-memory`.
    pub name: Option<String>,
    /// Its outcome, as in [`Outcome::name`](crate::collector::join::Outcome::name).
    pub role: &'static str,
    /// The rule that decided the outcome.
    pub why: Cow<'static, str>,
    /// Id of the call it is part of.
    pub call_id: Option<u64>,
}

impl SpanExplanation {
    /// Explains a span; decodes its name.
    pub fn of(span: &KnownSpan, secrets: Secrets) -> Self {
        Self {
            span_id: hex(span.id),
            parent_span_id: (span.parent != 0).then(|| hex(span.parent)),
            name: span.name().map(|name| secrets.in_text(&name).into_owned()),
            role: span.outcome.name(),
            why: span.why.clone(),
            call_id: span.row.map(|row| row.0),
        }
    }
}

fn hex(id: u64) -> String {
    format!("{id:016x}")
}

/// Looks up the known spans of a trace.
pub struct SpanExplainer {
    known: Box<dyn Fn([u8; 16]) -> Option<Vec<KnownSpan>>>,
    secrets: Secrets,
}

impl fmt::Debug for SpanExplainer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SpanExplainer")
    }
}

impl SpanExplainer {
    /// Queries a running collector; blocks for up to two seconds per call.
    pub fn asking(handle: Handle) -> Self {
        Self::new(move |trace| handle.spans(trace).recv_timeout(QUERY_TIMEOUT).ok())
    }

    /// Looks up spans by trace id with `known`.
    pub fn new(known: impl Fn([u8; 16]) -> Option<Vec<KnownSpan>> + 'static) -> Self {
        Self { known: Box::new(known), secrets: Secrets::Masked }
    }

    /// Sets whether credentials in span names are masked; they are by default.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// The known spans of the call's trace, in order of arrival; `None` if there are none or the query fails.
    pub fn spans(&self, call: &LlmCall) -> Option<Vec<SpanExplanation>> {
        let trace = call.ids().0.try_into().ok()?;
        let known = (self.known)(trace)?;
        (!known.is_empty()).then(|| known.iter().map(|span| SpanExplanation::of(span, self.secrets)).collect())
    }
}
