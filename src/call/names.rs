//! Interned text: a name that many calls share is kept once, counted by reference, and gone with the last of them. The table
//! itself holds only what was asked for lately, so that a million names that came once cost it nothing.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use arcstr::ArcStr;
use hashbrown::HashTable;

use super::{CallFacts, Labels};

/// An interned string: one pointer, cheap to clone, shared by all calls that say the same.
pub type Name = ArcStr;

/// Writes down all that decides a label set, so that it is hashed and compared in one piece each.
fn spell(facts: &CallFacts<'_>, spelling: &mut Vec<u8>) {
    spelling.clear();
    spelling.extend([facts.convention as u8, facts.usage.input_count as u8]);
    for (nth, text) in (0_u64..).zip(facts.label_texts()) {
        if let Some(text) = text {
            spelling.extend_from_slice(&(nth | (text.len() as u64) << 8).to_le_bytes());
            spelling.extend_from_slice(text.as_bytes());
        }
    }
}

/// A label set and what it is found by.
#[derive(Debug)]
struct Spelt {
    spelling: Box<[u8]>,
    labels: Arc<Labels>,
}

/// A table of shared values that forgets those that were not asked for lately. Who still holds one keeps it; asked for again
/// it is made anew, so that what is equal is mostly, not always, one allocation.
#[derive(Debug)]
struct Interned<T> {
    /// What was asked for since the last turn.
    young: HashTable<T>,
    /// What was asked for in the turn before, and not since.
    old: HashTable<T>,
    hasher: foldhash::fast::RandomState,
    /// Bytes of text in `young`.
    bytes: usize,
}

/// A turn ends with so many values, or with so many bytes of them.
const TURN: usize = 32 * 1024;
const TURN_BYTES: usize = 8 * 1024 * 1024;

impl<T> Interned<T> {
    fn new() -> Self {
        Self {
            young: HashTable::new(),
            old: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            bytes: 0,
        }
    }

