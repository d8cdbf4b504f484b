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

pub use follow::{Follower, Progress, follow};
pub use format::{Format, Shape};
pub use once::Once;
pub use record::{Columns, FIELDS, Field, Record, Sources, UnknownField, Value};
pub use reports::Reports;
pub use spans::{Explainer, SpanNote};
pub use stats::Stats;
pub use with_limits::WithLimits;
pub use writer::{Tally, Writer};

use std::io;

/// What came of writing all there is: a reader who left has read enough.
///
/// # Errors
/// Any other reason for which it could not be written.
pub fn ignore_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}
