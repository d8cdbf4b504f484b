//! Reports on stderr what recording and forwarding lose, while it happens: at once, then at most every few seconds with a count.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use planoai::collector::taps::{ExportPipelines, PipelineCounters};

use crate::obs::stderr::print_note;

/// How often the counters are read.
const POLL: Duration = Duration::from_millis(200);

/// The least time between two lines about one pipeline.
const PAUSE: Duration = Duration::from_secs(10);

/// Watches the pipelines on a thread of its own, to the end of the program.
pub(super) fn watch(pipelines: ExportPipelines) -> io::Result<()> {
    if pipelines.recorder.is_none() && pipelines.forwards.is_empty() {
        return Ok(());
    }
    let watch = move || {
        let mut losses = Losses::default();
        loop {
            losses.due(&pipelines.counters(), Instant::now()).iter().for_each(|line| print_note(line));
            thread::sleep(POLL);
        }
    };
    thread::Builder::new().name("losses".to_owned()).spawn(watch).map(drop)
}

/// What is wrong with one pipeline.
#[derive(Debug)]
struct Trouble {
    name: String,
    /// Requests lost.
    lost: u64,
    /// Spans that the target rejected.
    rejected: u64,
    /// Why the last attempt failed, and what waits meanwhile.
    failing: Option<(String, u64)>,
}

/// What was reported of each pipeline, in their order.
#[derive(Debug, Default)]
struct Losses(Vec<Reported>);

#[derive(Debug, Default)]
struct Reported {
    lost: u64,
    rejected: u64,
    is_failing: bool,
    at: Option<Instant>,
}

impl Losses {
    /// The lines that are due.
    fn due(&mut self, counters: &PipelineCounters, now: Instant) -> Vec<String> {
        let troubles = troubles(counters);
        self.0.resize_with(troubles.len(), Reported::default);
        self.0.iter_mut().zip(troubles).filter_map(|(reported, trouble)| reported.line(&trouble, now)).collect()
    }
}

impl Reported {
    fn line(&mut self, trouble: &Trouble, now: Instant) -> Option<String> {
        let fails_anew = trouble.failing.is_some() && !self.is_failing;
        let is_news = fails_anew || trouble.lost > self.lost || trouble.rejected > self.rejected;
        let is_due = self.at.is_none_or(|at| now.duration_since(at) >= PAUSE);
        if !is_news || !is_due {
            // A recovery is none of the news, but what comes after it is.
            self.is_failing &= trouble.failing.is_some();
            return None;
        }
        *self = Self {
            lost: trouble.lost,
            rejected: trouble.rejected,
            is_failing: trouble.failing.is_some(),
            at: Some(now),
        };
        let mut parts = Vec::new();
        if trouble.lost > 0 {
            parts.push(format!("{} requests lost so far", trouble.lost));
        }
        if trouble.rejected > 0 {
            parts.push(format!("{} spans rejected so far", trouble.rejected));
        }
        if let Some((why, waiting)) = &trouble.failing {
            parts.push(format!("{waiting} requests waiting"));
            parts.push(why.clone());
        }
        Some(format!("{}: {}", trouble.name, parts.join(", ")))
    }
}

fn troubles(counters: &PipelineCounters) -> Vec<Trouble> {
    let recorded = counters.recorded.iter().map(|recorded| Trouble {
        name: "recording".to_owned(),
        lost: recorded.lost(),
        rejected: 0,
        failing: recorded.error.clone().map(|why| (why, recorded.waiting)),
    });
    let forwarded = counters.forwarded.iter().map(|forwarded| Trouble {
        name: format!("forwarding to {}", forwarded.target),
        lost: forwarded.counters.lost(),
        rejected: forwarded.counters.rejected_spans,
        failing: forwarded.counters.error.clone().map(|why| (why, forwarded.counters.waiting)),
    });
    recorded.chain(forwarded).collect()
}

#[cfg(test)]
mod tests {
    use planoai::collector::taps::recorder::RecordCounters;

    use super::*;

    fn counters(failed: u64, error: Option<&str>) -> PipelineCounters {
        let recorded = RecordCounters { failed, error: error.map(str::to_owned), ..RecordCounters::default() };
        PipelineCounters { recorded: Some(recorded), ..PipelineCounters::default() }
    }

    #[test]
    fn a_loss_is_reported_at_once_and_then_by_its_count() {
        let (mut losses, start) = (Losses::default(), Instant::now());
        let mut due =
            |failed, error, seconds| losses.due(&counters(failed, error), start + Duration::from_secs(seconds));
        assert!(due(0, None, 0).is_empty());
        assert_eq!(due(1, Some("no space"), 1), ["recording: 1 requests lost so far, 0 requests waiting, no space"]);
        assert!(due(5, Some("no space"), 2).is_empty(), "not so soon");
        assert_eq!(due(9, None, 12), ["recording: 9 requests lost so far"]);
        assert!(due(9, None, 40).is_empty(), "no news");
    }
}
