//! `--once`: collects calls and prints one summary at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::follow::{FollowProgress, Follower};
use super::ignore_broken_pipe;
use super::summary::{self, Collected};
use crate::call::{CallId, LlmCall};
use crate::collector::Snapshot;
use crate::query::analysis::{Analysis, Picture, ViewSpec};
use crate::query::filter::Filter;
use crate::stats::{Group, Share, Totals};
use crate::text::secrets::Secrets;

/// Collects the calls that pass a filter and prints their summary at the end.
#[derive(Debug)]
pub struct OnceSummary<W> {
    out: W,
    spec: ViewSpec,
    analysis: Analysis,
    /// Number of calls after which to stop.
    enough: Option<u64>,
    evicted: Evicted,
    last: Arc<Snapshot>,
    /// The newest end of a call, but not after now, ns since the epoch.
    newest_end: Option<i64>,
    counts_from_start: bool,
    secrets: Secrets,
}

/// Evicted calls that passed the filter.
#[derive(Debug, Default)]
struct Evicted {
    group: Group,
    failures: BTreeMap<String, u64>,
}

impl Evicted {
    fn add(&mut self, call: &LlmCall) {
        self.group.add(&Share::of(call));
        if call.status().is_error() {
            *self.failures.entry(summary::failure(call)).or_default() += 1;
        }
    }

    fn calls(&self) -> u64 {
        self.group.figures().tally.calls
    }
}

impl<W: Write> OnceSummary<W> {
    /// Collects calls that pass `filter`, up to `enough` of them if given.
    pub fn new(out: W, filter: Filter, enough: Option<u64>) -> Self {
        Self {
            out,
            spec: ViewSpec { filter: Arc::new(filter), sessions: true, ..ViewSpec::default() },
            analysis: Analysis::default(),
            enough,
            evicted: Evicted::default(),
            last: Arc::default(),
            newest_end: None,
            counts_from_start: false,
            secrets: Secrets::default(),
        }
    }

    /// Sets whether credentials in names are masked.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// Includes calls that were evicted before a snapshot held them, which only the totals since start count.
    #[must_use]
    pub fn counting_from_start(self) -> Self {
        Self { counts_from_start: true, ..self }
    }

    /// Sums up calls evicted since the previous snapshot.
    fn follow(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) {
        let evicted = self.last.calls.iter().take_while(|call| call.id() < snapshot.calls.first_id());
        for call in evicted.filter(|call| !call.is_merged_away() && self.spec.filter.matches(call, now_unix_nano)) {
            self.evicted.add(call);
        }
        let next = self.last.calls.next_id().min(snapshot.calls.next_id());
        let ends = snapshot.calls.since(next.max(CallId::default())).map(LlmCall::end_unix_nano);
        self.newest_end = self.newest_end.max(ends.map(|end| end.min(now_unix_nano)).max());
        self.last = Arc::clone(snapshot);
    }

    /// The picture as of the newest call, as limits are checked: a recording is summed up as it was.
    fn picture(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Arc<Picture> {
        self.analysis.update(&self.spec, snapshot, self.newest_end.unwrap_or(now_unix_nano))
    }
}

impl<W: Write> Follower for OnceSummary<W> {
    fn take(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<FollowProgress> {
        self.follow(snapshot, now_unix_nano);
        // Avoids the analysis while the total is too small.
        let may_be_enough = self.enough.filter(|enough| snapshot.totals.calls >= *enough);
        let is_unfiltered = self.spec.filter.is_empty();
        let is_enough = |enough| {
            if is_unfiltered {
                return true;
            }
            let kept = self.picture(snapshot, now_unix_nano).summary.figures.tally.calls;
            self.evicted.calls().saturating_add(kept) >= enough
        };
        Ok(if may_be_enough.is_some_and(is_enough) { FollowProgress::Complete } else { FollowProgress::Open })
    }

    fn end(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<()> {
        self.follow(snapshot, now_unix_nano);
        let picture = self.picture(snapshot, now_unix_nano);
        let text = summary::text(&self.collected(&picture, now_unix_nano), self.secrets);
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        ignore_broken_pipe(written)
    }
}

impl<W> OnceSummary<W> {
    fn collected<'a>(&self, picture: &'a Picture, now_unix_nano: i64) -> Collected<'a> {
        let mut failures = self.evicted.failures.clone();
        for call in picture.failed.from(0).filter_map(|id| picture.call(id)) {
            *failures.entry(summary::failure(call)).or_default() += 1;
        }
        let kept = picture.summary.figures;
        let figures = if self.evicted.group.is_empty() {
            kept
        } else {
            let mut all = self.evicted.group.clone();
            picture.rows.from(0).filter_map(|id| picture.call(id)).for_each(|call| all.add(&Share::of(call)));
            all.figures()
        };
        let mut collected = Collected {
            picture,
            figures,
            failures: failures.into_iter().collect(),
            kept: kept.tally.calls,
            now_unix_nano,
        };
        if self.counts_from_start && self.spec.filter.is_empty() {
            collected.include_unseen(&self.last.totals);
        }
        collected.failures.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        collected
    }
}

impl Collected<'_> {
    /// Takes the sums since start where they count calls that no snapshot held.
    fn include_unseen(&mut self, totals: &Totals) {
        let tally = &mut self.figures.tally;
        if totals.calls <= tally.calls {
            return;
        }
        (tally.calls, tally.errors, tally.unpriced) = (totals.calls, totals.errors, totals.unpriced);
        tally.cost_femto_usd = totals.cost_femto_usd;
        tally.tokens.input.tokens = totals.input_tokens;
        tally.tokens.output.tokens = totals.output_tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Convention, Cost, CostBasis, Names, Usage};
    use crate::collector::ring::Ring;

