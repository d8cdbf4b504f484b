//! The room a column takes.

/// The cells a column of the calls table needs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ColumnWidth {
    /// A time of day, or a date and time where a visible call is of another day.
    Clock,
    /// An amount of money with a mark before it.
    Money,
    /// Always so many: figures, which must not be cut nor make the table jump.
    Fixed(u16),
    /// At least `min`, or `narrow` on a narrow screen; then up to `want` and, where room is left, up to `max`.
    Flexible { narrow: u16, min: u16, want: u16, max: u16 },
}

/// The side to which a column's cells are aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
    /// To the left, and cut at its end: text whose beginning matters most.
    Prose,
}
