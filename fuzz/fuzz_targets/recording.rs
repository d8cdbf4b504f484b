//! Any bytes as a recording: reading ends, and what is broken is told.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::collector::replay;

#[path = "../../src/collector/replay/tests/holds.rs"]
mod holds;

fuzz_target!(|recording: &[u8]| {
    holds::holds(recording);
});
