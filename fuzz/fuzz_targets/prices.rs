//! Any text as a price document: rows that can be money, or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::{call, pricing};

#[path = "../../src/pricing/feed/tests/invariants.rs"]
mod invariants;

fuzz_target!(|text: &str| {
    invariants::check_invariants(text);
});
