//! The price of a call that arrives: price rows are found once a label set.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::call::{Cost, Labels, LlmCall};
use crate::pricing::{PriceMatch, PriceQuery, Pricer, PricingFacts, shown_cost};

/// Price rows by label set, so that a call costs arithmetic only.
#[derive(Debug)]
pub(super) struct Prices {
    pricer: Arc<Pricer>,
    version: u64,
    by_labels: HashMap<usize, (Arc<Labels>, Option<PriceMatch>), foldhash::fast::RandomState>,
}

/// Distinct label sets whose price row is remembered.
const PRICED_LABELS: usize = 4096;

impl Prices {
    /// Prices by what is in use there.
    pub(super) fn new(pricer: Arc<Pricer>) -> Self {
        Self { pricer, version: 0, by_labels: HashMap::default() }
    }

    /// What is shown as the call's cost.
    pub(super) fn cost(&mut self, call: &LlmCall) -> Option<Cost> {
        let version = self.pricer.version();
        if self.version != version || self.by_labels.len() >= PRICED_LABELS {
            self.by_labels.clear();
            self.version = version;
        }
        let labels = call.labels();
        // The entry holds the labels, so that their address stays theirs.
        let (_, found) = self
            .by_labels
            .entry(Arc::as_ptr(labels).addr())
            .or_insert_with(|| (Arc::clone(labels), PriceQuery::of(labels).and_then(|sold| self.pricer.find(sold))));
        shown_cost(found.as_ref(), &PricingFacts::of(call))
    }
}
