//! From parsed terms to compiled ones: looks up fields, compiles patterns, converts figures.

use std::ops::Range;
use std::time::Duration;

use super::error::{FilterError, quote};
use super::field::{FIELDS, FieldKind, FilterField, Unit};
use super::glob::Glob;
use super::parse::{Comparison, Piece, RawTerm, TermValue, means_absent, shown};
use super::term::{FigureTest, FlagTest, NameTest, StatusTest, Term, Test, WordTest};
use crate::call::Quality;

/// Compiles one term.
///
/// # Errors
/// A field that does not exist, a value that its field cannot have.
pub(super) fn compile(raw: &RawTerm<'_>) -> Result<Term, FilterError> {
    let test = match &raw.field {
        None => words(raw)?,
        Some(name) => {
            let field = FilterField::find(name.name).ok_or_else(|| unknown_field(name.name, name.span.clone()))?;
            FieldTerm { field, values: &raw.values }.test()?
        }
    };
    Ok(Term { negated: raw.negated, test })
}

fn unknown_field(name: &str, span: Range<usize>) -> FilterError {
    let error = FilterError::new(span, format!("unknown field {}", quote(name)));
    if let Some(rest) = name.strip_prefix('-').filter(|rest| FilterField::find(rest).is_some()) {
        return error.hint(format!("`!` negates: !{rest}:"));
    }
    match nearest_field(name) {
        Some(field) => error.hint(format!("did you mean {field}:?")),
        None => error.hint("quote text that contains a colon; ? lists the fields"),
    }
}

/// The spelling closest to `name`, if it is close enough to be suggested.
fn nearest_field(name: &str) -> Option<&'static str> {
    /// Longer words are not compared with the spellings.
    const LONGEST: usize = 32;
    let name = Some(name).filter(|name| name.len() <= LONGEST)?.to_ascii_lowercase();
    FIELDS
        .iter()
        .flat_map(FilterField::spellings)
        .map(|spelling| (strsim::osa_distance(&name, spelling), spelling))
        .filter(|(distance, spelling)| *distance <= spelling.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, spelling)| spelling)
}

/// Operators of other query languages, which would otherwise be searched for as words.
fn foreign_operator(word: &str) -> Option<&'static str> {
    match word {
        "AND" | "&&" => Some("terms are joined by AND already"),
        "OR" | "||" => Some("`,` inside a value is OR: model:gpt-5*,claude-*"),
        "NOT" => Some("`!` before a term negates it: !provider:openai"),
        _ => None,
    }
}

fn words(raw: &RawTerm<'_>) -> Result<Test, FilterError> {
    raw.values.iter().map(|value| word(value).map(WordTest)).collect::<Result<_, _>>().map(Test::Words)
}

fn word(value: &TermValue<'_>) -> Result<Glob, FilterError> {
    if value.comparison.is_some() {
        return Err(FilterError::new(value.span.clone(), "missing field before the comparison")
            .hint("write it without spaces: cost:>$0.01"));
    }
    if value.plain().is_some_and(|word| word.starts_with(':')) {
        return Err(FilterError::new(value.span.clone(), "missing field before `:`")
            .hint("write it without spaces: model:gpt-5*"));
    }
    if let Some((word, hint)) = value.plain().and_then(|word| Some((word, foreign_operator(word)?))) {
        return Err(FilterError::new(value.span.clone(), format!("{} is not an operator here", quote(word)))
            .hint(format!("{hint}; to search for the word, quote it: \"{word}\"")));
    }
    if value.pieces.is_empty() {
        return Err(FilterError::new(value.span.clone(), "missing word next to `,`"));
    }
    Ok(Glob::anywhere(&value.literals()))
}

/// A field and the values it is compared with.
struct FieldTerm<'r, 't> {
    field: &'static FilterField,
    values: &'r [TermValue<'t>],
}