    const SECOND: i64 = 1_000_000_000;
    const NOW: i64 = 1_800_000_000 * SECOND;

    /// A call that ended `age` seconds ago.
    fn call(age: i64, status_code: u16) -> LlmCall {
        let facts = CallFacts {
            start_unix_nano: Some((NOW - age * SECOND - SECOND).cast_unsigned()),
            duration_ms: Some(1000.0),
            model: Some("m".into()),
            session_id: Some(format!("s{}", age % 30).into()),
            status_code: Some(status_code),
            usage: Usage { input: Some(10), output: Some(2), ..Usage::default() },
            ..CallFacts::default()
        };
        let mut call = LlmCall::from_facts(&facts, &mut Names::default(), NOW);
        call.set_cost(Some(Cost { usd: (age % 30) as f64 / 100.0, basis: CostBasis::Priced }));
        call
    }

    /// The summary of calls that went through a ring of `capacity`, `at_once` between two snapshots.
    fn summary(calls: &[LlmCall], capacity: usize, at_once: usize, filter: &str) -> Vec<String> {
        let (mut out, mut ring, mut totals) = (Vec::new(), Ring::new(capacity), Totals::default());
        let mut once = OnceSummary::new(&mut out, Filter::parse(filter).unwrap(), None).counting_from_start();
        let mut last = Arc::default();
        for (calls, version) in calls.chunks(at_once).zip(1..) {
            for call in calls {
                totals.add(call);
                ring.push(call.clone());
            }
            last = Arc::new(Snapshot { version, calls: ring.calls().clone(), totals, capacity, ..Snapshot::default() });
            once.take(&last, NOW).unwrap();
        }
        once.end(&last, NOW).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn assert_lines(summary: &[String], expected: &[&str]) {
        for line in expected {
            assert!(summary.iter().any(|found| found == line), "{line} in {summary:#?}");
        }
    }

    #[test]
    fn sums_are_of_all_calls_whatever_the_capacity() {
        let calls: Vec<_> = (0..250).rev().map(|age| call(age, if age % 25 == 0 { 500 } else { 200 })).collect();
        for (capacity, at_once) in [(100, 10), (100, 250), (1000, 250)] {
            let lines = summary(&calls, capacity, at_once, "");
            let evicted = format!("calls_evicted: {}", 250_usize.saturating_sub(capacity));
            assert_lines(&lines, &["calls: 250", "errors: 10", "input_tokens: 2500", "output_tokens: 500", &evicted]);
            assert_lines(&lines, &["latency_p95_ms: 1000", "percentiles: exact"]);
        }
        let lines = summary(&calls, 100, 10, "status:error");
        assert_lines(&lines, &["calls: 10", "errors: 10", "errors_500: 10", "calls_evicted: 6"]);
    }

    /// Scenario: a recording of an hour ago.
    #[test]
    fn a_recording_is_summed_up_as_of_its_end() {
        let calls: Vec<_> = (0..100).rev().map(|age| call(age + 3600, 200)).collect();
        let lines = summary(&calls, 1000, 100, "");
        let burn = lines.iter().find_map(|line| line.strip_prefix("burn_usd_per_hour: ")).unwrap();
        assert!(burn.parse::<f64>().unwrap() > 1.0, "{burn}");
        assert_lines(&lines, &["burn_over_secs: 99"]);
    }

    #[test]
    fn the_dearest_sessions_are_listed() {
        let calls: Vec<_> = (0..30).map(|age| call(age, 200)).collect();
        let lines = summary(&calls, 1000, 100, "");
        let table = lines.iter().skip_while(|line| !line.ends_with("  session"));
        let names: Vec<_> = table.filter_map(|line| line.rsplit("  ").next()).collect();
        let sessions: Vec<_> = names.into_iter().filter(|name| name.starts_with('s')).collect();
        assert_eq!(sessions[..3], ["session", "s29", "s28"]);
        assert_eq!(sessions.len(), 21);
        assert_eq!(lines.last().unwrap(), "(10 more)");
    }

    #[test]
    fn an_error_without_a_code_has_none() {
        let failed = |status_code| {
            let convention = Convention::GenAi;
            let facts = CallFacts { convention, status_code, span_error: true, ..CallFacts::default() };
            super::summary::failure(&LlmCall::from_facts(&facts, &mut Names::default(), NOW))
        };
        assert_eq!([failed(None), failed(Some(200)), failed(Some(503))], ["without_code", "error_span", "503"]);
    }
}
