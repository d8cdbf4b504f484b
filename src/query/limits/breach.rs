//! Checking figures against limits.

use std::time::Duration;

use super::contributor::{TopContributor, top_contributors};
use super::thresholds::{CallLimits, MaxErrorRate, UsdPerHour};
use crate::call::LlmCall;
use crate::query::analysis::{Picture, Window};
use crate::stats::{femto_usd, usd};
use crate::text::format::{count, duration, money_short, percent};

/// The stretch of time over which figures are measured.
pub(super) const WINDOW: Window = Window::FiveMinutes;

/// Fewer calls give no meaningful share or percentile: with 20, one failure stays within 5%.
pub(super) const FEWEST_CALLS: u64 = 20;

/// The shortest time over which spending is measured.
pub(super) const SHORTEST: Duration = Duration::from_mins(1);

/// The share of calls that may be slower than a 95th percentile.
const BEYOND_P95: f64 = 0.05;

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

impl CallLimits {
    /// The limits that are exceeded in a picture of [`WINDOW`], spending first.
    pub(super) fn check(&self, picture: &Picture) -> Vec<Breach> {
        let checks = [self.check_spending(picture), self.check_errors(picture), self.check_latency(picture)];
        checks.into_iter().flatten().collect()
    }

    fn check_spending(&self, picture: &Picture) -> Option<Breach> {
        let UsdPerHour(limit) = self.budget?;
        let over = picture.summary.burn?.over_secs.max(SHORTEST.as_secs_f64());
        let spent = picture.summary.figures.tally.cost_femto_usd;
        let measured = usd(spent) / over * 3600.0;
        let breach = |contributors| Breach {
            text: format!(
                "spending of {}/h over the last {} is over the budget of {}/h",
                money_short(measured),
                duration(over * 1000.0),
                money_short(limit)
            ),
            figure: LimitedFigure::Spending,
            measured,
            limit,
            contributors,
        };
        let cost = |call: &LlmCall| call.cost().map_or(0, |cost| u128::try_from(femto_usd(cost.usd)).unwrap_or(0));
        (measured > limit).then(|| breach(top_contributors(calls(picture), cost)).with_contributors())
    }

    fn check_errors(&self, picture: &Picture) -> Option<Breach> {
        let MaxErrorRate(limit) = self.max_error_rate?;
        let tally = &picture.summary.figures.tally;
        let measured = tally.error_rate()?;
        let breach = |contributors| Breach {
            text: format!(
                "error rate of {} ({} of {} calls) is over {}",
                percent(measured),
                count(tally.errors),
                count(tally.calls),
                percent(limit)
            ),
            figure: LimitedFigure::ErrorRate,
            measured,
            limit,
            contributors,
        };
        let failed = |call: &LlmCall| u128::from(call.status().is_error());
        let is_over = tally.errors as f64 > limit * tally.calls.max(FEWEST_CALLS) as f64 * JUST_ABOVE;
        is_over.then(|| breach(top_contributors(calls(picture), failed)).with_contributors())
    }

    fn check_latency(&self, picture: &Picture) -> Option<Breach> {
        let limit = self.max_p95?.as_secs_f64() * 1000.0;
        let latency = picture.summary.figures.latency_ms;
        let measured = latency.p95.filter(|p95| *p95 > limit)?;
        let slow = |call: &LlmCall| u128::from(call.duration_ms().is_some_and(|took| took > limit));
        let slow_calls = calls(picture).filter(|call| slow(call) > 0).count();
        let breach = |contributors| Breach {
            text: format!(
                "p95 latency of {} ({} of {} calls are slower) is over {}",
                duration(measured),
                count(slow_calls as u64),
                count(latency.n),
                duration(limit)
            ),
            figure: LimitedFigure::LatencyP95,
            measured,
            limit,
            contributors,
        };
        let is_over = latency.n >= FEWEST_CALLS || slow_calls as f64 > BEYOND_P95 * FEWEST_CALLS as f64;
        is_over.then(|| breach(top_contributors(calls(picture), slow)).with_contributors())
    }
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