impl FieldTerm<'_, '_> {
    fn test(&self) -> Result<Test, FilterError> {
        let field = self.field;
        Ok(match field.kind {
            FieldKind::Name(read) => Test::Name(read, self.each(|value| self.name(value, Glob::new))?),
            FieldKind::Prose(read) => Test::Prose(read, self.each(|value| self.prose(value))?),
            FieldKind::Id(read) => Test::Id(read, self.each(|value| self.id(value))?),
            FieldKind::Figure(unit, read) => Test::Figure(read, self.figures(unit)?),
            FieldKind::Status => Test::Status(self.each(|value| self.status(value))?),
            FieldKind::Stream => Test::Stream(self.each(|value| self.stream(value))?),
            FieldKind::Flag => Test::Flag(self.each(|value| self.flag(value))?),
            FieldKind::Since => Test::Since(self.each(|value| self.since(value))?),
        })
    }

    /// Every value, read by `read`; a missing value is an error for every kind of field.
    fn each<T>(&self, read: impl Fn(&TermValue<'_>) -> Result<T, FilterError>) -> Result<Vec<T>, FilterError> {
        self.values.iter().map(|value| self.present(value).and_then(&read)).collect()
    }

    fn present<'v, 't>(&self, value: &'v TermValue<'t>) -> Result<&'v TermValue<'t>, FilterError> {
        let FilterField { name, example, .. } = self.field;
        match value {
            TermValue { pieces, span, .. } if pieces.is_empty() => {
                Err(FilterError::new(span.clone(), format!("{name}: missing value"))
                    .hint(format!("write it without spaces: {example}")))
            }
            TermValue { comparison: None, pieces, span } if pieces.first().is_some_and(starts_negated) => {
                Err(FilterError::new(span.clone(), "`!` must precede the whole term")
                    .hint(format!("!{name}:…, or quote it to match `!` itself: \"!…\"")))
            }
            present => Ok(present),
        }
    }

    fn wrong(&self, value: &TermValue<'_>, expected: &str) -> FilterError {
        FilterError::new(value.span.clone(), format!("{}: {} is not {expected}", self.field.name, shown(value)))
            .hint(format!("for example {}", self.field.example))
    }

    /// Rejects `<` and `>` for fields that are not numeric.
    fn reject_ordering(&self, value: &TermValue<'_>) -> Result<(), FilterError> {
        match value.comparison {
            None | Some(Comparison::Equal) => Ok(()),
            Some(sign) => Err(FilterError::new(
                value.span.clone(),
                format!("{} is not numeric: `{}` does not apply to it", self.field.name, sign.sign()),
            )
            .hint(format!("for example {}", self.field.example))),
        }
    }

    fn name(&self, value: &TermValue<'_>, glob: impl Fn(&[String]) -> Glob) -> Result<NameTest, FilterError> {
        self.reject_ordering(value)?;
        Ok(NameTest { glob: glob(&value.literals()), or_absent: value.plain().is_some_and(means_absent) })
    }

    fn prose(&self, value: &TermValue<'_>) -> Result<NameTest, FilterError> {
        match value.comparison {
            Some(_) => self.name(value, Glob::new),
            None => self.name(value, Glob::anywhere),
        }
    }

    fn id(&self, value: &TermValue<'_>) -> Result<Glob, FilterError> {
        self.name(value, Glob::new).map(|test| test.glob)
    }

    fn figures(&self, unit: Unit) -> Result<Vec<FigureTest>, FilterError> {
        for pair in self.values.windows(2) {
            if let [before, after] = pair
                && is_split_number(before, after)
            {
                return Err(FilterError::new(before.span.start..after.span.end, "`,` is OR, not part of a number")
                    .hint("write 10000, 10_000 or 10k"));
            }
        }
        self.each(|value| self.figure(unit, value))
    }

    fn figure(&self, unit: Unit, value: &TermValue<'_>) -> Result<FigureTest, FilterError> {
        match (value.comparison, &value.pieces[..], value.plain()) {
            (None, [Piece::Star], _) => return Ok(FigureTest::Known),
            (None, _, Some(word)) if means_absent(word) => return Ok(FigureTest::Unknown),
            _ => {}
        }
        let text = value.text().ok_or_else(|| {
            self.wrong(value, unit.expected())
                .hint("`*` is a wildcard for names; figures are compared: >, >=, <, <=, 1..5")
        })?;
        let number = |text: &str| unit.parse(text).map_err(|fault| self.figure_error(value, unit, &fault));
        match (value.comparison, text.split_once("..")) {
            (None, Some((low, high))) => {
                let (low, high) = (number(low)?, number(high)?);
                if low > high {
                    return Err(FilterError::new(value.span.clone(), "the range ends before it starts"));
                }
                Ok(FigureTest::Within(low, high))
            }
            (comparison, _) => Ok(FigureTest::Compares(comparison.unwrap_or(Comparison::Equal), number(&text)?)),
        }
    }

    fn figure_error(&self, value: &TermValue<'_>, unit: Unit, fault: &FigureError) -> FilterError {
        let error = self.wrong(value, unit.expected());
        match fault {
            FigureError::NoNumber => error,
            FigureError::NoUnit(number) => error.hint(format!("a duration needs its unit: {number}ms or {number}s")),
            FigureError::Duration(reason) => error.hint(reason.clone()),
        }
    }

    fn status(&self, value: &TermValue<'_>) -> Result<StatusTest, FilterError> {
        let text = value.text().unwrap_or_default();
        let expected = "a status: 429, 4xx, >=500, 400..499, ok, error or none";
        let code = |text: &str| {
            Some(text)
                .filter(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|text| text.parse::<u16>().ok())
                .ok_or_else(|| self.wrong(value, expected))
        };
        if value.comparison.is_none()
            && let Some(word) = value.plain().and_then(status_word)
        {
            return Ok(word);
        }
        match (value.comparison, text.split_once("..")) {
            (None, Some((low, high))) => Ok(StatusTest::Within(code(low)?, code(high)?)),
            (None, None) => code(&text).map(|code| StatusTest::Within(code, code)),
            (Some(sign), _) => Ok(StatusTest::Compares(sign, code(&text)?)),
        }
    }

    fn stream(&self, value: &TermValue<'_>) -> Result<Option<bool>, FilterError> {
        self.reject_ordering(value)?;
        match value.text() {
            Some(word) if yes(&word) => Ok(Some(true)),
            Some(word) if no(&word) => Ok(Some(false)),
            Some(word) if means_absent(&word) => Ok(None),
            Some(_) | None => Err(self.wrong(value, "yes, no or unknown")),
        }
    }

    fn flag(&self, value: &TermValue<'_>) -> Result<FlagTest, FilterError> {
        self.reject_ordering(value)?;
        let word = value.text().unwrap_or_default();
        match Quality::parse(&word) {
            Some(quality) => Ok(FlagTest::Verdict(Some(quality))),
            None if means_absent(&word) => Ok(FlagTest::Verdict(None)),
            None if yes(&word) => Ok(FlagTest::Flagged(true)),
            None if no(&word) => Ok(FlagTest::Flagged(false)),
            None => Err(self.wrong(value, "yes, no, none, excellent, good, neutral, poor or severe")),
        }
    }

    /// Nanoseconds before now.
    fn since(&self, value: &TermValue<'_>) -> Result<i64, FilterError> {
        self.reject_ordering(value)?;
        let text = value.text().ok_or_else(|| self.wrong(value, Unit::Duration.expected()))?;
        match duration(&text) {
            Ok(duration) => Ok(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)),
            Err(fault) => Err(self.figure_error(value, Unit::Duration, &fault)),
        }
    }
}

