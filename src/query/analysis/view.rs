//! What an analysis is asked for: filter, time window, sort order.

use std::sync::Arc;

use crate::query::column::{Column, Direction};
use crate::query::filter::Filter;

/// The time range of figures and rows. A call is in it if it ended in it, which is when it arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Window {
    /// Calls started in the last minute.
    Minute,
    /// The last five minutes.
    FiveMinutes,
    /// The last quarter of an hour.
    QuarterHour,
    /// Calls started in the last hour.
    Hour,
    /// All calls in the ring.
    #[default]
    All,
}

const SECOND: i64 = 1_000_000_000;

impl Window {
    /// The next window of the cycle.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Minute => Self::FiveMinutes,
            Self::FiveMinutes => Self::QuarterHour,
            Self::QuarterHour => Self::Hour,
            Self::Hour => Self::All,
            Self::All => Self::Minute,
        }
    }

    /// The label on the screen.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::QuarterHour => "15m",
            Self::Hour => "1h",
            Self::All => "all",
        }
    }

    /// Its length in ns; `None` for [`Window::All`].
    pub const fn nanos(self) -> Option<i64> {
        match self {
            Self::Minute => Some(60 * SECOND),
            Self::FiveMinutes => Some(300 * SECOND),
            Self::QuarterHour => Some(900 * SECOND),
            Self::Hour => Some(3600 * SECOND),
            Self::All => None,
        }
    }

    /// Whether a call with this end is in it.
    pub fn contains(self, end_unix_nano: i64, now_unix_nano: i64) -> bool {
        self.nanos().is_none_or(|nanos| end_unix_nano > now_unix_nano.saturating_sub(nanos))
    }
}

/// What a picture shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewSpec {
    /// The calls that are shown.
    pub filter: Arc<Filter>,
    /// The time range of the calls.
    pub window: Window,
    /// The order of rows; `None` is by arrival, newest first.
    pub sort: Option<(Column, Direction)>,
    /// Whether the picture contains sessions. They are collected for each picture anew, so that they cost neither time nor
    /// memory while they are not shown.
    pub sessions: bool,
}
