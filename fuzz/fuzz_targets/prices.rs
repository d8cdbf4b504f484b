//! Any text as a price document: rows that can be money, or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::{call, pricing};

#[path = "../../src/pricing/feed/tests/holds.rs"]
mod holds;

fuzz_target!(|text: &str| {
    holds::holds(text);
});
