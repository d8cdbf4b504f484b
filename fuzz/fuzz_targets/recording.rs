//! Any bytes as a recording: reading ends, and broken entries are reported.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::sources::replay;

#[path = "../../src/sources/replay/tests/invariants.rs"]
mod invariants;

fuzz_target!(|recording: &[u8]| {
    invariants::check_invariants(recording);
});
