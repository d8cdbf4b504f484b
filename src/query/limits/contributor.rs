//! Who contributes most to a figure.

use std::cmp::Reverse;
use std::fmt;

use hashbrown::HashMap;

use crate::call::{LlmCall, Name};
use crate::text::clean;
use crate::text::format::percent;

/// What calls are told apart by.
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

    /// How it is written.
    pub const fn name(self) -> &'static str {
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

/// A model, route or session and its part in a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct TopContributor {
    /// Which of the three it is.
    pub dimension: Dimension,
    /// Its name, as it came.
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

/// What a name has on it.
#[derive(Clone, Copy, Default)]
struct Load {
    weight: u128,
    calls: u64,
}

impl Load {
    fn add(&mut self, weight: u128) {
        self.weight = self.weight.saturating_add(weight);
        self.calls += 1;
    }
}

/// The name with most of `weight` in each dimension, the largest part first. A name that all calls bear tells nothing and
/// is left out, unless there is no other.
pub(super) fn culprits<'a>(
    calls: impl Iterator<Item = &'a LlmCall>,
    weight: impl Fn(&LlmCall) -> u128,
) -> Vec<TopContributor> {
    let mut all = Load::default();
    let mut loads = Dimension::ALL.map(|dimension| (dimension, HashMap::<&str, Load>::new()));
    for call in calls {
        let weight = weight(call);
        all.add(weight);
        for (dimension, loads) in &mut loads {
            if let Some(name) = dimension.of(call) {
                loads.entry(name).or_default().add(weight);
            }
        }
    }
    let mut heaviest: Vec<_> = loads.into_iter().filter_map(|(dimension, loads)| heaviest(dimension, loads)).collect();
    if heaviest.iter().any(|(_, _, load)| load.calls < all.calls) {
        heaviest.retain(|(_, _, load)| load.calls < all.calls);
    }
    heaviest.sort_by_key(|(dimension, _, load)| (Reverse(load.weight), load.calls, *dimension));
    let part = |load: Load| load.weight as f64 / all.weight.max(1) as f64;
    let culprit = |(dimension, name, load): (Dimension, &str, Load)| TopContributor {
        dimension,
        name: name.to_owned(),
        share: part(load),
    };
    heaviest.into_iter().map(culprit).collect()
}

/// The name with the most weight; of equals the one with fewer calls, then the first in order.
fn heaviest(dimension: Dimension, loads: HashMap<&str, Load>) -> Option<(Dimension, &str, Load)> {
    let loads = loads.into_iter().filter(|(_, load)| load.weight > 0);
    let (name, load) = loads.min_by_key(|(name, load)| (Reverse(load.weight), load.calls, *name))?;
    Some((dimension, name, load))
}
