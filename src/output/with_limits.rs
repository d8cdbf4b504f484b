//! A run that ends when a limit is passed.

use std::io;
use std::sync::Arc;

use super::follow::{FollowProgress, Follower};
use super::interval::Interval;
use crate::collector::Snapshot;
use crate::query::limits::{Breach, LimitMonitor};

/// Between two looks, ns: calls come in by the thousand a second, and each look counts.
const PAUSE_NANOS: i64 = 200_000_000;

/// A follower under watch.
#[derive(Debug)]
pub struct WithLimits<F> {
    inner: F,
    guard: Option<LimitMonitor>,
    looks: Interval,
    is_read: bool,
    breach: Option<Breach>,
}

impl<F: Follower> WithLimits<F> {
    /// Watches `inner`, if there is anything to watch for.
    pub const fn new(inner: F, guard: Option<LimitMonitor>) -> Self {
        Self { inner, guard, looks: Interval::from_now(PAUSE_NANOS), is_read: true, breach: None }
    }

    /// The follower.
    pub const fn inner(&self) -> &F {
        &self.inner
    }

    /// How the run ended.
    ///
    /// # Errors
    /// The limit that was passed, in a line.
    pub fn verdict(self) -> Result<(), String> {
        self.breach.map_or(Ok(()), |breach| Err(breach.text))
    }

    fn look(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) {
        if let (Some(guard), None) = (&mut self.guard, &self.breach) {
            self.breach = guard.check(snapshot, now_unix_nano);
        }
    }
}

impl<F: Follower> Follower for WithLimits<F> {
    fn take(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<FollowProgress> {
        let progress = self.inner.take(snapshot, now_unix_nano)?;
        self.is_read = progress != FollowProgress::Closed;
        if progress == FollowProgress::Open && self.looks.is_due(now_unix_nano) {
            self.look(snapshot, now_unix_nano);
        }
        Ok(if self.breach.is_some() { FollowProgress::Breached } else { progress })
    }

    fn end(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<()> {
        self.inner.end(snapshot, now_unix_nano)?;
        // Who closed the pipe does not wait for a verdict.
        if self.is_read {
            self.look(snapshot, now_unix_nano);
        }
        Ok(())
    }
}
