//! Explains the cost of a call: row, rule, rates, arithmetic, source, and other figures that differ.

mod lines;

use serde::Serialize;

pub use lines::dollars;

use super::catalog::Catalog;
use super::cost::{self, Breakdown, CostLine, Terms};
use super::matching::PriceMatch;
use super::pricer::{BY_EMITTER, BY_GATEWAY, PriceQuery, Pricer, PricingFacts, shown_cost};
use super::row::{EffectiveRates, PriceOrigin, PriceRow, Rates, is_standard_tier};
use crate::call::{Cost, CostBasis, LlmCall};

/// The explanation of a cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The priced model as emitted; `None` if no span reports the answering model.
    pub model: Option<String>,
    /// The provider as emitted.
    pub provider_hint: Option<String>,
    /// The cost that is shown.
    pub cost: CostObject,
    /// The catalog's price, whether or not it is the one shown.
    pub priced: Option<CatalogPrice>,
    /// Cost computed by the emitter, USD.
    pub reported_usd: Option<f64>,
    /// Cost computed by the gateway, which ranks below the catalog, USD.
    pub fallback_usd: Option<f64>,
    /// Why no cost is shown; `None` if one is.
    pub unknown_because: Option<&'static str>,
}

/// The `cost` object of `--json`.
#[derive(Clone, Debug, PartialEq, Default, Serialize)]
pub struct CostObject {
    /// USD, never rounded; `None` if unknown.
    pub usd: Option<f64>,
    /// Basis of the cost ([`CostBasis::name`]).
    pub basis: Option<&'static str>,
    /// Fresh input, USD; the parts are `None` for a reported cost.
    pub input_usd: Option<f64>,
    /// Cache reads, USD.
    pub cache_read_usd: Option<f64>,
    /// Cache writes, USD.
    pub cache_write_usd: Option<f64>,
    /// Output, USD.
    pub output_usd: Option<f64>,
    /// Request fee, USD.
    pub request_usd: Option<f64>,
    /// The provider of the row that priced the call.
    pub provider: Option<String>,
    /// The id of the row.
    pub row: Option<String>,
    /// The rule that found the row ([`super::MatchedBy::name`]).
    pub matched_by: Option<&'static str>,
    /// The alias of the Plano config that led to the row ([`PriceMatch::alias`]).
    pub alias: Option<String>,
    /// Source of the cost: a dated price list, or the emitter.
    pub source: Option<String>,
}

/// A price row applied to a call.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogPrice {
    /// The row's provider.
    pub provider: String,
    /// The row's id.
    pub row: String,
    /// The rule that found it.
    pub matched_by: &'static str,
    /// The rule as a sentence.
    pub reason: &'static str,
    /// The alias of the Plano config that led to the row.
    pub alias: Option<String>,
    /// Whether the price is that of another seller.
    pub is_estimate: bool,
    /// The provider has withdrawn the model or announced it.
    pub is_deprecated: bool,
    /// Source and date of the row: `bundled 2026-11-23`, `models.dev 2026-11-23 12:03 UTC`.
    pub source: String,
    /// The rates that apply to this call, USD per 1e6 tokens.
    pub rates: Rates,
    /// The conditions that changed the row's base rates.
    pub conditions: Vec<String>,
    /// The computed cost; `None` if token counts are missing.
    pub sum: Option<CostSum>,
}

/// A computed cost with its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct CostSum {
    /// USD, never rounded.
    pub usd: f64,
    /// Fresh input, USD.
    pub input_usd: f64,
    /// Cache reads, USD.
    pub cache_read_usd: f64,
    /// Cache writes, USD.
    pub cache_write_usd: f64,
    /// Output, USD.
    pub output_usd: f64,
    /// Request fee, USD.
    pub request_usd: f64,
    /// One `tokens x rate = usd` per item.
    pub lines: Vec<CostLine>,
}

