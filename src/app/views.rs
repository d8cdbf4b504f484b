//! The views of the body, and the one place where they are registered.
//!
//! [`View`] names the tabs, [`Views`] holds the state of each, [`Opened`] is what a tab opens over itself until it is closed.
//! What any of them does (rows, selection, keys, export) is [`ViewState`], which keys, mouse, copying and exports ask. The
//! drawing of each is in `ui::views`. Header and filter apply in every view.
//!
//! To add a view: its state in `views/NAME.rs`, a line in each `match` here, and its drawing in `ui::views`.

mod calls;
mod groups;
mod state;
pub(crate) mod trace;
pub(crate) mod turns;
pub(crate) mod waterfall;

use crate::query::analysis::Picture;

pub(crate) use calls::CallsView;
pub(crate) use groups::GroupsView;
pub(crate) use state::{Opening, ViewState};
pub(crate) use trace::TraceView;
pub(crate) use turns::TurnsView;

/// A tab of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// All calls.
    #[default]
    Calls,
    /// One row per model.
    Models,
    /// One row per route.
    Routes,
    /// One row per session.
    Sessions,
    /// Failed calls.
    Errors,
}

impl View {
    /// All tabs in the order of their number keys.
    pub const ALL: [Self; 5] = [Self::Calls, Self::Models, Self::Routes, Self::Sessions, Self::Errors];
    /// The titles of all tabs, for the help.
    pub(crate) const TITLES: &'static str = "calls, models, routes, sessions, errors";

    /// Title of the tab, lower case.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Models => "models",
            Self::Routes => "routes",
            Self::Sessions => "sessions",
            Self::Errors => "errors",
        }
    }

    /// The tab `by` places to the right, wrapping around.
    #[must_use]
    pub(crate) fn neighbour(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        let at = at.cast_signed().saturating_add(by).rem_euclid(Self::ALL.len().cast_signed());
        Self::ALL.get(at.cast_unsigned()).copied().unwrap_or_default()
    }
}

/// A view opened from a row of a tab; it takes the whole body until it is closed.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    /// The spans of a call's trace over time.
    Trace(Box<TraceView>),
    /// The turns of a session.
    Turns(TurnsView),
}

impl Opened {
    fn state(&self) -> &dyn ViewState {
        match self {
            Self::Trace(trace) => &**trace,
            Self::Turns(turns) => turns,
        }
    }

    fn state_mut(&mut self) -> &mut dyn ViewState {
        match self {
            Self::Trace(trace) => &mut **trace,
            Self::Turns(turns) => turns,
        }
    }
}

/// The state of every view.
#[derive(Debug)]
pub struct Views {
    /// The tab that is shown, or lies below [`opened`](Self::opened).
    pub(crate) tab: View,
    /// What is opened over it.
    pub(crate) opened: Option<Opened>,
    pub(crate) calls: CallsView,
    pub(crate) models: GroupsView,
    pub(crate) routes: GroupsView,
    pub(crate) sessions: GroupsView,
    pub(crate) errors: CallsView,
}

impl Default for Views {
    fn default() -> Self {
        Self {
            tab: View::default(),
            opened: None,
            calls: CallsView::new(&calls::ALL),
            models: GroupsView::new(&groups::MODELS),
            routes: GroupsView::new(&groups::ROUTES),
            sessions: GroupsView::new(&groups::SESSIONS),
            errors: CallsView::new(&calls::ERRORS),
        }
    }
}

impl Views {
    /// The state of a tab.
    pub(crate) const fn get(&self, view: View) -> &dyn ViewState {
        match view {
            View::Calls => &self.calls,
            View::Models => &self.models,
            View::Routes => &self.routes,
            View::Sessions => &self.sessions,
            View::Errors => &self.errors,
        }
    }

    const fn get_mut(&mut self, view: View) -> &mut dyn ViewState {
        match view {
            View::Calls => &mut self.calls,
            View::Models => &mut self.models,
            View::Routes => &mut self.routes,
            View::Sessions => &mut self.sessions,
            View::Errors => &mut self.errors,
        }
    }

    /// The state of the active tab.
    pub(crate) const fn tab(&self) -> &dyn ViewState {
        self.get(self.tab)
    }

    /// The state of the active view: the opened one, or the active tab.
    pub(crate) fn current(&self) -> &dyn ViewState {
        self.opened.as_ref().map_or_else(|| self.tab(), Opened::state)
    }

    pub(crate) fn current_mut(&mut self) -> &mut dyn ViewState {
        match self.opened {
            Some(ref mut opened) => opened.state_mut(),
            None => self.get_mut(self.tab),
        }
    }

    /// Finds the selected rows again in a new picture.
    pub(crate) fn settle(&mut self, picture: &Picture) {
        for view in View::ALL {
            self.get_mut(view).settle(picture);
        }
        if let Some(opened) = &mut self.opened {
            opened.state_mut().settle(picture);
        }
    }

    /// Selects the first row, whatever it becomes. All lists of calls do so together.
    pub(crate) fn follow(&mut self, picture: &Picture) {
        let lists_calls = self.tab().lists_calls();
        for view in View::ALL {
            if view == self.tab || lists_calls && self.get(view).lists_calls() {
                self.get_mut(view).follow(picture);
            }
        }
    }

    /// Forgets the selected calls, as after a replay began again.
    pub(crate) fn forget_calls(&mut self) {
        for view in View::ALL {
            if self.get(view).lists_calls() {
                self.get_mut(view).reset();
            }
        }
    }

    /// Forgets all selections.
    pub(crate) fn forget_all(&mut self) {
        for view in View::ALL {
            self.get_mut(view).reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_goes_round_both_ways() {
        for (at, view) in View::ALL.into_iter().enumerate() {
            assert_eq!(view.neighbour(1), View::ALL[(at + 1) % View::ALL.len()]);
            assert_eq!(view.neighbour(1).neighbour(-1), view);
        }
    }

    #[test]
    fn the_help_names_every_tab() {
        assert_eq!(View::ALL.map(View::title).join(", "), View::TITLES);
    }
}
