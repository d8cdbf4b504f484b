//! Patterns over names: `*` stands for anything, case does not matter, matching allocates nothing.

/// One character, case removed. Maps a character to one character, never a non-ASCII one to ASCII, so that the
/// comparison by bytes and the one by characters agree.
fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(folded), None) if !folded.is_ascii() => folded,
        _ => character,
    }
}

/// Literal text, case removed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Literal {
    folded: Box<str>,
    /// ASCII text is compared by bytes: what it matches in UTF-8 begins and ends at characters.
    is_ascii: bool,
}

impl Literal {
    fn new(text: &str) -> Self {
        Self { folded: text.chars().map(fold).collect(), is_ascii: text.is_ascii() }
    }

    fn equals(&self, text: &str) -> bool {
        if self.is_ascii {
            return text.eq_ignore_ascii_case(&self.folded);
        }
        self.strip_from_start(text).is_some_and(str::is_empty)
    }

    /// What follows this literal at the start of `text`.
    fn strip_from_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.is_ascii {
            let (head, rest) = text.split_at_checked(self.folded.len())?;
            return head.eq_ignore_ascii_case(&self.folded).then_some(rest);
        }
        let mut rest = text.chars();
        self.folded.chars().all(|wanted| rest.next().map(fold) == Some(wanted)).then_some(rest.as_str())
    }

    /// What precedes this literal at the end of `text`.
    fn strip_from_end<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.is_ascii {
            let (rest, tail) = text.split_at_checked(text.len().checked_sub(self.folded.len())?)?;
            return tail.eq_ignore_ascii_case(&self.folded).then_some(rest);
        }
        let mut rest = text.chars();
        self.folded.chars().rev().all(|wanted| rest.next_back().map(fold) == Some(wanted)).then_some(rest.as_str())
    }

    /// What follows the first occurrence of this literal in `text`.
    fn strip_through<'t>(&self, text: &'t str) -> Option<&'t str> {
        if self.is_ascii {
            let at = find_ascii(text.as_bytes(), self.folded.as_bytes())?;
            return text.get(at + self.folded.len()..);
        }
        text.char_indices().find_map(|(at, _)| self.strip_from_start(text.get(at..)?))
    }
}

/// Where the lower-case ASCII `needle` first stands in `text`, in any case.
fn find_ascii(text: &[u8], needle: &[u8]) -> Option<usize> {
    let Some((&first, tail)) = needle.split_first() else { return Some(0) };
    let starts = text.get(..=text.len().checked_sub(needle.len())?)?;
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), starts)
        .find(|at| text.get(at + 1..at + needle.len()).is_some_and(|found| found.eq_ignore_ascii_case(tail)))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    shape: Shape,
    could_match_hex: bool,
}

/// What must stand where.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// No star: this is the whole text.
    Whole(Literal),
    /// `*literal*`, which is also what a bare word is: the common one, so it has its own way.
    Within(Literal),
    /// Anything else: first, in order, last.
    Between(Literal, Box<[Literal]>, Literal),
}

impl Shape {
    fn new(literals: &[impl AsRef<str>]) -> Self {
        let literals: Vec<&str> = literals.iter().map(AsRef::as_ref).collect();
        match literals[..] {
            [] => Self::Whole(Literal::new("")),
            [only] => Self::Whole(Literal::new(only)),
            ["", within, ""] => Self::Within(Literal::new(within)),
            [first, ref middle @ .., last] => {
                let middle = middle.iter().filter(|text| !text.is_empty());
                Self::Between(Literal::new(first), middle.map(|text| Literal::new(text)).collect(), Literal::new(last))
            }
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Whole(literal) => literal.equals(text),
            Self::Within(literal) => literal.strip_through(text).is_some(),
            Self::Between(first, middle, last) => first
                .strip_from_start(text)
                .and_then(|rest| last.strip_from_end(rest))
                .and_then(|rest| middle.iter().try_fold(rest, |rest, literal| literal.strip_through(rest)))
                .is_some(),
        }
    }
}

impl Glob {
    /// A pattern of the `literals` between stars; a single literal is the whole text.
    pub(super) fn new(literals: &[impl AsRef<str>]) -> Self {
        let could_match_hex = literals.iter().all(|text| text.as_ref().chars().all(is_hex_or_hyphen));
        Self { shape: Shape::new(literals), could_match_hex }
    }

    /// A pattern that may stand anywhere in a text.
    pub(super) fn anywhere(literals: &[impl AsRef<str>]) -> Self {
        let open: Vec<&str> = [""].into_iter().chain(literals.iter().map(AsRef::as_ref)).chain([""]).collect();
        Self::new(&open)
    }

    /// Whether the whole of `text` fits the pattern.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.shape.matches(text)
    }

    /// Whether a text of hex digits and hyphens could fit: spares writing out an id that cannot.
    pub(super) const fn could_match_hex(&self) -> bool {
        self.could_match_hex
    }
}

const fn is_hex_or_hyphen(character: char) -> bool {
    character.is_ascii_hexdigit() || character == '-'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn glob(pattern: &str) -> Glob {
        Glob::new(&pattern.split('*').collect::<Vec<_>>())
    }

    #[test]
    fn stars_and_case() {
        for (pattern, text, fits) in [
            ("gpt-5*", "gpt-5-mini", true),
            ("gpt-5*", "GPT-5", true),
            ("gpt-5*", "openai/gpt-5", false),
            ("*gpt-5", "openai/gpt-5", true),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a**b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("ГПТ*", "гпт-5", true),
            ("*é", "CAFÉ", true),
            ("*fé*", "un café noir", true),
            ("k", "\u{212a}", false),
        ] {
            assert_eq!(glob(pattern).matches(text), fits, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_pattern_that_may_stand_anywhere() {
        assert!(Glob::anywhere(&["Limit"]).matches("Rate limit reached"));
        assert!(Glob::anywhere(&["rate", "reached"]).matches("Rate limit reached!"));
        assert!(!Glob::anywhere(&["reached", "rate"]).matches("Rate limit reached"));
    }

    /// The definition, by backtracking over characters.
    fn fits(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some(('*', pattern)), rest) => {
                fits(pattern, text) || rest.is_some_and(|(_, rest)| fits(&[&['*'], pattern].concat(), rest))
            }
            (Some((wanted, pattern)), Some((found, rest))) => fold(*wanted) == fold(*found) && fits(pattern, rest),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[abKé*]{0,6}", text in "[aBkéÉ\u{212a}]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob(&pattern).matches(&text), fits(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn hex_is_never_ruled_out_wrongly(pattern in "[0-9a-fG*-]{0,5}", text in "[0-9a-f-]{0,8}") {
            let glob = glob(&pattern);
            prop_assert!(glob.could_match_hex() || !glob.matches(&text));
        }
    }
}
