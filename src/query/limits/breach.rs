//! Checking figures against limits.

use std::time::Duration;

use super::contributor::{TopContributor, top_contributors};
use super::measured::{Measured, is_slower};
use super::thresholds::{CallLimits, MaxErrorRate};
use crate::call::LlmCall;
use crate::query::analysis::{Picture, Window};
use crate::stats::{Burn, Quantiles, femto_usd};
use crate::text::format::{count, duration, money_short, percent};

/// The stretch of time over which figures are measured.
pub(super) const WINDOW: Window = Window::FiveMinutes;

/// Fewer calls give no meaningful share or percentile: with 20, one failure stays within 5%.
pub(super) const FEWEST_CALLS: u64 = 20;

/// The shortest time over which spending is measured.
pub(super) const SHORTEST: Duration = Duration::from_mins(1);

/// One in so many calls may be slower than the 95th percentile.
const ONE_IN_BEYOND_P95: u64 = 20;

/// Tolerance for rounding: 29 of 100 calls do not exceed a limit of 29%.
const JUST_ABOVE: f64 = 1.0 + 1e-12;

/// The figures that can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitedFigure {
    /// USD per hour.
    Spending,
    /// Failed calls in proportion to all.
    ErrorRate,
    /// 95th percentile of the duration.
    LatencyP95,
}

/// A limit that is exceeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// The limited figure.
    pub figure: LimitedFigure,
    /// Its value: USD per hour, a share of 1, or ms.
    pub measured: f64,
    /// Its limit, in the same unit.
    pub limit: f64,
    /// At most one model, one route and one session, the largest contribution first.
    pub contributors: Vec<TopContributor>,
    /// All of it in one line, safe for a terminal.
    pub text: String,
}

/// What the limits are compared with.
pub(super) struct MeasuredWindow<'a> {
    /// The kept calls of [`WINDOW`].
    pub(super) picture: &'a Picture,
    /// All calls of [`WINDOW`].
    pub(super) measured: Measured,
    /// The evicted ones among them.
    pub(super) evicted: Measured,
    /// The time from the first call to the newest one, but no more than the window, ns.
    pub(super) nanos: i64,
}

impl CallLimits {
    /// The limits that are exceeded, spending first.
    pub(super) fn check(&self, window: &MeasuredWindow<'_>) -> Vec<Breach> {
        let checks = [self.check_spending(window), self.check_errors(window), self.check_latency(window)];
        checks.into_iter().flatten().collect()
    }

    fn check_spending(&self, window: &MeasuredWindow<'_>) -> Option<Breach> {
        let budget = self.budget?;
        let over = window.nanos.max(i64::try_from(SHORTEST.as_nanos()).unwrap_or(i64::MAX));
        let spent = window.measured.cost_femto_usd;
        let measured = Burn::of(spent, over)?.usd_per_hour;
        let breach = |contributors| Breach {
            text: format!(
                "spending of {}/h over the last {} is over the budget of {}/h",
                money_short(measured),
                duration(over as f64 / 1e6),
                money_short(budget.0)
            ),
            figure: LimitedFigure::Spending,
            measured,
            limit: budget.0,
            contributors,
        };
        let cost = |call: &LlmCall| call.cost().map_or(0, |cost| u128::try_from(femto_usd(cost.usd)).unwrap_or(0));
        budget
            .is_exceeded_by(spent, over)
            .then(|| breach(top_contributors(calls(window.picture), cost)).with_contributors())
    }

    fn check_errors(&self, window: &MeasuredWindow<'_>) -> Option<Breach> {
        let MaxErrorRate(limit) = self.max_error_rate?;
        let Measured { calls: all, errors, .. } = window.measured;
        let measured = errors as f64 / all.max(1) as f64;
        let breach = |contributors| Breach {
            text: format!(
                "error rate of {} ({} of {} calls) is over {}",
                percent(measured),
                count(errors),
                count(all),
                percent(limit)
            ),
            figure: LimitedFigure::ErrorRate,
            measured,
            limit,
            contributors,
        };
        let failed = |call: &LlmCall| u128::from(call.status().is_error());
        let is_over = errors as f64 > limit * all.max(FEWEST_CALLS) as f64 * JUST_ABOVE;
        is_over.then(|| breach(top_contributors(calls(window.picture), failed)).with_contributors())
    }

    /// A 95th percentile is over the limit when more than one call in twenty is: they are counted, whatever their number.
    fn check_latency(&self, window: &MeasuredWindow<'_>) -> Option<Breach> {
        let limit = self.max_p95?;
        let limit_ms = limit.as_secs_f64() * 1000.0;
        let latency = window.picture.summary.figures.latency_ms;
        if !may_be_over(&latency, &window.evicted, limit_ms) {
            return None;
        }
        let slow_kept = calls(window.picture).filter(|call| is_slower(call, limit)).count() as u64;
        let slow = window.evicted.slow.saturating_add(slow_kept);
        let timed = window.evicted.timed.saturating_add(latency.n);
        if !is_beyond_p95(slow, timed.max(FEWEST_CALLS)) {
            return None;
        }
        let breach = |contributors| Breach {
            text: format!(
                "p95 latency of {} ({} of {} calls are slower) is over {}",
                duration(latency.p95.unwrap_or(limit_ms).max(limit_ms)),
                count(slow),
                count(timed),
                duration(limit_ms)
            ),
            figure: LimitedFigure::LatencyP95,
            measured: latency.p95.unwrap_or(limit_ms).max(limit_ms),
            limit: limit_ms,
            contributors,
        };
        let slowness = |call: &LlmCall| u128::from(is_slower(call, limit));
        Some(breach(top_contributors(calls(window.picture), slowness)).with_contributors())
    }
}

const fn is_beyond_p95(slow: u64, of: u64) -> bool {
    slow.saturating_mul(ONE_IN_BEYOND_P95) > of
}

/// Whether counting the slow calls is worth it. Where neither the kept nor the evicted calls are over the limit, both
/// together are not; the percentile of the kept ones is less than 1% off.
fn may_be_over(kept: &Quantiles, evicted: &Measured, limit_ms: f64) -> bool {
    kept.p95.is_some_and(|p95| p95 * 1.01 > limit_ms) || is_beyond_p95(evicted.slow, evicted.timed)
}

impl Breach {
    /// The figure and its limit: `spending $7.2/h > $5.0/h`.
    pub(crate) fn short(&self) -> String {
        let (what, text): (_, fn(f64) -> String) = match self.figure {
            LimitedFigure::Spending => ("spending", |usd| format!("{}/h", money_short(usd))),
            LimitedFigure::ErrorRate => ("errors", percent),
            LimitedFigure::LatencyP95 => ("p95 latency", duration),
        };
        format!("{what} {} > {}", text(self.measured), text(self.limit))
    }

    /// This breach with its contributors appended to its line.
    fn with_contributors(mut self) -> Self {
        let named: Vec<_> = self.contributors.iter().map(ToString::to_string).collect();
        if !named.is_empty() {
            self.text = format!("{}; most by {}", self.text, named.join(", "));
        }
        self
    }
}

fn calls(picture: &Picture) -> impl Iterator<Item = &LlmCall> {
    picture.rows.from(0).filter_map(|id| picture.call(id))
}
