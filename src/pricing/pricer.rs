//! Chooses the cost shown for a call: reported by the emitter, from the catalog, reported by the gateway, or none
//! (PRICING.md, section 3).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::aliases::Aliases;
use super::catalog::Catalog;
use super::cost::{self, Terms};
use super::matching::{MatchedBy, PriceMatch};
use crate::call::{Convention, Cost, CostBasis, Labels, LlmCall, Usage};

/// The facts of a call that determine its cost, apart from the price row.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct PricingFacts<'a> {
    /// Token counts.
    pub usage: Usage,
    /// When the call started, seconds since the epoch.
    pub at_unix_secs: i64,
    /// Billed service tier.
    pub service_tier: Option<&'a str>,
    /// Search context size (`low`, `medium`, `high`) of a model that searches.
    pub search_context: Option<&'a str>,
    /// The call failed: the price of a requested model does not apply.
    pub is_failed: bool,
    /// Cost computed by the emitter, which takes precedence over the catalog, USD.
    pub reported_cost_usd: Option<f64>,
    /// Cost computed by the gateway, used if the catalog has no price, USD.
    pub fallback_cost_usd: Option<f64>,
}

impl<'a> PricingFacts<'a> {
    /// The facts of a stored call.
    pub fn of(call: &'a LlmCall) -> Self {
        Self {
            usage: call.usage(),
            at_unix_secs: call.start_unix_nano().div_euclid(1_000_000_000),
            service_tier: call.labels().service_tier.as_deref(),
            search_context: None,
            is_failed: call.status().is_error(),
            reported_cost_usd: call.reported_cost_usd(),
            fallback_cost_usd: call.fallback_cost_usd(),
        }
    }

    /// The terms of the call at the row found.
    pub(super) fn terms(&self, found: &PriceMatch) -> Terms<'a> {
        Terms {
            at_unix_secs: self.at_unix_secs,
            service_tier: self.service_tier,
            search_context: self.search_context,
            uplift: found.uplift,
        }
    }

    /// The reported cost, if positive: 0 means that the emitter knows no price.
    pub fn reported(&self) -> Option<f64> {
        self.reported_cost_usd.filter(|&usd| is_money(usd))
    }

    /// The gateway's cost, if positive.
    pub fn fallback(&self) -> Option<f64> {
        self.fallback_cost_usd.filter(|&usd| is_money(usd))
    }

    /// The source of a cost that is shown as reported ([`shown_cost`]).
    pub fn reporter(&self) -> &'static str {
        if self.reported().is_some() { BY_EMITTER } else { BY_GATEWAY }
    }
}

/// Label of a cost that the emitter computed.
pub const BY_EMITTER: &str = "reported by the emitter";

/// Label of a cost that the gateway computed.
pub const BY_GATEWAY: &str = "reported by the gateway";

fn is_money(usd: f64) -> bool {
    usd > 0.0 && usd.is_finite()
}

/// The model to price and its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PriceQuery<'a> {
    /// Model name as emitted.
    pub model: &'a str,
    /// Provider as emitted, never a service name.
    pub provider: Option<&'a str>,
    /// No span names the answering model: this is the requested one, and its price an estimate.
    pub is_requested: bool,
}

impl<'a> PriceQuery<'a> {
    /// The answering model, else the requested one if no span names another.
    pub fn of(labels: &'a Labels) -> Option<Self> {
        Self::answered(labels).or_else(|| {
            let requested = labels.request_model.as_deref().filter(|model| !model.is_empty())?;
            let is_renamed = labels.upstream_model.as_deref().is_some_and(|upstream| upstream != requested);
            let provider = labels.provider.as_deref();
            (!is_renamed).then_some(Self { model: requested, provider, is_requested: true })
        })
    }

