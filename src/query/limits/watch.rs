//! The guard beside a screen: what it finds is told as it changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Breach, LimitMonitor};
use crate::collector::Snapshot;

/// Between two looks: calls come in by the thousand a second, and each look counts.
const PAUSE: Duration = Duration::from_millis(200);
/// Without news there is a look this often: time goes on.
const TICK: Duration = Duration::from_secs(1);

/// Tells the limits that are passed whenever that changes, until the collector is gone. `now` reads the clock, in ns since
/// the epoch.
pub async fn watch(
    mut guard: LimitMonitor,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    now: impl Fn() -> i64,
    mut tell: impl FnMut(Vec<Breach>),
) {
    let mut told = Vec::new();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let breaches = guard.check_as_time_goes_on(&snapshot, now());
        if breaches != told {
            told.clone_from(&breaches);
            tell(breaches);
        }
        sleep(PAUSE).await;
        if timeout(TICK, snapshots.changed()).await.is_ok_and(|changed| changed.is_err()) {
            return;
        }
    }
}
