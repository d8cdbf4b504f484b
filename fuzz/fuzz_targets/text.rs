//! Any text from outside: it contains no terminal control, and its computed width is right.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::{text, ui};

#[path = "../../src/ui/text/tests/invariants.rs"]
mod invariants;

fuzz_target!(|input: (u8, &str)| {
    let (cells, raw) = input;
    invariants::check_invariants(raw, usize::from(cells));
});
