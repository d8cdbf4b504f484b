//! All output to stderr.
//!
//! Notes may quote outside text: a broken line of a recording, a price feed's answer, keys of a configuration. It is
//! sanitised here.

use std::io::{self, Write};
use std::sync::{LazyLock, Mutex, PoisonError};

use planoai::text::clean;

use crate::obs::outlet::Outlet;

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
    let _ = Stderr.write_all(format!("{line}\n").as_bytes());
}

/// `None` when no thread is to be had.
static OUTLET: LazyLock<Mutex<Option<Outlet>>> = LazyLock::new(|| Mutex::new(Outlet::new("stderr", io::stderr()).ok()));

/// stderr, which is not waited for beyond the end of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *OUTLET.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(outlet) => outlet.write(bytes),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
