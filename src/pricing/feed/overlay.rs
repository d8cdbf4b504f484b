//! Overlays a feed's listings on the bundled rows, which keep the values that the feed does not list (PRICING.md,
//! section 4).

use std::collections::HashSet;
use std::sync::Arc;

use super::Listing;
use super::models_dev::LEGACY_TIER_ABOVE;
use crate::pricing::catalog::Catalog;
use crate::pricing::row::{ContextTier, PriceOrigin, PriceRow, Prices, Rates, ServiceTier, sorted_tiers};

/// Largest number of rows from one document, far above any real feed.
const MOST_ROWS: usize = 50_000;

/// The rows with a complete price after the overlay; the first of each name.
pub(super) fn overlay(listings: Vec<Listing>, bundled: &Catalog, now_unix_secs: i64) -> Vec<PriceRow> {
    let mut seen = HashSet::new();
    let mut rows = Vec::new();
    for listing in listings.into_iter().filter(Listing::has_price).take(MOST_ROWS) {
        let row = listing.over(bundled, now_unix_secs);
        let is_complete = row.prices.base.input.is_some() && row.prices.base.output.is_some();
        if is_complete && row.is_known() && seen.insert((Arc::clone(&row.provider), row.id.clone())) {
            rows.push(row);
        }
    }
    rows
}

/// 0 / 0 means that the feed has no price.
fn have_price(rates: &Rates) -> bool {
    match (rates.input, rates.output) {
        (None, None) => rates.highest() > 0.0,
        (input, output) => [input, output].into_iter().flatten().any(|rate| rate > 0.0),
    }
}

impl Listing {
    /// Whether there is a price to overlay. Only `:free` ids may be listed at 0.
    fn has_price(&self) -> bool {
        let base = &self.prices.base;
        have_price(base) || PriceRow::is_free_id(&self.id) && *base != Rates::default()
    }

    fn over(self, bundled: &Catalog, now_unix_secs: i64) -> PriceRow {
        let known = bundled.provider(&self.provider).and_then(|provider| {
            let rows = provider.rows();
            let exact = rows.iter().find(|row| *row.id == *self.id);
            exact.or_else(|| rows.iter().find(|row| row.id.eq_ignore_ascii_case(&self.id)))
        });
        match known {
            Some(row) => PriceRow {
                context: self.context.or(row.context),
                origin: PriceOrigin::Refreshed,
                source: None,
                prices: self.prices.over(&row.prices, now_unix_secs),
                ..PriceRow::clone(row)
            },
            None => PriceRow {
                provider: self.provider.into(),
                id: self.id.into(),
                aliases: Box::default(),
                context: self.context,
                is_deprecated: false,
                origin: PriceOrigin::Refreshed,
                source: None,
                prices: self.prices.over(&Prices::default(), now_unix_secs),
            },
        }
    }
}

impl Prices {
    /// These prices where listed, else those of `known`. A listed price that differs already includes past scheduled
    /// changes.
    fn over(self, known: &Self, now_unix_secs: i64) -> Self {
        let base = rates_over(known.base, &self.base);
        let is_news = base != known.base;
        let still_ahead = known.scheduled.iter().filter(|change| !is_news || change.from_unix_secs > now_unix_secs);
        Self {
            base,
            scheduled: still_ahead.cloned().collect(),
            windows: known.windows.clone(),
            tiers: tiers_over(&known.tiers, &self.tiers),
            service_tiers: service_tiers_over(&known.service_tiers, self.service_tiers),
            search: known.search,
            past: known.past.clone(),
        }
    }
}

fn rates_over(mut known: Rates, listed: &Rates) -> Rates {
    known.overlay(listed);
    known
}

/// The listed tiers if any, each completed from the known tier of the same threshold.
fn tiers_over(known: &[ContextTier], listed: &[ContextTier]) -> Box<[ContextTier]> {
    let listed: Vec<&ContextTier> = listed.iter().filter(|tier| have_price(&tier.rates)).collect();
    if let [legacy] = *listed
        && let Some(meant) = meant_by_legacy(known, legacy)
    {
        let rates = rates_over(meant.rates, &legacy.rates);
        let has_the_same_prices = (rates.input, rates.output) == (meant.rates.input, meant.rates.output);
        return if has_the_same_prices { known.into() } else { [ContextTier { above: legacy.above, rates }].into() };
    }
    if listed.is_empty() {
        return known.into();
    }
    let known_at = |above| known.iter().find(|tier| tier.above == above).map_or_else(Rates::default, |tier| tier.rates);
    let over =
        |tier: &ContextTier| ContextTier { above: tier.above, rates: rates_over(known_at(tier.above), &tier.rates) };
    sorted_tiers(listed.into_iter().map(over).collect())
}

/// The known tier that a legacy field refers to: any threshold from 200,000 up.
fn meant_by_legacy<'a>(known: &'a [ContextTier], listed: &ContextTier) -> Option<&'a ContextTier> {
    match known {
        [known] if listed.above == LEGACY_TIER_ABOVE && known.above >= LEGACY_TIER_ABOVE => Some(known),
        _ => None,
    }
}

