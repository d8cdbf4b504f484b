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

/// A sum of token counts, and how many calls reported one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenSum {
    /// Tokens; an absent count adds nothing.
    pub tokens: u128,
    /// Calls that reported a count, including 0.
    pub told: u64,
}

impl TokenSum {
    fn of(tokens: Option<u128>) -> Self {
        Self { tokens: tokens.unwrap_or(0), told: tokens.is_some().into() }
    }

    /// The sum; `None` if no call reported a count.
    pub fn known(self) -> Option<u128> {
        (self.told > 0).then_some(self.tokens)
    }

    fn change(&mut self, other: Self, sum: fn(u128, u128) -> u128) {
        self.tokens = sum(self.tokens, other.tokens);
        self.told = u64::try_from(sum(self.told.into(), other.told.into())).unwrap_or(u64::MAX);
    }
}

/// Sums of the token counts of a group of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Everything that was sent: fresh + cached + written.
    pub input: TokenSum,
    /// Neither read from nor written to the prompt cache.
    pub fresh: TokenSum,
    /// Read from the prompt cache.
    pub cached: TokenSum,
    /// Read from the prompt cache by calls with a known input.
    pub cached_of_input: TokenSum,
    /// Written to the prompt cache.
    pub written: TokenSum,
    /// Output, reasoning included.
    pub output: TokenSum,
    /// The part of the output spent on reasoning.
    pub reasoning: TokenSum,
}

impl Tokens {
    fn of(usage: &Usage) -> Self {
        let count = |count: Option<u64>| TokenSum::of(count.map(u128::from));
        let (fresh, cached, written) = (count(usage.input_fresh()), count(usage.cache_read), count(usage.written()));
        // As `Usage::input_total`, but wide enough for any counts.
        let input = TokenSum::of(fresh.known().map(|fresh| fresh + cached.tokens + written.tokens));
        let cached_of_input = TokenSum::of(cached.known().filter(|_| input.told > 0));
        Self {
            cached_of_input,
            input,
            fresh,
            cached,
            written,
            output: count(usage.output),
            reasoning: count(usage.reasoning),
        }
    }

    fn change(&mut self, other: &Self, sum: fn(u128, u128) -> u128) {
        self.input.change(other.input, sum);
        self.fresh.change(other.fresh, sum);
        self.cached.change(other.cached, sum);
        self.cached_of_input.change(other.cached_of_input, sum);
        self.written.change(other.written, sum);
        self.output.change(other.output, sum);
        self.reasoning.change(other.reasoning, sum);
    }
}

