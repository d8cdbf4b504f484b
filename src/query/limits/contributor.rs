//! The model, route and session that contribute most to a figure.

use std::cmp::Reverse;
use std::fmt;

use hashbrown::HashMap;

use crate::call::{LlmCall, Name};
use crate::text::clean;
use crate::text::format::percent;

/// What calls are grouped by to find the largest contribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// Model as shown.
    Model,
    /// Route.
    Route,
    /// Session.
    Session,
}

impl Dimension {
    const ALL: [Self; 3] = [Self::Model, Self::Route, Self::Session];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Route => "route",
            Self::Session => "session",
        }
    }

    fn of(self, call: &LlmCall) -> Option<&str> {
        match self {
            Self::Model => Some(call.shown_model()).filter(|model| !model.is_empty()),
            Self::Route => call.route_name().map(Name::as_str),
            Self::Session => call.session_id().map(Name::as_str),
        }
    }
}

/// A model, route or session and its part of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct TopContributor {
    /// Whether `name` is a model, a route or a session.
    pub dimension: Dimension,
    /// Its name as emitted; escaped when displayed.
    pub name: String,
    /// Its part of the whole, 0 to 1.
    pub share: f64,
}

/// The most characters of a name in a line.
const LONGEST_NAME: usize = 60;

impl fmt::Display for TopContributor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = clean(&self.name);
        let name: String = shown.chars().take(LONGEST_NAME).collect();
        let ellipsis = if name.len() < shown.len() { "…" } else { "" };
        write!(out, "{} {name}{ellipsis} ({})", self.dimension.name(), percent(self.share))
    }
}

/// The contribution of a name.
#[derive(Clone, Copy, Default)]
struct Contribution {
    weight: u128,
    calls: u64,
}

impl Contribution {
    fn add(&mut self, weight: u128) {
        self.weight = self.weight.saturating_add(weight);
        self.calls += 1;
    }
}

/// The name with most of `weight` in each dimension, the largest part first. A name that all calls share is left out,
/// unless there is no other.
pub(super) fn top_contributors<'a>(
    calls: impl Iterator<Item = &'a LlmCall>,
    weight: impl Fn(&LlmCall) -> u128,
) -> Vec<TopContributor> {
    let mut all = Contribution::default();
    let mut groups = Dimension::ALL.map(|dimension| (dimension, HashMap::<&str, Contribution>::new()));
    for call in calls {
        let weight = weight(call);
        all.add(weight);
        for (dimension, groups) in &mut groups {
            if let Some(name) = dimension.of(call) {
                groups.entry(name).or_default().add(weight);
            }
        }
    }
    let mut largest: Vec<_> = groups.into_iter().filter_map(|(dimension, groups)| largest(dimension, groups)).collect();
    if largest.iter().any(|(_, _, group)| group.calls < all.calls) {
        largest.retain(|(_, _, group)| group.calls < all.calls);
    }
    largest.sort_by_key(|(dimension, _, contribution)| (Reverse(contribution.weight), contribution.calls, *dimension));
    let part = |contribution: Contribution| contribution.weight as f64 / all.weight.max(1) as f64;
    let contributor = |(dimension, name, contribution): (Dimension, &str, Contribution)| TopContributor {
        dimension,
        name: name.to_owned(),
        share: part(contribution),
    };
    largest.into_iter().map(contributor).collect()
}

/// The name with the most weight; of equals the one with fewer calls, then the first in order.
fn largest(dimension: Dimension, groups: HashMap<&str, Contribution>) -> Option<(Dimension, &str, Contribution)> {
    let groups = groups.into_iter().filter(|(_, group)| group.weight > 0);
    let (name, contribution) =
        groups.min_by_key(|(name, contribution)| (Reverse(contribution.weight), contribution.calls, *name))?;
    Some((dimension, name, contribution))
}
