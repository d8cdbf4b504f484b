//! Which calls are shown: the filter expression and the shortcuts that set parts of it.
//!
//! ```text
//! model:gpt-5*,claude-*   route:code   !provider:openai   status:error   cost:>$0.01   ttft:>800ms   since:5m
//! ```
//! Terms are joined by AND, `,` inside a value is OR, `!` negates a term, `*` is a wildcard outside quotes, and a bare
//! word is searched for in model, route, provider, session, request id and error. Case is ignored. [`FIELDS`] lists the
//! fields. An expression is compiled once ([`Filter::parse`]) and then applied to each call.

mod compile;
mod complete;
mod error;
mod field;
mod glob;
mod history;
mod known;
mod parse;
mod select;
mod term;

use std::fmt::Write as _;

pub use complete::Candidate;
pub(crate) use complete::complete;
pub use error::FilterError;
pub use field::{FIELDS, FilterField};
pub use history::History;
pub use known::Known;

use crate::call::{LlmCall, Name};
use term::Term;

/// The term that matches exactly `value` of a field, quoted where necessary.
pub(crate) fn term(field: &str, value: &str) -> String {
    format!("{field}:{}", parse::literal(value))
}

/// A compiled filter. Its parts are joined by AND.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    expression: Expression,
    model: Option<Name>,
    route: Option<Name>,
    errors_only: bool,
}

/// The expression a user wrote.
#[derive(Clone, Debug, Default)]
struct Expression {
    source: String,
    /// The canonical spelling, equal for equal terms.
    canonical: String,
    terms: Vec<Term>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Expression {
    fn parse(text: &str) -> Result<Self, FilterError> {
        let raw = parse::parse(text)?;
        let canonical = raw.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        parse::not_too_long(text, &canonical)?;
        Ok(Self {
            source: text.trim().to_owned(),
            canonical,
            terms: raw.iter().map(compile::compile).collect::<Result<_, _>>()?,
        })
    }
}

impl Filter {
    /// Compiles an expression. Blank text passes every call.
    ///
    /// # Errors
    /// A [`FilterError`] that marks the first error.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Ok(Self { expression: Expression::parse(text)?, ..Self::default() })
    }

    /// This filter with another expression and the same shortcuts.
    ///
    /// # Errors
    /// A [`FilterError`] that marks the first error.
    pub(crate) fn with_expression(&self, text: &str) -> Result<Self, FilterError> {
        Ok(Self { expression: Expression::parse(text)?, ..self.clone() })
    }

    /// This filter for calls whose shown model is exactly `model`; `None` for any.
    #[must_use]
    pub(crate) fn with_model(self, model: Option<Name>) -> Self {
        Self { model, ..self }
    }

    /// This filter for calls of exactly this route; `None` for any.
    #[must_use]
    pub(crate) fn with_route(self, route: Option<Name>) -> Self {
        Self { route, ..self }
    }

    /// This filter for failed calls only, or for all.
    #[must_use]
    pub(crate) fn with_errors_only(self, errors_only: bool) -> Self {
        Self { errors_only, ..self }
    }

    /// The expression as written, trimmed; empty when there is none.
    pub fn expression(&self) -> &str {
        &self.expression.source
    }

    pub(crate) const fn model(&self) -> Option<&Name> {
        self.model.as_ref()
    }

    pub(crate) const fn route(&self) -> Option<&Name> {
        self.route.as_ref()
    }

    pub(crate) const fn errors_only(&self) -> bool {
        self.errors_only
    }

    /// Whether every call passes.
    pub const fn is_empty(&self) -> bool {
        self.expression.terms.is_empty() && self.model.is_none() && self.route.is_none() && !self.errors_only
    }

    /// The next time, ns since the epoch, at which the result for this call may change without a change of the call.
    pub(super) fn next_change(&self, call: &LlmCall, now_unix_nano: i64) -> Option<i64> {
        self.expression.terms.iter().filter_map(|term| term.next_change(call, now_unix_nano)).min()
    }

    /// Whether the call passes. [`Filter::select`] is faster for many calls.
    pub fn matches(&self, call: &LlmCall, now_unix_nano: i64) -> bool {
        self.shortcuts_match(call) && self.expression.terms.iter().all(|term| term.matches(call, now_unix_nano))
    }

    fn shortcuts_match(&self, call: &LlmCall) -> bool {
        self.model.as_ref().is_none_or(|model| call.shown_model() == model)
            && self.route.as_ref().is_none_or(|route| call.route_name() == Some(route))
            && (!self.errors_only || call.status().is_error())
    }

    /// The filter in one line for the header: `model=gpt-5 route=code errors ttft:>800ms`. Names in it come from
    /// spans and are not yet escaped for a terminal.
    pub(crate) fn describe(&self) -> String {
        let mut line = String::new();
        let mut add = |label: &str, text: &str| {
            let gap = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{gap}{label}{text}");
        };
        if let Some(model) = &self.model {
            add("model=", &parse::literal(model));
        }
        if let Some(route) = &self.route {
            add("route=", &parse::literal(route));
        }
        if self.errors_only {
            add("errors", "");
        }
        if !self.expression.terms.is_empty() {
            add("", &self.expression.canonical);
        }
        line
    }
}

#[cfg(test)]
mod tests;