fn starts_negated(piece: &Piece<'_>) -> bool {
    matches!(piece, Piece::Plain(text) if text.starts_with('!'))
}

fn yes(word: &str) -> bool {
    ["yes", "true"].iter().any(|yes| word.eq_ignore_ascii_case(yes))
}

fn no(word: &str) -> bool {
    ["no", "false"].iter().any(|no| word.eq_ignore_ascii_case(no))
}

fn status_word(word: &str) -> Option<StatusTest> {
    match word.to_ascii_lowercase().as_str() {
        "ok" => Some(StatusTest::Failed(false)),
        "error" | "errors" | "failed" => Some(StatusTest::Failed(true)),
        "1xx" => Some(StatusTest::Within(100, 199)),
        "2xx" => Some(StatusTest::Within(200, 299)),
        "3xx" => Some(StatusTest::Within(300, 399)),
        "4xx" => Some(StatusTest::Within(400, 499)),
        "5xx" => Some(StatusTest::Within(500, 599)),
        word if means_absent(word) => Some(StatusTest::NoCode),
        _ => None,
    }
}

/// Whether two alternatives look like one number with a thousands separator, as in `in:>10,000`: three digits after a
/// comparison, or three digits that start with a zero.
fn is_split_number(before: &TermValue<'_>, after: &TermValue<'_>) -> bool {
    let is_group = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let ends_in_digit = before.plain().is_some_and(|text| text.ends_with(|last: char| last.is_ascii_digit()));
    let compares = matches!(before.comparison, Some(sign) if sign != Comparison::Equal);
    after.comparison.is_none()
        && ends_in_digit
        && after.plain().is_some_and(|text| is_group(text) && (compares || text.starts_with('0')))
}

