//! The attempts of a call: retries, and fallbacks to another model.

use serde::{Deserialize, Serialize};

use super::bounds::bounded;
use super::{Cost, LlmCall, Name, Usage};

/// The most attempts of a call that are kept in detail; all are counted.
pub const MOST_ATTEMPTS: usize = 16;

/// One request of a call to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The model that answered, else the one asked for.
    pub model: Option<Box<str>>,
    /// The provider as emitted.
    pub provider: Option<Box<str>>,
    /// HTTP status, when one was reported.
    pub status_code: Option<u16>,
    /// Whether it failed.
    pub is_error: bool,
    /// Error message, else the class of the error.
    pub error: Option<Box<str>>,
    /// Start, ns since the epoch.
    pub start_unix_nano: i64,
    /// Duration, ms.
    pub duration_ms: Option<f64>,
    /// Time to first token, ms.
    pub ttft_ms: Option<f64>,
    /// Token counts as reported.
    pub usage: Usage,
    /// What it cost.
    pub cost: Option<Cost>,
}

impl Attempt {
    /// The attempt that a span shows, with its cost.
    pub fn of(span: &LlmCall, cost: Option<Cost>) -> Self {
        let owned = |name: &Name| name.as_str().into();
        Self {
            model: Some(span.shown_model()).filter(|model| !model.is_empty()).map(Into::into),
            provider: span.labels().provider.as_ref().map(owned),
            status_code: span.status_code(),
            is_error: span.status().is_error(),
            error: span.error_message().or(span.labels().error_type.as_ref()).map(owned),
            start_unix_nano: span.start_unix_nano(),
            duration_ms: span.duration_ms(),
            ttft_ms: span.ttft_ms(),
            usage: span.usage(),
            cost,
        }
    }
}

/// All attempts of a call that took several, in the order in which they started. The last one served, or failed last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempts {
    /// How many there were, where more than one is known.
    pub count: Option<u32>,
    /// The newest attempts that have a span, at most [`MOST_ATTEMPTS`].
    pub known: Vec<Attempt>,
}

impl Attempts {
    /// Whether one attempt, or none, is all that is known.
    pub const fn is_empty(&self) -> bool {
        self.count.is_none() && self.known.is_empty()
    }

    /// The newest [`MOST_ATTEMPTS`], with texts within [`LONGEST_TEXT`](super::LONGEST_TEXT).
    pub(super) fn bounded(&self) -> Self {
        let text = |text: &Option<Box<str>>| text.as_deref().map(|text| bounded(text.into()).into());
        let newest = self.known.iter().skip(self.known.len().saturating_sub(MOST_ATTEMPTS));
        let known = newest.map(|one| Attempt {
            model: text(&one.model),
            provider: text(&one.provider),
            error: text(&one.error),
            ..one.clone()
        });
        Self { count: self.count, known: known.collect() }
    }

    /// Takes the better known of both.
    pub fn fill_gaps(&mut self, other: &Self) {
        self.count = self.count.max(other.count);
        if self.known.is_empty() {
            self.known.clone_from(&other.known);
        }
    }
}
