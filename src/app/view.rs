//! The views of the body; header and filter hold in each.

/// What the body shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// Every call.
    #[default]
    Calls,
    /// One row a model.
    Models,
    /// One row a route.
    Routes,
    /// One row a session.
    Sessions,
    /// Failed calls.
    Errors,
}

impl View {
    /// All views in the order of their number keys.
    pub const ALL: [Self; 5] = [Self::Calls, Self::Models, Self::Routes, Self::Sessions, Self::Errors];

    /// Its title, lower case.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Models => "models",
            Self::Routes => "routes",
            Self::Sessions => "sessions",
            Self::Errors => "errors",
        }
    }

    /// The view to the right, the first after the last.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Calls => Self::Models,
            Self::Models => Self::Routes,
            Self::Routes => Self::Sessions,
            Self::Sessions => Self::Errors,
            Self::Errors => Self::Calls,
        }
    }

    /// The view to the left, the last before the first.
    #[must_use]
    pub const fn previous(self) -> Self {
        match self {
            Self::Calls => Self::Errors,
            Self::Models => Self::Calls,
            Self::Routes => Self::Models,
            Self::Sessions => Self::Routes,
            Self::Errors => Self::Sessions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_goes_round_both_ways() {
        for (at, view) in View::ALL.into_iter().enumerate() {
            assert_eq!(view.next(), View::ALL[(at + 1) % 5]);
            assert_eq!(view.next().previous(), view);
        }
    }
}
