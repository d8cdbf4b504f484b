//! The columns of the rollups.

use super::super::cells::COST_CELLS;
use super::super::table::{Align, Width};

/// A column of a rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The model as shown.
    Model,
    Route,
    Session,
    Calls,
    /// Calls in proportion to all that are shown.
    CallShare,
    Errors,
    /// Input tokens, cached ones included.
    Input,
    /// Input tokens read from the cache.
    Cached,
    /// Input tokens written to the cache.
    Written,
    /// Output tokens.
    Output,
    /// Generated tokens a second, weighted by tokens.
    Rate,
    /// Time to first token, 95th percentile.
    Ttft95,
    /// Duration, 95th percentile.
    Latency95,
    Cost,
    /// Cost in proportion to all that is shown.
    CostShare,
    /// The models that answered.
    Models,
    /// From the start of the first turn to the end of the last.
    Duration,
    Switches,
    /// What switching cost against the baseline.
    Overhead,
    /// When the last turn ended.
    LastSeen,
}

/// The columns of models.
pub(super) const MODELS: &[Column] = &[
    Column::Model,
    Column::Calls,
    Column::Errors,
    Column::Input,
    Column::Cached,
    Column::Written,
    Column::Output,
    Column::Rate,
    Column::Ttft95,
    Column::Latency95,
    Column::Cost,
    Column::CostShare,
];

/// The columns of routes.
pub(super) const ROUTES: &[Column] = &[
    Column::Route,
    Column::Calls,
    Column::CallShare,
    Column::Errors,
    Column::Ttft95,
    Column::Latency95,
    Column::Output,
    Column::Cost,
    Column::CostShare,
];

/// The columns of sessions.
pub(super) const SESSIONS: &[Column] = &[
    Column::Session,
    Column::Calls,
    Column::Errors,
    Column::Models,
    Column::Input,
    Column::Cached,
    Column::Output,
    Column::Cost,
    Column::Duration,
    Column::Switches,
    Column::Overhead,
    Column::LastSeen,
];

impl Column {
    /// The title above it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Route => "route",
            Self::Session => "session",
            Self::Calls => "calls",
            Self::Errors => "errors",
            Self::Input => "in",
            Self::Cached => "in·cache",
            Self::Written => "in·write",
            Self::Output => "out",
            Self::Rate => "tok/s",
            Self::Ttft95 => "TTFT p95",
            Self::Latency95 => "lat. p95",
            Self::Cost => "cost",
            Self::CallShare | Self::CostShare => "share",
            Self::Models => "models",
            Self::Duration => "lasted",
            Self::Switches => "switches",
            Self::Overhead => "overhead",
            Self::LastSeen => "last seen",
        }
    }

    pub(super) const fn width(self) -> Width {
        match self {
            Self::Model => Width::Flexible { min: 20, want: 28, max: 36 },
            Self::Route => Width::Flexible { min: 12, want: 20, max: 28 },
            Self::Session => Width::Flexible { min: 12, want: 24, max: 40 },
            Self::Models => Width::Flexible { min: 12, want: 30, max: 50 },
            Self::Calls | Self::Duration => Width::Fixed(7),
            Self::Errors | Self::CallShare | Self::CostShare | Self::Rate => Width::Fixed(6),
            Self::Input | Self::Output => Width::Fixed(5),
            Self::Cached | Self::Written | Self::Ttft95 | Self::Latency95 | Self::Switches | Self::Overhead => {
                Width::Fixed(8)
            }
            Self::Cost => Width::Fixed(COST_CELLS),
            Self::LastSeen => Width::Fixed(9),
        }
    }

    pub(super) const fn align(self) -> Align {
        match self {
            Self::Model | Self::Route | Self::Session => Align::Left,
            Self::Models => Align::Prose,
            _ => Align::Right,
        }
    }

    /// Those of the lowest priority leave first.
    pub(super) const fn priority(self) -> u8 {
        match self {
            Self::Model | Self::Route | Self::Session => 100,
            Self::Calls => 99,
            Self::Cost => 98,
            Self::Errors => 95,
            Self::LastSeen => 92,
            Self::Rate | Self::Overhead => 90,
            Self::Latency95 | Self::Switches => 85,
            Self::Ttft95 => 80,
            Self::CallShare | Self::Models => 75,
            Self::CostShare => 70,
            Self::Output | Self::Duration => 60,
            Self::Input => 58,
            Self::Cached => 40,
            Self::Written => 30,
        }
    }
}
