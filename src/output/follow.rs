//! The loop of a run without a screen: passes snapshots to a follower until a signal, a deadline or the follower ends it.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::collector::Snapshot;

/// Whether a follower needs more snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowProgress {
    /// More snapshots are needed.
    Open,
    /// The requested number of calls is reached.
    Complete,
    /// The output was closed by its reader.
    Closed,
    /// A limit was exceeded.
    Breached,
}

/// A consumer of snapshots.
pub trait Follower {
    /// Processes the newest snapshot, which is the previous one if only time has passed.
    ///
    /// # Errors
    /// Fails if the output does, except for a closed pipe.
    fn take(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<FollowProgress>;

    /// Processes the last snapshot and writes what is due at the end.
    ///
    /// # Errors
    /// As [`Follower::take`].
    fn end(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<()>;
}

/// Interval between calls of [`Follower::take`] without a new snapshot.
const TICK: Duration = Duration::from_secs(1);

/// Passes snapshots to `follower` until `stop` completes, the collector stops, or the follower needs no more. `now` returns
/// ns since the epoch.
///
/// # Errors
/// Fails if the follower does.
pub async fn follow(
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    follower: &mut impl Follower,
    now: impl Fn() -> i64,
    stop: impl Future<Output = ()>,
) -> io::Result<FollowProgress> {
    tokio::pin!(stop);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let progress = follower.take(&snapshot, now())?;
        if progress != FollowProgress::Open {
            return Ok(progress);
        }
        let continues = tokio::select! {
            changed = snapshots.changed() => changed.is_ok(),
            _ = ticks.tick() => true,
            () = &mut stop => false,
        };
        if !continues {
            return Ok(FollowProgress::Open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes the versions it sees until it has seen `enough`. Each news makes the next snapshot come; after the last one
    /// the collector is gone.
    struct Seen {
        versions: Vec<u64>,
        enough: u64,
        coming: std::vec::IntoIter<u64>,
        sender: Option<watch::Sender<Arc<Snapshot>>>,
    }

    impl Follower for Seen {
        fn take(&mut self, snapshot: &Arc<Snapshot>, _: i64) -> io::Result<FollowProgress> {
            if self.versions.last() != Some(&snapshot.version) {
                self.versions.push(snapshot.version);
                match (self.coming.next(), &self.sender) {
                    (Some(version), Some(sender)) => drop(sender.send_replace(at(version))),
                    (None, _) | (_, None) => self.sender = None,
                }
            }
            Ok(if snapshot.version >= self.enough { FollowProgress::Complete } else { FollowProgress::Open })
        }

        fn end(&mut self, _: &Arc<Snapshot>, _: i64) -> io::Result<()> {
            Ok(())
        }
    }

    fn at(version: u64) -> Arc<Snapshot> {
        Arc::new(Snapshot { version, ..Snapshot::default() })
    }

    async fn seen(enough: u64, coming: Vec<u64>, stop: impl Future<Output = ()>) -> (Vec<u64>, FollowProgress) {
        let (sender, receiver) = watch::channel(at(1));
        let mut seen = Seen { versions: Vec::new(), enough, coming: coming.into_iter(), sender: Some(sender) };
        let ended = follow(receiver, &mut seen, || 0, stop).await.unwrap();
        (seen.versions, ended)
    }

    #[tokio::test]
    async fn the_end_of_the_collector_ends_it() {
        assert_eq!(seen(9, vec![2, 3], std::future::pending()).await, (vec![1, 2, 3], FollowProgress::Open));
    }

    #[tokio::test]
    async fn enough_is_enough() {
        assert_eq!(seen(2, vec![2, 3], std::future::pending()).await, (vec![1, 2], FollowProgress::Complete));
    }

    #[tokio::test]
    async fn a_signal_ends_it() {
        let (sender, receiver) = watch::channel(at(1));
        let mut seen = Seen { versions: Vec::new(), enough: 9, coming: Vec::new().into_iter(), sender: None };
        let ended = follow(receiver, &mut seen, || 0, std::future::ready(())).await.unwrap();
        assert_eq!((seen.versions, ended), (vec![1], FollowProgress::Open));
        drop(sender);
    }
}
