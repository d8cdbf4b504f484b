//! What the program says on stderr, in the one place that writes there.
//!
//! Notes repeat what others wrote: a broken line of a recording, a price feed's answer, a configuration's keys. None of it
//! reaches the terminal as anything but text.

use std::io::{self, Write as _};

use planoai::text::clean;

/// Tells something in a line.
pub(crate) fn print_note(note: &str) {
    print_line(&format!("planoai: {}", clean(note)));
}

/// Tells something that has lines of its own.
pub(crate) fn print_note_lines(text: &str) {
    print_lines(&format!("planoai: {text}"));
}

/// Says lines as they are, but clean.
pub(crate) fn print_lines(text: &str) {
    let lines: Vec<_> = text.lines().map(clean).collect();
    print_line(&lines.join("\n"));
}

/// Says a line that is clean. Nobody can be told that stderr is gone.
pub(crate) fn print_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
