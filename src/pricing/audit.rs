//! Audits of the whole bundled catalog, and the cases of earlier audits.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Catalog, PriceQuery, PriceRow, Pricer, PricingFacts, shown_cost, spelling};
use crate::call::{CostBasis, Usage};

#[derive(Deserialize)]
struct Case {
    provider: Option<String>,
    model: String,
    counts: Counts,
    expect_usd: Option<f64>,
    at: String,
    service_tier: Option<String>,
    why: String,
}

#[derive(Deserialize)]
struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
}

impl Case {
    fn usd(&self, pricer: &Pricer) -> Option<f64> {
        let Counts { input, output, cache_read, cache_write } = self.counts;
        let facts = PricingFacts {
            usage: Usage { input, output, cache_read, cache_write, ..Usage::default() },
            at_unix_secs: self.at.parse::<chrono::NaiveDateTime>().unwrap().and_utc().timestamp(),
            service_tier: self.service_tier.as_deref(),
            ..PricingFacts::default()
        };
        let query = PriceQuery { model: &self.model, provider: self.provider.as_deref(), is_requested: false };
        shown_cost(pricer.find(query).as_ref(), &facts).map(|cost| cost.usd)
    }
}

#[test]
fn every_case_of_earlier_audits_comes_out() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/pricing/audit-cases.json")).unwrap();
    assert!(cases.len() >= 114);
    let pricer = Pricer::default();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let usd = case.usd(&pricer);
            let is_right = match (usd, case.expect_usd) {
                (Some(usd), Some(expected)) => (usd - expected).abs() <= 1e-9,
                (usd, expected) => usd == expected,
            };
            let Case { provider, model, expect_usd, why, .. } = case;
            (!is_right).then(|| format!("{model} at {provider:?}: {usd:?}, expected {expect_usd:?}: {why}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} wrong\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn a_service_tier_that_the_row_lacks_is_an_estimate() {
    let pricer = Pricer::default();
    let usage = Usage { input: Some(10), output: Some(1), ..Usage::default() };
    let basis = |tier| {
        let query = PriceQuery { model: "text-embedding-3-small", provider: Some("vercel"), is_requested: false };
        let found = pricer.find(query).or_else(|| pricer.find(PriceQuery { provider: Some("openai"), ..query }));
        let facts = PricingFacts { usage, service_tier: Some(tier), ..PricingFacts::default() };
        shown_cost(found.as_ref(), &facts).map(|cost| cost.basis)
    };
    for standard in ["default", "standard", "auto", ""] {
        assert_eq!(basis(standard), basis("default"));
    }
    assert_eq!(basis("scale"), Some(CostBasis::Estimate));
}

#[test]
fn the_catalog_has_a_source_and_a_date_for_every_row() {
    let catalog = Catalog::bundled();
    for (provider, rows) in catalog.providers() {
        for row in rows.rows() {
            let source = catalog.source(row).unwrap_or_else(|| panic!("{provider} {}", row.id));
            assert!(!source.date.is_empty() && !source.license.is_empty());
        }
    }
}

/// Violations of a rule, as `rule: provider / id`.
type Violations = BTreeSet<String>;

/// Resellers with the spelling of a first party's id at each: they sell at its ratios.
const RESELLERS: &[(&str, &str, &str)] = &[
    ("azure", "openai", ""),
    ("google-vertex", "google", ""),
    ("google-vertex", "anthropic", ""),
    ("openrouter", "openai", "openai/"),
    ("openrouter", "google", "google/"),
    ("vercel", "openai", "openai/"),
    ("vercel", "anthropic", "anthropic/"),
    ("vercel", "google", "google/"),
    ("amazon-bedrock", "anthropic", "global.anthropic."),
];

fn pairs(catalog: &Catalog) -> impl Iterator<Item = (&PriceRow, &PriceRow)> {
    RESELLERS.iter().flat_map(move |(reseller, vendor, prefix)| {
        let rows = catalog.provider(reseller).unwrap();
        let twins = catalog.provider(vendor).unwrap().rows().iter();
        twins.filter_map(move |own| Some((&**rows.find_listed(&format!("{prefix}{}", own.id))?, &**own)))
    })
}

fn differ(one: Option<f64>, other: Option<f64>) -> bool {
    one.zip(other).is_some_and(|(one, other)| (one - other).abs() > 0.02 * other.abs())
}

fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    Some(part? / whole.filter(|&rate| rate > 0.0)?)
}

