//! Writes run statistics at intervals and at the end of a run.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::interval::Interval;
use super::run_stats::RunStats;
use crate::collector::taps::ExportPipelines;

/// Writes statistics as JSON lines with the single key `stats`, which no record has.
pub struct StatsReporter {
    interval: Option<Interval>,
    aside: Option<Box<dyn Write>>,
    streams: ExportPipelines,
}

impl fmt::Debug for StatsReporter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StatsReporter").field("interval", &self.interval).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct StatsLine<'a> {
    stats: &'a RunStats,
}

impl StatsReporter {
    /// Reports at the end of the run and, if given, at every interval.
    pub fn every(interval: Option<Duration>) -> Self {
        let nanos = |interval: Duration| i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX);
        Self { interval: interval.map(nanos).map(Interval::delayed), aside: None, streams: ExportPipelines::default() }
    }

    /// Writes statistics to `out` instead of among the records.
    #[must_use]
    pub fn aside(self, out: impl Write + 'static) -> Self {
        Self { aside: Some(Box::new(out)), ..self }
    }

    /// Includes the counters of recording and forwarding.
    #[must_use]
    pub fn with_streams(self, streams: ExportPipelines) -> Self {
        Self { streams, ..self }
    }

    /// Whether a report is due; the first is due one interval after the first check.
    pub(super) fn is_due(&mut self, now_unix_nano: i64) -> bool {
        self.interval.as_mut().is_some_and(|interval| interval.is_due(now_unix_nano))
    }

    /// Writes one line to `records`, or to the separate output.
    pub(super) fn write(&mut self, stats: RunStats, records: &mut Vec<u8>) -> io::Result<()> {
        let stats = stats.with_streams(self.streams.counters());
        let mut line = serde_json::to_vec(&StatsLine { stats: &stats })?;
        line.push(b'\n');
        if let Some(aside) = &mut self.aside {
            // The separate output may be closed while the records are still read.
            return aside.write_all(&line).and_then(|()| aside.flush()).or(Ok(()));
        }
        records.append(&mut line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_due_at_intervals() {
        let second = 1_000_000_000;
        let mut reports = StatsReporter::every(Some(Duration::from_secs(2)));
        let asked = [10, 11, 12, 13, 14, 20, 21, 22];
        let due: Vec<i64> = asked.into_iter().filter(|at| reports.is_due(at * second)).collect();
        assert_eq!(due, [12, 14, 20, 22]);
        assert!(!StatsReporter::every(None).is_due(i64::MAX));
    }

    #[test]
    fn a_clock_that_jumps_costs_an_interval_at_the_most() {
        let second = 1_000_000_000;
        let mut reports = StatsReporter::every(Some(Duration::from_secs(2)));
        let asked = [7200, 7202, 1, 2, 3, 7_258_118_400, 7_258_118_401, 5, 7];
        let due: Vec<i64> = asked.into_iter().filter(|at| reports.is_due(at * second)).collect();
        assert_eq!(due, [7202, 3, 7_258_118_400, 7]);
    }
}
