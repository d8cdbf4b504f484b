//! Any text as a Plano config: read or refused, in memory that is in proportion to it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::pricing;

#[path = "../../src/pricing/config/tests/invariants.rs"]
mod invariants;

fuzz_target!(|text: &str| {
    invariants::check_invariants(text);
});
