//! The token counts of a call.

use serde::{Deserialize, Serialize};

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
    /// Input tokens written to the cache: the one-hour ones if the total is not reported.
    pub fn written(&self) -> Option<u64> {
        self.cache_write.or(self.cache_write_1h)
    }

    /// Input tokens read from or written to the cache; 0 if not reported.
    pub fn cached(&self) -> u64 {
        self.cache_read.unwrap_or(0).saturating_add(self.written().unwrap_or(0))
    }

    /// Tokens that were neither read from nor written to the cache. `cache_read + cache_write > input`
    /// proves that the count excludes them, whatever the convention (PRICING.md, section 2).
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

    /// Takes what was counted before from a running sum of input, output and total.
    pub fn subtract(&mut self, before: &Self) {
        let pairs =
            [(&mut self.input, before.input), (&mut self.output, before.output), (&mut self.total, before.total)];
        for (sum, before) in pairs {
            *sum = sum.map(|sum| sum.saturating_sub(before.unwrap_or(0)));
        }
    }

    pub(super) fn fill_gaps(&mut self, other: &Self) {
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

/// Sets `gap` to `other` if it is absent.
pub(super) fn fill<T: Clone>(gap: &mut Option<T>, other: Option<&T>) {
    if gap.is_none() {
        *gap = other.cloned();
    }
}
