//! `planoai obs`: the terminal in which people watch their LLM traffic.
//!
//! The library exists for the binary, the tests and the benches of this package; it is not a
//! published API. `ARCHITECTURE.md` describes the rooms and the direction of flow between them.

pub mod app;
pub mod call;
pub mod cli;
pub mod collector;
pub mod output;
pub mod pricing;
pub mod query;
pub mod sources;
pub mod stats;
pub mod text;
pub mod ui;
