//! The waterfall of a trace: which span stands below which, when, and on what the whole waited.

use std::collections::{HashMap, HashSet};

use super::detail::TraceSpan;
use crate::collector::decode::PlainSpan;

/// A line of the waterfall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which of the trace's spans.
    pub span: usize,
    /// How deep it stands.
    pub depth: usize,
    /// ns from the trace's start to its own; 0 where the span is no longer kept.
    pub offset: u64,
    /// ns it took.
    pub duration: u64,
    /// Whether the end of the trace waited for it.
    pub is_critical: bool,
}

/// A laid-out trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waterfall {
    /// Parents before children, siblings by start.
    pub bars: Vec<Bar>,
    /// ns from the first start to the last end.
    pub duration: u64,
}

/// A span's place in time.
#[derive(Clone, Copy, Debug)]
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
}

impl Waterfall {
    /// Lays spans out. Spans whose parent is unknown, or that are their own ancestors, stand at the left.
    pub fn of(spans: &[TraceSpan]) -> Self {
        let stretches: Vec<_> = spans.iter().map(|span| span.span.as_ref().and_then(Stretch::of)).collect();
        let start = stretches.iter().flatten().map(|stretch| stretch.start).min().unwrap_or(0);
        let end = stretches.iter().flatten().map(|stretch| stretch.end).max().unwrap_or(0);
        let tree = Tree::of(spans, &stretches);
        let critical = tree.critical();
        let bars = tree.walk().into_iter().map(|(span, depth)| {
            let stretch = stretches.get(span).copied().flatten();
            Bar {
                span,
                depth,
                offset: stretch.map_or(0, |stretch| stretch.start - start),
                duration: stretch.map_or(0, |stretch| stretch.end - stretch.start),
                is_critical: critical.contains(&span),
            }
        });
        Self { bars: bars.collect(), duration: end - start }
    }
}

/// Who is whose child. Never recursive: a hostile trace may be deep.
struct Tree<'a> {
    stretches: &'a [Option<Stretch>],
    roots: Vec<usize>,
    children: HashMap<usize, Vec<usize>>,
}

impl<'a> Tree<'a> {
    fn of(spans: &[TraceSpan], stretches: &'a [Option<Stretch>]) -> Self {
        let by_id: HashMap<u64, usize> = spans.iter().enumerate().rev().map(|(at, span)| (span.id, at)).collect();
        let mut tree = Self { stretches, roots: Vec::new(), children: HashMap::new() };
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

    /// The spans on which the end of the longest root waited: from its end backwards, always the child that ended last
    /// before the moment looked at.
    fn critical(&self) -> HashSet<usize> {
        let stretch = |at: usize| self.stretches.get(at).copied().flatten();
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
                if end <= until && end > own.start {
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
        TraceSpan { id, parent, row: None, outcome: Outcome::NotCounted, why: "", span: Some(span) }
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
