//! Limits on spending, failures and slowness, and who is to blame when one is passed.
//!
//! Measured over the calls that started in the five minutes up to the newest one. Not up to now: traffic that comes late
//! or from a recording is judged as it was. So that the first calls after start raise no alarm, too few of them count as
//! more: missing calls up to [`FEWEST_CALLS`] as good ones, missing time up to [`SHORTEST`] as time in which nothing was
//! spent.

mod contributor;
#[cfg(test)]
mod tests;
mod thresholds;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use super::analysis::{Analysis, Picture, ViewSpec, Window};
use super::filter::Filter;
use crate::call::{CallId, LlmCall};
use crate::collector::Snapshot;
use crate::stats::{femto_usd, usd};
use crate::text::format::{count, duration, money_short, percent};
use contributor::culprits;

pub use contributor::{Dimension, TopContributor};
pub use thresholds::{Limits, Share, UsdPerHour};
pub use watch::watch;

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
    pub culprits: Vec<TopContributor>,
    /// All of it in one line, safe to show.
    pub text: String,
}

impl Limits {
    /// The limits that are passed in a picture of [`WINDOW`], spending first.
    pub fn check(&self, picture: &Picture) -> Vec<Breach> {
        let checks = [self.check_spending(picture), self.check_errors(picture), self.check_latency(picture)];
        checks.into_iter().flatten().collect()
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
        (measured > limit).then(|| breach(culprits(calls(picture), cost)).with_contributors())
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
        is_over.then(|| breach(culprits(calls(picture), failed)).with_contributors())
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
        is_over.then(|| breach(culprits(calls(picture), slow)).with_contributors())
    }
}

impl Breach {
    /// The figure and its limit, as short as can be: `spending $7.2/h > $5.0/h`.
    pub fn short(&self) -> String {
        let (what, text): (_, fn(f64) -> String) = match self.figure {
            Figure::Spending => ("spending", |usd| format!("{}/h", money_short(usd))),
            Figure::ErrorRate => ("errors", percent),
            Figure::LatencyP95 => ("p95 latency", duration),
        };
        format!("{what} {} > {}", text(self.measured), text(self.limit))
    }

    /// This breach with its culprits named in its line.
    fn with_contributors(mut self) -> Self {
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
pub struct LimitMonitor {
    limits: Limits,
    spec: ViewSpec,
    analysis: Analysis,
    next: CallId,
    newest: Newest,
}

/// The start of the newest call, and when it was seen, ns since the epoch.
#[derive(Clone, Copy, Debug)]
struct Newest {
    start: i64,
    seen_at: i64,
}

impl Default for Newest {
    fn default() -> Self {
        Self { start: i64::MIN, seen_at: 0 }
    }
}

impl LimitMonitor {
    /// Watches the calls that pass `filter`; `None` where nothing is limited.
    pub fn new(limits: Limits, filter: Arc<Filter>) -> Option<Self> {
        let spec = ViewSpec { filter, window: WINDOW, ..ViewSpec::default() };
        let (analysis, next, newest) = Default::default();
        (limits != Limits::default()).then_some(Self { limits, spec, analysis, next, newest })
    }

    /// The first limit that is passed in the newest snapshot. Follows what changed since the last time.
    pub fn check(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Option<Breach> {
        self.follow(snapshot, now_unix_nano);
        self.look(snapshot, self.newest.start).into_iter().next()
    }

    /// All limits that are passed. Where nothing arrives any more time goes on all the same, so that what was passed five
    /// minutes ago is over.
    pub fn check_as_time_goes_on(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Vec<Breach> {
        self.follow(snapshot, now_unix_nano);
        let passed = now_unix_nano.saturating_sub(self.newest.seen_at).max(0);
        self.look(snapshot, self.newest.start.saturating_add(passed))
    }

    fn look(&mut self, snapshot: &Arc<Snapshot>, until_unix_nano: i64) -> Vec<Breach> {
        let picture = self.analysis.update(&self.spec, snapshot, until_unix_nano);
        self.limits.check(&picture)
    }

    fn follow(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) {
        let calls = &snapshot.calls;
        // All that was known is gone, as when a replay begins anew: what comes may be older.
        if calls.first_id() >= self.next && self.next > CallId::default() {
            (self.analysis, self.newest) = Default::default();
        }
        let starts = calls.since(self.next).map(LlmCall::start_unix_nano);
        // A clock that runs ahead is not believed.
        let newest = starts.map(|start| start.min(now_unix_nano)).max();
        if let Some(start) = newest.filter(|start| *start > self.newest.start) {
            self.newest = Newest { start, seen_at: now_unix_nano };
        }
        self.next = calls.next_id();
    }
}
