//! Any bytes as OTLP/JSON: read as `opentelemetry-proto` reads them and unchanged by the way back, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::collector::json;

#[path = "../../src/collector/json/tests/invariants.rs"]
mod invariants;

fuzz_target!(|document: &[u8]| {
    invariants::check_invariants(document);
});