impl CostSum {
    fn of(sum: &Breakdown<'_>) -> Self {
        Self {
            usd: sum.usd,
            input_usd: sum.input_usd(),
            cache_read_usd: sum.cache_read_usd(),
            cache_write_usd: sum.cache_write_usd(),
            output_usd: sum.output_usd(),
            request_usd: sum.request_usd(),
            lines: sum.lines().collect(),
        }
    }
}

impl Pricer {
    /// Explains the cost of a call under the current prices.
    pub fn explain(&self, call: &LlmCall) -> Explanation {
        self.explain_query(PriceQuery::of(call.labels()), &PricingFacts::of(call))
    }

    /// Explains the cost of a model with these facts under the current prices.
    pub fn explain_query(&self, query: Option<PriceQuery<'_>>, facts: &PricingFacts<'_>) -> Explanation {
        let found = query.and_then(|query| self.find(query));
        explain(&self.catalog(), query, found.as_ref(), facts)
    }
}

/// Explains the cost of `facts` by the row found in `catalog`.
pub fn explain(
    catalog: &Catalog,
    query: Option<PriceQuery<'_>>,
    found: Option<&PriceMatch>,
    facts: &PricingFacts<'_>,
) -> Explanation {
    let priced = found.map(|found| CatalogPrice::of(catalog, found, facts));
    let shown = shown_cost(found, facts);
    Explanation {
        model: query.map(|query| query.model.to_owned()),
        provider_hint: query.and_then(|query| query.provider).map(str::to_owned),
        cost: CostObject::of(shown, facts.reporter(), priced.as_ref()),
        unknown_because: shown.is_none().then(|| why_unknown(query, priced.as_ref())),
        priced,
        reported_usd: facts.reported(),
        fallback_usd: facts.fallback(),
    }
}

fn why_unknown(query: Option<PriceQuery<'_>>, priced: Option<&CatalogPrice>) -> &'static str {
    match (query, priced) {
        (None, _) => "no span reports the answering model",
        (Some(_), None) => "no price row for this model at this provider",
        (Some(_), Some(_)) => "token counts are missing",
    }
}

impl CostObject {
    /// A reported cost with its source, or a computed cost with its parts.
    fn of(shown: Option<Cost>, reporter: &str, priced: Option<&CatalogPrice>) -> Self {
        match shown {
            Some(Cost { usd, basis: basis @ CostBasis::Reported }) => {
                Self { usd: Some(usd), basis: Some(basis.name()), source: Some(reporter.to_owned()), ..Self::default() }
            }
            Some(cost) => Self { usd: Some(cost.usd), basis: Some(cost.basis.name()), ..Self::of_row(priced) },
            None => Self::of_row(priced),
        }
    }

    fn of_row(priced: Option<&CatalogPrice>) -> Self {
        let Some(priced) = priced else { return Self::default() };
        let sum = priced.sum.as_ref();
        Self {
            usd: None,
            basis: None,
            input_usd: sum.map(|sum| sum.input_usd),
            cache_read_usd: sum.map(|sum| sum.cache_read_usd),
            cache_write_usd: sum.map(|sum| sum.cache_write_usd),
            output_usd: sum.map(|sum| sum.output_usd),
            request_usd: sum.map(|sum| sum.request_usd),
            provider: Some(priced.provider.clone()),
            row: Some(priced.row.clone()),
            matched_by: Some(priced.matched_by),
            alias: priced.alias.clone(),
            source: Some(priced.source.clone()),
        }
    }
}

impl CatalogPrice {
    fn of(catalog: &Catalog, found: &PriceMatch, facts: &PricingFacts<'_>) -> Self {
        let row = &found.row;
        let terms = facts.terms(found);
        let in_force = terms.in_force(row, &facts.usage);
        Self {
            provider: row.provider.to_string(),
            row: row.id.to_string(),
            matched_by: found.matched_by.name(),
            reason: found.matched_by.reason(),
            alias: found.alias.as_deref().map(str::to_owned),
            is_estimate: found.is_estimate(),
            is_deprecated: row.is_deprecated,
            source: catalog.source_of(row),
            rates: in_force.rates,
            conditions: conditions(&in_force).into_iter().chain(terms.doubts(row, &in_force)).collect(),
            sum: cost::price(row, &facts.usage, &terms).as_ref().map(CostSum::of),
        }
    }
}

impl Terms<'_> {
    /// What changes all rates of the row, and what is not known of the call.
    fn doubts(&self, row: &PriceRow, in_force: &EffectiveRates<'_>) -> impl Iterator<Item = String> {
        let missing = self.service_tier.filter(|name| !is_standard_tier(name) && in_force.service_tier.is_none());
        let is_guess = row.prices.search_fee(self.search_context).is_some_and(|(_, is_certain)| !is_certain);
        [
            self.uplift.map(|uplift| format!("geographic profile: {uplift} times the listed rates")),
            missing.map(|name| format!("service tier {name} is not listed: standard rates")),
            is_guess.then(|| "search context size unknown: fee of the smallest".to_owned()),
        ]
        .into_iter()
        .flatten()
    }
}

