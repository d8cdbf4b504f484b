//! Any request: taken within the limits or refused with the right status, and counted once.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::collector;

#[path = "../../src/collector/http/tests/invariants.rs"]
mod invariants;

fuzz_target!(|request: &[u8]| {
    invariants::check_invariants_of_bytes(request);
});
