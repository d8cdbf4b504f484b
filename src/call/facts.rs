//! What one span says of a call, before it is interned: the meeting point of all conventions.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use super::bounds::{LONGEST_TEXT, bounded};

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

/// Whether an emitter's input token count contains the cached and the cache-writing tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum InputCount {
    /// `input` is everything that was sent: fresh + cache reads + cache writes.
    #[default]
    Inclusive,
    /// `input` is only what was neither read from nor written to the cache (Anthropic's own shape).
    Exclusive,
}

/// Token counts of one call as its emitter reported them; absent is `None`, reported zero is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Input (prompt) tokens; see [`Usage::input_count`] for what they contain.
    pub input: Option<u64>,
    /// Output (completion) tokens, reasoning included.
    pub output: Option<u64>,
    /// Total as reported; never computed here.
    pub total: Option<u64>,
    /// Input tokens read from the provider's prompt cache.
    pub cache_read: Option<u64>,
    /// Input tokens written to the provider's prompt cache.
    pub cache_write: Option<u64>,
    /// The part of `cache_write` written with a one-hour lifetime (billed dearer).
    pub cache_write_1h: Option<u64>,
    /// The part of `output` spent on reasoning.
    pub reasoning: Option<u64>,
    /// Input tokens that were neither read from nor written to the cache, where the emitter counts them itself
    /// (Vercel AI SDK 6: `noCacheTokens`); it then decides, whatever `input` contains.
    pub fresh: Option<u64>,
    /// The part of `input` that is audio.
    pub input_audio: Option<u64>,
    /// The part of `cache_read` that is audio.
    pub cache_read_audio: Option<u64>,
    /// The part of `output` that is audio.
    pub output_audio: Option<u64>,
    /// Whether `input` contains the cached tokens.
    pub input_count: InputCount,
}

impl Usage {
    /// Input tokens written to the cache: the one-hour ones, where nobody counts all.
    pub fn written(&self) -> Option<u64> {
        self.cache_write.or(self.cache_write_1h)
    }

    /// Input tokens read from or written to the cache; 0 where nobody counts them.
    pub fn cached(&self) -> u64 {
        self.cache_read.unwrap_or(0).saturating_add(self.written().unwrap_or(0))
    }

    /// Tokens that were neither read from nor written to the cache. `cache_read + cache_write > input`
    /// proves that the count excludes them, whatever the convention says (PRICING.md, section 2).
    pub fn input_fresh(&self) -> Option<u64> {
        if self.fresh.is_some() {
            return self.fresh;
        }
        let (input, cached) = (self.input?, self.cached());
        match self.input_count {
            InputCount::Inclusive if cached <= input => Some(input - cached),
            InputCount::Inclusive | InputCount::Exclusive => Some(input),
        }
    }

    /// Everything that was sent: fresh + cache reads + cache writes.
    pub fn input_total(&self) -> Option<u64> {
        Some(self.input_fresh()?.saturating_add(self.cached()))
    }

