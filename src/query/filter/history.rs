//! Previously entered expressions, for the up and down keys.

use std::collections::VecDeque;

/// The oldest are dropped beyond this many.
const MOST_ENTRIES: usize = 100;

/// Entered lines, newest first and without duplicates, and the position of the input among them.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: VecDeque<String>,
    /// The index of the shown entry, and the text that was being edited before.
    browsed: Option<(usize, String)>,
}

impl History {
    /// Adds an entered line as the newest, unless it is blank, and ends browsing.
    pub fn push(&mut self, line: &str) {
        self.stop();
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        self.entries.retain(|entry| entry != line);
        self.entries.push_front(line.to_owned());
        self.entries.truncate(MOST_ENTRIES);
    }

    /// The next older line. `current` is the text being edited, which [`History::newer`] returns after the newest line.
    pub(crate) fn older(&mut self, current: &str) -> Option<&str> {
        let at = self.browsed.as_ref().map_or(0, |(at, _)| at + 1);
        let entry = self.entries.get(at)?;
        let draft = self.browsed.take().map_or_else(|| current.to_owned(), |(_, draft)| draft);
        self.browsed = Some((at, draft));
        Some(entry)
    }

    /// The next newer line, then the text that was being edited; `None` when that is shown already.
    pub fn newer(&mut self) -> Option<String> {
        let (at, draft) = self.browsed.take()?;
        let Some(at) = at.checked_sub(1) else { return Some(draft) };
        self.browsed = Some((at, draft));
        self.entries.get(at).cloned()
    }

    /// Ends browsing: the line was edited, entered or left.
    pub fn stop(&mut self) {
        self.browsed = None;
    }

    /// The entries, newest first.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> History {
        let mut history = History::default();
        for line in lines {
            history.push(line);
        }
        history
    }

    #[test]
    fn up_and_down_walk_through_and_back_to_the_draft() {
        let mut history = history(&["a", "b", "c"]);
        assert_eq!(history.newer(), None);
        assert_eq!(history.older("draft"), Some("c"));
        assert_eq!(history.older("c"), Some("b"));
        assert_eq!(history.older("b"), Some("a"));
        assert_eq!(history.older("a"), None);
        assert_eq!(history.newer().as_deref(), Some("b"));
        assert_eq!(history.older("b"), Some("a"));
        assert_eq!(history.newer().as_deref(), Some("b"));
        assert_eq!(history.newer().as_deref(), Some("c"));
        assert_eq!(history.newer().as_deref(), Some("draft"));
        assert_eq!(history.newer(), None);
        assert_eq!(history.older("other"), Some("c"));
        history.stop();
        assert_eq!(history.older("edited"), Some("c"));
        assert_eq!(history.newer().as_deref(), Some("edited"));
    }

    #[test]
    fn each_line_once_blank_ones_never_and_not_too_many() {
        assert_eq!(history(&["a", "b", " a ", "", "  "]).entries().collect::<Vec<_>>(), ["a", "b"]);
        let many: Vec<String> = (0..500).map(|nth| nth.to_string()).collect();
        let many = history(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(many.entries().count(), MOST_ENTRIES);
        assert_eq!(many.entries().next(), Some("499"));
    }
}
