//! What holds of price documents whatever a server writes, and of catalogs in the bundled format.
//!
//! Includers bring `planoai::pricing` and `planoai::call` into scope as `pricing` and `call`: the unit tests and the
//! fuzz target share this.

use std::sync::Arc;

use super::call::{CallFacts, LlmCall, Names, Usage};
use super::pricing::{Aliases, Catalog, Feed, PriceQuery, PriceRow, Pricer, PricingFacts, RefreshInfo, shown_cost};

/// In seconds since the epoch.
const NOW: i64 = 1_795_435_200;
/// The dearest rate that is believed, USD per 1e6 tokens.
const DEAREST: f64 = 100_000.0;
/// Rows of one document.
const MOST_ROWS: usize = 50_000;
/// Rows that are sold.
const SOLD: usize = 20;

/// Asserts that a document is refused or gives rows that can be money, are found under their names and price a call,
/// even one with absurd counts; and that reading it as a catalog never panics. The number of rows it gives as a feed.
pub(super) fn check_invariants(text: &str) -> usize {
    if let Ok(catalog) = Catalog::parse(text) {
        // Sums of a catalog of our own are not judged, but must be made.
        sell(&Pricer::new(Arc::new(catalog), Aliases::default()), "openai", "gpt-5");
    }
    [Feed::DigitalOcean, Feed::ModelsDev].into_iter().map(|feed| reads(feed, text)).sum()
}

fn reads(feed: Feed, text: &str) -> usize {
    let bundled = Catalog::bundled();
    let Ok(rows) = feed.read(text, &bundled, NOW) else { return 0 };
    assert!(!rows.is_empty() && rows.len() <= MOST_ROWS);
    rows.iter().for_each(is_believed);
    let refreshed = RefreshInfo { feed: feed.name().to_owned(), fetched_unix_secs: NOW, rows: rows.len() };
    let catalog = Arc::new(bundled.with_rows(rows.iter().cloned(), refreshed));
    let pricer = Pricer::new(Arc::clone(&catalog), Aliases::default());
    for row in rows.iter().take(SOLD) {
        let found = catalog.row(&row.provider, &row.id).unwrap_or_else(|| panic!("{row:?} is not found"));
        assert_eq!(found.prices, row.prices);
        for usd in sell(&pricer, &row.provider, &row.id) {
            assert!(usd.is_finite() && usd >= 0.0, "{usd} for {row:?}");
        }
    }
    rows.len()
}

fn is_believed(row: &PriceRow) {
    for name in [&*row.provider, &*row.id] {
        assert!(!name.is_empty() && name.len() <= 512 && !name.chars().any(char::is_control), "{name:?}");
    }
    let prices = &row.prices;
    let tiers = prices.tiers.iter().map(|tier| tier.rates);
    let service_tiers = prices.service_tiers.iter().map(|tier| tier.rates);
    for rates in tiers.chain(service_tiers).chain([prices.base]) {
        assert!(rates.are_sane() && rates.highest() <= DEAREST, "{row:?}");
    }
}

/// What calls of this model cost.
fn sell(pricer: &Pricer, provider: &str, model: &str) -> Vec<f64> {
    let found = pricer.find(PriceQuery { model, provider: Some(provider), ..PriceQuery::default() });
    let counts = [Some(0), Some(1), Some(1_000_000), Some(u64::MAX), None];
    let costs = counts.into_iter().flat_map(|count| {
        let usage = Usage { input: count, output: count, cache_read: count, cache_write: count, ..Usage::default() };
        let draft =
            CallFacts { model: Some(model.into()), provider: Some(provider.into()), usage, ..CallFacts::default() };
        let call = LlmCall::from_facts(&draft, &mut Names::default(), NOW);
        let explained = pricer.explain(&call).cost.usd;
        [shown_cost(found.as_ref(), &PricingFacts::of(&call)).map(|cost| cost.usd), explained]
    });
    costs.flatten().collect()
}
