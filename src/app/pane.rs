//! The pane beside or below the table.

/// The pane beside or below the table: the selected call in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pane {
    /// It has the whole body.
    pub is_expanded: bool,
    /// Scroll offset, lines.
    pub scroll: usize,
}

/// Whether the pane is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaneState {
    /// Not set by the user: open where there is plenty of room.
    #[default]
    Auto,
    /// Opened by the user, at this size.
    Open(Pane),
    /// Closed by the user.
    Closed,
}

/// A body at least this large has the pane unasked.
const PLENTY: (u16, u16) = (170, 30);

impl PaneState {
    /// The pane in a body of this size, if it is shown.
    pub fn shown(self, width: u16, height: u16) -> Option<Pane> {
        match self {
            Self::Auto => (width >= PLENTY.0 && height >= PLENTY.1).then(Pane::default),
            Self::Open(pane) => Some(pane),
            Self::Closed => None,
        }
    }
}
