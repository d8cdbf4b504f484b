//! Names and columns of all kept calls, independent of the filter.

use hashbrown::HashMap;

use crate::call::{LlmCall, Name};
use crate::query::column::Column;

/// Distinct names with the number of calls that have them.
#[derive(Clone, Debug, Default)]
struct Census(HashMap<Name, u64, foldhash::fast::RandomState>);

impl Census {
    fn add(&mut self, name: &str) {
        *self.0.entry_ref(name).or_insert(0) += 1;
    }

    fn remove(&mut self, name: &str) {
        if let Some(count) = self.0.get_mut(name) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(name);
            }
        }
    }

    /// Most frequent first, then by name.
    fn ranked(&self) -> Vec<(Name, u64)> {
        let mut names: Vec<_> = self.0.iter().map(|(name, count)| (name.clone(), *count)).collect();
        names.sort_unstable_by(|(name, count), (other, theirs)| theirs.cmp(count).then_with(|| name.cmp(other)));
        names
    }
}

/// Distinct names of the kept calls with their counts, most frequent first, for pickers. Independent of the filter, so
/// that another name can be picked while one is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownNames {
    /// Models, as shown in the table.
    pub models: Vec<(Name, u64)>,
    /// Routes with their number of calls.
    pub routes: Vec<(Name, u64)>,
    /// Providers, as shown in the table.
    pub providers: Vec<(Name, u64)>,
}

/// Counts over all kept calls.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptCounts {
    columns: [u64; Column::COUNT],
    models: Census,
    routes: Census,
    providers: Census,
}

impl KeptCounts {
    pub(super) fn add(&mut self, call: &LlmCall) {
        if call.is_merged_away() {
            return;
        }
        self.count_columns(call, |count| count.saturating_add(1));
        each_name(call, |kind, name| self.census(kind).add(name));
    }

    pub(super) fn remove(&mut self, call: &LlmCall) {
        if call.is_merged_away() {
            return;
        }
        self.count_columns(call, |count| count.saturating_sub(1));
        each_name(call, |kind, name| self.census(kind).remove(name));
    }

    fn count_columns(&mut self, call: &LlmCall, change: impl Fn(u64) -> u64) {
        for (column, count) in Column::BUILT_IN.iter().zip(&mut self.columns) {
            if column.has_data(call) {
                *count = change(*count);
            }
        }
    }

    fn census(&mut self, kind: NameKind) -> &mut Census {
        match kind {
            NameKind::Model => &mut self.models,
            NameKind::Route => &mut self.routes,
            NameKind::Provider => &mut self.providers,
        }
    }

    /// The built-in columns in which some call has data.
    pub(super) fn columns(&self) -> Vec<Column> {
        let filled = Column::BUILT_IN.into_iter().zip(self.columns).filter(|(_, count)| *count > 0);
        filled.map(|(column, _)| column).collect()
    }

    pub(super) fn names(&self) -> KnownNames {
        KnownNames { models: self.models.ranked(), routes: self.routes.ranked(), providers: self.providers.ranked() }
    }
}

#[derive(Clone, Copy)]
enum NameKind {
    Model,
    Route,
    Provider,
}

fn each_name(call: &LlmCall, mut visit: impl FnMut(NameKind, &str)) {
    let model = call.shown_model();
    if !model.is_empty() {
        visit(NameKind::Model, model);
    }
    if let Some(route) = call.route_name() {
        visit(NameKind::Route, route);
    }
    visit(NameKind::Provider, call.provider());
}
