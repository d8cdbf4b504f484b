//! Asking many calls at once. Names are interned, so what a word is to the names of one call it is to all calls that
//! share them: a scan looks each set of names through once.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Filter;
use super::term::{Term, WordTest};
use crate::call::{Labels, LlmCall};

impl Filter {
    /// The calls that pass, in their order: the same ones that [`Filter::matches`] lets pass, only sooner.
    pub fn select<'c>(
        &self,
        calls: impl Iterator<Item = &'c LlmCall>,
        now_unix_nano: i64,
    ) -> impl Iterator<Item = &'c LlmCall> {
        let mut terms: Vec<Asked<'_, 'c>> = self.expression.terms.iter().map(Asked::new).collect();
        calls.filter(move |call| {
            self.shortcuts_match(call) && terms.iter_mut().all(|term| term.matches(call, now_unix_nano))
        })
    }
}

/// A term, and what it already said of names if it looks for words.
struct Asked<'f, 'c> {
    term: &'f Term,
    names: NamesMet<'c>,
}

/// Answers by the address of the names. The calls stay borrowed, so an address means the same names throughout.
#[derive(Default)]
struct NamesMet<'c> {
    answers: HashMap<*const Labels, bool, foldhash::fast::RandomState>,
    calls: PhantomData<&'c LlmCall>,
}

impl<'f, 'c> Asked<'f, 'c> {
    fn new(term: &'f Term) -> Self {
        Self { term, names: NamesMet::default() }
    }

    fn matches(&mut self, call: &'c LlmCall, now_unix_nano: i64) -> bool {
        match self.term.words() {
            Some(words) => self.names.mention(call, words) != self.term.negated,
            None => self.term.matches(call, now_unix_nano),
        }
    }
}

impl<'c> NamesMet<'c> {
    fn mention(&mut self, call: &'c LlmCall, words: &[WordTest]) -> bool {
        let labels = call.labels();
        let in_names = *self
            .answers
            .entry(Arc::as_ptr(labels))
            .or_insert_with(|| words.iter().any(|word| word.stands_in_names(call)));
        in_names || words.iter().any(|word| word.stands_in_the_rest(call))
    }
}