    fn fill_gaps(&mut self, other: &Self) {
        if self.input.is_none() && other.input.is_some() {
            self.input_count = other.input_count;
        }
        fill(&mut self.input, other.input.as_ref());
        fill(&mut self.output, other.output.as_ref());
        fill(&mut self.total, other.total.as_ref());
        fill(&mut self.cache_read, other.cache_read.as_ref());
        fill(&mut self.cache_write, other.cache_write.as_ref());
        fill(&mut self.cache_write_1h, other.cache_write_1h.as_ref());
        fill(&mut self.reasoning, other.reasoning.as_ref());
        fill(&mut self.fresh, other.fresh.as_ref());
        fill(&mut self.input_audio, other.input_audio.as_ref());
        fill(&mut self.cache_read_audio, other.cache_read_audio.as_ref());
        fill(&mut self.output_audio, other.output_audio.as_ref());
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

/// What one span, or several spans of the same call, say of the call. Units: times in milliseconds,
/// money in USD, counts in tokens.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct CallFacts<'a> {
    /// How the span was recognised.
    pub convention: Convention,
    /// The id of the call.
    pub request_id: RequestId<'a>,
    /// When the span started, ns since the epoch; `None` when the emitter sent 0.
    pub start_unix_nano: Option<u64>,
    /// The model that answered, as the emitter names it.
    pub model: Option<Text<'a>>,
    /// The provider as the emitter names it.
    pub provider: Option<Text<'a>>,
    /// The model the client asked for.
    pub request_model: Option<Text<'a>>,
    /// The model the gateway dispatched to or a proxy's real upstream model, when the emitter tells it apart.
    pub upstream_model: Option<Text<'a>>,
    /// Conversation or session.
    pub session_id: Option<Text<'a>>,
    /// Plano's route.
    pub route_name: Option<Text<'a>>,
    /// Whether the answer was streamed, when emitted.
    pub is_streaming: Option<bool>,
    /// HTTP status of the upstream's answer.
    pub status_code: Option<u16>,
    /// The span's own status is ERROR.
    pub span_error: bool,
    /// Token counts.
    pub usage: Usage,
    /// Time to first token, ms.
    pub ttft_ms: Option<f64>,
    /// Duration, ms.
    pub duration_ms: Option<f64>,
    /// `routing.strategy`.
    pub routing_strategy: Option<Text<'a>>,
    /// `routing.selection_reason`.
    pub routing_reason: Option<Text<'a>>,
    /// A cost that the emitter computed for this call and that outranks the catalog, USD (PRICING.md 3.1).
    pub reported_cost_usd: Option<f64>,
    /// A cost that the emitter computed but that ranks below the catalog, USD (PRICING.md 3.3: Plano's).
    pub fallback_cost_usd: Option<f64>,
    /// `chat`, `embeddings`, …
    pub operation: Option<Text<'a>>,
    /// Class of the error (`error.type`).
    pub error_type: Option<Text<'a>>,
    /// Status message or exception message.
    pub error_message: Option<Text<'a>>,
    /// End user.
    pub user_id: Option<Text<'a>>,
    /// Finish reasons, joined by `,`.
    pub finish_reasons: Option<Text<'a>>,
    /// Service tier the provider billed (`gen_ai.openai.response.service_tier` and kin).
    pub service_tier: Option<Text<'a>>,
    /// Resource `service.name`.
    pub service_name: Option<Text<'a>>,
    /// 16 bytes when well formed.
    #[serde(serialize_with = "as_bytes")]
    pub trace_id: &'a [u8],
    /// 8 bytes when well formed.
    #[serde(serialize_with = "as_bytes")]
    pub span_id: &'a [u8],
    /// Facts of Plano's own.
    pub plano: PlanoFacts,
}

/// As one piece, which is how it is read; a slice is a sequence of numbers to serde.
fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

fn fill<T: Clone>(gap: &mut Option<T>, other: Option<&T>) {
    if gap.is_none() {
        *gap = other.cloned();
    }
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

    /// Every text but the request id.
    fn texts(&self) -> [Option<&Text<'a>>; 15] {
        [
            self.model.as_ref(),
            self.provider.as_ref(),
            self.request_model.as_ref(),
            self.upstream_model.as_ref(),
            self.session_id.as_ref(),
            self.route_name.as_ref(),
            self.routing_strategy.as_ref(),
            self.routing_reason.as_ref(),
            self.operation.as_ref(),
            self.error_type.as_ref(),
            self.error_message.as_ref(),
            self.user_id.as_ref(),
            self.finish_reasons.as_ref(),
            self.service_tier.as_ref(),
            self.service_name.as_ref(),
        ]
    }

    fn texts_mut(&mut self) -> [&mut Option<Text<'a>>; 15] {
        [
            &mut self.model,
            &mut self.provider,
            &mut self.request_model,
            &mut self.upstream_model,
            &mut self.session_id,
            &mut self.route_name,
            &mut self.routing_strategy,
            &mut self.routing_reason,
            &mut self.operation,
            &mut self.error_type,
            &mut self.error_message,
            &mut self.user_id,
            &mut self.finish_reasons,
            &mut self.service_tier,
            &mut self.service_name,
        ]
    }

    /// Whether the call failed by what is said here; the same rule as [`LlmCall::status`](super::LlmCall::status).
    fn failed(&self) -> bool {
        self.span_error || self.status_code.map_or(self.convention == Convention::Plano, |code| code >= 400)
    }

    /// Notes a cost, USD, that an emitter computed for this call. The first one above zero stays; zero is mostly said by who
    /// knows no price, and stays only where nobody says more.
    pub fn add_reported_cost(&mut self, usd: Option<f64>) {
        let is_more = usd.is_some_and(|usd| usd > 0.0) && self.reported_cost_usd == Some(0.0);
        if is_more || self.reported_cost_usd.is_none() {
            self.reported_cost_usd = usd;
        }
    }

    /// Takes from `inner` what this span does not know. Identity (ids, convention, start) stays.
    /// SEMCONV.md 4.2: the outermost span is the row, the inner one fills the gaps.
    pub fn fill_gaps(&mut self, inner: &CallFacts<'a>) {
        if self.request_id == RequestId::SpanId {
            self.request_id = inner.request_id.clone();
        }
        fill(&mut self.start_unix_nano, inner.start_unix_nano.as_ref());
        fill(&mut self.model, inner.model.as_ref());
        fill(&mut self.provider, inner.provider.as_ref());
        fill(&mut self.request_model, inner.request_model.as_ref());
        fill(&mut self.upstream_model, inner.upstream_model.as_ref());
        fill(&mut self.session_id, inner.session_id.as_ref());
        fill(&mut self.route_name, inner.route_name.as_ref());
        fill(&mut self.is_streaming, inner.is_streaming.as_ref());
        // An inner failure that the outer call survived (a retry) is neither the call's error nor its status.
        if self.failed() {
            fill(&mut self.error_type, inner.error_type.as_ref());
            fill(&mut self.error_message, inner.error_message.as_ref());
        }
        if self.span_error || inner.status_code.is_some_and(|code| code < 400) {
            fill(&mut self.status_code, inner.status_code.as_ref());
        }
        self.usage.fill_gaps(&inner.usage);
        fill(&mut self.ttft_ms, inner.ttft_ms.as_ref());
        fill(&mut self.duration_ms, inner.duration_ms.as_ref());
        fill(&mut self.routing_strategy, inner.routing_strategy.as_ref());
        fill(&mut self.routing_reason, inner.routing_reason.as_ref());
        self.add_reported_cost(inner.reported_cost_usd);
        fill(&mut self.fallback_cost_usd, inner.fallback_cost_usd.as_ref());
        fill(&mut self.operation, inner.operation.as_ref());
        fill(&mut self.user_id, inner.user_id.as_ref());
        fill(&mut self.finish_reasons, inner.finish_reasons.as_ref());
        fill(&mut self.service_tier, inner.service_tier.as_ref());
        fill(&mut self.service_name, inner.service_name.as_ref());
        fill(&mut self.plano.quality, inner.plano.quality.as_ref());
        self.plano.flagged |= inner.plano.flagged;
        fill(&mut self.plano.session_switches, inner.plano.session_switches.as_ref());
        fill(&mut self.plano.session_overhead_pct, inner.plano.session_overhead_pct.as_ref());
    }
}

#[cfg(test)]
mod tests;
