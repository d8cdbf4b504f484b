//! The facts of a call, as every convention's adapter gives them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use super::bounds::{LONGEST_TEXT, bounded};
use super::usage::{InputCount, Usage, fill};
use super::{Attempts, Name};

/// A piece of text borrowed from the export request, or made from it (unwrapped JSON, joined lists).
pub type Text<'a> = Cow<'a, str>;

/// The semantic convention by which a span was recognised as an LLM call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Convention {
    /// Plano's brightstaff: `llm.model`.
    #[default]
    Plano,
    /// OpenTelemetry GenAI: `gen_ai.*`.
    GenAi,
    /// Arize OpenInference: `openinference.span.kind`.
    OpenInference,
    /// Traceloop OpenLLMetry: `traceloop.*`, `llm.request.type`.
    OpenLlmetry,
    /// Vercel AI SDK 4 to 6: `ai.operationId`.
    Vercel,
    /// LiteLLM's own OpenTelemetry callback.
    LiteLlm,
    /// LangSmith: `langsmith.span.kind`.
    LangSmith,
    /// Langfuse: `langfuse.observation.type`.
    Langfuse,
}

impl Convention {
    /// The name used in `--json`, in filters and in the optional column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plano => "plano",
            Self::GenAi => "gen_ai",
            Self::OpenInference => "openinference",
            Self::OpenLlmetry => "openllmetry",
            Self::Vercel => "vercel",
            Self::LiteLlm => "litellm",
            Self::LangSmith => "langsmith",
            Self::Langfuse => "langfuse",
        }
    }
}

/// How a call is named by its emitter or, failing that, by its span.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RequestId<'a> {
    /// No id was emitted: the hex span id stands in.
    #[default]
    SpanId,
    /// An id as emitted (`request_id`, `http.request_id`, `gen_ai.response.id`).
    Emitted(Text<'a>),
}

/// The verdict of Plano's behaviour signals (`signals.quality`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Quality {
    /// `excellent`
    Excellent,
    /// `good`
    Good,
    /// `neutral`
    Neutral,
    /// `poor`
    Poor,
    /// `severe`
    Severe,
}

impl Quality {
    /// The word as emitted in `signals.quality`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Excellent => "excellent",
            Self::Good => "good",
            Self::Neutral => "neutral",
            Self::Poor => "poor",
            Self::Severe => "severe",
        }
    }

    /// Reads the word in any case; an unknown word is no verdict.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Excellent, Self::Good, Self::Neutral, Self::Poor, Self::Severe]
            .into_iter()
            .find(|quality| word.eq_ignore_ascii_case(quality.name()))
    }
}

/// Facts that only Plano's own spans carry and that a row or a rollup shows. Everything else of a
/// Plano span (switch ledger, signals, budget) is read from the raw span when a detail is opened.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct PlanoFacts {
    /// `signals.quality`.
    pub quality: Option<Quality>,
    /// The gateway put its flag on the span name: a behaviour signal fired.
    pub flagged: bool,
    /// `plano.session.switches`: model switches of the session so far.
    pub session_switches: Option<u32>,
    /// `plano.session.overhead_pct`: what switching cost the session against its baseline, in percent.
    pub session_overhead_pct: Option<f64>,
}

