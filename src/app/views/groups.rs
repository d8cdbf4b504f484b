//! Calls grouped by what they have in common, one row per group: models, routes and sessions are presets of it.

use super::{Opened, Opening, TurnsView, ViewState};
use crate::app::cursor::{Cursor, List, NoRows, RowKey};
use crate::app::motion::Motion;
use crate::call::Name;
use crate::query::analysis::{Picture, Rollup};
use crate::query::filter::{self, Filter};

/// By what calls are grouped.
#[derive(Debug)]
pub(crate) struct Grouping {
    /// The groups; `None` while they are being gathered.
    pub(crate) rows: fn(&Picture) -> Option<&dyn List>,
    /// The same rows where two of them can be compared.
    comparable: fn(&Picture) -> Option<&[Rollup]>,
    /// The filter narrowed to a group, or without one lifted; `None` where no filter expresses it.
    narrow: fn(Filter, Option<&Name>) -> Option<Filter>,
    /// Groups are sessions: gathered on demand, opened as turns.
    is_sessions: bool,
    /// The keys that its frame names.
    pub(crate) hints: &'static str,
    /// What stands in place of the rows if calls pass but none is in a group.
    pub(crate) nothing: &'static str,
}

pub(super) const MODELS: Grouping = Grouping {
    rows: |picture| Some(&picture.models),
    comparable: |picture| Some(&picture.models),
    narrow: |filter, model| Some(filter.with_model(model.cloned())),
    is_sessions: false,
    hints: "Enter calls · = compare",
    nothing: "",
};

pub(super) const ROUTES: Grouping = Grouping {
    rows: |picture| Some(&picture.routes),
    comparable: |picture| Some(&picture.routes),
    narrow: |filter, route| Some(filter.with_route(route.cloned())),
    is_sessions: false,
    hints: "Enter calls · = compare",
    nothing: "none of these calls was routed",
};

pub(super) const SESSIONS: Grouping = Grouping {
    rows: |picture| picture.sessions.as_ref().map(|sessions| -> &dyn List { sessions }),
    comparable: |_| None,
    narrow: |filter, session| narrowed_to_session(&filter, session?),
    is_sessions: true,
    hints: "Enter calls · t turns",
    nothing: "none of these calls names a session",
};

/// A table of groups and the selected one.
#[derive(Debug)]
pub(crate) struct GroupsView {
    pub(crate) grouping: &'static Grouping,
    pub(crate) cursor: Cursor,
}

impl GroupsView {
    pub(super) fn new(grouping: &'static Grouping) -> Self {
        Self { grouping, cursor: Cursor::default() }
    }

    fn selected(&self) -> Option<&Name> {
        self.cursor.key().and_then(RowKey::name)
    }
}

impl ViewState for GroupsView {
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn rows<'a>(&'a mut self, picture: &'a Picture) -> (&'a mut Cursor, &'a dyn List) {
        (&mut self.cursor, (self.grouping.rows)(picture).unwrap_or(&NoRows))
    }

    /// The order of groups changes with each picture: a row that was moved to stays selected.
    fn step(&mut self, motion: Motion, picture: &Picture, page: usize) {
        let (cursor, rows) = self.rows(picture);
        cursor.step_held(motion, rows, page);
    }

    fn reset(&mut self) {
        self.cursor = Cursor::default();
    }

    fn needs_sessions(&self) -> bool {
        self.grouping.is_sessions
    }

    fn comparable<'a>(&self, picture: &'a Picture) -> Option<&'a [Rollup]> {
        (self.grouping.comparable)(picture)
    }

    /// The calls of the group.
    fn open(&mut self, filter: &Filter) -> Opening {
        let narrowed = (self.grouping.narrow)(filter.clone(), self.selected());
        narrowed.map_or(Opening::Nothing, Opening::Filtered)
    }

    fn inspect(&self, picture: &Picture) -> Option<Opened> {
        let session = self.selected().filter(|_| self.grouping.is_sessions)?;
        Some(Opened::Turns(TurnsView::new(session.clone(), picture)))
    }
}

fn narrowed_to_session(filter: &Filter, session: &str) -> Option<Filter> {
    let term = filter::term("session", session);
    let expression = match filter.expression() {
        "" => term,
        expression if expression.split_whitespace().any(|word| word == term) => expression.to_owned(),
        expression => format!("{expression} {term}"),
    };
    filter.with_expression(&expression).ok()
}
