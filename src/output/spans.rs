//! The spans behind a call, for those who ask why it is there: which made the row, which were not counted, and by which
//! rule.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::call::LlmCall;
use crate::collector::{Handle, KnownSpan};
use crate::text::secrets::Secrets;

/// How long an answer is waited for. It comes at once, unless the store is gone or very busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// One span of a call's trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpanExplanation {
    /// Its id, hex.
    pub span_id: String,
    /// Its parent's id, hex; `None` for a root.
    pub parent_span_id: Option<String>,
    /// Its name; `None` when its bytes were dropped to stay within `--span-memory`.
    pub name: Option<String>,
    /// How it ended up, in the words of [`Outcome::name`](crate::collector::join::Outcome::name).
    pub role: &'static str,
    /// The rule behind that.
    pub why: Cow<'static, str>,
    /// The call it is part of.
    pub call_id: Option<u64>,
}

impl SpanExplanation {
    /// What is told of a span. Decodes its name.
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

/// Answers which spans of a trace are known.
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
    /// Asks a running collector; blocks this thread for as long as the answer takes.
    pub fn asking(handle: Handle) -> Self {
        Self::new(move |trace| handle.spans(trace).recv_timeout(PATIENCE).ok())
    }

    /// Asks `known`.
    pub fn new(known: impl Fn([u8; 16]) -> Option<Vec<KnownSpan>> + 'static) -> Self {
        Self { known: Box::new(known), secrets: Secrets::Masked }
    }

    /// This one with credentials in the names of spans shown or, as it begins, masked.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// The known spans of the call's trace, in order of arrival; `None` when it has none or the store does not answer.
    pub fn spans(&self, call: &LlmCall) -> Option<Vec<SpanExplanation>> {
        let trace = call.ids().0.try_into().ok()?;
        let known = (self.known)(trace)?;
        (!known.is_empty()).then(|| known.iter().map(|span| SpanExplanation::of(span, self.secrets)).collect())
    }
}
