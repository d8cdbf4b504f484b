//! Limits on spending, failures and slowness, and what contributes most where one is exceeded.
//!
//! Figures are measured over the calls that ended in the five minutes up to the newest end, not up to now: late traffic
//! and recordings are checked as they were. Evicted calls still count, by whole seconds, so that no result depends on the
//! capacity. So that the first calls after a start do not exceed a limit, missing calls up to `FEWEST_CALLS` count as
//! successful ones, and missing time up to `SHORTEST` as time without spending. Checks are integer arithmetic: a figure
//! equal to its limit does not exceed it.

mod breach;
mod contributor;
mod measured;
mod monitor;
#[cfg(test)]
mod tests;
mod thresholds;
mod watch;

pub use breach::{Breach, LimitedFigure};
pub use contributor::{Dimension, TopContributor};
pub use monitor::LimitMonitor;
pub use thresholds::{CallLimits, MaxErrorRate, UsdPerHour};
pub(crate) use watch::watch;