    /// For Plano the answering model, with the provider prefix of the dispatched model if `llm.provider` is missing. Under
    /// other conventions the upstream model precedes, since `model` may be a proxy's alias. `None` without a model.
    fn answered(labels: &'a Labels) -> Option<Self> {
        let answered = labels.model.as_deref().filter(|model| !model.is_empty());
        let upstream = labels.upstream_model.as_deref();
        let provider = labels.provider.as_deref();
        Some(match labels.convention {
            Convention::Plano => {
                let dispatched = || upstream?.split_once('/').map(|(provider, _)| provider);
                Self { model: answered?, provider: provider.or_else(dispatched), is_requested: false }
            }
            _ => Self { model: upstream.or(answered)?, provider, is_requested: false },
        })
    }
}

/// The cost to show: reported if > 0, else the catalog's, else the gateway's if > 0, else unknown.
pub fn shown_cost(found: Option<&PriceMatch>, facts: &PricingFacts<'_>) -> Option<Cost> {
    if let Some(usd) = facts.reported() {
        return Some(Cost { usd, basis: CostBasis::Reported });
    }
    let found = found.filter(|found| found.matched_by != MatchedBy::Requested || !facts.is_failed);
    let priced = found.and_then(|found| {
        let terms = facts.terms(found);
        let sum = cost::price(&found.row, &facts.usage, &terms)?;
        Some(Cost { usd: sum.usd, basis: found.basis(terms.are_known(&found.row, &sum.in_force)) })
    });
    priced.or_else(|| Some(Cost { usd: facts.fallback()?, basis: CostBasis::Reported }))
}

/// The current prices, shared by ingest, screen and refresh.
#[derive(Debug)]
pub struct Pricer {
    catalog: RwLock<Arc<Catalog>>,
    aliases: Aliases,
    version: AtomicU64,
}

impl Default for Pricer {
    fn default() -> Self {
        Self::new(Catalog::bundled(), Aliases::default())
    }
}

impl Pricer {
    /// Prices from `catalog`, with the user's `aliases`.
    pub const fn new(catalog: Arc<Catalog>, aliases: Aliases) -> Self {
        Self { catalog: RwLock::new(catalog), aliases, version: AtomicU64::new(0) }
    }

