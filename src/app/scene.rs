//! Which keys apply.

/// Where keys go: what is open decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scene {
    /// Nothing is open but the view, perhaps with a pane beside it.
    Browse,
    /// One call has all the room.
    Read,
    /// A list to pick from, narrowed by typing.
    Pick,
    /// A line of text being edited.
    Edit,
    /// A confirmation is open.
    Ask,
    /// A trace, a session's turns, or a comparison.
    Inspect,
    /// The help overlay is open.
    Help,
}

impl Scene {
    /// In the order of the help.
    pub const ALL: [Self; 7] = [Self::Browse, Self::Read, Self::Pick, Self::Edit, Self::Ask, Self::Inspect, Self::Help];

    /// Where its keys hold, in a word or two.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Browse => "view",
            Self::Read => "expanded pane",
            Self::Pick => "list",
            Self::Edit => "input line",
            Self::Ask => "question",
            Self::Inspect => "overlay",
            Self::Help => "help",
        }
    }
}
