//! The collector: bytes in, snapshots out. Knows neither the screen nor the terminal.

pub mod access;
pub mod demo;
pub mod ring;
pub mod semconv;
pub mod sink;
pub mod snapshot;
pub mod wire;

pub use ring::Calls;
pub use snapshot::{Counters, Snapshot};
