//! Behaviour through the front door: the built program, real sockets, real clients.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assertion"
)]

mod access;
mod accounts;
mod attach;
mod banner;
mod chain;
mod closed_outputs;
mod disks;
mod emitters;
mod ends;
#[path = "../expected/compare.rs"]
#[expect(dead_code, reason = "only rows are observed here")]
mod expected;
mod explain;
mod faults;
mod guards;
mod headless;
mod hostile;
mod limits;
mod listener_failures;
mod log;
mod once;
mod otelcol;
mod plano;
mod prices;
mod protocols;
mod recorded;
mod replay;
mod screen;
mod secrets;
mod stoppable;
mod streams;
mod support;
mod terminal;
