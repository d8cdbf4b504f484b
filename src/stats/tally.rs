//! Sums of a group of calls, in integers: exact after any storm of additions and removals.

use crate::call::{LlmCall, Usage};

/// Femto-dollars in a dollar.
const FEMTO: f64 = 1e15;

/// The dearest call believed, USD. Keeps a sum of 10^11 hostile figures within `i128`, so that sums never saturate
/// and removals stay exact.
const DEAREST_USD: f64 = 1e12;

/// A cost in units of 1e-15 USD. What is no number counts nothing; beyond 10^12 USD it is clamped.
#[expect(clippy::cast_possible_truncation, reason = "clamped to a range far inside i128")]
pub fn femto_usd(usd: f64) -> i128 {
    (usd.clamp(-DEAREST_USD, DEAREST_USD) * FEMTO).round() as i128
}

/// Femto-dollars as USD, for display.
pub fn usd(femto_usd: i128) -> f64 {
    femto_usd as f64 / FEMTO
}

/// Sums of token counts. An absent count adds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Everything that was sent: fresh + cached + written.
    pub input: u128,
    /// Neither read from nor written to the prompt cache.
    pub fresh: u128,
    /// Read from the prompt cache.
    pub cached: u128,
    /// Written to the prompt cache.
    pub written: u128,
    /// Output, reasoning included.
    pub output: u128,
    /// The part of the output spent on reasoning.
    pub reasoning: u128,
}

impl Tokens {
    fn of(usage: &Usage) -> Self {
        let widen = |count: Option<u64>| u128::from(count.unwrap_or(0));
        let (cached, written) = (widen(usage.cache_read), widen(usage.cache_write));
        let fresh = widen(usage.input_fresh());
        let input = if usage.input.is_some() { fresh + cached + written } else { 0 };
        Self { input, fresh, cached, written, output: widen(usage.output), reasoning: widen(usage.reasoning) }
    }

    fn merge(&mut self, other: &Self, sum: impl Fn(u128, u128) -> u128) {
        self.input = sum(self.input, other.input);
        self.fresh = sum(self.fresh, other.fresh);
        self.cached = sum(self.cached, other.cached);
        self.written = sum(self.written, other.written);
        self.output = sum(self.output, other.output);
        self.reasoning = sum(self.reasoning, other.reasoning);
    }
}

/// What one call adds to the figures: read off the call once, added to several groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Whether the call failed.
    pub failed: bool,
    /// Cost in femto-USD; `None` is unpriced.
    pub cost_femto_usd: Option<i128>,
    /// Token counts.
    pub tokens: Tokens,
    /// Output tokens and the ns they took, of a call that has a generation rate.
    pub generated: Option<(u64, u64)>,
    /// Duration, ms.
    pub latency_ms: Option<f64>,
    /// Time to first token, ms.
    pub ttft_ms: Option<f64>,
    /// Generated tokens a second.
    pub tokens_per_sec: Option<f64>,
}

impl Share {
    /// The share of `call`.
    pub fn of(call: &LlmCall) -> Self {
        let usage = call.usage();
        let tokens_per_sec = call.tokens_per_sec();
        Self {
            failed: call.status().is_error(),
            cost_femto_usd: call.cost().map(|cost| femto_usd(cost.usd)),
            tokens: Tokens::of(&usage),
            generated: usage.output.zip(tokens_per_sec).map(|(output, rate)| (output, generation_nanos(output, rate))),
            latency_ms: call.duration_ms(),
            ttft_ms: call.ttft_ms(),
            tokens_per_sec,
        }
    }
}

/// How long the output took at this rate, in whole ns.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float casts saturate, which is meant")]
fn generation_nanos(output: u64, tokens_per_sec: f64) -> u64 {
    (output as f64 / tokens_per_sec * 1e9).round() as u64
}

/// Counts and sums of a group of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls.
    pub calls: u64,
    /// Of those, failed.
    pub errors: u64,
    /// Of those, without a known cost: while there are any, a shown cost reads `≥`.
    pub unpriced: u64,
    /// Cost of the priced calls, 1e-15 USD.
    pub cost_femto_usd: i128,
    /// Token sums.
    pub tokens: Tokens,
    /// Output tokens of the priced calls: what cost per 1,000 output tokens is measured by.
    pub priced_output: u128,
    /// Output tokens of the calls that have a generation rate.
    pub generated_tokens: u128,
    /// The ns those took.
    pub generation_nanos: u128,
}

impl Tally {
    /// Counts a call.
    pub fn add(&mut self, share: &Share) {
        self.calls = self.calls.saturating_add(1);
        self.errors = self.errors.saturating_add(share.failed.into());
        self.unpriced = self.unpriced.saturating_add(share.cost_femto_usd.is_none().into());
        self.cost_femto_usd = self.cost_femto_usd.saturating_add(share.cost_femto_usd.unwrap_or(0));
        self.merge(share, u128::saturating_add);
    }

    /// Takes back what [`Tally::add`] counted.
    pub fn remove(&mut self, share: &Share) {
        self.calls = self.calls.saturating_sub(1);
        self.errors = self.errors.saturating_sub(share.failed.into());
        self.unpriced = self.unpriced.saturating_sub(share.cost_femto_usd.is_none().into());
        self.cost_femto_usd = self.cost_femto_usd.saturating_sub(share.cost_femto_usd.unwrap_or(0));
        self.merge(share, u128::saturating_sub);
    }

    fn merge(&mut self, share: &Share, sum: fn(u128, u128) -> u128) {
        self.tokens.merge(&share.tokens, sum);
        let priced_output = share.cost_femto_usd.map_or(0, |_| share.tokens.output);
        self.priced_output = sum(self.priced_output, priced_output);
        let (tokens, nanos) = share.generated.unwrap_or((0, 0));
        self.generated_tokens = sum(self.generated_tokens, tokens.into());
        self.generation_nanos = sum(self.generation_nanos, nanos.into());
    }

    /// Calls with a known cost.
    pub const fn priced(&self) -> u64 {
        self.calls.saturating_sub(self.unpriced)
    }

    /// Cost of the priced calls, USD; `None` when there is none.
    pub fn cost_usd(&self) -> Option<f64> {
        (self.priced() > 0).then(|| usd(self.cost_femto_usd))
    }

    /// Failed calls in proportion to all, 0 to 1; `None` without calls.
    pub fn error_rate(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.errors as f64 / self.calls as f64)
    }

    /// Input tokens read from the cache in proportion to all input, 0 to 1; `None` without input.
    pub fn cached_share(&self) -> Option<f64> {
        (self.tokens.input > 0).then(|| self.tokens.cached as f64 / self.tokens.input as f64)
    }

    /// Generated tokens a second, weighted by tokens: all output over all generation time of the calls that have a rate.
    pub fn tokens_per_sec(&self) -> Option<f64> {
        (self.generation_nanos > 0).then(|| self.generated_tokens as f64 / (self.generation_nanos as f64 / 1e9))
    }

    /// USD a priced call.
    pub fn usd_per_call(&self) -> Option<f64> {
        Some(self.cost_usd()? / self.priced() as f64)
    }

    /// USD per 1,000 output tokens of the priced calls, the cost of their input included.
    pub fn usd_per_1k_output(&self) -> Option<f64> {
        (self.priced_output > 0).then(|| usd(self.cost_femto_usd) / (self.priced_output as f64 / 1000.0))
    }
}
