//! Completion of the filter line.

use std::ops::Range;

use super::field::{FIELDS, FieldKind, FilterField};
use super::known::Known;
use super::parse::literal;

/// A word that can stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The bytes of the line that it replaces.
    pub replace: Range<usize>,
    /// The text that replaces the word at the cursor.
    pub text: String,
    /// Shown beside it: help of a field, or its kind.
    pub hint: &'static str,
}

/// The most completions offered at once.
const MOST_CANDIDATES: usize = 50;
/// Fields whose values are offered for a bare word.
const BARE_WORD_FIELDS: [&str; 4] = ["model", "route", "provider", "session"];

/// Completions for the word before `cursor` (bytes): fields and values for a bare word, values after a field's colon.
/// Those that start with what is typed come first.
pub(crate) fn complete(line: &str, cursor: usize, known: &Known) -> Vec<Candidate> {
    let cursor = line.floor_char_boundary(cursor);
    let Some(before) = line.get(..cursor) else { return Vec::new() };
    let word = Word::ending(before);
    let mut candidates = match word.field {
        Some(field) => word.values(field, known),
        None => word.fields().into_iter().chain(word.values_of_any_field(known)).collect(),
    };
    candidates.truncate(MOST_CANDIDATES);
    candidates
}

/// The word before the cursor.
struct Word<'t> {
    /// The field whose values are being written.
    field: Option<&'static FilterField>,
    /// The typed part of the field name or value, without an opening quote.
    typed: &'t str,
    /// Its place in the line, the opening quote included.
    replace: Range<usize>,
}

impl<'t> Word<'t> {
    fn ending(before: &'t str) -> Self {
        let start = last_unquoted(before, char::is_whitespace).unwrap_or(0);
        let start = start + before.get(start..).map_or(0, |word| word.len() - word.trim_start_matches('!').len());
        let term = before.get(start..).unwrap_or_default();
        let split = term.split_once(':').and_then(|(name, values)| Some((FilterField::find(name)?, values)));
        let (field, values) = split.map_or((None, term), |(field, values)| (Some(field), values));
        let value =
            last_unquoted(values, |character| character == ',').and_then(|at| values.get(at..)).unwrap_or(values);
        Self {
            field,
            typed: value.strip_prefix('"').unwrap_or(value),
            replace: before.len() - value.len()..before.len(),
        }
    }

    fn values(&self, field: &'static FilterField, known: &Known) -> Vec<Candidate> {
        let values = self.ranked(known.values(field)).into_iter().map(|value| {
            // A quoted keyword would be taken for a name.
            let text = if field.words.contains(&value) { value.to_owned() } else { literal(value) };
            self.candidate(text, field.name)
        });
        let example = field.example.split_once(':').map(|(_, value)| value).filter(|_| self.takes_example(field));
        values.chain(example.map(|value| self.candidate(value.to_owned(), field.help))).collect()
    }

    /// Values that cannot be listed get an example instead.
    const fn takes_example(&self, field: &FilterField) -> bool {
        matches!(field.kind, FieldKind::Figure(..) | FieldKind::Id(_) | FieldKind::Prose(_)) && self.typed.is_empty()
    }

    fn fields(&self) -> Vec<Candidate> {
        let typed = self.typed;
        let mut fitting: Vec<&FilterField> = FIELDS
            .iter()
            .filter(|field| field.spellings().any(|spelling| starts_with_ignore_case(spelling, typed)))
            .collect();
        fitting.sort_by_key(|field| !starts_with_ignore_case(field.name, typed));
        fitting.into_iter().map(|field| self.candidate(format!("{}:", field.name), field.help)).collect()
    }

    fn values_of_any_field(&self, known: &Known) -> Vec<Candidate> {
        if self.typed.is_empty() {
            return Vec::new();
        }
        let fields = BARE_WORD_FIELDS.into_iter().filter_map(FilterField::find);
        fields
            .flat_map(|field| self.ranked(known.values(field)).into_iter().map(move |value| (field, value)))
            .map(|(field, value)| self.candidate(format!("{}:{}", field.name, literal(value)), field.help))
            .collect()
    }

