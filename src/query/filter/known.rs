//! Values that occur in calls, for completion.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::field::{FIELDS, FieldKind, FilterField};
use crate::call::{Labels, LlmCall, Name};
use crate::text::secrets::Secrets;

/// The most calls that are read, so that completion opens without delay.
const MOST_CALLS: usize = 20_000;
/// The most values per field.
const MOST_VALUES: usize = 500;

/// Names that occur in calls, by field, in order of first occurrence.
#[derive(Clone, Debug, Default)]
pub struct Known {
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Known {
    /// The names in `calls`, which come newest first: only a limited number is read. Names that look like credentials are
    /// left out unless they may be shown, since a completion is written into the line.
    pub fn of<'a>(calls: impl Iterator<Item = &'a LlmCall>, secrets: Secrets) -> Self {
        let mut known = Self::default();
        let mut seen = HashSet::new();
        let is_visible = |call: &&LlmCall| !call.is_merged_away();
        for call in calls.filter(is_visible).take(MOST_CALLS).filter(|call| seen.insert(identity(call))) {
            known.add(call, secrets);
        }
        known
    }

    /// The values of `field`, then its keywords.
    pub(super) fn values(&self, field: &FilterField) -> impl Iterator<Item = &str> {
        let met = self.values.get(field.name).into_iter().flatten().map(String::as_str);
        met.chain(field.words.iter().copied())
    }

    fn add(&mut self, call: &LlmCall, secrets: Secrets) {
        for field in FIELDS {
            let FieldKind::Name(read) = field.kind else { continue };
            let Some(value) = read(call) else { continue };
            let values = self.values.entry(field.name).or_default();
            let is_new = values.len() < MOST_VALUES && !values.iter().any(|known| known == value);
            if is_new && matches!(secrets.in_text(value), Cow::Borrowed(_)) {
                values.push(value.to_owned());
            }
        }
    }
}

/// Calls with equal identities have the same names.
type Identity<'a> = (*const Labels, Option<&'a Name>, Option<&'a Name>, Option<&'static str>);

fn identity(call: &LlmCall) -> Identity<'_> {
    (Arc::as_ptr(call.labels()), call.session_id(), call.user_id(), call.cost().map(|cost| cost.basis.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Names};

    #[test]
    fn values_are_collected_once_in_the_order_met() {
        let mut names = Names::default();
        let mut call = |model: &'static str, session: &'static str| {
            let draft =
                CallFacts { model: Some(model.into()), session_id: Some(session.into()), ..CallFacts::default() };
            LlmCall::from_facts(&draft, &mut names, 0)
        };
        let mut merged = call("hidden", "s");
        merged.mark_merged();
        let calls = [call("b", "s1"), call("a", "s1"), merged, call("b", "s2"), call("b", "s1")];
        let known = Known::of(calls.iter(), Secrets::Masked);
        let values = |name: &str| known.values(FilterField::find(name).unwrap()).collect::<Vec<_>>();
        assert_eq!(values("model"), ["b", "a"]);
        assert_eq!(values("session"), ["s1", "s2"]);
        assert_eq!(values("convention"), ["plano"]);
        assert_eq!(values("stream"), ["yes", "no", "unknown"]);
        assert!(values("route").is_empty());
    }

    #[test]
    fn credentials_are_proposed_only_where_they_are_shown() {
        let model = Some("key sk-proj-T3BlbkFJabcdefghijklmnop".into());
        let call = LlmCall::from_facts(&CallFacts { model, ..CallFacts::default() }, &mut Names::default(), 0);
        let proposed = |secrets| {
            Known::of([&call].into_iter(), secrets)
                .values(FilterField::find("model").unwrap())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert!(proposed(Secrets::Masked).is_empty());
        assert_eq!(proposed(Secrets::Shown), ["key sk-proj-T3BlbkFJabcdefghijklmnop"]);
    }
}
