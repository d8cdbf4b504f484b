//! What the screen wants to see: filter, time window, sort order.

use std::sync::Arc;

use crate::query::column::{Column, Direction};
use crate::query::filter::Filter;

/// The stretch of time that figures and rows are taken from. A call belongs to it by its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Window {
    /// The last minute.
    Minute,
    /// The last five minutes.
    FiveMinutes,
    /// The last quarter of an hour.
    QuarterHour,
    /// The last hour.
    Hour,
    /// All kept calls.
    #[default]
    All,
}

const SECOND: i64 = 1_000_000_000;

impl Window {
    /// The next one, in the order in which a key cycles through them.
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

    /// How it is written.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::QuarterHour => "15m",
            Self::Hour => "1h",
            Self::All => "all",
        }
    }

    /// Its length in ns; `None` has no bound.
    pub const fn nanos(self) -> Option<i64> {
        match self {
            Self::Minute => Some(60 * SECOND),
            Self::FiveMinutes => Some(300 * SECOND),
            Self::QuarterHour => Some(900 * SECOND),
            Self::Hour => Some(3600 * SECOND),
            Self::All => None,
        }
    }

    /// Whether a call that started then belongs to it.
    pub fn contains(self, start_unix_nano: i64, now_unix_nano: i64) -> bool {
        self.nanos().is_none_or(|nanos| start_unix_nano > now_unix_nano.saturating_sub(nanos))
    }
}

/// What the screen wants to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewSpec {
    /// Which calls.
    pub filter: Arc<Filter>,
    /// From which stretch of time.
    pub window: Window,
    /// In which order; `None` is arrival, newest first.
    pub sort: Option<(Column, Direction)>,
    /// Whether session figures are shown: they are gathered anew for each picture, so that they cost nothing
    /// (and a million distinct sessions no memory) while nobody looks.
    pub sessions: bool,
}
