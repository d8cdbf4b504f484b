//! Any text as a filter expression: it means what it shows, or its mistake is marked within it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::app::filter;
use planoai::call;

#[path = "../../src/app/filter/tests/holds.rs"]
mod holds;

fuzz_target!(|text: &str| {
    holds::holds(text);
});
