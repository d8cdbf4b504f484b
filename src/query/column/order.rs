//! What calls are sorted by, and in which direction.

use std::borrow::Cow;

use crate::call::Status;

/// Which way a sorted table runs. Unknown values come last either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first, unknown last.
    Ascending,
    /// Largest first, unknown last.
    #[default]
    Descending,
}

impl Direction {
    pub(crate) const fn inverted(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// What a call is sorted by. One column yields one kind, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortKey<'a> {
    Count(u64),
    /// ns since the epoch.
    Instant(i64),
    /// A measure or an amount of money; never NaN.
    Number(f64),
    /// Ordered by its bytes.
    Text(Cow<'a, str>),
    /// Unknown: last in both directions.
    Absent,
}

/// Success first, then status codes in their order, then failures without a code.
pub(super) fn status_rank(status: Status) -> u64 {
    match status {
        Status::Ok => 0,
        Status::Code(code) => code.into(),
        Status::Error => 1 << 16,
        Status::NoResponse => 1 << 17,
    }
}
