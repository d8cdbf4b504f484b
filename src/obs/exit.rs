//! How the program ends when it cannot do its work: one line on stderr and a documented exit code.

use std::fmt;
use std::process::ExitCode;

use planoai::cli::exit;

use crate::obs::stderr;

/// Why the program ends early, and with which exit code.
#[derive(Debug)]
pub(crate) enum ExitError {
    /// Invalid command line.
    Usage(String),
    /// An invalid filter expression: the error and lines that show its place.
    Filter(String),
    /// A failure of the running program.
    Run(anyhow::Error),
    /// A limit was exceeded.
    Breach(String),
    /// Ended by this signal: exits without a message, with the code that shells use, 128 + signal.
    Signal(i32),
}

impl<E: Into<anyhow::Error>> From<E> for ExitError {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

impl fmt::Display for ExitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Filter(text) | Self::Breach(text) => formatter.write_str(text),
            Self::Run(error) => write!(formatter, "{error:#}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
        }
    }
}

impl ExitError {
    /// Prints the error on stderr and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let code = match self {
            Self::Signal(signal) => return ExitCode::from(u8::try_from(128 + signal).unwrap_or(exit::FAILURE)),
            // The mark under a mistake in a filter stands on a line of its own.
            Self::Filter(text) => {
                stderr::print_note_lines(&text);
                return ExitCode::from(exit::USAGE);
            }
            Self::Usage(_) => exit::USAGE,
            Self::Breach(_) => exit::BREACH,
            Self::Run(_) => exit::FAILURE,
        };
        stderr::print_note(&self.to_string());
        ExitCode::from(code)
    }
}
