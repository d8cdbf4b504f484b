//! Where accepted requests go on to, and how that goes: the recording, and each target of forwarding.

use std::sync::Arc;

use serde::Serialize;

use super::recorder::{RecordCounters, Recorder};
use crate::collector::taps::forward::{Forward, ForwardCounters};
use crate::collector::taps::queue::Tap;

/// A recorder and forwarders, as far as they were asked for. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct ExportPipelines {
    /// Records to a file.
    pub recorder: Option<Arc<Recorder>>,
    /// One for each target.
    pub forwards: Vec<Arc<Forward>>,
}

/// How recording and forwarding go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PipelineCounters {
    /// `None` where nothing is recorded.
    pub recorded: Option<RecordCounters>,
    /// One for each target.
    pub forwarded: Vec<Forwarded>,
}

/// How forwarding to one target goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forwarded {
    /// URL of the target.
    pub target: String,
    /// Requests sent, queued and lost so far.
    #[serde(flatten)]
    pub counters: ForwardCounters,
}

impl ExportPipelines {
    /// Where the collector offers what it accepts.
    pub fn taps(&self) -> Vec<Arc<dyn Tap>> {
        let recorder = self.recorder.iter().map(|recorder| Arc::clone(recorder) as Arc<dyn Tap>);
        recorder.chain(self.forwards.iter().map(|forward| Arc::clone(forward) as Arc<dyn Tap>)).collect()
    }

    /// The current state, read without waiting for writers or senders.
    pub fn counters(&self) -> PipelineCounters {
        let forwarded =
            |forward: &Arc<Forward>| Forwarded { target: forward.target().to_string(), counters: forward.counters() };
        PipelineCounters {
            recorded: self.recorder.as_ref().map(|recorder| recorder.counters()),
            forwarded: self.forwards.iter().map(forwarded).collect(),
        }
    }
}
