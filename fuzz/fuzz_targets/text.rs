//! Any text from outside: nothing of it steers a terminal, and it takes the cells it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use planoai::{text, ui};

#[path = "../../src/ui/text/tests/invariants.rs"]
mod invariants;

fuzz_target!(|input: (u8, &str)| {
    let (cells, raw) = input;
    invariants::holds(raw, usize::from(cells));
});
