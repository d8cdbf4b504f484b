//! Calls without a screen: one record a call, as NDJSON or CSV, written as calls arrive.
//!
//! [`FIELDS`] is the record as one table, from which `--json`, `--csv`, `--fields` and the manual are made.

mod csv;
mod follow;
mod format;
mod interval;
mod late_spans;
mod ndjson;
mod once;
pub mod price;
mod record;
mod reports;
mod spans;
mod stats;
mod summary;
mod with_limits;
mod writer;

pub use follow::{FollowProgress, Follower, follow};
pub use format::{OutputFormat, RecordFormat};
pub use once::OnceSummary;
pub use record::{FIELDS, FieldList, FieldValue, Record, RecordContext, RecordField, UnknownField};
pub use reports::StatsReporter;
pub use spans::{SpanExplainer, SpanExplanation};
pub use stats::RunStats;
pub use with_limits::WithLimits;
pub use writer::{RecordWriter, WriteCounts};

use std::io;

/// What came of writing all there is: a reader who left has read enough.
///
/// # Errors
/// Any other reason for which it could not be written.
pub fn ignore_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
