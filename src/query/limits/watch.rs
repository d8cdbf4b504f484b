//! Reporting breaches to the screen as they change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::breach::Breach;
use super::monitor::LimitMonitor;
use crate::collector::Snapshot;

/// Pause between two checks: thousands of calls may arrive in a second, and each check costs time.
const PAUSE: Duration = Duration::from_millis(200);
/// How often limits are checked while no calls arrive: the window moves on with time.
const TICK: Duration = Duration::from_secs(1);

/// Passes the breaches to `report` whenever they change, until the collector is gone. `now` reads the clock, in ns since
/// the epoch.
pub(crate) async fn watch(
    mut monitor: LimitMonitor,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    now: impl Fn() -> i64,
    mut report: impl FnMut(Vec<Breach>),
) {
    let mut reported = Vec::new();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let breaches = monitor.check_all(&snapshot, now());
        if breaches != reported {
            reported.clone_from(&breaches);
            report(breaches);
        }
        sleep(PAUSE).await;
        if timeout(TICK, snapshots.changed()).await.is_ok_and(|changed| changed.is_err()) {
            return;
        }
    }
}
