//! [`Notice`]: what background work reports to the user while the program runs.

use std::fmt;
use std::net::SocketAddr;

use crate::pricing::refresh::RefreshOutcome;

/// A report of background work. Displayed as one line; text in it is as it came from outside, see [`crate::text::clean`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A price refresh ended.
    Prices {
        /// Prices updated, unchanged, or the error.
        outcome: RefreshOutcome,
        /// The day of the bundled prices, `2026-11-20`.
        bundled: String,
    },
    /// A configuration file, or a part of it, is not used; the reason.
    Config(String),
    /// A listener changed its state.
    Listener(ListenerNotice),
    /// An entry of a recording cannot be read.
    Replay {
        /// The recording, as given on the command line.
        input: String,
        /// The line, or for binary formats the message, counted from 1; 0 for the file as a whole.
        number: u64,
        /// The error, as text.
        why: String,
    },
    /// The first snapshot of a remote collector arrived, at first or again.
    Attached {
        /// The remote collector's address.
        address: String,
    },
    /// The connection to a remote collector failed; it is retried.
    Detached {
        /// The remote collector's address.
        address: String,
        /// The error, as text.
        why: String,
    },
}

/// How a listener fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerNotice {
    /// `accept` fails; it is retried.
    Failed {
        /// Where it listens, if known.
        address: Option<SocketAddr>,
        /// The error, as text.
        why: String,
    },
    /// `accept` succeeds again.
    Recovered {
        /// Where it listens, if known.
        address: Option<SocketAddr>,
    },
    /// Its task ended before the program did; it is not restarted.
    Died {
        /// The protocol it serves, such as `OTLP/gRPC`.
        name: &'static str,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prices { outcome, bundled } => formatter.write_str(&outcome.line(bundled)),
            Self::Config(why) => formatter.write_str(why),
            Self::Listener(notice) => notice.fmt(formatter),
            Self::Replay { input, number: 0, why } => write!(formatter, "{input}: {why}"),
            Self::Replay { input, number, why } => write!(formatter, "{input}: entry {number} skipped: {why}"),
            Self::Attached { address } => write!(formatter, "attached to {address}"),
            Self::Detached { address, why } => write!(formatter, "{address} cannot be reached, trying again: {why}"),
        }
    }
}

impl fmt::Display for ListenerNotice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |address: &Option<SocketAddr>| address.map_or_else(String::new, |address| format!(" on {address}"));
        match self {
            Self::Failed { address, why } => write!(formatter, "no connection can be accepted{}: {why}", at(address)),
            Self::Recovered { address } => write!(formatter, "connections are accepted again{}", at(address)),
            Self::Died { name } => {
                write!(formatter, "the listener of {name} died: it takes a restart to serve there again")
            }
        }
    }
}
