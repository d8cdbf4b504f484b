//! Output without a screen: calls as NDJSON or CSV records, run statistics, summaries and prices.
//!
//! [`FIELDS`] defines the record for `--json`, `--csv`, `--fields` and the documentation.

mod csv;
mod follow;
mod interval;
mod late_spans;
mod ndjson;
mod once_summary;
pub mod price;
mod record;
mod record_format;
mod record_writer;
mod run_stats;
mod span_explainer;
mod stats_reporter;
mod summary;
mod with_limits;

pub use follow::{FollowProgress, Follower, follow};
pub use once_summary::OnceSummary;
pub use record::{FIELDS, FieldList, FieldValue, Record, RecordContext, RecordField, UnknownField};
pub use record_format::{OutputFormat, RecordFormat};
pub use record_writer::RecordWriter;
pub use run_stats::{RunStats, WriteCounts};
pub use span_explainer::{SpanExplainer, SpanExplanation};
pub use stats_reporter::StatsReporter;
pub use with_limits::WithLimits;

use std::io;

/// Treats a closed pipe as success.
///
/// # Errors
/// Any other error of `written`.
pub fn ignore_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