fn conditions(in_force: &EffectiveRates<'_>) -> Vec<String> {
    let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
    [
        in_force.until.map(|until| format!("price until {until}")),
        in_force.scheduled.map(|change| format!("price since {}", change.from)),
        in_force.service_tier.map(|tier| format!("service tier {}", tier.name)),
        in_force.window.map(|window| {
            let days = if window.is_weekdays { "weekdays" } else { "daily" };
            format!("{days} {}-{} UTC", clock(window.from_minute), clock(window.to_minute))
        }),
        in_force.above.map(|above| format!("long context: input above {above} tokens")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Catalog {
    /// Source and date of a row, as displayed.
    pub fn source_of(&self, row: &PriceRow) -> String {
        match (row.origin, self.refreshed()) {
            (PriceOrigin::Refreshed, Some(refreshed)) => format!("{} {}", refreshed.feed, refreshed.fetched()),
            (PriceOrigin::Bundled | PriceOrigin::Refreshed, _) => match self.source(row) {
                Some(source) => format!("bundled {}, {} {}", self.generated(), source.name, source.date),
                None => format!("bundled {}", self.generated()),
            },
        }
    }
}

impl Explanation {
    /// Source and USD of every known cost other than the one shown.
    pub fn differing(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let shown = self.cost.usd;
        let catalog = self.priced.as_ref().and_then(|priced| Some(priced.sum.as_ref()?.usd));
        [(BY_EMITTER, self.reported_usd), ("catalog", catalog), (BY_GATEWAY, self.fallback_usd)]
            .into_iter()
            .filter_map(move |(who, usd)| Some((who, usd.filter(|&usd| shown != Some(usd))?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{InputCount, Usage};
    use crate::pricing::Aliases;

    fn facts() -> PricingFacts<'static> {
        PricingFacts {
            usage: Usage {
                input: Some(100),
                output: Some(50),
                cache_read: Some(30),
                cache_write: Some(20),
                input_count: InputCount::Exclusive,
                ..Usage::default()
            },
            at_unix_secs: 1_795_435_200,
            ..PricingFacts::default()
        }
    }

    fn explained(model: &str, provider: &str, facts: &PricingFacts<'_>) -> Explanation {
        Pricer::default()
            .explain_query(Some(PriceQuery { model, provider: Some(provider), ..PriceQuery::default() }), facts)
    }

    #[test]
    fn a_priced_call_shows_its_arithmetic_and_where_it_came_from() {
        let explanation = explained("claude-sonnet-4-6", "anthropic", &facts());
        insta::assert_snapshot!(explanation.lines().join("\n"), @r"
        cost       $0.001134 (priced)
        row        anthropic / claude-sonnet-4-6
        matched by provider: the provider is given
        source     bundled 2026-11-23, models.dev 2026-09-30
          input                     100 x       $3/M = $0.0003
          cache read                 30 x     $0.3/M = $0.000009
          cache write                20 x    $3.75/M = $0.000075
          output                     50 x      $15/M = $0.00075
                                                     = $0.001134
        ");
        insta::assert_snapshot!(serde_json::to_string_pretty(&explanation.cost).unwrap(), @r#"
        {
          "usd": 0.001134,
          "basis": "priced",
          "input_usd": 0.0003,
          "cache_read_usd": 9e-6,
          "cache_write_usd": 0.000075,
          "output_usd": 0.00075,
          "request_usd": 0.0,
          "provider": "anthropic",
          "row": "claude-sonnet-4-6",
          "matched_by": "provider",
          "alias": null,
          "source": "bundled 2026-11-23, models.dev 2026-09-30"
        }
        "#);
    }

    #[test]
    fn conditions_that_changed_the_rates_are_named() {
        let facts = PricingFacts {
            usage: Usage { input: Some(300_000), output: Some(1), ..Usage::default() },
            service_tier: Some("flex"),
            ..facts()
        };
        let explanation = explained("gpt-5.4", "openai", &facts);
        assert_eq!(
            explanation.priced.unwrap().conditions,
            ["service tier flex", "long context: input above 272000 tokens"]
        );
    }

    #[test]
    fn a_reported_figure_is_shown_whole_and_the_catalogs_beside_it() {
        let facts = PricingFacts { reported_cost_usd: Some(0.5), fallback_cost_usd: Some(0.25), ..facts() };
        let explanation = explained("claude-sonnet-4-6", "anthropic", &facts);
        assert_eq!((explanation.cost.usd, explanation.cost.basis), (Some(0.5), Some("reported")));
        assert_eq!((explanation.cost.input_usd, &explanation.cost.row), (None, &None));
        assert_eq!(explanation.cost.source.as_deref(), Some("reported by the emitter"));
        let differing: Vec<_> = explanation.differing().map(|(who, _)| who).collect();
        assert_eq!(differing, ["catalog", "reported by the gateway"]);
    }

    #[test]
    fn what_the_gateway_billed_is_its_figure_and_not_the_emitters() {
        let explanation = explained("gpt-99", "openai", &PricingFacts { fallback_cost_usd: Some(0.25), ..facts() });
        assert_eq!((explanation.cost.usd, explanation.cost.basis), (Some(0.25), Some("reported")));
        assert_eq!(explanation.cost.source.as_deref(), Some("reported by the gateway"));
        assert_eq!(explanation.differing().count(), 0);
    }

    #[test]
    fn an_alias_of_the_config_is_named_where_it_led_to_the_row() {
        let aliases = Aliases { models: [("fast".to_owned(), "gpt-4o".to_owned())].into(), ..Aliases::default() };
        let pricer = Pricer::new(Catalog::bundled(), aliases);
        let explained = |model| {
            pricer
                .explain_query(Some(PriceQuery { model, provider: Some("openai"), ..PriceQuery::default() }), &facts())
        };
        let fast = explained("fast");
        let told = "alias      fast is priced as gpt-4o: an alias of the Plano configuration";
        assert!(fast.lines().iter().any(|line| line == told), "{:#?}", fast.lines());
        assert_eq!((fast.cost.alias.as_deref(), fast.cost.matched_by), (Some("gpt-4o"), Some("provider")));
        assert_eq!(explained("gpt-4o").cost.alias, None);
    }

    #[test]
    fn an_unknown_cost_has_a_reason() {
        let pricer = Pricer::default();
        let query = |model| Some(PriceQuery { model, provider: Some("openai"), ..PriceQuery::default() });
        let reason = |query, facts| pricer.explain_query(query, &facts).unknown_because;
        assert_eq!(reason(None, facts()), Some("no span reports the answering model"));
        assert_eq!(reason(query("gpt-99"), facts()), Some("no price row for this model at this provider"));
        assert_eq!(reason(query("gpt-4o"), PricingFacts::default()), Some("token counts are missing"));
        assert_eq!(reason(query("gpt-4o"), facts()), None);
    }

    #[test]
    fn small_money_keeps_its_digits() {
        for (usd, text) in [(0.0, "$0.0000"), (1.5, "$1.5000"), (0.001_134, "$0.001134"), (3.75e-8, "$0.0000000375")] {
            assert_eq!(dollars(usd), text);
        }
    }
}