    /// The values that contain what is typed: those that start with it first, each group in its order.
    fn ranked<'v>(&self, values: impl Iterator<Item = &'v str>) -> Vec<&'v str> {
        let typed = self.typed.to_lowercase();
        let mut fitting: Vec<&str> = values.filter(|value| value.to_lowercase().contains(&typed)).collect();
        fitting.sort_by_key(|value| !starts_with_ignore_case(value, self.typed));
        fitting
    }

    fn candidate(&self, text: String, hint: &'static str) -> Candidate {
        Candidate { replace: self.replace.clone(), text, hint }
    }
}

fn starts_with_ignore_case(text: &str, start: &str) -> bool {
    text.to_lowercase().starts_with(&start.to_lowercase())
}

/// The end of the last character outside quotes that is `wanted`.
fn last_unquoted(text: &str, wanted: impl Fn(char) -> bool) -> Option<usize> {
    let mut found = None;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            other if !is_quoted && wanted(other) => found = Some(at + other.len_utf8()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, LlmCall, Names};
    use crate::query::filter::Filter;
    use crate::text::secrets::Secrets;
    use proptest::prelude::*;

    fn known() -> Known {
        let mut names = Names::default();
        let calls = [("claude-5", "code"), ("gpt-5", "long text"), ("o-gpt", "none"), ("GPT-4", "chat")].map(
            |(model, route)| {
                let draft =
                    CallFacts { model: Some(model.into()), route_name: Some(route.into()), ..CallFacts::default() };
                LlmCall::from_facts(&draft, &mut names, 0)
            },
        );
        Known::of(calls.iter(), Secrets::Masked)
    }

    /// The lines that the proposals at `|` lead to.
    fn lines(shown: &str) -> Vec<String> {
        let (before, after) = shown.split_once('|').unwrap();
        let line = format!("{before}{after}");
        complete(&line, before.len(), &known())
            .into_iter()
            .map(|candidate| {
                let mut line = line.clone();
                line.replace_range(candidate.replace, &candidate.text);
                line
            })
            .collect()
    }

    #[test]
    fn proposals_by_example() {
        let cases: &[(&str, &[&str])] = &[
            ("mod|", &["model:"]),
            ("MOD|", &["model:"]),
            ("x !prov|", &["x !provider:"]),
            ("tps|", &["tok/s:"]),
            ("ro|", &["route:", "strategy:", "reason:"]),
            ("model:g|", &["model:gpt-5", "model:GPT-4", "model:o-gpt"]),
            ("model:gpt-5,cl| x", &["model:gpt-5,claude-5 x"]),
            ("!model:cl|", &["!model:claude-5"]),
            ("route:|", &["route:code", "route:\"long text\"", "route:\"none\"", "route:chat"]),
            ("route:lo|", &["route:\"long text\""]),
            ("route:\"long t|", &["route:\"long text\""]),
            ("route:\"long text\",c|", &["route:\"long text\",code", "route:\"long text\",chat"]),
            ("claude|", &["model:claude-5"]),
            ("stream:|", &["stream:yes", "stream:no", "stream:unknown"]),
            ("cost:|", &["cost:unknown", "cost:>$0.01"]),
            ("cost:>|", &[]),
            ("nothing-like-it|", &[]),
            ("foo:|", &[]),
        ];
        for (shown, expected) in cases {
            assert_eq!(lines(shown), *expected, "{shown}");
        }
    }

    #[test]
    fn an_empty_line_proposes_every_field() {
        assert_eq!(lines("|").len(), FIELDS.len());
        assert_eq!(lines("model:x |").len(), FIELDS.len());
    }

    proptest! {
        #[test]
        fn any_line_is_completed_in_place(line in "[a-z:,\"!\\\\é* ]{0,12}", cursor in 0_usize..20) {
            for candidate in complete(&line, cursor, &known()) {
                prop_assert!(line.get(candidate.replace.clone()).is_some());
                prop_assert!(candidate.replace.end <= cursor);
            }
        }

        #[test]
        fn accepted_values_find_their_calls(model in "[ -~é]{1,8}") {
            let draft = CallFacts { model: Some(model.as_str().into()), ..CallFacts::default() };
            let call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
            let candidates = complete("model:", 6, &Known::of([&call].into_iter(), Secrets::Masked));
            let filter = Filter::parse(&format!("model:{}", candidates[0].text)).unwrap();
            prop_assert!(filter.matches(&call, 0));
        }
    }
}
