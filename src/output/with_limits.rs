//! Ends a run when a limit is exceeded.

use std::io;
use std::sync::Arc;

use super::follow::{FollowProgress, Follower};
use super::interval::Interval;
use crate::collector::Snapshot;
use crate::query::limits::{Breach, LimitMonitor};

/// Interval between checks, ns. Each check aggregates all calls.
const PAUSE_NANOS: i64 = 200_000_000;

/// A follower that ends with [`FollowProgress::Breached`] when a limit is exceeded.
#[derive(Debug)]
pub struct WithLimits<F> {
    inner: F,
    limits: Option<LimitMonitor>,
    timer: Interval,
    is_read: bool,
    breach: Option<Breach>,
}

impl<F: Follower> WithLimits<F> {
    /// Wraps `inner`; `None` checks nothing.
    pub const fn new(inner: F, limits: Option<LimitMonitor>) -> Self {
        Self { inner, limits, timer: Interval::immediate(PAUSE_NANOS), is_read: true, breach: None }
    }

    /// The follower whose snapshots are checked.
    pub const fn inner(&self) -> &F {
        &self.inner
    }

    /// The result of the run.
    ///
    /// # Errors
    /// One line about the limit that was exceeded.
    pub fn verdict(self) -> Result<(), String> {
        self.breach.map_or(Ok(()), |breach| Err(breach.text))
    }

    fn check(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) {
        if let (Some(limits), None) = (&mut self.limits, &self.breach) {
            self.breach = limits.check(snapshot, now_unix_nano);
        }
    }
}

impl<F: Follower> Follower for WithLimits<F> {
    fn take(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<FollowProgress> {
        let progress = self.inner.take(snapshot, now_unix_nano)?;
        self.is_read = progress != FollowProgress::Closed;
        if progress == FollowProgress::Open && self.timer.is_due(now_unix_nano) {
            self.check(snapshot, now_unix_nano);
        }
        Ok(if self.breach.is_some() { FollowProgress::Breached } else { progress })
    }

    fn end(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<()> {
        self.inner.end(snapshot, now_unix_nano)?;
        // Limits do not matter to a reader that closed the pipe.
        if self.is_read {
            self.check(snapshot, now_unix_nano);
        }
        Ok(())
    }
}
