//! Untrusted text and figures as text. Knows nothing of calls.

mod clean;
pub(crate) mod format;
pub mod secrets;
mod zone;

#[cfg(test)]
pub(crate) use clean::tests;
pub use clean::{clean, is_clean, is_hidden};
pub use zone::Zone;
