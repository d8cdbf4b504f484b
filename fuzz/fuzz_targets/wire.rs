//! Any bytes: the walk and `opentelemetry-proto` accept the same and read the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::collector::wire;

#[path = "../../src/collector/wire/tests/oracle.rs"]
mod oracle;

fuzz_target!(|request: &[u8]| {
    oracle::agree(request);
});
