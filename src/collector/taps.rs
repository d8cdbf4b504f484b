//! Taps receive the bytes of every accepted export request unchanged: the [`recorder`] writes them to a file, [`forward`]
//! sends them to other collectors. Each has a bounded [`queue`] and never blocks ingest.

pub mod forward;
mod pipelines;
pub(crate) mod queue;
pub mod recorder;

pub use pipelines::{ExportPipelines, Forwarded, PipelineCounters};
