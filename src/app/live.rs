//! The [`Source`] of the screen: a collector behind its handle.

use std::sync::Arc;

use tokio::sync::watch;

use super::attributes::{Lookup, Read};
use super::detail::{Detail, TraceSpan, Wanted};
use super::export::{Export, Exported};
use super::run::Source;
use crate::call::{LlmCall, Name};
use crate::collector::taps::{ExportPipelines, PipelineCounters};
use crate::collector::{Handle, KnownSpan, Snapshot};
use crate::pricing::Pricer;
use crate::sources::attach::Link;
use crate::sources::replay::{Command, Progress, ReplayHandle};
use crate::text::secrets::Secrets;

/// The most spans of a trace that are read for its waterfall.
const MOST_SPANS: usize = 5_000;

/// The collector and the prices behind it.
#[derive(Clone, Debug)]
pub struct Live {
    /// Snapshots and queries of the collector.
    pub handle: Handle,
    /// The prices in use.
    pub pricer: Arc<Pricer>,
    /// What becomes of credentials that stand in attributes.
    pub secrets: Secrets,
    /// Where accepted requests go on to.
    pub streams: ExportPipelines,
    /// The replay, if there is one.
    pub replay: Option<ReplayHandle>,
    /// The connection to a remote collector, if there is one.
    pub link: Option<watch::Receiver<Link>>,
}

impl Source for Live {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.handle.snapshots()
    }

    fn clear(&self) {
        self.handle.clear();
    }

    fn look_into(&self, call: &LlmCall) -> Detail {
        let wanted = Wanted::of(call);
        let spans = self
            .known(wanted.trace)
            .into_iter()
            .take(MOST_SPANS)
            .map(|span| TraceSpan::decode(span, self.secrets))
            .collect();
        Detail { wanted, spans, cost: self.pricer.explain(call) }
    }

    fn look_up(&self, lookup: &Lookup) -> Vec<Read> {
        let mut read = Vec::new();
        for call in &lookup.calls {
            let own = call.ids().1.try_into().map_or(0, u64::from_be_bytes);
            let span = self.known(Wanted::of(call).trace).into_iter().find(|span| span.id == own);
            let span = span.and_then(|span| TraceSpan::decode(span, self.secrets).span);
            let value = |key: &Name| span.as_ref()?.attribute(key).map(str::to_owned);
            read.extend(lookup.keys.iter().map(|key| (call.id(), key.clone(), value(key))));
        }
        read
    }

    fn replay(&self) -> Option<watch::Receiver<Progress>> {
        self.replay.as_ref().map(ReplayHandle::progress)
    }

    fn link(&self) -> Option<watch::Receiver<Link>> {
        self.link.clone()
    }

    fn steer_replay(&self, command: Command) {
        if let Some(replay) = &self.replay {
            replay.send(command);
        }
    }

    fn streams(&self) -> PipelineCounters {
        self.streams.counters()
    }

    fn export(&self, export: &Export) -> Exported {
        export.write(&self.pricer, self.secrets)
    }
}

impl Live {
    /// What the store knows of a trace; one that is gone knows nothing.
    fn known(&self, trace: Option<[u8; 16]>) -> Vec<KnownSpan> {
        trace.and_then(|trace| self.handle.spans(trace).recv().ok()).unwrap_or_default()
    }
}
