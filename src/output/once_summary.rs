//! `--once`: collects calls and prints one summary at the end.

use std::io::{self, Write};
use std::sync::Arc;

use super::follow::{FollowProgress, Follower};
use super::{ignore_broken_pipe, summary};
use crate::call::LlmCall;
use crate::collector::Snapshot;
use crate::query::analysis::{Analysis, Picture, ViewSpec};
use crate::query::filter::Filter;
use crate::text::secrets::Secrets;

/// Collects the calls that pass a filter and prints their summary at the end.
#[derive(Debug)]
pub struct OnceSummary<W> {
    out: W,
    spec: ViewSpec,
    analysis: Analysis,
    /// Number of calls after which to stop.
    enough: Option<u64>,
    /// Evicted calls that passed the filter.
    gone: u64,
    last: Arc<Snapshot>,
    secrets: Secrets,
}

impl<W: Write> OnceSummary<W> {
    /// Collects calls that pass `filter`, up to `enough` of them if given.
    pub fn new(out: W, filter: Filter, enough: Option<u64>) -> Self {
        let spec = ViewSpec { filter: Arc::new(filter), sessions: true, ..ViewSpec::default() };
        let analysis = Analysis::default();
        Self { out, spec, analysis, enough, gone: 0, last: Arc::default(), secrets: Secrets::default() }
    }

    /// Sets whether credentials in names are masked.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// Counts calls evicted since the previous snapshot.
    fn follow(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) {
        let evicted = self.last.calls.iter().take_while(|call| call.id() < snapshot.calls.first_id());
        let passed = |call: &&LlmCall| !call.is_merged_away() && self.spec.filter.matches(call, now_unix_nano);
        self.gone += evicted.filter(passed).count() as u64;
        self.last = Arc::clone(snapshot);
    }

    fn picture(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Arc<Picture> {
        self.analysis.update(&self.spec, snapshot, now_unix_nano)
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
            self.gone.saturating_add(kept) >= enough
        };
        Ok(if may_be_enough.is_some_and(is_enough) { FollowProgress::Complete } else { FollowProgress::Open })
    }

    fn end(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<()> {
        let text = summary::text(&self.picture(snapshot, now_unix_nano), self.secrets);
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        ignore_broken_pipe(written)
    }
}
