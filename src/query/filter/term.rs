//! Compiled terms and how they match calls.
//!
//! An unknown value matches no comparison: `cost:>1` and `cost:<=1` are both false for a call of unknown cost. `!` negates
//! the result of its whole term, so `!cost:>1` is true for that call; `cost:* !cost:>1` leaves unknown costs out.

use super::glob::Glob;
use super::parse::Comparison;
use crate::call::{IdBuffer, KeptId, LlmCall, Quality};

#[derive(Clone, Debug)]
pub(super) struct Term {
    pub(super) negated: bool,
    pub(super) test: Test,
}

/// Alternatives, one of which has to match, and how the value they test is read from a call.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Words(Vec<WordTest>),
    Name(for<'a> fn(&'a LlmCall) -> Option<&'a str>, Vec<NameTest>),
    Prose(for<'a> fn(&'a LlmCall) -> [Option<&'a str>; 2], Vec<NameTest>),
    Id(for<'a> fn(&'a LlmCall) -> KeptId<'a>, Vec<Glob>),
    Figure(fn(&LlmCall) -> Option<f64>, Vec<FigureTest>),
    Status(Vec<StatusTest>),
    Stream(Vec<Option<bool>>),
    Flag(Vec<FlagTest>),
    /// Nanoseconds before now.
    Since(Vec<i64>),
}

/// A bare word: matches in what identifies the call or in its error.
#[derive(Clone, Debug)]
pub(super) struct WordTest(pub(super) Glob);

/// A test of a name or of prose.
#[derive(Clone, Debug)]
pub(super) struct NameTest {
    pub(super) glob: Glob,
    /// `none` and `unknown` match an absent name too.
    pub(super) or_absent: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum FigureTest {
    Compares(Comparison, f64),
    Within(f64, f64),
    Known,
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum StatusTest {
    /// Whether the call failed.
    Failed(bool),
    /// No code was reported, whether the call failed or not.
    NoCode,
    Compares(Comparison, u16),
    Within(u16, u16),
}

/// A test of Plano's behaviour signals.
#[derive(Clone, Copy, Debug)]
pub(super) enum FlagTest {
    Flagged(bool),
    Verdict(Option<Quality>),
}

impl Term {
    pub(super) fn matches(&self, call: &LlmCall, now_unix_nano: i64) -> bool {
        self.test.matches(call, now_unix_nano) != self.negated
    }

    /// The words of a term that is made of bare words.
    pub(super) fn words(&self) -> Option<&[WordTest]> {
        match &self.test {
            Test::Words(words) => Some(words),
            _ => None,
        }
    }

    /// The next time at which the result for this call may change without a change of the call.
    pub(super) fn next_change(&self, call: &LlmCall, now_unix_nano: i64) -> Option<i64> {
        let Test::Since(spans) = &self.test else { return None };
        let just_after = |span: &i64| call.start_unix_nano().saturating_add(*span).saturating_add(1);
        spans.iter().map(just_after).filter(|moment| *moment > now_unix_nano).min()
    }
}

impl Test {
    fn matches(&self, call: &LlmCall, now_unix_nano: i64) -> bool {
        match self {
            Self::Words(words) => words.iter().any(|word| word.occurs_in_names(call) || word.occurs_elsewhere(call)),
            Self::Name(read, tests) => {
                let name = read(call);
                tests.iter().any(|test| test.matches(name))
            }
            Self::Prose(read, tests) => {
                let prose = read(call);
                tests.iter().any(|test| test.matches_prose(prose))
            }
            Self::Id(read, globs) => globs.iter().any(|glob| id_matches(read(call), glob)),
            Self::Figure(read, tests) => {
                let figure = read(call);
                tests.iter().any(|test| test.matches(figure))
            }
            Self::Status(tests) => tests.iter().any(|test| test.matches(call)),
            Self::Stream(wanted) => wanted.contains(&call.is_streaming()),
            Self::Flag(tests) => tests.iter().any(|test| test.matches(call)),
            Self::Since(spans) => {
                spans.iter().any(|span| call.start_unix_nano() >= now_unix_nano.saturating_sub(*span))
            }
        }
    }
}

impl WordTest {
    /// Whether it occurs in what calls share: model, route, provider, error class.
    pub(super) fn occurs_in_names(&self, call: &LlmCall) -> bool {
        let names = [
            Some(call.shown_model()),
            call.route_name().map(AsRef::as_ref),
            Some(call.provider()),
            call.labels().error_type.as_deref(),
        ];
        names.into_iter().flatten().any(|name| self.0.matches(name))
    }

    /// Whether it occurs in what is the call's own: session, error message, request id.
    pub(super) fn occurs_elsewhere(&self, call: &LlmCall) -> bool {
        let own = [call.session_id(), call.error_message()];
        own.into_iter().flatten().any(|text| self.0.matches(text)) || id_matches(call.kept_id(), &self.0)
    }
}

fn id_matches(id: KeptId<'_>, glob: &Glob) -> bool {
    let mut buffer: IdBuffer = [0; 36];
    (!id.is_hex() || glob.could_match_hex()) && glob.matches(&id.text_in(&mut buffer))
}

impl NameTest {
    fn matches(&self, name: Option<&str>) -> bool {
        name.map_or(self.or_absent, |name| self.glob.matches(name))
    }

    fn matches_prose(&self, prose: [Option<&str>; 2]) -> bool {
        match prose {
            [None, None] => self.or_absent,
            pieces => pieces.into_iter().flatten().any(|piece| self.glob.matches(piece)),
        }
    }
}

impl FigureTest {
    fn matches(self, figure: Option<f64>) -> bool {
        match (self, figure) {
            (Self::Unknown, figure) => figure.is_none(),
            (_, None) => false,
            (Self::Known, Some(_)) => true,
            (Self::Compares(sign, bound), Some(figure)) => sign.holds(figure, bound),
            (Self::Within(low, high), Some(figure)) => (low..=high).contains(&figure),
        }
    }
}

impl StatusTest {
    fn matches(self, call: &LlmCall) -> bool {
        match (self, call.status_code()) {
            (Self::Failed(failed), _) => call.status().is_error() == failed,
            (Self::NoCode, code) => code.is_none(),
            (_, None) => false,
            (Self::Compares(sign, bound), Some(code)) => sign.holds(f64::from(code), f64::from(bound)),
            (Self::Within(low, high), Some(code)) => (low..=high).contains(&code),
        }
    }
}

impl FlagTest {
    fn matches(self, call: &LlmCall) -> bool {
        let facts = call.plano_facts();
        match self {
            Self::Flagged(flagged) => facts.flagged == flagged,
            Self::Verdict(quality) => facts.quality == quality,
        }
    }
}