/// Defines [`CallFacts`] and [`Labels`], so that a fact is listed once.
///
/// * `labels`: texts that many calls share; kept once for all of them, in [`Labels`].
/// * `texts`: texts that differ from call to call.
/// * `others`: whatever is no text.
macro_rules! call_facts {
    (
        labels { $($(#[$label_doc:meta])* $label:ident,)* }
        texts { $($(#[$text_doc:meta])* $text:ident,)* }
        others { $($(#[$other_meta:meta])* $other:ident: $type:ty,)* }
    ) => {
        /// What one span, or several spans of the same call, report about the call. Units: times in milliseconds,
        /// money in USD, counts in tokens.
        #[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
        pub struct CallFacts<'a> {
            $($(#[$label_doc])* pub $label: Option<Text<'a>>,)*
            $($(#[$text_doc])* pub $text: Option<Text<'a>>,)*
            $($(#[$other_meta])* pub $other: $type,)*
        }

        const LABELS: usize = [$(stringify!($label)),*].len();
        const TEXTS: usize = LABELS + [$(stringify!($text)),*].len();

        impl<'a> CallFacts<'a> {
            /// Every text but the request id.
            fn texts(&self) -> [Option<&Text<'a>>; TEXTS] {
                [$(self.$label.as_ref(),)* $(self.$text.as_ref(),)*]
            }

            fn texts_mut(&mut self) -> [&mut Option<Text<'a>>; TEXTS] {
                [$(&mut self.$label,)* $(&mut self.$text,)*]
            }

            /// The texts that [`Labels`] holds.
            pub(super) fn label_texts(&self) -> [Option<&str>; LABELS] {
                [$(self.$label.as_deref(),)*]
            }
        }

        /// The facts that many calls share, interned as one piece so that a kept call holds one pointer to them.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
        pub struct Labels {
            /// How the call was recognised.
            pub convention: Convention,
            /// Whether the input count contains cached tokens.
            pub input_count: InputCount,
            $($(#[$label_doc])* pub $label: Option<Name>,)*
        }

        impl Labels {
            pub(super) fn from_facts(facts: &CallFacts<'_>, mut intern: impl FnMut(&str) -> Name) -> Self {
                Self {
                    convention: facts.convention,
                    input_count: facts.usage.input_count,
                    $($label: facts.$label.as_deref().map(&mut intern),)*
                }
            }

            /// The facts it was made from; all others are absent.
            pub(super) fn facts(&self) -> CallFacts<'_> {
                CallFacts {
                    convention: self.convention,
                    usage: Usage { input_count: self.input_count, ..Usage::default() },
                    $($label: self.$label.as_deref().map(Cow::Borrowed),)*
                    ..CallFacts::default()
                }
            }

            pub(super) fn text_bytes(&self) -> usize {
                [$(&self.$label,)*].into_iter().flatten().map(Name::len).sum()
            }
        }

        /// The facts of [`CallFacts`] that are no texts.
        #[cfg(test)]
        pub(super) struct Others<'a> {
            $(pub(super) $other: $type,)*
        }

        #[cfg(test)]
        impl<'a> CallFacts<'a> {
            /// Every label and text set to its own name.
            pub(super) fn with_all_texts(others: Others<'a>) -> Self {
                Self {
                    $($label: Some(Cow::Borrowed(stringify!($label))),)*
                    $($text: Some(Cow::Borrowed(stringify!($text))),)*
                    $($other: others.$other,)*
                }
            }
        }
    };
}

call_facts! {
    labels {
        /// The model that answered, as the emitter names it.
        model,
        /// The provider as the emitter names it.
        provider,
        /// The model the client asked for.
        request_model,
        /// The model the gateway dispatched to or a proxy's real upstream model, when the emitter reports it separately.
        upstream_model,
        /// Route chosen by Plano.
        route_name,
        /// `routing.strategy`.
        routing_strategy,
        /// `routing.selection_reason`.
        routing_reason,
        /// `chat`, `embeddings`, …
        operation,
        /// Class of the error (`error.type`).
        error_type,
        /// Finish reasons, joined by `,`.
        finish_reasons,
        /// Service tier the provider billed (`gen_ai.openai.response.service_tier` or the like).
        service_tier,
        /// Resource `service.name`.
        service_name,
        /// Name of the instrumentation scope.
        scope_name,
    }
    texts {
        /// Session or conversation id.
        session_id,
        /// Status message or exception message.
        error_message,
        /// End user id.
        user_id,
    }
    others {
        /// How the span was recognised.
        convention: Convention,
        /// The id of the call.
        request_id: RequestId<'a>,
        /// When the span started, ns since the epoch; `None` when the emitter sent 0.
        start_unix_nano: Option<u64>,
        /// Whether the answer was streamed, when emitted.
        is_streaming: Option<bool>,
        /// HTTP status of the upstream's answer.
        status_code: Option<u16>,
        /// The span's own status is ERROR.
        span_error: bool,
        /// Token counts as reported.
        usage: Usage,
        /// Time to first token, ms.
        ttft_ms: Option<f64>,
        /// Duration, ms.
        duration_ms: Option<f64>,
        /// A cost that the emitter computed for this call and that outranks the catalog, USD (PRICING.md 3.1).
        reported_cost_usd: Option<f64>,
        /// A cost that the emitter computed but that ranks below the catalog, USD (PRICING.md 3.3: Plano's).
        fallback_cost_usd: Option<f64>,
        /// 16 bytes when well formed.
        #[serde(serialize_with = "as_bytes")]
        trace_id: &'a [u8],
        /// 8 bytes when well formed.
        #[serde(serialize_with = "as_bytes")]
        span_id: &'a [u8],
        /// Facts of Plano's own.
        plano: PlanoFacts,
        /// The attempts, where there were several.
        attempts: Attempts,
    }
}

/// As one piece, which is how it is read; a slice is a sequence of numbers to serde.
fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl<'a> CallFacts<'a> {
    /// The same with every text within [`LONGEST_TEXT`]; `None` when all are, as nearly always.
    pub(super) fn bounded(&self) -> Option<CallFacts<'_>> {
        let request_id = match &self.request_id {
            RequestId::Emitted(id) => Some(id),
            RequestId::SpanId => None,
        };
        let is_long = |text: Option<&Text<'_>>| text.is_some_and(|text| text.len() > LONGEST_TEXT);
        if !is_long(request_id) && !self.texts().into_iter().any(is_long) {
            return None;
        }
        let mut shorter = self.clone();
        if let RequestId::Emitted(id) = &mut shorter.request_id {
            *id = bounded(std::mem::take(id));
        }
        for text in shorter.texts_mut() {
            *text = text.take().map(bounded);
        }
        Some(shorter)
    }

    /// Whether the call failed by these facts; the same rule as [`LlmCall::status`](super::LlmCall::status).
    fn failed(&self) -> bool {
        self.span_error || self.status_code.map_or(self.convention == Convention::Plano, |code| code >= 400)
    }

    /// Sets a cost, USD, that an emitter computed for this call. The first one above zero is kept. Zero mostly
    /// comes from emitters that know no price, and is replaced by any later cost.
    pub fn add_reported_cost(&mut self, usd: Option<f64>) {
        let is_more = usd.is_some_and(|usd| usd > 0.0) && self.reported_cost_usd == Some(0.0);
        if is_more || self.reported_cost_usd.is_none() {
            self.reported_cost_usd = usd;
        }
    }

    /// Takes model and counts from a span of the call that stands nearer to the wire, where it has them: what is counted
    /// there was not converted on its way.
    pub fn trust(&mut self, wire: &CallFacts<'a>) {
        if wire.model.is_some() {
            self.model.clone_from(&wire.model);
        }
        if wire.usage.input.is_some() && wire.usage.output.is_some() {
            let outer = std::mem::replace(&mut self.usage, wire.usage);
            self.usage.fill_gaps(&outer);
        }
    }

    /// Takes model and provider from the attempt that served the call. What was asked for stays.
    pub fn served_by(&mut self, attempt: &CallFacts<'a>) {
        let answered = attempt.model.as_ref().or(attempt.request_model.as_ref());
        if attempt.model.is_some() || self.model.is_none() && attempt.request_model != self.request_model {
            self.model = answered.cloned().or_else(|| self.model.take());
        }
        if attempt.provider.is_some() {
            self.provider.clone_from(&attempt.provider);
        }
        if attempt.upstream_model.is_some() {
            self.upstream_model.clone_from(&attempt.upstream_model);
        }
    }

    /// Fills absent session and user from a span above the call.
    pub fn fill_caller(&mut self, above: &CallFacts<'a>) {
        fill(&mut self.session_id, above.session_id.as_ref());
        fill(&mut self.user_id, above.user_id.as_ref());
    }

    /// Fills absent facts from `inner`. Identity (ids, convention, start) stays.
    /// SEMCONV.md 4.2: the outermost span is the row, the inner one fills the gaps.
    pub fn fill_gaps(&mut self, inner: &CallFacts<'a>) {
        if self.request_id == RequestId::SpanId {
            self.request_id = inner.request_id.clone();
        }
        // An inner failure that the outer call survived (a retry) is neither the call's error nor its status.
        let survived = (!self.failed()).then(|| (self.error_type.clone(), self.error_message.clone()));
        for (gap, text) in self.texts_mut().into_iter().zip(inner.texts()) {
            fill(gap, text);
        }
        if let Some(own) = survived {
            (self.error_type, self.error_message) = own;
        }
        if self.span_error || inner.status_code.is_some_and(|code| code < 400) {
            fill(&mut self.status_code, inner.status_code.as_ref());
        }
        fill(&mut self.start_unix_nano, inner.start_unix_nano.as_ref());
        fill(&mut self.is_streaming, inner.is_streaming.as_ref());
        self.usage.fill_gaps(&inner.usage);
        fill(&mut self.ttft_ms, inner.ttft_ms.as_ref());
        fill(&mut self.duration_ms, inner.duration_ms.as_ref());
        self.add_reported_cost(inner.reported_cost_usd);
        fill(&mut self.fallback_cost_usd, inner.fallback_cost_usd.as_ref());
        fill(&mut self.plano.quality, inner.plano.quality.as_ref());
        self.plano.flagged |= inner.plano.flagged;
        self.attempts.fill_gaps(&inner.attempts);
        fill(&mut self.plano.session_switches, inner.plano.session_switches.as_ref());
        fill(&mut self.plano.session_overhead_pct, inner.plano.session_overhead_pct.as_ref());
    }
}

#[cfg(test)]
mod tests;
