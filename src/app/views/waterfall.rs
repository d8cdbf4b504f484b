//! The waterfall of a trace: which span stands below which, when, and on what the whole waited.

use std::collections::{HashMap, HashSet};

use crate::app::cursor::{List, RowKey};
use crate::app::detail::TraceSpan;
use crate::collector::decode::PlainSpan;

/// A line of the waterfall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Which of the trace's spans.
    pub(crate) span: usize,
    /// How deep it stands.
    pub(crate) depth: usize,
    /// ns from the trace's start to its own; 0 where the span is no longer kept.
    pub(crate) offset: u64,
    /// From the first start to the last end, ns.
    pub(crate) duration: u64,
    /// Whether the end of the trace waited for it.
    pub(crate) is_critical: bool,
    /// Whether its parent never arrived or was evicted.
    pub(crate) is_orphan: bool,
    /// Whether it, or a span above it, was moved: its clock said that it began before its parent.
    pub(crate) is_moved: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waterfall {
    /// Parents before children, siblings by start.
    pub(crate) bars: Vec<Bar>,
    /// ns from the first start to the last end.
    pub(crate) duration: u64,
}

/// A span's place in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    start: u64,
    end: u64,
}

impl Stretch {
    /// A start of 0 was never set; an end before the start is a clock's fault.
    fn of(span: &PlainSpan) -> Option<Self> {
        let start = span.start_unix_nano;
        (start > 0).then(|| Self { start, end: span.end_unix_nano.max(start) })
    }

    const fn later(self, nanos: u64) -> Self {
        Self { start: self.start.saturating_add(nanos), end: self.end.saturating_add(nanos) }
    }
}

/// Spans keep their numbers: later ones are only appended.
impl List for Waterfall {
    fn len(&self) -> usize {
        self.bars.len()
    }

    fn key(&self, row: usize) -> Option<RowKey> {
        self.bars.get(row).map(|bar| RowKey::Span(bar.span))
    }

    fn position(&self, key: &RowKey) -> Option<usize> {
        self.bars.iter().position(|bar| key.span() == Some(bar.span))
    }
}

impl Waterfall {
    /// Lays spans out. Spans whose parent is unknown, or that are their own ancestors, stand at the left.
    pub(super) fn of(spans: &[TraceSpan]) -> Self {
        let reported: Vec<_> = spans.iter().map(|span| span.span.as_ref().and_then(Stretch::of)).collect();
        let tree = Tree::of(spans, &reported);
        let stretches = tree.without_skew(&reported);
        let start = stretches.iter().flatten().map(|stretch| stretch.start).min().unwrap_or(0);
        let end = stretches.iter().flatten().map(|stretch| stretch.end).max().unwrap_or(0);
        let critical = tree.critical(&stretches);
        let known: HashSet<u64> = spans.iter().map(|span| span.id).collect();
        let bars = tree.walk().into_iter().map(|(span, depth)| {
            let stretch = stretches.get(span).copied().flatten();
            let parent = spans.get(span).map_or(0, |span| span.parent);
            Bar {
                span,
                depth,
                offset: stretch.map_or(0, |stretch| stretch.start - start),
                duration: stretch.map_or(0, |stretch| stretch.end - stretch.start),
                is_critical: critical.contains(&span),
                is_orphan: parent != 0 && !known.contains(&parent),
                is_moved: reported.get(span).copied().flatten() != stretch,
            }
        });
        Self { bars: bars.collect(), duration: end - start }
    }
}

/// Who is whose child. Never recursive: a hostile trace may be deep.
struct Tree {
    roots: Vec<usize>,
    children: HashMap<usize, Vec<usize>>,
}

