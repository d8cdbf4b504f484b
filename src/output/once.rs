//! `--once`: gathers calls for a while and prints one summary.

use std::io::{self, Write};
use std::sync::Arc;

use super::follow::{Follower, Progress};
use super::{or_unread, summary};
use crate::app::analysis::{Analysis, Picture, ViewSpec};
use crate::app::filter::Filter;
use crate::collector::Snapshot;
use crate::secrets::Secrets;

/// Gathers the calls that pass a filter.
#[derive(Debug)]
pub struct Once<W> {
    out: W,
    spec: ViewSpec,
    analysis: Analysis,
    /// So many calls are enough.
    enough: Option<u64>,
    secrets: Secrets,
}

impl<W: Write> Once<W> {
    /// Gathers what passes `filter`, and no more than it takes to see `enough` calls, if that is given.
    pub fn new(out: W, filter: Filter, enough: Option<u64>) -> Self {
        let spec = ViewSpec { filter: Arc::new(filter), sessions: true, ..ViewSpec::default() };
        Self { out, spec, analysis: Analysis::default(), enough, secrets: Secrets::default() }
    }

    /// The same, with credentials in names masked or shown.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    fn picture(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> Arc<Picture> {
        self.analysis.update(&self.spec, snapshot, now_unix_nano)
    }
}

impl<W: Write> Follower for Once<W> {
    fn take(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<Progress> {
        // Not more calls can pass than there are.
        let may_be_enough = self.enough.filter(|enough| snapshot.totals.calls >= *enough);
        let is_enough = |enough| self.picture(snapshot, now_unix_nano).summary.figures.tally.calls >= enough;
        Ok(if may_be_enough.is_some_and(is_enough) { Progress::Complete } else { Progress::Open })
    }

    fn end(&mut self, snapshot: &Arc<Snapshot>, now_unix_nano: i64) -> io::Result<()> {
        let text = summary::text(&self.picture(snapshot, now_unix_nano), self.secrets);
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        or_unread(written)
    }
}
