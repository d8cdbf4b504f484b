//! How fast a replay goes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How fast time passes in a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was.
    Times(f64),
    /// `max`: requests are sent without waiting.
    Max,
}

/// A text that is no speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected `max` or a factor such as 1, 10 or 0.5")]
pub struct NotASpeed;

impl FromStr for Speed {
    type Err = NotASpeed;

    fn from_str(text: &str) -> Result<Self, NotASpeed> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let factor: f64 = text.trim_end_matches(['x', '×']).parse().map_err(|_| NotASpeed)?;
        if factor.is_finite() && factor > 0.0 { Ok(Self::Times(factor)) } else { Err(NotASpeed) }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(factor) => write!(formatter, "{factor}x"),
            Self::Max => formatter.write_str("max"),
        }
    }
}