/// Why a text is not a figure of its unit.
enum FigureError {
    NoNumber,
    /// A number without the unit that a duration needs.
    NoUnit(String),
    /// What is wrong with the duration.
    Duration(String),
}

impl Unit {
    const fn expected(self) -> &'static str {
        match self {
            Self::Duration => "a duration such as 800ms, 2s or 1m30s",
            Self::Money => "an amount such as $0.01",
            Self::Count => "a count such as 500 or 10k",
            Self::Rate => "a rate such as 20",
            Self::Percent => "a percentage such as 5%",
        }
    }

    /// Parses a figure of this unit; durations are in milliseconds.
    fn parse(self, text: &str) -> Result<f64, FigureError> {
        match self {
            Self::Duration => duration(text).map(|duration| duration.as_nanos() as f64 / 1e6),
            Self::Money => number(text.strip_prefix('$').unwrap_or(text)).ok_or(FigureError::NoNumber),
            Self::Count | Self::Rate => number(text).ok_or(FigureError::NoNumber),
            Self::Percent => number(text.strip_suffix('%').unwrap_or(text)).ok_or(FigureError::NoNumber),
        }
    }
}

/// A decimal number with optional `_` between digits and a suffix `k` or `m`; no infinity, NaN or exponent.
fn number(text: &str) -> Option<f64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 1e3),
        b'm' | b'M' => (text.get(..text.len() - 1)?, 1e6),
        _ => (text, 1.0),
    };
    let digits = digits.replace('_', "");
    let decimal = digits.strip_prefix('-').unwrap_or(&digits);
    let is_decimal = decimal.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && decimal.bytes().any(|byte| byte.is_ascii_digit());
    let number: f64 = Some(digits).filter(|_| is_decimal)?.parse().ok()?;
    Some(number * factor).filter(|number| number.is_finite())
}

/// A duration as `humantime` parses it, `0` included. The bounds on length and digits keep its sums from overflowing.
fn duration(text: &str) -> Result<Duration, FigureError> {
    const LONGEST: usize = 64;
    const MOST_DIGITS: usize = 9;
    let is_too_long = text.len() > LONGEST
        || text.split(|character: char| !character.is_ascii_digit()).any(|digits| digits.len() > MOST_DIGITS);
    if is_too_long {
        return Err(FigureError::Duration("the duration is too long".to_owned()));
    }
    if text.parse::<f64>().is_ok_and(|number| number > 0.0) {
        return Err(FigureError::NoUnit(text.to_owned()));
    }
    humantime::parse_duration(text).map_err(|fault| FigureError::Duration(fault.to_string()))
}