/// The listed service tiers overlaid on the known ones by name, plus the other known ones.
fn service_tiers_over(known: &[ServiceTier], listed: Box<[ServiceTier]>) -> Box<[ServiceTier]> {
    let listed: Vec<ServiceTier> = listed.into_iter().filter(|tier| have_price(&tier.rates)).collect();
    let others = known.iter().filter(|known| listed.iter().all(|tier| tier.name != known.name)).cloned();
    let others: Vec<ServiceTier> = others.collect();
    let over = |tier: ServiceTier| match known.iter().find(|known| known.name == tier.name) {
        Some(known) => ServiceTier { rates: rates_over(known.rates, &tier.rates), ..known.clone() },
        None => tier,
    };
    listed.into_iter().map(over).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{read, row};
    use crate::pricing::row::{ContextTier, Rates};
    use crate::pricing::{Catalog, Feed, PriceRow};

    fn openai(model: &str, cost: &str) -> Vec<PriceRow> {
        let text = format!(
            r#"{{"openai":{{"models":{{"{model}":{{"cost":{cost}}},"o":{{"cost":{{"input":1,"output":1}}}}}}}}}}"#
        );
        read(Feed::ModelsDev, &text).unwrap()
    }

    #[test]
    fn a_listing_of_nothing_leaves_the_known_row_alone() {
        let sonar = |cost: &str| {
            let text = format!(
                r#"{{"perplexity":{{"models":{{"sonar":{{"cost":{cost}}},"new":{{"cost":{{"input":1,"output":1}}}}}}}}}}"#
            );
            let rows = read(Feed::ModelsDev, &text).unwrap();
            rows.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
        };
        for unknown in [r#"{"input":0,"output":0}"#, r#"{"input":0}"#, r#"{"output":0,"cache_read":1}"#, "{}"] {
            assert_eq!(sonar(unknown), ["new"], "{unknown}");
        }
        for listed in [r#"{"input":2}"#, r#"{"input":0,"output":1}"#, r#"{"cache_read":0.5}"#] {
            assert_eq!(sonar(listed), ["sonar", "new"], "{listed}");
        }
    }

    #[test]
    fn half_a_price_is_completed_by_the_known_row_or_stays_unknown() {
        let known = Catalog::bundled().row("digitalocean", "openai-gpt-5.4").unwrap().prices.base;
        let rows = read(
            Feed::DigitalOcean,
            r#"{"data":[{"model_id":"openai-gpt-5.4","pricing":{"input_price_per_million":9}},
                {"model_id":"half","pricing":{"input_price_per_million":9}},
                {"model_id":"whole","pricing":{"input_price_per_million":9,"output_price_per_million":1}}]}"#,
        )
        .unwrap();
        assert_eq!(rows.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["openai-gpt-5.4", "whole"]);
        assert_eq!(rows[0].prices.base, Rates { input: Some(9.0), ..known });
        let known = Catalog::bundled().row("openai", "gpt-5.4").unwrap().prices.base;
        let rows = openai("gpt-5.4", r#"{"output":99}"#);
        assert_eq!(row(&rows, "openai", "gpt-5.4").prices.base, Rates { output: Some(99.0), ..known });
    }

    #[test]
    fn half_a_tier_changes_what_it_lists() {
        let new = openai("m", r#"{"input":1,"output":4,"tiers":[{"tier":{"size":1000},"input":2}]}"#);
        let rates = |tokens| row(&new, "openai", "m").prices.in_force(0, None, tokens).rates;
        assert_eq!((rates(1000).input, rates(1001).input, rates(1001).output), (Some(1.0), Some(2.0), Some(4.0)));

        let known = Catalog::bundled().row("openai", "gpt-5.4").unwrap().prices.clone();
        let [tier] = *known.tiers else { panic!("{known:?}") };
        let listed = |tiers: &str| {
            let rows = openai("gpt-5.4", &format!(r#"{{"input":2.5,"output":15,{tiers}}}"#));
            row(&rows, "openai", "gpt-5.4").prices.tiers.to_vec()
        };
        let dearer = ContextTier { rates: Rates { input: Some(8.0), ..tier.rates }, ..tier };
        assert_eq!(listed(r#""tiers":[{"tier":{"size":272000},"input":8}]"#), [dearer]);
        assert_eq!(listed(r#""context_over_200k":{"input":8}"#), [ContextTier { above: 200_000, ..dearer }]);
        assert_eq!(listed(r#""context_over_200k":{"input":5}"#), [tier], "the same price with a vaguer threshold");
        assert_eq!(listed(r#""context_over_200k":{"input":0,"output":0}"#), [tier], "a tier of nothing is unknown too");
    }

    #[test]
    fn half_a_service_tier_keeps_the_rest_of_the_known_one() {
        let known = Catalog::bundled().row("openai", "gpt-5.4").unwrap().prices.clone();
        let before = known.in_force(0, Some("priority"), 300_000).rates;
        let text = r#"{"openai":{"models":{"gpt-5.4":{"cost":{"input":2.5,"output":15},
            "experimental":{"modes":{"priority":{"cost":{"input":6}}}}}}}}"#;
        let rows = read(Feed::ModelsDev, text).unwrap();
        let rates = |tokens| rows[0].prices.in_force(0, Some("priority"), tokens).rates;
        assert_eq!(rates(1).input, Some(6.0));
        assert_eq!(rates(1).output, known.in_force(0, Some("priority"), 1).rates.output);
        assert_eq!(rates(300_000), Rates { input: rates(300_000).input, ..before });
    }
}
