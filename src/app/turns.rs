//! A session's turns in order: who answered, what the prompt cache saved, what it has cost so far.

use super::cursor::{Cursor, List};
use crate::call::{CallId, LlmCall, Name};
use crate::query::analysis::Picture;
use crate::stats::{femto_usd, usd};

/// One turn of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub call: CallId,
    /// Another model answered than the turn before; calls whose model is unknown switch nothing.
    pub is_switch: bool,
    /// Cost of this and all turns before, USD.
    pub running_usd: f64,
    /// Whether that sum misses turns without a known cost.
    pub is_partial: bool,
}

/// The turns of a session, one of them selected.
#[derive(Clone, Debug)]
pub struct TurnsView {
    pub session: Name,
    /// Its turns that pass filter and window, in order.
    pub turns: Vec<Turn>,
    pub cursor: Cursor<CallId>,
}

impl List for [Turn] {
    type Key = CallId;

    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self, row: usize) -> Option<CallId> {
        self.get(row).map(|turn| turn.call)
    }

    fn find(&self, key: &CallId, former_row: usize) -> Option<usize> {
        let lowest = self.len().checked_sub(1)?;
        Some(self.iter().position(|turn| turn.call == *key).unwrap_or(former_row.min(lowest)))
    }
}

impl TurnsView {
    /// The turns of `session`, the last one selected.
    pub fn new(session: Name, picture: &Picture) -> Self {
        let mut view = Self { session, turns: Vec::new(), cursor: Cursor::default() };
        view.refresh(picture);
        if let Some(last) = view.turns.last() {
            view.cursor = Cursor::on(last.call);
        }
        view.settle();
        view
    }

    /// Takes in turns that arrived or were completed.
    pub fn refresh(&mut self, picture: &Picture) {
        let calls = picture.turns(&self.session);
        self.turns = turns(calls.into_iter().filter_map(|id| picture.call(id)));
        self.settle();
    }

    fn settle(&mut self) {
        self.cursor.settle(self.turns.as_slice());
        self.cursor.hold();
    }
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
        let told: Vec<_> =
            turns(calls.iter()).into_iter().map(|turn| (turn.is_switch, turn.running_usd, turn.is_partial)).collect();
        let expected = [
            (false, 1.0, false),
            (false, 1.5, false),
            (true, 1.5, true),
            (false, 1.75, true),
            (false, 2.75, true),
            (true, 2.75, true),
        ];
        assert_eq!(told, expected);
    }
}
