//! Any text as a Plano config: read or refused, in memory that is in proportion to it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::pricing;

#[path = "../../src/pricing/config/tests/holds.rs"]
mod holds;

fuzz_target!(|text: &str| {
    holds::holds(text);
});
