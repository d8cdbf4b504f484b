//! Requests of the right shape, faults among them: the walk and `opentelemetry-proto` accept the same and read the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::collector::wire;

#[path = "../../src/collector/wire/tests/generate.rs"]
mod generate;
#[path = "../../src/collector/wire/tests/oracle.rs"]
mod oracle;

fuzz_target!(|seed: &[u8]| {
    oracle::agree(&generate::request(seed));
});