    /// The current catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the catalog for all calls that arrive from now on.
    pub fn replace(&self, catalog: Arc<Catalog>) {
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Number of replacements of the catalog. Matches from an older version are stale.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The price row for a model, after the user's aliases.
    pub fn find(&self, query: PriceQuery<'_>) -> Option<PriceMatch> {
        let found = self.aliases.find(&self.catalog(), query.model, query.provider)?;
        Some(if query.is_requested { found.for_requested() } else { found })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::call::InputCount;
    use crate::pricing::{Feed, PriceRow, RefreshInfo, cost};

    #[derive(Deserialize)]
    struct Cases {
        tolerance_usd: f64,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        convention: String,
        attributes: Map<String, Value>,
        service_tier: Option<String>,
        timestamp_utc: Option<String>,
        provider: Option<String>,
        id: Option<String>,
        entry: Value,
        expected_usd: Option<f64>,
        source: String,
        buckets: Option<Buckets>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    struct Buckets {
        input_fresh: u64,
        cache_read: u64,
        cache_write: u64,
        output: u64,
        input_total: u64,
    }

    impl Case {
        fn count(&self, keys: &[&str]) -> Option<u64> {
            keys.iter().find_map(|&key| self.attributes.get(key)?.as_u64())
        }

        fn figure(&self, keys: &[&str]) -> Option<f64> {
            keys.iter().find_map(|&key| self.attributes.get(key)?.as_f64())
        }

        fn says(&self, key: &str, part: &str) -> bool {
            self.attributes.get(key).and_then(Value::as_str).is_some_and(|text| text.contains(part))
        }

        fn usage(&self) -> Usage {
            let exclusive = match self.convention.as_str() {
                "plano" => self.says("http.path", "/messages"),
                "vercel" => self.says("ai.model.provider", "anthropic"),
                _ => false,
            };
            Usage {
                input: self.count(&[
                    "llm.usage.prompt_tokens",
                    "gen_ai.usage.input_tokens",
                    "llm.token_count.prompt",
                    "ai.usage.inputTokens",
                ]),
                output: self.count(&[
                    "llm.usage.completion_tokens",
                    "gen_ai.usage.output_tokens",
                    "llm.token_count.completion",
                    "ai.usage.outputTokens",
                ]),
                cache_read: self.count(&[
                    "llm.usage.cached_input_tokens",
                    "gen_ai.usage.cache_read.input_tokens",
                    "ai.usage.cachedInputTokens",
                ]),
                cache_write: self
                    .count(&["llm.usage.cache_creation_tokens", "gen_ai.usage.cache_creation.input_tokens"]),
                fresh: self.count(&["ai.usage.inputTokenDetails.noCacheTokens"]),
                input_count: if exclusive { InputCount::Exclusive } else { InputCount::Inclusive },
                ..Usage::default()
            }
        }

        fn facts(&self, generated: &str) -> PricingFacts<'_> {
            let time = self.timestamp_utc.clone().unwrap_or_else(|| format!("{generated}T12:00:00"));
            PricingFacts {
                usage: self.usage(),
                at_unix_secs: time.parse::<chrono::NaiveDateTime>().unwrap().and_utc().timestamp(),
                service_tier: self.service_tier.as_deref(),
                reported_cost_usd: self.figure(&["gen_ai.usage.cost", "gen_ai.cost.total_cost", "llm.cost.total"]),
                fallback_cost_usd: self.figure(&["llm.usage.total_cost_usd"]),
                ..PricingFacts::default()
            }
        }

        /// The row from the case's own entry, by way of a catalog of that one row.
        fn found(&self) -> Option<PriceMatch> {
            let (provider, id) = (self.provider.as_deref()?, self.id.as_deref()?);
            let bundled: Value = serde_json::from_str(include_str!("../../assets/pricing/catalog.json")).unwrap();
            let models = json!({provider: {id: self.entry}});
            let document = json!({"generated": "", "holidays": bundled["holidays"], "models": models}).to_string();
            let found = Catalog::parse(&document).unwrap().find(id, Some(provider));
            assert!(found.is_some(), "{}", self.name);
            found
        }
    }

    #[test]
    fn every_cost_case_comes_out() {
        let cases: Cases = serde_json::from_str(include_str!("../../tests/pricing/cost-cases.json")).unwrap();
        assert!(cases.cases.len() >= 24);
        for case in &cases.cases {
            let facts = case.facts("2026-11-23");
            let found = case.found();
            let shown = shown_cost(found.as_ref(), &facts);
            let close = match (shown, case.expected_usd) {
                (Some(cost), Some(expected)) => (cost.usd - expected).abs() <= cases.tolerance_usd,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            assert!(close, "{}: {shown:?}, expected {:?}", case.name, case.expected_usd);
            let basis = match case.source.as_str() {
                "catalog" => Some(CostBasis::Priced),
                "unknown" => None,
                source => source.strip_prefix("span:").map(|_| CostBasis::Reported),
            };
            assert_eq!(shown.map(|cost| cost.basis), basis, "{}", case.name);
            if let Some(buckets) = &case.buckets {
                let usage = &facts.usage;
                let split = Buckets {
                    input_fresh: usage.input_fresh().unwrap(),
                    cache_read: usage.cache_read.unwrap_or(0),
                    cache_write: usage.cache_write.unwrap_or(0),
                    output: usage.output.unwrap(),
                    input_total: usage.input_total().unwrap(),
                };
                assert_eq!(split, *buckets, "{}", case.name);
            }
        }
    }

    #[test]
    fn the_entries_of_the_cost_cases_are_those_of_the_bundled_catalog() {
        let cases: Cases = serde_json::from_str(include_str!("../../tests/pricing/cost-cases.json")).unwrap();
        for case in cases.cases.iter().filter(|case| case.id.is_some()) {
            let (provider, id) = (case.provider.as_deref().unwrap(), case.id.as_deref().unwrap());
            let bundled = Catalog::bundled();
            assert_eq!(
                bundled.row(provider, id).map(|row| &row.prices),
                case.found().map(|found| found.row.prices.clone()).as_ref()
            );
        }
    }

    fn row(entry: &Value) -> Arc<PriceRow> {
        let document = json!({"generated": "", "models": {"openai": {"m": entry}}}).to_string();
        Arc::clone(Catalog::parse(&document).unwrap().row("openai", "m").unwrap())
    }

    fn usd(entry: &Value, usage: Usage) -> Option<f64> {
        cost::cost_usd(&row(entry), &usage, 0, None)
    }

    #[test]
    fn without_both_counts_there_is_no_cost_unless_what_is_missing_is_free() {
        let chat = json!({"input": 1, "output": 2});
        let embedding = json!({"input": 1, "output": 0});
        let input = Usage { input: Some(1_000_000), ..Usage::default() };
        let output = Usage { output: Some(1_000_000), ..Usage::default() };
        assert_eq!(usd(&chat, Usage::default()), None);
        assert_eq!(usd(&chat, input), None);
        assert_eq!(usd(&chat, output), None);
        assert_eq!(usd(&embedding, Usage::default()), None);
        assert_eq!(usd(&embedding, input), Some(1.0));
        assert_eq!(usd(&chat, Usage { output: Some(0), ..input }), Some(1.0));
    }

    #[test]
    fn zero_tokens_cost_unknown_not_nothing() {
        let nothing = Usage { input: Some(0), output: Some(0), ..Usage::default() };
        assert_eq!(usd(&json!({"input": 1, "output": 2}), nothing), None);
        assert_eq!(usd(&json!({"input": 1, "output": 2, "request": 0.01}), nothing), None);
    }

    #[test]
    fn a_free_model_costs_zero() {
        let found = Catalog::bundled().provider("openrouter").unwrap().rows().iter().find(|row| row.is_free()).cloned();
        let usage = Usage { input: Some(5), output: Some(5), ..Usage::default() };
        let found = PriceMatch { row: found.unwrap(), matched_by: MatchedBy::Gateway, alias: None, uplift: None };
        let shown = shown_cost(Some(&found), &PricingFacts { usage, ..PricingFacts::default() });
        assert_eq!(shown, Some(Cost { usd: 0.0, basis: CostBasis::Priced }));
    }

    #[test]
    fn a_refreshed_row_is_distinguished_from_a_bundled_one_but_an_estimate_stays_an_estimate() {
        let usage = Usage { input: Some(5), output: Some(5), ..Usage::default() };
        let basis = |catalog: &Catalog, hint| {
            let found = catalog.find("o1-pro", Some(hint));
            shown_cost(found.as_ref(), &PricingFacts { usage, ..PricingFacts::default() }).map(|cost| cost.basis)
        };
        let bundled = Catalog::bundled();
        let feed = r#"{"openai":{"models":{"o1-pro":{"cost":{"input":1,"output":2}}}}}"#;
        let rows = Feed::ModelsDev.read(feed, &bundled, 0).unwrap();
        let refreshed = RefreshInfo { feed: String::new(), fetched_unix_secs: 0, rows: rows.len() };
        let fresh = bundled.with_rows(rows, refreshed);
        for (hint, before, after) in
            [("openai", CostBasis::Priced, CostBasis::Refreshed), ("vercel", CostBasis::Estimate, CostBasis::Estimate)]
        {
            assert_eq!((basis(&bundled, hint), basis(&fresh, hint)), (Some(before), Some(after)), "{hint}");
        }
    }

    #[test]
    fn cache_writes_have_their_own_rates_and_fallbacks() {
        let usage = Usage {
            input: Some(1_000_000),
            output: Some(0),
            cache_write: Some(1_000_000),
            cache_write_1h: Some(400_000),
            ..Usage::default()
        };
        let listed = json!({"input": 1, "output": 2, "cache_write": 1.25, "cache_write_1h": 3});
        let doubled = json!({"input": 1, "output": 2, "cache_write": 1.25});
        let unpriced = json!({"input": 1, "output": 2});
        let free = json!({"input": 1, "output": 2, "cache_write": 0});
        for (entry, expected) in [(listed, 1.95), (doubled, 1.55), (unpriced, 1.0), (free, 0.0)] {
            let total = usd(&entry, usage).unwrap();
            assert!((total - expected).abs() < 1e-12, "{entry}: {total}");
        }
    }

    #[test]
    fn reasoning_and_audio_are_split_off_only_where_they_have_a_rate() {
        let usage = Usage {
            input: Some(1_000_000),
            output: Some(1_000_000),
            reasoning: Some(250_000),
            input_audio: Some(500_000),
            output_audio: Some(100_000),
            ..Usage::default()
        };
        let plain = json!({"input": 1, "output": 2});
        let split = json!({"input": 1, "output": 2, "reasoning": 4, "input_audio": 10, "output_audio": 20});
        assert_eq!(usd(&plain, usage), Some(3.0));
        let total = usd(&split, usage).unwrap();
        assert!((total - (0.5 + 5.0 + 0.65 * 2.0 + 1.0 + 2.0)).abs() < 1e-12, "{total}");
        let excluded = Usage { reasoning: Some(2_000_000), input_audio: None, output_audio: None, ..usage };
        assert_eq!(usd(&split, excluded), Some(1.0 + 2.0 + 8.0));
    }

    #[test]
    fn a_window_is_open_on_weekdays_only_and_may_span_midnight() {
        let entry = json!({"input": 1, "output": 0, "time_of_day_utc_weekdays": [{"from": "22:00", "to": "02:00", "input": 3}]});
        let usage = Usage { input: Some(1_000_000), output: Some(0), ..Usage::default() };
        let row = row(&entry);
        let at = |time: &str| {
            let at = time.parse::<chrono::NaiveDateTime>().unwrap().and_utc().timestamp();
            cost::cost_usd(&row, &usage, at, None)
        };
        for (time, expected) in [
            ("2026-11-23T22:00:00", 3.0),
            ("2026-11-24T01:59:59", 3.0),
            ("2026-11-24T02:00:00", 1.0),
            ("2026-11-24T21:59:59", 1.0),
            ("2026-11-28T23:00:00", 1.0),
            ("2026-11-29T23:00:00", 1.0),
        ] {
            assert_eq!(at(time), Some(expected), "{time}");
        }
    }

    #[test]
    fn a_service_tier_drops_the_standard_tiers_of_the_rates_it_sets() {
        let entry = json!({
            "input": 1, "output": 10, "tiers": [{"above": 100, "input": 2, "output": 20}],
            "service_tiers": {"flex": {"input": 0.5, "tiers": [{"above": 200, "input": 0.75}]}},
        });
        let row = row(&entry);
        let rates = |tier, total| {
            let rates = row.prices.in_force(0, tier, total).rates;
            (rates.input.unwrap(), rates.output.unwrap())
        };
        assert_eq!(rates(None, 100), (1.0, 10.0));
        assert_eq!(rates(None, 101), (2.0, 20.0));
        assert_eq!(rates(Some("Flex"), 100), (0.5, 10.0));
        assert_eq!(rates(Some("flex"), 101), (0.5, 20.0));
        assert_eq!(rates(Some("flex"), 201), (0.75, 20.0));
        assert_eq!(rates(Some("default"), 101), (2.0, 20.0));
    }

    #[test]
    fn a_reported_zero_or_nonsense_is_no_figure() {
        for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let facts = PricingFacts {
                reported_cost_usd: Some(nonsense),
                fallback_cost_usd: Some(nonsense),
                ..PricingFacts::default()
            };
            assert_eq!(shown_cost(None, &facts), None);
        }
    }

    #[test]
    fn the_requested_model_is_priced_as_an_estimate_if_no_span_names_another() {
        let asked = Labels { request_model: Some("gpt-4o".into()), ..Labels::default() };
        assert_eq!(PriceQuery::of(&asked), Some(PriceQuery { model: "gpt-4o", provider: None, is_requested: true }));
        let sent_on = Labels { upstream_model: Some("openai/gpt-4o-mini".into()), ..asked.clone() };
        assert_eq!(PriceQuery::of(&sent_on), None);
        let unknown = Labels { model: Some("gpt-99".into()), ..asked.clone() };
        assert_eq!(PriceQuery::of(&unknown).and_then(|query| Pricer::default().find(query)), None);
        let found = PriceQuery::of(&asked).and_then(|query| Pricer::default().find(query));
        let usage = Usage { input: Some(1000), output: Some(100), ..Usage::default() };
        let basis = |is_failed| {
            let facts = PricingFacts { usage, is_failed, ..PricingFacts::default() };
            shown_cost(found.as_ref(), &facts).map(|cost| cost.basis)
        };
        assert_eq!((basis(false), basis(true)), (Some(CostBasis::Estimate), None));
        let plano = Labels {
            model: Some("gpt-4o-2024-08-06".into()),
            upstream_model: Some("openai/gpt-4o".into()),
            ..Labels::default()
        };
        assert_eq!(
            PriceQuery::of(&plano),
            Some(PriceQuery { model: "gpt-4o-2024-08-06", provider: Some("openai"), is_requested: false })
        );
        let proxied = Labels { convention: Convention::LiteLlm, ..plano };
        assert_eq!(PriceQuery::of(&proxied), Some(PriceQuery { model: "openai/gpt-4o", ..PriceQuery::default() }));
    }

    fn any_usage() -> impl Strategy<Value = Usage> {
        let count = || proptest::option::of(prop_oneof![0..1_000_000_u64, any::<u64>()]);
        let counts = proptest::array::uniform9(count());
        (counts, any::<bool>()).prop_map(
            |([input, output, read, write, hour, reasoning, audio, spoken, fresh], exclusive)| Usage {
                input,
                output,
                cache_read: read,
                cache_write: write,
                cache_write_1h: hour,
                reasoning,
                input_audio: audio,
                output_audio: spoken,
                fresh,
                input_count: if exclusive { InputCount::Exclusive } else { InputCount::Inclusive },
                ..Usage::default()
            },
        )
    }

    fn any_row() -> impl Strategy<Value = Arc<PriceRow>> {
        let catalog = Catalog::bundled();
        let rows: Vec<_> = ["openai", "anthropic", "google", "deepseek", "alibaba", "perplexity"]
            .iter()
            .flat_map(|name| catalog.provider(name).unwrap().rows().to_vec())
            .collect();
        proptest::sample::select(rows)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_sum_is_its_lines_and_never_negative(row in any_row(), usage in any_usage(), at in 0..4_000_000_000_i64) {
            for tier in [None, Some("batch"), Some("priority")] {
                let sum = cost::price(&row, &usage, &Terms::at(at, tier));
                prop_assert_eq!(cost::cost_usd(&row, &usage, at, tier), sum.map(|sum| sum.usd));
                let Some(sum) = sum else { continue };
                prop_assert!(sum.usd >= 0.0 && sum.usd.is_finite());
                let parts = sum.input_usd() + sum.cache_read_usd() + sum.cache_write_usd() + sum.output_usd() + sum.request_usd();
                prop_assert!((parts - sum.usd).abs() <= 1e-9 * sum.usd.max(1.0));
                for line in sum.lines() {
                    prop_assert!(line.usd >= 0.0);
                }
            }
        }
    }
}
