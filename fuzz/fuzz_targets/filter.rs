//! Any text as a filter expression: it means what it shows, or its mistake is marked within it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::call;
use planoai::query::filter;

#[path = "../../src/query/filter/tests/invariants.rs"]
mod invariants;

fuzz_target!(|text: &str| {
    invariants::check_invariants(text);
});
