//! The line in which a filter expression is written: live preview, marked mistakes, completion, history.

use std::sync::Arc;

use super::action::Step;
use super::line_edit::LineEdit;
use super::motion::Motion;
use crate::query::filter::{Candidate, Filter, FilterError, History, Known, complete};

/// A filter expression being written.
#[derive(Clone, Debug)]
pub struct FilterLine {
    pub input: LineEdit,
    /// What is wrong with it.
    pub error: Option<FilterError>,
    /// What could complete the word under the cursor.
    pub candidates: Vec<Candidate>,
    /// The filter in force when the line was opened: what closing it without Enter brings back.
    pub before: Arc<Filter>,
    known: Known,
    cycle: Option<Cycle>,
}

/// Completion in progress: the text it began with, and the candidate that is shown.
#[derive(Clone, Debug)]
struct Cycle {
    base: LineEdit,
    candidates: Vec<Candidate>,
    shown: usize,
}

impl FilterLine {
    /// The line for the filter in force. `known` are the names to complete with.
    pub fn new(filter: &Arc<Filter>, known: Known) -> Self {
        let mut line = Self {
            input: LineEdit::new(filter.expression()),
            error: None,
            candidates: Vec::new(),
            before: Arc::clone(filter),
            known,
            cycle: None,
        };
        line.read();
        line
    }

    /// The filter that the text means, shortcuts included; `None` while there is a mistake in it.
    pub fn filter(&self) -> Option<Filter> {
        self.before.with_expression(self.input.text()).ok()
    }

    /// Inserts typed or pasted text.
    pub fn insert(&mut self, text: &str, history: &mut History) {
        self.input.insert(text);
        self.edited(history);
    }

    /// Takes a step in the text.
    pub fn edit(&mut self, step: Step, history: &mut History) {
        step.take(&mut self.input);
        self.edited(history);
    }

    /// Goes to the expression entered before or after.
    pub fn browse(&mut self, motion: Motion, history: &mut History) {
        let line = match motion {
            Motion::Up => history.older(self.input.text()).map(str::to_owned),
            Motion::Down => history.newer(),
            _ => None,
        };
        if let Some(line) = line {
            self.input.set(&line);
            self.cycle = None;
            self.read();
        }
    }

    /// Completes the word under the cursor; again for the next proposal, and after the last the word as it was.
    pub fn complete(&mut self) {
        let mut cycle = match self.cycle.take() {
            Some(cycle) => Cycle { shown: cycle.shown + 1, ..cycle },
            None => Cycle { base: self.input.clone(), candidates: self.candidates.clone(), shown: 0 },
        };
        if cycle.candidates.is_empty() {
            return;
        }
        self.input = cycle.base.clone();
        match cycle.candidates.get(cycle.shown) {
            Some(candidate) => self.input.replace(candidate.replace.clone(), &candidate.text),
            None => cycle.shown = usize::MAX,
        }
        self.read();
        // One proposal is taken for good; of several the next may be wanted.
        let is_open = cycle.shown != usize::MAX && cycle.candidates.len() > 1;
        self.cycle = is_open.then_some(cycle);
    }

    /// The proposal that is shown, when completing.
    pub fn completing(&self) -> Option<(&[Candidate], usize)> {
        self.cycle.as_ref().map(|cycle| (cycle.candidates.as_slice(), cycle.shown))
    }

    fn edited(&mut self, history: &mut History) {
        history.stop();
        self.cycle = None;
        self.read();
    }

    fn read(&mut self) {
        self.error = self.before.with_expression(self.input.text()).err();
        self.candidates = complete(self.input.text(), self.input.cursor(), &self.known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> FilterLine {
        let mut line = FilterLine::new(&Arc::default(), Known::default());
        line.insert(text, &mut History::default());
        line
    }

    #[test]
    fn a_mistake_is_marked_and_means_no_filter() {
        let fine = line("latency:>2s");
        assert!(fine.error.is_none() && fine.filter().is_some());
        let wrong = line("latency:>>");
        assert!(wrong.filter().is_none());
        let span = wrong.error.expect("a mistake").span;
        assert!(span.start >= 8 && span.end <= 10, "{span:?}");
    }

    #[test]
    fn tab_goes_through_the_proposals_and_back() {
        let mut line = line("stat");
        let proposals = line.candidates.clone();
        assert!(!proposals.is_empty());
        let mut seen = Vec::new();
        for _ in 0..proposals.len() {
            line.complete();
            seen.push(line.input.text().to_owned());
        }
        assert_eq!(seen, proposals.iter().map(|proposal| proposal.text.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn history_is_a_key_away() {
        let mut history = History::default();
        history.push("status:429");
        let mut line = line("dr");
        line.browse(Motion::Up, &mut history);
        assert_eq!(line.input.text(), "status:429");
        line.browse(Motion::Down, &mut history);
        assert_eq!(line.input.text(), "dr");
    }
}
