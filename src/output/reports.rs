//! When accounts are given, and where to.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::interval::Interval;
use super::stats::RunStats;
use crate::collector::taps::ExportPipelines;

/// Accounts on the way and at the end: a JSON object a line, with the one key `stats`, which no record has.
pub struct StatsReporter {
    every: Option<Interval>,
    aside: Option<Box<dyn Write>>,
    streams: ExportPipelines,
}

impl fmt::Debug for StatsReporter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("StatsReporter").field("every", &self.every).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    stats: &'a RunStats,
}

impl StatsReporter {
    /// At the end, and every so often if that is given.
    pub fn every(every: Option<Duration>) -> Self {
        let nanos = |every: Duration| i64::try_from(every.as_nanos()).unwrap_or(i64::MAX);
        Self { every: every.map(nanos).map(Interval::after_a_pause), aside: None, streams: ExportPipelines::default() }
    }

    /// These accounts, apart from the records.
    #[must_use]
    pub fn aside(self, out: impl Write + 'static) -> Self {
        Self { aside: Some(Box::new(out)), ..self }
    }

    /// These accounts, with where accepted requests went on to.
    #[must_use]
    pub fn with_streams(self, streams: ExportPipelines) -> Self {
        Self { streams, ..self }
    }

    /// Whether it is time for another; the first comes one interval after the first question.
    pub(super) fn is_due(&mut self, now_unix_nano: i64) -> bool {
        self.every.as_mut().is_some_and(|every| every.is_due(now_unix_nano))
    }

    /// Writes a line into the stream of `records`, or apart from it.
    pub(super) fn write(&mut self, stats: RunStats, records: &mut Vec<u8>) -> io::Result<()> {
        let stats = stats.with_streams(self.streams.counters());
        let mut line = serde_json::to_vec(&Line { stats: &stats })?;
        line.push(b'\n');
        if let Some(aside) = &mut self.aside {
            // Who looks at the records only may have closed it.
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
    fn an_account_is_due_at_intervals() {
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
