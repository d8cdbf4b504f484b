//! All output to stderr.
//!
//! Notes may quote outside text: a broken line of a recording, a price feed's answer, keys of a configuration. It is
//! sanitised here.

use std::io::{self, Write as _};

use planoai::text::clean;

/// Prints a note as one sanitised line.
pub(crate) fn print_note(note: &str) {
    print_line(&format!("planoai: {}", clean(note)));
}

/// Prints a note of several lines.
pub(crate) fn print_note_lines(text: &str) {
    print_lines(&format!("planoai: {text}"));
}

/// Prints lines, each sanitised.
pub(crate) fn print_lines(text: &str) {
    let lines: Vec<_> = text.lines().map(clean).collect();
    print_line(&lines.join("\n"));
}

/// Prints a line that is already sanitised. Errors of writing to stderr are ignored.
pub(crate) fn print_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