impl Tree {
    fn of(spans: &[TraceSpan], stretches: &[Option<Stretch>]) -> Self {
        let by_id: HashMap<u64, usize> = spans.iter().enumerate().rev().map(|(at, span)| (span.id, at)).collect();
        let mut tree = Self { roots: Vec::new(), children: HashMap::new() };
        for (at, span) in spans.iter().enumerate() {
            match by_id.get(&span.parent).filter(|parent| **parent != at && span.parent != 0) {
                Some(&parent) => tree.children.entry(parent).or_default().push(at),
                None => tree.roots.push(at),
            }
        }
        let start = |at: &usize| stretches.get(*at).copied().flatten().map_or(u64::MAX, |stretch| stretch.start);
        tree.roots.sort_by_key(start);
        tree.children.values_mut().for_each(|children| children.sort_by_key(start));
        tree.adopt_circles(spans.len());
        tree
    }

    /// Spans that are their own ancestors hang below no root: their first becomes one.
    fn adopt_circles(&mut self, spans: usize) {
        let mut reached: HashSet<usize> = self.walk().into_iter().map(|(span, _)| span).collect();
        for at in 0..spans {
            if reached.insert(at) {
                self.roots.push(at);
                reached.extend(self.below(at));
            }
        }
    }

    fn below(&self, root: usize) -> HashSet<usize> {
        let mut seen = HashSet::from([root]);
        let mut stack = vec![root];
        while let Some(at) = stack.pop() {
            let children = self.children.get(&at).into_iter().flatten().copied();
            stack.extend(children.filter(|child| seen.insert(*child)));
        }
        seen
    }

    /// All spans with their depths, parents first.
    fn walk(&self) -> Vec<(usize, usize)> {
        let mut seen = HashSet::new();
        let mut walked = Vec::new();
        let mut stack: Vec<_> = self.roots.iter().rev().map(|root| (*root, 0)).collect();
        while let Some((at, depth)) = stack.pop() {
            if seen.insert(at) {
                walked.push((at, depth));
                let children = self.children.get(&at).into_iter().flatten();
                stack.extend(children.rev().map(|child| (*child, depth + 1)));
            }
        }
        walked
    }

    /// No span starts before its parent: where clock skew makes it so, the span and its subtree are shifted to the start of
    /// the parent.
    fn without_skew(&self, reported: &[Option<Stretch>]) -> Vec<Option<Stretch>> {
        let mut stretches = reported.to_vec();
        let mut shifts: HashMap<usize, u64> = HashMap::new();
        for (at, _) in self.walk() {
            let shift = shifts.get(&at).copied().unwrap_or(0);
            let own = reported.get(at).copied().flatten().map(|stretch| stretch.later(shift));
            if let Some(place) = stretches.get_mut(at) {
                *place = own;
            }
            for &child in self.children.get(&at).into_iter().flatten() {
                let start = reported.get(child).copied().flatten().map(|stretch| stretch.start.saturating_add(shift));
                let late = own.zip(start).map_or(0, |(own, start)| own.start.saturating_sub(start));
                shifts.entry(child).or_insert(shift.saturating_add(late));
            }
        }
        stretches
    }

