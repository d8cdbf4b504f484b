//! Steps through rows and lines.

/// A step through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Motion {
    Up,
    Down,
    /// Half a screen up.
    HalfPageUp,
    /// Half a screen down.
    HalfPageDown,
    PageUp,
    PageDown,
    First,
    Last,
}
