//! Filtering many calls at once. Names are interned and shared by many calls, so a scan matches a word against each set of
//! names only once.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Filter;
use super::term::{Term, WordTest};
use crate::call::{Labels, LlmCall};

impl Filter {
    /// The calls that pass, in their order. Equal to filtering by [`Filter::matches`], but faster.
    pub fn select<'c>(
        &self,
        calls: impl Iterator<Item = &'c LlmCall>,
        now_unix_nano: i64,
    ) -> impl Iterator<Item = &'c LlmCall> {
        let mut terms: Vec<CachedTerm<'_, 'c>> = self.expression.terms.iter().map(CachedTerm::new).collect();
        calls.filter(move |call| {
            self.shortcuts_match(call) && terms.iter_mut().all(|term| term.matches(call, now_unix_nano))
        })
    }
}

/// A term with its results for sets of names, if it is made of words.
struct CachedTerm<'f, 'c> {
    term: &'f Term,
    names: NameResults<'c>,
}

/// Results by the address of the names. The calls stay borrowed, so an address stands for the same names throughout.
#[derive(Default)]
struct NameResults<'c> {
    results: HashMap<*const Labels, bool, foldhash::fast::RandomState>,
    calls: PhantomData<&'c LlmCall>,
}

impl<'f, 'c> CachedTerm<'f, 'c> {
    fn new(term: &'f Term) -> Self {
        Self { term, names: NameResults::default() }
    }

    fn matches(&mut self, call: &'c LlmCall, now_unix_nano: i64) -> bool {
        match self.term.words() {
            Some(words) => self.names.contain(call, words) != self.term.negated,
            None => self.term.matches(call, now_unix_nano),
        }
    }
}

impl<'c> NameResults<'c> {
    fn contain(&mut self, call: &'c LlmCall, words: &[WordTest]) -> bool {
        let labels = call.labels();
        let in_names = *self
            .results
            .entry(Arc::as_ptr(labels))
            .or_insert_with(|| words.iter().any(|word| word.occurs_in_names(call)));
        in_names || words.iter().any(|word| word.occurs_elsewhere(call))
    }
}
