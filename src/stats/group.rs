//! The figures of one group of calls (everything shown, a model, a route), kept incrementally.

use super::quantiles::is_figure;
use super::{Distribution, Quantiles, Share, Tally};

/// The finished figures of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Counts and sums.
    pub tally: Tally,
    /// Duration, ms.
    pub latency_ms: Quantiles,
    /// Time to first token, ms.
    pub ttft_ms: Quantiles,
    /// Generated tokens a second, each call counting once; for the mean see [`Tally::tokens_per_sec`].
    pub tokens_per_sec: Quantiles,
}

/// A group of calls as it grows and shrinks.
#[derive(Clone, Debug, Default)]
pub struct Group {
    tally: Tally,
    latency_ms: Distribution,
    ttft_ms: Distribution,
    tokens_per_sec: Distribution,
}

impl Group {
    /// Counts a call.
    pub fn add(&mut self, share: &Share) {
        self.tally.add(share);
        self.latency_ms.add(share.latency_ms);
        self.ttft_ms.add(share.ttft_ms);
        self.tokens_per_sec.add(share.tokens_per_sec);
    }

    /// Takes back what [`Group::add`] counted.
    pub fn remove(&mut self, share: &Share) {
        self.tally.remove(share);
        self.latency_ms.remove(share.latency_ms);
        self.ttft_ms.remove(share.ttft_ms);
        self.tokens_per_sec.remove(share.tokens_per_sec);
    }

    /// Counts all calls of another group.
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.latency_ms.merge(&other.latency_ms);
        self.ttft_ms.merge(&other.ttft_ms);
        self.tokens_per_sec.merge(&other.tokens_per_sec);
    }

    /// Whether no call is left.
    pub const fn is_empty(&self) -> bool {
        self.tally.calls == 0
    }

    /// The figures, percentiles at most 1/128 off.
    pub fn figures(&self) -> Figures {
        Figures {
            tally: self.tally,
            latency_ms: self.latency_ms.quantiles(),
            ttft_ms: self.ttft_ms.quantiles(),
            tokens_per_sec: self.tokens_per_sec.quantiles(),
        }
    }
}

/// A small group, gathered anew, with every value for exact percentiles.
#[derive(Clone, Debug, Default)]
pub struct Exact {
    tally: Tally,
    latency_ms: Vec<f64>,
    ttft_ms: Vec<f64>,
    tokens_per_sec: Vec<f64>,
}

impl Exact {
    /// Counts a call.
    pub fn add(&mut self, share: &Share) {
        let keep = |values: &mut Vec<f64>, value: Option<f64>| values.extend(value.filter(|value| is_figure(*value)));
        self.tally.add(share);
        keep(&mut self.latency_ms, share.latency_ms);
        keep(&mut self.ttft_ms, share.ttft_ms);
        keep(&mut self.tokens_per_sec, share.tokens_per_sec);
    }

    /// Counts all calls of another group.
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.latency_ms.extend(&other.latency_ms);
        self.ttft_ms.extend(&other.ttft_ms);
        self.tokens_per_sec.extend(&other.tokens_per_sec);
    }

    /// The figures, percentiles exact.
    pub fn figures(mut self) -> Figures {
        Figures {
            tally: self.tally,
            latency_ms: Quantiles::exact(&mut self.latency_ms),
            ttft_ms: Quantiles::exact(&mut self.ttft_ms),
            tokens_per_sec: Quantiles::exact(&mut self.tokens_per_sec),
        }
    }
}

/// One side of a comparison of two models or routes. What is unknown is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Calls.
    pub n: u64,
    /// Median duration, ms.
    pub latency_p50_ms: Option<f64>,
    /// 95th percentile of the duration, ms.
    pub latency_p95_ms: Option<f64>,
    /// Median time to first token, ms.
    pub ttft_p50_ms: Option<f64>,
    /// 95th percentile of the time to first token, ms.
    pub ttft_p95_ms: Option<f64>,
    /// Generated tokens a second, token-weighted.
    pub tokens_per_sec: Option<f64>,
    /// Failed calls in proportion to all, 0 to 1.
    pub error_rate: Option<f64>,
    /// USD a priced call.
    pub usd_per_call: Option<f64>,
    /// USD per 1,000 output tokens of the priced calls.
    pub usd_per_1k_output: Option<f64>,
}

/// The figures by which two groups are compared.
pub fn compare(group: &Figures) -> Comparison {
    Comparison {
        n: group.tally.calls,
        latency_p50_ms: group.latency_ms.p50,
        latency_p95_ms: group.latency_ms.p95,
        ttft_p50_ms: group.ttft_ms.p50,
        ttft_p95_ms: group.ttft_ms.p95,
        tokens_per_sec: group.tally.tokens_per_sec(),
        error_rate: group.tally.error_rate(),
        usd_per_call: group.tally.usd_per_call(),
        usd_per_1k_output: group.tally.usd_per_1k_output(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Cost, CostBasis, LlmCall, Names, Usage};

    fn share(duration_ms: f64, status_code: u16, output: Option<u64>, usd: Option<f64>) -> Share {
        let draft = CallFacts {
            duration_ms: Some(duration_ms),
            ttft_ms: output.map(|_| duration_ms / 2.0),
            status_code: Some(status_code),
            usage: Usage { output, ..Usage::default() },
            ..CallFacts::default()
        };
        let mut call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
        call.set_cost(usd.map(|usd| Cost { usd, basis: CostBasis::Priced }));
        Share::of(&call)
    }

    #[test]
    fn a_comparison_shows_what_a_choice_depends_on() {
        let mut exact = Exact::default();
        let mut group = Group::default();
        for share in [
            share(1000.0, 200, Some(100), Some(0.25)),
            share(3000.0, 200, Some(300), Some(0.75)),
            share(50.0, 429, None, None),
            share(10_000.0, 500, None, None),
        ] {
            exact.add(&share);
            group.add(&share);
        }
        let found = compare(&exact.figures());
        let expected = Comparison {
            n: 4,
            latency_p50_ms: Some(1000.0),
            latency_p95_ms: Some(10_000.0),
            ttft_p50_ms: Some(500.0),
            ttft_p95_ms: Some(1500.0),
            tokens_per_sec: Some(200.0),
            error_rate: Some(0.5),
            usd_per_call: Some(0.5),
            usd_per_1k_output: Some(2.5),
        };
        assert_eq!(found, expected);
        let from_buckets = compare(&group.figures());
        assert_eq!(from_buckets.usd_per_call, expected.usd_per_call);
        assert!(from_buckets.latency_p95_ms.is_some_and(|p95| (9900.0..=10_100.0).contains(&p95)));
        assert_eq!(compare(&Figures::default()), Comparison::default(), "nothing is known of no calls");
    }
}