/// What one call adds to the figures: read off the call once, added to several groups.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
        let tokens_per_sec = call.generation_rate();
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
        self.change(share, u128::saturating_add);
    }

    /// Takes back what [`Tally::add`] counted.
    pub fn remove(&mut self, share: &Share) {
        self.calls = self.calls.saturating_sub(1);
        self.errors = self.errors.saturating_sub(share.failed.into());
        self.unpriced = self.unpriced.saturating_sub(share.cost_femto_usd.is_none().into());
        self.cost_femto_usd = self.cost_femto_usd.saturating_sub(share.cost_femto_usd.unwrap_or(0));
        self.change(share, u128::saturating_sub);
    }

    /// Counts all calls of another group.
    pub fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
        self.cost_femto_usd = self.cost_femto_usd.saturating_add(other.cost_femto_usd);
        self.tokens.change(&other.tokens, u128::saturating_add);
        self.priced_output = self.priced_output.saturating_add(other.priced_output);
        self.generated_tokens = self.generated_tokens.saturating_add(other.generated_tokens);
        self.generation_nanos = self.generation_nanos.saturating_add(other.generation_nanos);
    }

    fn change(&mut self, share: &Share, sum: fn(u128, u128) -> u128) {
        self.tokens.change(&share.tokens, sum);
        let priced_output = share.cost_femto_usd.map_or(0, |_| share.tokens.output.tokens);
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

    /// Input tokens read from the cache in proportion to all input, over the calls with a known input, 0 to 1; `None`
    /// without input.
    pub fn cached_share(&self) -> Option<f64> {
        let Tokens { input, cached_of_input, .. } = self.tokens;
        (input.tokens > 0).then(|| cached_of_input.tokens as f64 / input.tokens as f64)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Cost, CostBasis, InputCount, Names};
    use crate::stats::Totals;
    use proptest::prelude::*;

    fn call(usage: Usage, usd: Option<f64>) -> LlmCall {
        let draft = CallFacts {
            usage,
            status_code: Some(200),
            duration_ms: Some(1500.0),
            ttft_ms: Some(500.0),
            ..CallFacts::default()
        };
        let mut call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
        call.set_cost(usd.map(|usd| Cost { usd, basis: CostBasis::Priced }));
        call
    }

    fn tally_of(calls: &[LlmCall]) -> Tally {
        let mut tally = Tally::default();
        for call in calls {
            tally.add(&Share::of(call));
        }
        tally
    }

    fn calls() -> impl Strategy<Value = LlmCall> {
        let tokens = || prop::option::of(prop_oneof![0_u64..1000, Just(u64::MAX), Just(u64::MAX - 1)]);
        let usd = prop_oneof![0.0_f64..1.0, Just(1e-15), Just(1e300), Just(-1e300), Just(f64::NAN)];
        let is_exclusive = any::<bool>();
        (tokens(), tokens(), tokens(), tokens(), is_exclusive, prop::option::of(usd)).prop_map(
            |(input, output, cache_read, cache_write, is_exclusive, usd)| {
                let input_count = if is_exclusive { InputCount::Exclusive } else { InputCount::Inclusive };
                call(Usage { input, output, cache_read, cache_write, input_count, ..Usage::default() }, usd)
            },
        )
    }

    proptest! {
        #[test]
        fn sums_are_exact_after_a_storm(
            kept in prop::collection::vec(calls(), 0..20),
            gone in prop::collection::vec(calls(), 0..50),
        ) {
            let calm = tally_of(&kept);
            let mut storm = tally_of(&[&gone[..], &kept].concat());
            for call in gone.iter().rev() {
                storm.remove(&Share::of(call));
            }
            prop_assert_eq!(storm, calm);
            let output: u128 = kept.iter().map(|call| u128::from(call.usage().output.unwrap_or(0))).sum();
            prop_assert_eq!(calm.tokens.output.tokens, output);
        }

        #[test]
        fn merging_is_adding_all(ours in prop::collection::vec(calls(), 0..9), theirs in prop::collection::vec(calls(), 0..9)) {
            let mut merged = tally_of(&ours);
            merged.merge(&tally_of(&theirs));
            prop_assert_eq!(merged, tally_of(&[ours, theirs].concat()));
        }

        #[test]
        fn totals_follow_revisions(before in calls(), after in calls(), other in calls()) {
            let (mut revised, mut fresh) = (Totals::default(), Totals::default());
            revised.add(&before);
            revised.add(&other);
            revised.replace(&before, &after);
            fresh.add(&other);
            fresh.add(&after);
            prop_assert_eq!(revised, fresh);
        }
    }

    #[test]
    fn a_row_that_became_part_of_another_leaves_the_totals() {
        let (mut totals, mut empty) = (Totals::default(), Totals::default());
        let whole = call(Usage { output: Some(9), ..Usage::default() }, Some(1.0));
        let mut part = whole.clone();
        part.mark_merged();
        totals.add(&whole);
        totals.replace(&whole, &part);
        empty.add(&part);
        assert_eq!((totals, empty), (Totals::default(), Totals::default()));
    }

    #[test]
    fn counts_beyond_u64_do_not_wrap() {
        let mut tally = Tally::default();
        let huge =
            Usage { input: Some(u64::MAX), cache_read: Some(u64::MAX), output: Some(u64::MAX), ..Usage::default() };
        for _ in 0..3 {
            tally.add(&Share::of(&call(Usage { input_count: InputCount::Exclusive, ..huge }, None)));
        }
        assert_eq!(tally.tokens.output.tokens, 3 * u128::from(u64::MAX));
        assert_eq!(tally.tokens.input.tokens, 6 * u128::from(u64::MAX));
        assert_eq!(tally.cached_share(), Some(0.5));
        assert_eq!(tally.cost_usd(), None);
    }

    #[test]
    fn the_cached_share_is_over_calls_with_a_known_input() {
        let known = Usage { input: Some(100), cache_read: Some(50), ..Usage::default() };
        let unknown = Usage { input: None, cache_read: Some(300), ..Usage::default() };
        let tally = tally_of(&[call(known, None), call(unknown, None)]);
        assert_eq!(tally.cached_share(), Some(0.5));
        assert_eq!(tally.tokens.cached.tokens, 350);
        assert_eq!(tally_of(&[call(unknown, None)]).cached_share(), None);
    }

    #[test]
    fn figures_of_a_group() {
        let mut tally = Tally::default();
        let usage = |output| Usage { input: Some(100), cache_read: Some(25), output, ..Usage::default() };
        tally.add(&Share::of(&call(usage(Some(100)), Some(0.1))));
        tally.add(&Share::of(&call(usage(Some(400)), Some(0.2))));
        tally.add(&Share::of(&call(usage(None), None)));
        assert_eq!(tally.tokens_per_sec(), Some(250.0), "500 tokens in two seconds");
        assert_eq!(tally.cost_femto_usd, 300_000_000_000_000, "a tenth and a fifth are three tenths");
        assert_eq!(tally.usd_per_call(), Some(0.15));
        assert_eq!(tally.usd_per_1k_output(), Some(0.6));
        assert_eq!(tally.cached_share(), Some(0.25));
        assert_eq!((tally.calls, tally.unpriced, tally.error_rate()), (3, 1, Some(0.0)));
        assert_eq!(Tally::default().error_rate(), None);
    }
}