    /// The spans on which the end of the longest root waited: from its end backwards, always the child that ended last
    /// before the moment looked at.
    fn critical(&self, stretches: &[Option<Stretch>]) -> HashSet<usize> {
        let stretch = |at: usize| stretches.get(at).copied().flatten();
        let longest = self.roots.iter().copied().filter_map(|root| Some((root, stretch(root)?)));
        let Some((root, _)) = longest.max_by_key(|(_, stretch)| stretch.end - stretch.start) else {
            return HashSet::new();
        };
        let mut critical = HashSet::new();
        let mut stack = vec![root];
        while let Some(at) = stack.pop() {
            if !critical.insert(at) {
                continue;
            }
            let Some(own) = stretch(at) else { continue };
            let mut children: Vec<_> = self.children.get(&at).into_iter().flatten().copied().collect();
            children.retain(|child| stretch(*child).is_some());
            children.sort_by_key(|child| stretch(*child).map(|stretch| stretch.end));
            let mut until = own.end;
            for child in children.into_iter().rev() {
                let Some(Stretch { start, end }) = stretch(child) else { continue };
                // What outlives its parent was waited for until the parent ended.
                if end.min(own.end) <= until && end > own.start && start < until {
                    stack.push(child);
                    until = start;
                }
            }
        }
        critical
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::collector::join::Outcome;

    fn span(id: u64, parent: u64, start: u64, end: u64) -> TraceSpan {
        let span = PlainSpan { start_unix_nano: start, end_unix_nano: end, ..PlainSpan::default() };
        TraceSpan { id, parent, row: None, outcome: Outcome::NotCounted, why: "".into(), span: Some(span) }
    }

    /// `(id, depth, is_critical)` in order.
    fn lines(spans: &[TraceSpan]) -> Vec<(u64, usize, bool)> {
        let waterfall = Waterfall::of(spans);
        waterfall.bars.iter().map(|bar| (spans[bar.span].id, bar.depth, bar.is_critical)).collect()
    }

    #[test]
    fn children_follow_their_parents_by_start_and_what_was_waited_for_is_marked() {
        let spans = [
            span(3, 1, 150, 190),
            span(1, 0, 100, 200),
            span(2, 1, 110, 140),
            span(4, 3, 155, 185),
            span(5, 1, 120, 130),
            span(9, 77, 90, 95),
        ];
        let expected = [(9, 0, false), (1, 0, true), (2, 1, true), (5, 1, false), (3, 1, true), (4, 2, true)];
        assert_eq!(lines(&spans), expected);
        let waterfall = Waterfall::of(&spans);
        assert_eq!((waterfall.duration, waterfall.bars[1].offset, waterfall.bars[1].duration), (110, 10, 100));
    }

    #[test]
    fn broken_spans_are_still_shown() {
        let mut gone = span(2, 1, 0, 0);
        gone.span = None;
        let backwards = span(3, 1, 50, 10);
        let itself = span(4, 4, 60, 70);
        let circle = [span(6, 7, 80, 90), span(7, 6, 80, 90)];
        let spans = [vec![span(1, 0, 10, 100), gone, backwards, itself], circle.to_vec()].concat();
        let mut ids: Vec<_> = lines(&spans).into_iter().map(|(id, ..)| id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 3, 4, 6, 7]);
    }

    #[test]
    fn a_clock_that_is_behind_moves_its_spans_below_their_parents() {
        let spans = [span(1, 0, 1_000, 2_000), span(2, 1, 400, 700), span(3, 2, 500, 600), span(4, 1, 1_500, 1_600)];
        let waterfall = Waterfall::of(&spans);
        let placed: Vec<_> =
            waterfall.bars.iter().map(|bar| (spans[bar.span].id, bar.offset, bar.duration, bar.is_moved)).collect();
        assert_eq!(placed, [(1, 0, 1_000, false), (2, 0, 300, true), (3, 100, 100, true), (4, 500, 100, false)]);
        assert_eq!(waterfall.duration, 1_000);
    }

    #[test]
    fn a_span_whose_parent_is_missing_is_marked() {
        let spans = [span(1, 0, 10, 20), span(2, 99, 12, 15), span(3, 2, 13, 14)];
        let orphans: Vec<_> = Waterfall::of(&spans).bars.iter().map(|bar| bar.is_orphan).collect();
        assert_eq!(orphans, [false, true, false]);
    }

    #[test]
    fn what_outlives_its_parent_was_waited_for() {
        let spans = [span(1, 0, 100, 200), span(2, 1, 150, 260), span(3, 1, 110, 149)];
        assert_eq!(lines(&spans), [(1, 0, true), (3, 1, true), (2, 1, true)]);
    }

    #[test]
    fn a_deep_chain_does_not_overflow_the_stack() {
        let spans: Vec<_> = (1..20_000).map(|id| span(id, id - 1, id, 40_000 - id)).collect();
        assert_eq!(Waterfall::of(&spans).bars.len(), 19_999);
    }

    proptest! {
        #[test]
        fn every_span_has_one_line(links in prop::collection::vec((0_u64..12, 0_u64..12, 0_u64..50, 0_u64..50), 0..20)) {
            let spans: Vec<_> = links.iter().map(|&(id, parent, start, end)| span(id, parent, start, end)).collect();
            let mut seen: Vec<_> = Waterfall::of(&spans).bars.iter().map(|bar| bar.span).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..spans.len()).collect::<Vec<_>>());
        }
    }
}