    /// The value that is known by this hash, if any.
    fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        self.young.find(hash, |value| is_it(value))
    }

    /// The same, taken out of the turn before.
    fn take_old(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let entry = self.old.find_entry(hash, |value| is_it(value)).ok()?;
        Some(entry.remove().0)
    }

    fn insert(&mut self, hash: u64, value: T, bytes: usize, rehash: impl Fn(&T) -> u64) {
        if self.young.len() >= TURN || self.bytes >= TURN_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += bytes;
        self.young.insert_unique(hash, value, rehash);
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// The intern tables of one collector.
#[derive(Debug)]
pub struct Names {
    strings: Interned<Name>,
    labels: Interned<Spelt>,
    /// Room to spell a label set in.
    spelling: Vec<u8>,
}

impl Default for Names {
    fn default() -> Self {
        Self { strings: Interned::new(), labels: Interned::new(), spelling: Vec::new() }
    }
}

impl Names {
    /// The shared copy of `text`.
    pub fn intern(&mut self, text: &str) -> Name {
        let hasher = self.strings.hasher.clone();
        let hash = hasher.hash_one(text);
        let is_it = |name: &Name| name.as_str() == text;
        if let Some(name) = self.strings.find(hash, is_it) {
            return name.clone();
        }
        let name = self.strings.take_old(hash, is_it).unwrap_or_else(|| Name::from(text));
        self.strings.insert(hash, name.clone(), text.len(), |name| hasher.hash_one(name.as_str()));
        name
    }

    /// The shared label set of the facts. One look-up if it is known; its texts are looked up one by one
    /// only if it is new.
    pub fn labels(&mut self, facts: &CallFacts<'_>) -> Arc<Labels> {
        let mut spelling = std::mem::take(&mut self.spelling);
        spell(facts, &mut spelling);
        let labels = self.label_key(&spelling, facts);
        self.spelling = spelling;
        labels
    }

    fn label_key(&mut self, spelling: &[u8], facts: &CallFacts<'_>) -> Arc<Labels> {
        let hasher = self.labels.hasher.clone();
        let hash = hasher.hash_one(spelling);
        let is_it = |known: &Spelt| *known.spelling == *spelling;
        if let Some(known) = self.labels.find(hash, is_it) {
            return Arc::clone(&known.labels);
        }
        let label_key = match self.labels.take_old(hash, is_it) {
            Some(label_key) => label_key,
            None => Spelt {
                spelling: spelling.into(),
                labels: Arc::new(Labels::from_facts(facts, |text| self.intern(text))),
            },
        };
        let labels = Arc::clone(&label_key.labels);
        let bytes = size_of::<Labels>() + labels.text_bytes() + spelling.len();
        self.labels.insert(hash, label_key, bytes, |known| hasher.hash_one(&*known.spelling));
        labels
    }

    /// How many strings the table holds.
    pub fn len(&self) -> usize {
        self.strings.len()
    }

    /// Whether the table holds no string.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_text_is_one_allocation() {
        let mut names = Names::default();
        let first = names.intern("gpt-4o");
        let second = names.intern("gpt-4o");
        assert!(ArcStr::ptr_eq(&first, &second));
    }

    #[test]
    fn label_sets_that_say_the_same_are_one_and_others_are_not() {
        let mut names = Names::default();
        let facts = |model: &'static str, provider: &'static str, route: Option<&'static str>| CallFacts {
            model: Some(model.into()),
            provider: Some(provider.into()),
            route_name: route.map(Into::into),
            ..CallFacts::default()
        };
        let first = names.labels(&facts("gpt", "openai", Some("code")));
        assert!(Arc::ptr_eq(&first, &names.labels(&facts("gpt", "openai", Some("code")))));
        assert!(ArcStr::ptr_eq(first.model.as_ref().unwrap(), &names.intern("gpt")), "its texts are shared, too");
        for other in
            [facts("gptopenai", "", Some("code")), facts("gpt", "openaicode", None), facts("gpt", "openai", None)]
        {
            let labels = names.labels(&other);
            assert!(!Arc::ptr_eq(&first, &labels));
            assert_eq!(labels.model.as_deref(), other.model.as_deref());
            assert_eq!(labels.route_name.as_deref(), other.route_name.as_deref());
        }
    }

    /// A text may hold whatever stands between two texts.
    #[test]
    fn no_text_is_taken_for_the_end_of_another() {
        let mut names = Names::default();
        let two = CallFacts { model: Some("gpt".into()), provider: Some("openai".into()), ..CallFacts::default() };
        let two = names.labels(&two);
        for len in 0..=7_u8 {
            let model = format!("gpt\u{1}{}\0\0\0\0\0\0openai", char::from(len));
            let one = names.labels(&CallFacts { model: Some(model.clone().into()), ..CallFacts::default() });
            assert!(!Arc::ptr_eq(&one, &two));
            assert_eq!((one.model.as_deref(), &one.provider), (Some(model.as_str()), &None));
        }
    }

    #[test]
    fn names_in_use_stay_and_others_leave_the_table() {
        let mut names = Names::default();
        let (once, used) = (names.intern("once"), names.intern("used"));
        for session in 0..200_000 {
            names.intern(&format!("session-{session}"));
            names.labels(&CallFacts { model: Some(format!("model-{session}").into()), ..CallFacts::default() });
            assert!(ArcStr::ptr_eq(&used, &names.intern("used")));
        }
        assert!(names.len() <= 2 * TURN && names.labels.len() <= 2 * TURN, "{} names left", names.len());
        assert_eq!(ArcStr::strong_count(&once), Some(1), "only we hold it");
        assert_eq!(names.intern("once"), once);
    }

    #[test]
    fn huge_names_leave_the_table_sooner() {
        let mut names = Names::default();
        for nth in 0..40_000 {
            names.intern(&format!("{nth:0>1024}"));
        }
        assert!(names.len() <= 2 * TURN_BYTES / 1024 + 1, "{} names left", names.len());
    }
}
