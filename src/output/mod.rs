//! Calls without a screen: one record a call, as NDJSON or CSV, written as calls arrive.
//!
//! [`FIELDS`] is the record as one table, from which `--json`, `--csv`, `--fields` and the manual are made.

mod csv;
mod format;
mod ndjson;
pub mod price;
mod record;
pub mod recorder;
mod writer;

pub use format::{Format, Shape};
pub use record::{Columns, FIELDS, Field, Record, UnknownField, Value};
pub use writer::{Progress, Tally, Writer, follow};
