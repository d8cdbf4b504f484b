//! What the program says on stderr, in the one place that writes there.
//!
//! Notes repeat what others wrote: a broken line of a recording, a price feed's answer, a configuration's keys. None of it
//! reaches the terminal as anything but text.

use std::io::{self, Write as _};

use planoai::text::clean;

/// Tells something in a line.
pub fn tell(note: &str) {
    say(&format!("planoai: {}", clean(note)));
}

/// Tells something that has lines of its own.
pub fn tell_lines(text: &str) {
    say_lines(&format!("planoai: {text}"));
}

/// Says lines as they are, but clean.
pub fn say_lines(text: &str) {
    let lines: Vec<_> = text.lines().map(clean).collect();
    say(&lines.join("\n"));
}

/// Says a line that is clean. Nobody can be told that stderr is gone.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
