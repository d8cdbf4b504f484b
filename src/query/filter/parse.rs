//! The syntax: parses text into terms with their places in the text. Their meaning is up to `compile`.
//!
//! ```text
//! expression = [ term { blank term } ]
//! term       = [ "!" ] ( name ":" values | name comparison values | values )
//! values     = value { "," value }
//! value      = [ comparison ] { quoted | "*" | plain }
//! comparison = ">=" | "<=" | ">" | "<" | "=" { "=" }
//! quoted     = '"' { any but '"' and '\' | '\"' | '\\' } '"'
//! plain      = any but blank , " *
//! ```
//! Blank is Unicode white space. `name comparison` is read as such only where `name` is a field.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use winnow::combinator::{alt, delimited, eof, opt, peek, repeat, separated, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stream};
use winnow::token::{any, take_while};
use winnow::{ModalResult, Parser};

use super::error::{FilterError, quote};
use super::field::FilterField;

/// The longest accepted expression in bytes: a bound for hostile input.
pub(super) const LONGEST_EXPRESSION: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
}

impl Comparison {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "=",
        }
    }

    /// Whether `figure` compares so with `bound`.
    pub(super) fn holds(self, figure: f64, bound: f64) -> bool {
        match self {
            Self::Above => figure > bound,
            Self::AtLeast => figure >= bound,
            Self::Below => figure < bound,
            Self::AtMost => figure <= bound,
            #[expect(clippy::float_cmp, reason = "`=` compares exactly")]
            Self::Equal => figure == bound,
        }
    }
}

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Plain(&'t str),
    /// Text between quotes, escapes resolved.
    Quoted(String),
    /// `*` outside quotes.
    Star,
}

/// One alternative of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TermValue<'t> {
    pub(super) comparison: Option<Comparison>,
    pub(super) pieces: Vec<Piece<'t>>,
    /// Its place in the text, comparison included.
    pub(super) span: Range<usize>,
}

impl<'t> TermValue<'t> {
    /// The text, if it was written without quotes and stars, as keywords have to be.
    pub(super) fn plain(&self) -> Option<&'t str> {
        match self.pieces[..] {
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// The text, if it has no star.
    pub(super) fn text(&self) -> Option<Cow<'t, str>> {
        match self.pieces[..] {
            [] => Some(Cow::Borrowed("")),
            [Piece::Plain(text)] => Some(Cow::Borrowed(text)),
            _ => self.pieces.iter().map(Piece::literal).collect::<Option<String>>().map(Cow::Owned),
        }
    }

    /// The literals between the stars.
    pub(super) fn literals(&self) -> Vec<String> {
        let mut literals = vec![String::new()];
        for piece in &self.pieces {
            match (piece.literal(), literals.last_mut()) {
                (Some(text), Some(open)) => open.push_str(text),
                (Some(_) | None, _) => literals.push(String::new()),
            }
        }
        literals
    }
}

impl Piece<'_> {
    fn literal(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Quoted(text) => Some(text),
            Self::Star => None,
        }
    }
}

/// The name before a term's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldName<'t> {
    pub(super) name: &'t str,
    pub(super) span: Range<usize>,
}

/// One term as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawTerm<'t> {
    pub(super) negated: bool,
    /// `None` for a bare word.
    pub(super) field: Option<FieldName<'t>>,
    /// Never empty; a value itself may be.
    pub(super) values: Vec<TermValue<'t>>,
}

/// Checks that the canonical spelling, which the header shows, is short enough to be parsed again: escapes and full names
/// may make it longer than `text`.
///
/// # Errors
/// When it exceeds [`LONGEST_EXPRESSION`].
pub(super) fn not_too_long(text: &str, canonical: &str) -> Result<(), FilterError> {
    if canonical.len() <= LONGEST_EXPRESSION {
        return Ok(());
    }
    let message = format!("expanded, with full names and escapes, the filter exceeds {LONGEST_EXPRESSION} bytes");
    Err(FilterError::new(0..text.len(), message))
}

/// Splits `text` into terms.
///
/// # Errors
/// What no term can look like: an open quote, a negation of nothing, a text that is too long.
pub(super) fn parse(text: &str) -> Result<Vec<RawTerm<'_>>, FilterError> {
    if text.len() > LONGEST_EXPRESSION {
        let from = text.floor_char_boundary(LONGEST_EXPRESSION);
        return Err(FilterError::new(
            from..text.len(),
            format!("the filter is longer than {LONGEST_EXPRESSION} bytes"),
        ));
    }
    expression.parse(LocatingSlice::new(text)).map_err(|failure| failure.into_inner().0)
}

type Input<'t> = LocatingSlice<&'t str>;

/// [`FilterError`] under the interface of the parser library.
#[derive(Debug, PartialEq)]
struct SyntaxError(FilterError);

impl<'t> ParserError<Input<'t>> for SyntaxError {
    type Inner = Self;

    fn from_input(input: &Input<'t>) -> Self {
        let at = input.current_token_start();
        Self(FilterError::new(at..at, "syntax error"))
    }

    fn into_inner(self) -> Result<Self::Inner, Self> {
        Ok(self)
    }
}

fn fail<T>(error: FilterError) -> ModalResult<T, SyntaxError> {
    Err(ErrMode::Cut(SyntaxError(error)))
}