/// A reseller's cached rate, long-context tiers and service tiers have the first party's ratios to the input rate.
fn ratios(catalog: &Catalog, found: &mut Violations) {
    for (row, own) in pairs(catalog) {
        let (sold, listed) = (&row.prices, &own.prices);
        let mut check = |rule: &str, one, other| {
            if differ(one, other) {
                found.insert(format!("{rule}: {} / {}", row.provider, row.id));
            }
        };
        let cached = |base: super::Rates| ratio(base.cache_read, base.input);
        check("cache ratio", cached(sold.base), cached(listed.base));
        for (tier, twin) in sold.tiers.iter().zip(&listed.tiers) {
            check("tier threshold", Some(tier.above as f64), Some(twin.above as f64));
            check("tier ratio", ratio(tier.rates.input, sold.base.input), ratio(twin.rates.input, listed.base.input));
        }
        for tier in &sold.service_tiers {
            let Some(twin) = listed.service_tiers.iter().find(|twin| twin.name == tier.name) else { continue };
            let of = |rates: super::Rates, base: super::Rates| ratio(rates.input, base.input);
            check("service tier ratio", of(tier.rates, sold.base), of(twin.rates, listed.base));
        }
    }
}

/// A dated id and `-latest` have the rates of the undated id at the same provider.
fn snapshots(catalog: &Catalog, found: &mut Violations) {
    for (provider, rows) in catalog.providers() {
        for row in rows.rows() {
            let undated = spelling::undated(&row.id).or_else(|| row.id.strip_suffix("-latest"));
            let Some(twin) = undated.and_then(|id| rows.find_listed(id)) else { continue };
            let (one, other) = (row.prices.base, twin.prices.base);
            if differ(one.input, other.input)
                || differ(one.output, other.output)
                || differ(one.cache_read, other.cache_read)
            {
                found.insert(format!("dated: {provider} / {}", row.id));
            }
        }
    }
}

/// Ids are ids, thresholds are round, and rates are those of tokens of the vendor's own models.
fn shapes(catalog: &Catalog, found: &mut Violations) {
    const NOT_TOKENS: [&str; 7] = ["stable-diffusion", "flux", "sdxl", "-t2v", "-i2v", "dall-e", "sora"];
    const FOREIGN: [(&str, &str); 4] =
        [("openai", "gpt-oss"), ("anthropic", "gpt-"), ("google", "claude"), ("openai", "claude")];
    for (provider, rows) in catalog.providers() {
        for row in rows.rows() {
            let mut add = |rule: &str| found.insert(format!("{rule}: {provider} / {}", row.id));
            if row.id.ends_with(['-', '*', '^', '$']) || row.id.contains(['\\', '*']) {
                add("pattern");
            }
            if row.prices.tiers.iter().any(|tier| tier.above % 1000 == 1) {
                add("threshold");
            }
            if NOT_TOKENS.iter().any(|name| row.id.to_ascii_lowercase().contains(name)) {
                add("not per token");
            }
            if FOREIGN.iter().any(|(at, name)| *at == provider && row.id.starts_with(name)) {
                add("another vendor's");
            }
        }
    }
}

#[test]
fn the_catalog_has_no_violation_but_the_listed_exceptions() {
    let catalog = Catalog::bundled();
    let mut found = Violations::new();
    ratios(&catalog, &mut found);
    snapshots(&catalog, &mut found);
    shapes(&catalog, &mut found);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pricing/audit-exceptions.json");
    let listed: std::collections::BTreeMap<String, String> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(listed.values().all(|reason| !reason.trim().is_empty()));
    let listed: Violations = listed.into_keys().collect();
    let list = |violations: &Violations, other: &Violations| violations.difference(other).cloned().collect::<Vec<_>>();
    let (new, gone) = (list(&found, &listed), list(&listed, &found));
    assert!(new.is_empty() && gone.is_empty(), "new:\n{}\nno longer found:\n{}", new.join("\n"), gone.join("\n"));
}
