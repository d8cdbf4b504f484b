//! A session's turns in order: who answered, what the prompt cache saved, what it has cost so far.

use super::{Opening, ViewState};
use crate::app::cursor::{Cursor, List, RowKey};
use crate::app::motion::Motion;
use crate::app::scene::Scene;
use crate::call::{CallId, LlmCall, Name};
use crate::query::analysis::Picture;
use crate::query::filter::Filter;
use crate::stats::{femto_usd, usd};

/// One turn of a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) call: CallId,
    /// Another model answered than the turn before; calls whose model is unknown switch nothing.
    pub(crate) is_switch: bool,
    /// Cost of this and all turns before, USD.
    pub(crate) running_usd: f64,
    /// Whether that sum misses turns without a known cost.
    pub(crate) is_partial: bool,
}

/// The turns of a session, one of them selected.
#[derive(Clone, Debug)]
pub(crate) struct TurnsView {
    pub(crate) session: Name,
    /// Its turns that pass filter and window, in order.
    pub(crate) turns: Vec<Turn>,
    pub(crate) cursor: Cursor,
}

impl List for Vec<Turn> {
    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self, row: usize) -> Option<RowKey> {
        self.get(row).map(|turn| RowKey::Call(turn.call))
    }

    fn position(&self, key: &RowKey) -> Option<usize> {
        self.iter().position(|turn| key.call() == Some(turn.call))
    }
}

impl TurnsView {
    /// The turns of `session`, the last one selected.
    pub(super) fn new(session: Name, picture: &Picture) -> Self {
        let mut view = Self { session, turns: Vec::new(), cursor: Cursor::default() };
        view.turns = turns_of(&view.session, picture);
        if let Some(last) = view.turns.last() {
            view.cursor = Cursor::on(RowKey::Call(last.call));
        }
        view.keep_selected();
        view
    }

    fn keep_selected(&mut self) {
        self.cursor.settle(&self.turns);
        self.cursor.hold();
    }
}

impl ViewState for TurnsView {
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn rows<'a>(&'a mut self, _: &'a Picture) -> (&'a mut Cursor, &'a dyn List) {
        (&mut self.cursor, &self.turns)
    }

    fn scene(&self) -> Scene {
        Scene::Inspect
    }

    /// Includes turns that arrived or were completed.
    fn settle(&mut self, picture: &Picture) {
        self.turns = turns_of(&self.session, picture);
        self.keep_selected();
    }

    fn step(&mut self, motion: Motion, _: &Picture, page: usize) {
        self.cursor.step(motion, &self.turns, page);
        self.cursor.hold();
    }

    fn copied(&self, _: &Picture) -> Option<String> {
        Some(self.session.to_string())
    }

    fn open(&mut self, _: &Filter) -> Opening {
        self.cursor.key().and_then(RowKey::call).map_or(Opening::Nothing, Opening::Call)
    }
}

fn turns_of(session: &str, picture: &Picture) -> Vec<Turn> {
    turns(picture.turns(session).into_iter().filter_map(|id| picture.call(id)))
}

fn turns<'a>(calls: impl Iterator<Item = &'a LlmCall>) -> Vec<Turn> {
    let mut model: Option<&Name> = None;
    let (mut running, mut is_partial) = (0, false);
    calls
        .map(|call| {
            let is_switch = call.model().is_some() && model.is_some() && call.model() != model;
            model = call.model().or(model);
            match call.cost() {
                Some(cost) => running += femto_usd(cost.usd),
                None => is_partial = true,
            }
            Turn { call: call.id(), is_switch, running_usd: usd(running), is_partial }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Cost, CostBasis, Names};

    #[test]
    fn switches_and_costs_run_along() {
        let mut names = Names::default();
        let mut call = |model: Option<&'static str>, usd: Option<f64>| {
            let draft = CallFacts { model: model.map(Into::into), ..CallFacts::default() };
            let mut call = LlmCall::from_facts(&draft, &mut names, 0);
            call.set_cost(usd.map(|usd| Cost { usd, basis: CostBasis::Priced }));
            call
        };
        let calls = [
            call(Some("a"), Some(1.0)),
            call(Some("a"), Some(0.5)),
            call(Some("b"), None),
            call(None, Some(0.25)),
            call(Some("b"), Some(1.0)),
            call(Some("a"), None),
        ];
        let turns: Vec<_> =
            turns(calls.iter()).into_iter().map(|turn| (turn.is_switch, turn.running_usd, turn.is_partial)).collect();
        let expected = [
            (false, 1.0, false),
            (false, 1.5, false),
            (true, 1.5, true),
            (false, 1.75, true),
            (false, 2.75, true),
            (true, 2.75, true),
        ];
        assert_eq!(turns, expected);
    }
}