const fn is_plain(character: char) -> bool {
    !character.is_whitespace() && !matches!(character, ',' | '"' | '*')
}

const fn is_name(character: char) -> bool {
    is_plain(character) && !matches!(character, ':' | '!' | '<' | '>' | '=')
}

fn blank<'t>(input: &mut Input<'t>) -> ModalResult<&'t str, SyntaxError> {
    take_while(0.., char::is_whitespace).parse_next(input)
}

fn expression<'t>(input: &mut Input<'t>) -> ModalResult<Vec<RawTerm<'t>>, SyntaxError> {
    delimited(blank, repeat(0.., terminated(term, blank)), eof).parse_next(input)
}

fn term<'t>(input: &mut Input<'t>) -> ModalResult<RawTerm<'t>, SyntaxError> {
    peek(any).parse_next(input)?;
    let negated = negation.parse_next(input)?;
    let field = opt(alt((field_before_colon, field_before_comparison))).parse_next(input)?;
    let values = separated(1.., value, ',').parse_next(input)?;
    Ok(RawTerm { negated, field, values })
}

fn negation(input: &mut Input<'_>) -> ModalResult<bool, SyntaxError> {
    let Some(span) = opt('!'.span()).parse_next(input)? else { return Ok(false) };
    match input.chars().next() {
        Some('!') => fail(FilterError::new(span.start..span.end + 1, "`!` may appear only once before a term")),
        Some(character) if !character.is_whitespace() => Ok(true),
        Some(_) | None => fail(
            FilterError::new(span, "`!` is not followed by a term").hint("write it without a space: !provider:openai"),
        ),
    }
}

fn field_before_colon<'t>(input: &mut Input<'t>) -> ModalResult<FieldName<'t>, SyntaxError> {
    terminated(field_name, ':').parse_next(input)
}

/// `cost>1` for `cost:>1`.
fn field_before_comparison<'t>(input: &mut Input<'t>) -> ModalResult<FieldName<'t>, SyntaxError> {
    terminated(
        field_name.verify(|field: &FieldName<'_>| FilterField::find(field.name).is_some()),
        peek(alt((comparison.void(), "!=".void()))),
    )
    .parse_next(input)
}

fn field_name<'t>(input: &mut Input<'t>) -> ModalResult<FieldName<'t>, SyntaxError> {
    take_while(1.., is_name).with_span().map(|(name, span)| FieldName { name, span }).parse_next(input)
}

fn comparison(input: &mut Input<'_>) -> ModalResult<Comparison, SyntaxError> {
    alt((
        ">=".value(Comparison::AtLeast),
        "<=".value(Comparison::AtMost),
        '>'.value(Comparison::Above),
        '<'.value(Comparison::Below),
        take_while(1.., '=').value(Comparison::Equal),
    ))
    .parse_next(input)
}

fn value<'t>(input: &mut Input<'t>) -> ModalResult<TermValue<'t>, SyntaxError> {
    (opt(comparison), repeat(0.., piece))
        .with_span()
        .map(|((comparison, pieces), span)| TermValue { comparison, pieces, span })
        .parse_next(input)
}

fn piece<'t>(input: &mut Input<'t>) -> ModalResult<Piece<'t>, SyntaxError> {
    alt(('*'.value(Piece::Star), take_while(1.., is_plain).map(Piece::Plain), quoted.map(Piece::Quoted)))
        .parse_next(input)
}

fn quoted(input: &mut Input<'_>) -> ModalResult<String, SyntaxError> {
    let start = input.current_token_start();
    '"'.parse_next(input)?;
    let mut text = String::new();
    while let Some(character) = input.next_token() {
        match character {
            '"' => return Ok(text),
            '\\' => match input.next_token() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                Some(other) => text.extend(['\\', other]),
                None => break,
            },
            other => text.push(other),
        }
    }
    fail(FilterError::new(start..input.current_token_start(), "unclosed quote"))
}

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Quoted(text) => write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Self::Star => f.write_str("*"),
        }
    }
}

impl fmt::Display for TermValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.comparison.map_or("", Comparison::sign))?;
        self.pieces.iter().try_for_each(|piece| piece.fmt(f))
    }
}

/// The canonical spelling of the term: fields by their name, always with a colon.
impl fmt::Display for RawTerm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negated { "!" } else { "" })?;
        if let Some(field) = &self.field {
            write!(f, "{}:", FilterField::find(field.name).map_or(field.name, |known| known.name))?;
        }
        for (nth, value) in self.values.iter().enumerate() {
            f.write_str(if nth == 0 { "" } else { "," })?;
            value.fmt(f)?;
        }
        Ok(())
    }
}

/// Whether `word` is a keyword for an absent value.
pub(super) fn means_absent(word: &str) -> bool {
    word.eq_ignore_ascii_case("none") || word.eq_ignore_ascii_case("unknown")
}

/// `text` as a value that matches exactly this text, quoted where necessary.
pub(super) fn literal(text: &str) -> String {
    let harmless = !text.is_empty()
        && text.chars().all(is_plain)
        && !text.starts_with(['!', '<', '>', '='])
        && !means_absent(text);
    if harmless { text.to_owned() } else { Piece::Quoted(text.to_owned()).to_string() }
}

/// `text` as a message shows it.
pub(super) fn shown(value: &TermValue<'_>) -> String {
    quote(&value.to_string())
}
