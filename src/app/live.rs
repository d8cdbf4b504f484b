//! A running collector, as the screen asks it.

use std::sync::Arc;

use tokio::sync::watch;

use super::detail::{Detail, TraceSpan, Wanted};
use super::run::Source;
use crate::call::LlmCall;
use crate::collector::{Handle, Snapshot};
use crate::pricing::Pricer;

/// The most spans of a trace that are read for its waterfall.
const MOST_SPANS: usize = 5_000;

/// The collector and the prices behind it.
#[derive(Clone, Debug)]
pub struct Live {
    /// The collector.
    pub handle: Handle,
    /// The prices in use.
    pub pricer: Arc<Pricer>,
    /// Show credentials that stand in attributes.
    pub show_secrets: bool,
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
        // A store that is gone knows no spans.
        let known = wanted.trace.and_then(|trace| self.handle.spans(trace).recv().ok()).unwrap_or_default();
        let spans = known.into_iter().take(MOST_SPANS).map(|span| TraceSpan::decode(span, self.show_secrets)).collect();
        Detail { wanted, spans, cost: self.pricer.explain(call) }
    }
}
