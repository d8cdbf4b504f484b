//! Limits on spending, failures and slowness, and who is to blame when one is passed.
//!
//! Measured over the calls that started in the five minutes up to the newest one. Not up to now: traffic that comes late
//! or from a recording is judged as it was. So that the first calls after start raise no alarm, too few of them count as
//! more: missing calls up to [`FEWEST_CALLS`] as good ones, missing time up to [`SHORTEST`] as time in which nothing was
//! spent.

mod culprit;
mod limits;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use super::analysis::{Analysis, Picture, ViewSpec, Window};
use super::filter::Filter;
use crate::call::{CallId, LlmCall};
use crate::collector::Snapshot;
use crate::format::{count, duration, money_short, percent};
use crate::stats::{femto_usd, usd};
use culprit::culprits;

pub use culprit::{Culprit, Dimension};
pub use limits::{Limits, Share, UsdPerHour};

/// What figures are measured over.
pub const WINDOW: Window = Window::FiveMinutes;

/// A share or a percentile of fewer calls says little: so many are needed for one failure to stay within 5%.
pub const FEWEST_CALLS: u64 = 20;

/// Spending is measured over no less.
pub const SHORTEST: Duration = Duration::from_mins(1);

/// The share of calls that may be slower than a 95th percentile.
const BEYOND_P95: f64 = 0.05;

/// A share that is just the limit, as 29 of 100 are 29%, has not passed it, whatever the last bit says.
const JUST_ABOVE: f64 = 1.0 + 1e-12;

/// The figures that can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// USD an hour.
    Spending,
    /// Failed calls in proportion to all.
    ErrorRate,
    /// 95th percentile of the duration.
    LatencyP95,
}

/// A limit that was passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// Which figure.
    pub figure: Figure,
    /// What it is: USD an hour, a share of 1, or ms.
    pub measured: f64,
    /// What it may be, in the same unit.
    pub limit: f64,
    /// Who contributes most: at most one model, one route and one session, the largest contribution first.
    pub culprits: Vec<Culprit>,
    /// All of it in one line, safe to show.
    pub text: String,
}

impl Limits {
    /// The first limit that is passed in a picture of [`WINDOW`].
    pub fn check(&self, picture: &Picture) -> Option<Breach> {
        self.check_spending(picture).or_else(|| self.check_errors(picture)).or_else(|| self.check_latency(picture))
    }

    fn check_spending(&self, picture: &Picture) -> Option<Breach> {
        let UsdPerHour(limit) = self.budget?;
        let over = picture.summary.burn?.over_secs.max(SHORTEST.as_secs_f64());
        let spent = picture.summary.figures.tally.cost_femto_usd;
        let measured = usd(spent) / over * 3600.0;
        let breach = |culprits| Breach {
            text: format!(
                "spending of {}/h over the last {} is over the budget of {}/h",
                money_short(measured),
                duration(over * 1000.0),
                money_short(limit)
            ),
            figure: Figure::Spending,
            measured,
            limit,
            culprits,
        };
        let cost = |call: &LlmCall| call.cost().map_or(0, |cost| u128::try_from(femto_usd(cost.usd)).unwrap_or(0));
        (measured > limit).then(|| breach(culprits(calls(picture), cost)).blamed())
    }

    fn check_errors(&self, picture: &Picture) -> Option<Breach> {
        let Share(limit) = self.max_error_rate?;
        let tally = &picture.summary.figures.tally;
        let measured = tally.error_rate()?;
        let breach = |culprits| Breach {
            text: format!(
                "error rate of {} ({} of {} calls) is over {}",
                percent(measured),
                count(tally.errors),
                count(tally.calls),
                percent(limit)
            ),
            figure: Figure::ErrorRate,
            measured,
            limit,
            culprits,
        };
        let failed = |call: &LlmCall| u128::from(call.status().is_error());
        let is_over = tally.errors as f64 > limit * tally.calls.max(FEWEST_CALLS) as f64 * JUST_ABOVE;
        is_over.then(|| breach(culprits(calls(picture), failed)).blamed())
    }

    fn check_latency(&self, picture: &Picture) -> Option<Breach> {
        let limit = self.max_p95?.as_secs_f64() * 1000.0;
        let latency = picture.summary.figures.latency_ms;
        let measured = latency.p95.filter(|p95| *p95 > limit)?;
        let slow = |call: &LlmCall| u128::from(call.duration_ms().is_some_and(|took| took > limit));
        let slow_calls = calls(picture).filter(|call| slow(call) > 0).count();
        let breach = |culprits| Breach {
            text: format!(
                "p95 latency of {} ({} of {} calls are slower) is over {}",
                duration(measured),
                count(slow_calls as u64),
                count(latency.n),
                duration(limit)
            ),
            figure: Figure::LatencyP95,
            measured,
            limit,
            culprits,
        };
        let is_over = latency.n >= FEWEST_CALLS || slow_calls as f64 > BEYOND_P95 * FEWEST_CALLS as f64;
        is_over.then(|| breach(culprits(calls(picture), slow)).blamed())
    }
}

impl Breach {
    /// This breach with its culprits named in its line.
    fn blamed(mut self) -> Self {
        let named: Vec<_> = self.culprits.iter().map(ToString::to_string).collect();
        if !named.is_empty() {
            self.text = format!("{}; most by {}", self.text, named.join(", "));
        }
        self
    }
}

fn calls(picture: &Picture) -> impl Iterator<Item = &LlmCall> {
    picture.rows.from(0).filter_map(|id| picture.call(id))
}

/// Watches over limits, whatever filter and window the screen shows.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    spec: ViewSpec,
    analysis: Analysis,
    next: CallId,
    newest_start: i64,
}

impl Guard {
    /// Watches the calls that pass `filter`; `None` where nothing is limited.
    pub fn new(limits: Limits, filter: Arc<Filter>) -> Option<Self> {
        let spec = ViewSpec { filter, window: WINDOW, ..ViewSpec::default() };
        let (analysis, next, newest_start) = Default::default();
        (limits != Limits::default()).then_some(Self { limits, spec, analysis, next, newest_start })
    }

    /// The limit that is passed in the newest snapshot. Follows what changed since the last time.
    pub fn check(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Option<Breach> {
        let starts = snapshot.calls.since(self.next).map(LlmCall::start_unix_nano);
        // A clock that runs ahead is not believed.
        let newest = starts.map(|start| start.min(now_unix_nano)).max();
        self.newest_start = self.newest_start.max(newest.unwrap_or(i64::MIN));
        self.next = snapshot.calls.next_id();
        let picture = self.analysis.update(&self.spec, snapshot, self.newest_start);
        self.limits.check(&picture)
    }
}
