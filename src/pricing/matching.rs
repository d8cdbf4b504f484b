//! Finds the price row for a model name and a provider hint (PRICING.md, section 1). There is no substring, prefix or
//! nearest-name matching, and no fallback to any provider that lists the name.

use std::sync::Arc;

use super::catalog::{Catalog, ProviderRows};
use super::families;
use super::providers::{self, KnownProvider, ProviderKind, Seller};
use super::row::{PriceOrigin, PriceRow};
use super::spelling::{self, Unwrapped};
use crate::call::CostBasis;

/// The rule that found a price row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchedBy {
    /// The emitted provider is a gateway and has this id.
    Gateway,
    /// The provider is given by the emitter, by a prefix of the model name, or by a resource name around it.
    Provider,
    /// No provider is given; the name belongs to the family of one first party.
    Family,
    /// No provider is given; the id has the form of Bedrock, Vertex or Fireworks.
    Shape,
    /// No provider is given; the name is a DigitalOcean id.
    DoId,
    /// The seller's price is not known: the first party's list price.
    Estimate,
    /// No span reports the answering model: the price of the requested one.
    Requested,
}

impl MatchedBy {
    /// The value of `matched_by` in JSON and in the output of `planoai price`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Provider => "provider",
            Self::Family => "family",
            Self::Shape => "shape",
            Self::DoId => "do-id",
            Self::Estimate => "estimate",
            Self::Requested => "requested",
        }
    }

    /// The rule as a sentence for users.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Gateway => "the gateway lists this id",
            Self::Provider => "the provider is given",
            Self::Family => "the name belongs to the model family of one provider",
            Self::Shape => "only one provider uses ids of this form",
            Self::DoId => "the name is a DigitalOcean id",
            Self::Estimate => "the seller's price is unknown; this is the first party's list price",
            Self::Requested => "no span reports the answering model; this is the price of the requested one",
        }
    }
}

/// A price row for a model and the rule that found it.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceMatch {
    /// The row, with its provider and id.
    pub row: Arc<PriceRow>,
    /// The rule that found it.
    pub matched_by: MatchedBy,
    /// The name that replaced the emitted one, from the Plano config ([`super::Aliases`]).
    pub alias: Option<Box<str>>,
    /// Factor on the row's rates: geographic profiles of Bedrock cost more than the list price.
    pub uplift: Option<f64>,
}

impl PriceMatch {
    /// This match, found through `alias`.
    #[must_use]
    pub fn by_alias(self, alias: &str) -> Self {
        Self { alias: Some(alias.into()), ..self }
    }

    /// This match, found for the requested model.
    #[must_use]
    pub fn for_requested(self) -> Self {
        Self { matched_by: MatchedBy::Requested, ..self }
    }

    /// Whether the price is that of another seller or of the requested model.
    pub fn is_estimate(&self) -> bool {
        matches!(self.matched_by, MatchedBy::Estimate | MatchedBy::Requested)
    }

    /// The basis of costs computed from this row. Another seller's price is an estimate even if refreshed, as is a sum
    /// of which a part is not known (PRICING.md, section 3).
    pub fn basis(&self, is_certain: bool) -> CostBasis {
        match (self.is_estimate() || !is_certain, self.row.origin) {
            (true, _) => CostBasis::Estimate,
            (false, PriceOrigin::Bundled) => CostBasis::Priced,
            (false, PriceOrigin::Refreshed) => CostBasis::Refreshed,
        }
    }
}

impl Catalog {
    /// The row for `model` at the provider given by the emitter.
    pub fn find(&self, model: &str, provider_hint: Option<&str>) -> Option<PriceMatch> {
        let model = spelling::without_marker(model.trim());
        if model.len() > providers::MAX_NAME {
            return None;
        }
        let id = match spelling::unwrap(model) {
            Unwrapped::Opaque => return None,
            Unwrapped::Bedrock(id) => return self.at("amazon-bedrock", &[id], MatchedBy::Provider),
            Unwrapped::Vertex { publisher, id } => return self.at_vertex(publisher, id),
            Unwrapped::Bare(id) => id,
        };
        if id.is_empty() || id.starts_with("router:") {
            return None;
        }
        match provider_hint.map_or(Seller::Unnamed, providers::seller) {
            Seller::Unpriced => None,
            Seller::Known(provider) if provider.kind == ProviderKind::Gateway => self.at_gateway(provider, id),
            Seller::Known(provider) => self.at_named(provider, id),
            Seller::Unknown(name) => self.at_unknown(name, id),
            Seller::Unnamed => match providers::split_prefix(id) {
                Some((seller, rest)) => self.at_prefix(seller, id, rest),
                None => self.by_shape(id),
            },
        }
    }

    /// Tries the whole name as the gateway's id, then a prefix that names the gateway or another host, then, for resellers,
    /// the first party's list price.
    fn at_gateway(&self, gateway: KnownProvider, name: &str) -> Option<PriceMatch> {
        if let Some(own) = self.at(gateway.id, &[name], MatchedBy::Gateway) {
            return Some(own);
        }
        match providers::split_prefix(name) {
            Some((Seller::Known(vendor), _)) if vendor.kind == ProviderKind::FirstParty => self.estimate(gateway, name),
            Some((seller, rest)) => self.at_prefix(seller, name, rest),
            None => self.estimate(gateway, name),
        }
    }

    /// Tries the given provider, then a prefix that names another seller, then the vendor's list price.
    fn at_named(&self, provider: KnownProvider, name: &str) -> Option<PriceMatch> {
        let prefix = providers::split_prefix(name);
        match prefix {
            Some((seller, rest)) if seller == Seller::Known(provider) => self.at_prefix(seller, name, rest),
            _ => {
                // `openai/gpt-oss-120b-maas` is Vertex's own id.
                let own = self.at(provider.id, &[name], MatchedBy::Provider);
                own.or_else(|| match prefix {
                    Some((seller, rest)) => self.at_foreign_prefix(seller, name, rest),
                    None => self.estimate(provider, name),
                })
            }
        }
    }

    /// Tries a provider that only a refreshed catalog can contain.
    fn at_unknown(&self, provider: &str, name: &str) -> Option<PriceMatch> {
        match providers::split_prefix(name) {
            Some((seller, rest)) => self.at_foreign_prefix(seller, name, rest),
            None => self.at(&provider.to_ascii_lowercase(), &[name], MatchedBy::Provider),
        }
    }

    /// `name` is `seller/rest` under the name of another seller. A first party's name is then that of the vendor: its list
    /// price is an estimate, and unknown for weights that anyone hosts.
    fn at_foreign_prefix(&self, seller: Seller<'_>, name: &str, rest: &str) -> Option<PriceMatch> {
        match seller {
            Seller::Known(vendor) if vendor.kind == ProviderKind::FirstParty => {
                if families::has_open_weights(rest, spelling::has_parameter_count(rest)) {
                    return None;
                }
                let found = self.at_prefix(seller, name, rest)?;
                Some(PriceMatch { matched_by: MatchedBy::Estimate, ..found })
            }
            _ => self.at_prefix(seller, name, rest),
        }
    }

    /// `name` is `seller/rest`.
    fn at_prefix(&self, seller: Seller<'_>, name: &str, rest: &str) -> Option<PriceMatch> {
        let Seller::Known(provider) = seller else { return None };
        match spelling::unwrap(rest) {
            Unwrapped::Opaque => None,
            Unwrapped::Bedrock(id) => self.at("amazon-bedrock", &[id], MatchedBy::Provider),
            Unwrapped::Vertex { publisher, id } => self.at_vertex(publisher, id),
            Unwrapped::Bare(id) => {
                let id = if provider.id == "amazon-bedrock" { spelling::after_route(id) } else { id };
                self.at(provider.id, &[id, name], MatchedBy::Provider).or_else(|| self.estimate(provider, id))
            }
        }
    }

    /// Vertex lists its partners' open models as `publisher/id`.
    fn at_vertex(&self, publisher: &str, id: &str) -> Option<PriceMatch> {
        self.at("google-vertex", &[id, &format!("{publisher}/{id}")], MatchedBy::Provider)
    }

    /// Without a provider: by the form of the id, else by the family.
    fn by_shape(&self, name: &str) -> Option<PriceMatch> {
        if spelling::is_bedrock_id(name) {
            return self.at("amazon-bedrock", &[name], MatchedBy::Shape);
        }
        if name.starts_with("accounts/fireworks/") {
            return self.at("fireworks-ai", &[name], MatchedBy::Shape);
        }
        if spelling::is_vertex_id(name) {
            return self.at("google-vertex", &[name], MatchedBy::Shape);
        }
        if vendor_in_digitalocean_id(name).is_some() || DIGITALOCEAN_SPELLINGS.contains(&name) {
            return self.at("digitalocean", &[name], MatchedBy::DoId);
        }
        let has_size = spelling::has_parameter_count(name);
        let first_party = families::family(name, has_size).filter(|_| !families::has_open_weights(name, has_size))?;
        self.at(first_party.id, &[name], MatchedBy::Family)
    }

    /// For resellers, the list price of the vendor in the name.
    fn estimate(&self, seller: KnownProvider, name: &str) -> Option<PriceMatch> {
        // What `-latest` stands for changes, and not at every seller on the same day.
        if !seller.is_reseller || name.ends_with("-latest") {
            return None;
        }
        let (vendor, id) = match providers::split_prefix(name) {
            Some((Seller::Known(vendor), id)) if vendor.kind == ProviderKind::FirstParty => (vendor, id),
            Some(_) => return None,
            // A dated id in DigitalOcean's own spelling that it does not list.
            None if vendor_in_digitalocean_id(name).is_some() && spelling::undated(name).is_some() => return None,
            None => vendor_in_digitalocean_id(name)
                .or_else(|| Some((families::family(name, spelling::has_parameter_count(name))?, name)))?,
        };
        // Open weights have no meaningful first-party price.
        if id.starts_with("gpt-oss") {
            return None;
        }
        self.at(vendor.id, &[id], MatchedBy::Estimate)
    }

    /// The first of `names` that the provider lists, as spelled, else with suffixes stripped.
    fn at(&self, provider: &str, names: &[&str], matched_by: MatchedBy) -> Option<PriceMatch> {
        let rows = self.provider(provider)?;
        if let Some(row) = names.iter().find_map(|name| find_in(rows, name)) {
            return Some(PriceMatch::new(row, matched_by));
        }
        if provider == "amazon-bedrock" {
            return names.iter().find_map(|name| self.at_bedrock(rows, name, matched_by));
        }
        let row = names.iter().find_map(|name| self.find_stripped(provider, rows, name))?;
        Some(PriceMatch::new(row, matched_by))
    }

    /// With suffixes stripped, unless the price depends on what would be stripped.
    fn find_stripped<'a>(&self, provider: &str, rows: &'a ProviderRows, name: &str) -> Option<&'a Arc<PriceRow>> {
        let row = spelling::stripped(provider, name).iter().find_map(|name| find_in(rows, name))?;
        (!self.is_snapshot_apart(provider, name, row)).then_some(row)
    }

    /// Whether the first party prices the dated or `-latest` name apart from the row found without that suffix.
    fn is_snapshot_apart(&self, provider: &str, name: &str, row: &PriceRow) -> bool {
        let bare = providers::split_prefix(name).map_or(name, |(_, rest)| rest);
        let (vendor, id) = match vendor_in_digitalocean_id(bare) {
            Some(split) => split,
            None => match families::family(bare, false) {
                Some(vendor) => (vendor, bare),
                None => return false,
            },
        };
        let undated = spelling::undated(id);
        let is_moving = id.ends_with("-latest");
        if vendor.id == provider || (undated.is_none() && !is_moving) {
            return false;
        }
        let listed = |id: &str| self.provider(vendor.id)?.find_listed(id);
        let rates = |row: &PriceRow| (row.prices.base.input, row.prices.base.output);
        match (listed(id), undated.and_then(listed)) {
            (Some(snapshot), Some(current)) => rates(snapshot) != rates(current),
            (Some(snapshot), None) => rates(snapshot) != rates(row),
            (None, _) => is_moving,
        }
    }

    /// A Bedrock id that is not listed as spelled. Geographic profiles cost 1.1 times the list price where their siblings
    /// do; `global.` is the list price and never that of a region.
    fn at_bedrock(&self, rows: &ProviderRows, name: &str, matched_by: MatchedBy) -> Option<PriceMatch> {
        let find = |name: &str| {
            let stripped = || spelling::stripped("amazon-bedrock", name);
            find_in(rows, name).or_else(|| stripped().iter().find_map(|name| find_in(rows, name)))
        };
        if let Some(row) = find(name) {
            return Some(PriceMatch::new(row, matched_by));
        }
        let (region, model) = spelling::split_bedrock_region(name)?;
        if region == "global" {
            let (vendor, id) = model.split_once('.')?;
            let id = spelling::strip_bedrock_version(id).unwrap_or(id);
            let vendor = providers::known(vendor).filter(|vendor| vendor.kind == ProviderKind::FirstParty)?;
            let is_open = families::has_open_weights(id, spelling::has_parameter_count(id));
            return if is_open { None } else { self.at(vendor.id, &[id], MatchedBy::Estimate) };
        }
        let at = |region: &str| find(&format!("{region}.{model}"));
        let (bare, global, sibling) =
            (find(model), at("global"), ["us", "eu", "jp", "apac", "au"].into_iter().find_map(at));
        let input = |row: &Arc<PriceRow>| row.prices.base.input.filter(|&rate| rate > 0.0);
        match (bare, global, sibling) {
            (Some(bare), _, Some(sibling)) => {
                let ratio = input(sibling).zip(input(bare)).map_or(1.0, |(sibling, bare)| sibling / bare);
                // A region of its own may cost what a profile costs; other ratios are not those of geography.
                let is_profile = (ratio - GEOGRAPHIC).abs() < 0.001;
                Some(PriceMatch { uplift: is_profile.then_some(GEOGRAPHIC), ..PriceMatch::new(bare, matched_by) })
            }
            (Some(bare), Some(global), None) if input(bare) == input(global) => {
                Some(PriceMatch { uplift: Some(GEOGRAPHIC), ..PriceMatch::new(bare, matched_by) })
            }
            (Some(row), _, None) | (None, _, Some(row)) => Some(PriceMatch::new(row, matched_by)),
            (None, Some(global), None) => {
                Some(PriceMatch { uplift: Some(GEOGRAPHIC), ..PriceMatch::new(global, matched_by) })
            }
            (None, None, None) => None,
        }
    }
}

impl PriceMatch {
    fn new(row: &Arc<PriceRow>, matched_by: MatchedBy) -> Self {
        Self { row: Arc::clone(row), matched_by, alias: None, uplift: None }
    }
}

/// What a geographic profile of Bedrock costs against the list price.
const GEOGRAPHIC: f64 = 1.1;

/// Names of open weights in a spelling that only DigitalOcean uses.
const DIGITALOCEAN_SPELLINGS: &[&str] = &["llama3.3-70b-instruct"];

/// The row of this name; a fine-tuned model has only the rows of fine-tuned models.
fn find_in<'a>(rows: &'a ProviderRows, name: &str) -> Option<&'a Arc<PriceRow>> {
    rows.find(name).filter(|row| !name.starts_with("ft:") || row.id.starts_with("ft:"))
}

/// Splits a DigitalOcean id into vendor and the vendor's model name.
fn vendor_in_digitalocean_id(name: &str) -> Option<(KnownProvider, &str)> {
    let (vendor, id) = name.split_once('-').filter(|_| !name.contains('/'))?;
    matches!(vendor, "openai" | "anthropic").then_some((providers::known(vendor)?, id))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        model: String,
        provider: Option<String>,
        expect: Option<Expected>,
        why: String,
    }

    #[derive(Deserialize)]
    struct Expected {
        provider: String,
        id: String,
        input: f64,
        output: f64,
        how: String,
    }

    #[test]
    fn every_matching_case_finds_its_row_and_rule() {
        let cases: Cases = serde_json::from_str(include_str!("../../tests/pricing/matching-cases.json")).unwrap();
        assert!(cases.cases.len() >= 40);
        for case in cases.cases {
            let found = Catalog::bundled().find(&case.model, case.provider.as_deref());
            let found = found.as_ref().map(|found| {
                let base = found.row.prices.base;
                (&*found.row.provider, &*found.row.id, base.input, base.output, found.matched_by.name())
            });
            let expected = case
                .expect
                .as_ref()
                .map(|row| (&*row.provider, &*row.id, Some(row.input), Some(row.output), &*row.how));
            assert_eq!(found, expected, "{} at {:?}: {}", case.model, case.provider, case.why);
        }
    }

    /// Further cases of the same kinds: model, hint, and `provider id how` or nothing.
    const CASES: &[(&str, &str, &str)] = &[
        // Prefix against hint.
        ("anthropic/claude-opus-4-7", "openai", "anthropic claude-opus-4-7 estimate"),
        ("anthropic/claude-opus-4-7[1m]", "anthropic", "anthropic claude-opus-4-7 provider"),
        ("anthropic/claude-opus-4-7", "my-gateway", "anthropic claude-opus-4-7 estimate"),
        ("gemini-2.5-flash", "gcp.vertex.agent", "google gemini-2.5-flash provider"),
        ("groq/llama-3.3-70b-versatile", "digitalocean", "groq llama-3.3-70b-versatile provider"),
        ("do/openai-gpt-5.4", "openai", "digitalocean openai-gpt-5.4 provider"),
        ("digitalocean/openai-gpt-5.4", "digitalocean", "digitalocean openai-gpt-5.4 provider"),
        ("perplexity/sonar", "perplexity", "perplexity sonar provider"),
        ("perplexity/kimi-k3", "perplexity", "perplexity perplexity/kimi-k3 provider"),
        ("openai/gpt-oss-120b-maas", "vertex_ai", "google-vertex openai/gpt-oss-120b-maas provider"),
        ("openai/gpt-oss-120b", "groq", "groq openai/gpt-oss-120b gateway"),
        ("custom/gpt-4o", "", ""),
        ("Qwen/Qwen3-32B", "openai", ""),
        // Never another provider's price.
        ("claude-opus-4-7", "openai", ""),
        ("gpt-4o", "groq", ""),
        ("gpt-4o", "my-gateway", ""),
        ("gpt-4o", "openai.mycorp", ""),
        ("gpt-4o", "openai.azure.com", "azure gpt-4o provider"),
        ("gpt-4o", "openai.chat", "openai gpt-4o provider"),
        ("gpt-4o", "ollama", ""),
        ("ollama/gpt-oss:20b", "", ""),
        ("openai/gpt-4o", "plano", ""),
        ("gpt-5.4", "chatgpt", ""),
        ("router:fast", "digitalocean", ""),
        ("", "openai", ""),
        ("gpt", "openai", ""),
        ("gpt-4o-foo", "openai", ""),
        ("claude", "", ""),
        // Names that say nothing of a provider.
        ("gpt-4o-mini", "unknown", "openai gpt-4o-mini family"),
        ("gpt-4o-mini", "plano(llm)", "openai gpt-4o-mini family"),
        ("gpt-oss-20b", "openai", ""),
        ("qwen3-32b", "", ""),
        ("ft:gpt-4o-2024-08-06:acme::x", "", "openai ft:gpt-4o-2024-08-06 family"),
        ("ft:gpt-4o-mini-2024-07-18:acme:name:id", "openai", "openai ft:gpt-4o-mini-2024-07-18 provider"),
        ("ft:gpt-4-0:acme::x", "openai", ""),
        ("gpt-4o-mini:free", "openai", ""),
        // Resellers.
        ("gpt-35-turbo-16k", "azure_openai", "openai gpt-3.5-turbo-16k estimate"),
        ("gpt-35-turbo-0125", "az.ai.openai", "azure gpt-3.5-turbo-0125 provider"),
        ("gpt-4o-2024-08-06", "azure", "azure gpt-4o provider"),
        ("openai/o1-pro", "vercel", "openai o1-pro estimate"),
        ("vercel/openai/o1-pro", "", "openai o1-pro estimate"),
        ("openai/gpt-99", "openrouter", ""),
        ("meta-llama/llama-99", "openrouter", ""),
        ("openai/gpt-oss-safeguard-999b", "openrouter", ""),
        ("gpt-oss-120b", "azure", "azure gpt-oss-120b provider"),
        ("gpt-oss-999b", "azure", ""),
        ("openai-gpt-oss-safeguard-20b", "digitalocean", ""),
        ("openai/gpt-oss-safeguard-20b", "digitalocean", ""),
        ("gpt-oss-120b", "digitalocean", "digitalocean openai-gpt-oss-120b gateway"),
        ("claude-haiku-4-5-20251001", "do_ai", "anthropic claude-haiku-4-5-20251001 estimate"),
        ("anthropic-claude-haiku-4.5", "gradient", "digitalocean anthropic-claude-haiku-4.5 gateway"),
        ("claude-sonnet-4-6", "digitalocean", "digitalocean anthropic-claude-4.6-sonnet gateway"),
        ("anthropic/claude-sonnet-4-5-20250929", "openrouter", "openrouter anthropic/claude-sonnet-4.5 gateway"),
        ("openai/gpt-4o:batch", "openrouter", "openrouter openai/gpt-4o:batch gateway"),
        ("openai/gpt-4o:online", "openrouter", "openrouter openai/gpt-4o gateway"),
        // Bedrock.
        ("us.anthropic.claude-opus-4-7", "aws.bedrock", "amazon-bedrock us.anthropic.claude-opus-4-7 provider"),
        ("us.anthropic.claude-opus-4-7", "aws", "amazon-bedrock us.anthropic.claude-opus-4-7 provider"),
        ("anthropic.claude-opus-4-6", "bedrock", "amazon-bedrock anthropic.claude-opus-4-6-v1 provider"),
        (
            "sa.anthropic.claude-haiku-4-5-20251001-v1:0",
            "",
            "amazon-bedrock anthropic.claude-haiku-4-5-20251001-v1:0 shape",
        ),
        ("bedrock/us.amazon.nova-pro-v1:0", "", "amazon-bedrock us.amazon.nova-pro-v1:0 provider"),
        (
            "bedrock/arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
            "",
            "amazon-bedrock amazon.nova-lite-v1:0 provider",
        ),
        ("arn:aws:bedrock:eu-west-1:1:application-inference-profile/abcdef", "bedrock", ""),
        ("openai.gpt-9", "", ""),
        // Vertex and Google.
        (
            "publishers/anthropic/models/claude-sonnet-4-5@20250929",
            "",
            "google-vertex claude-sonnet-4-5@20250929 provider",
        ),
        (
            "projects/p/locations/global/publishers/qwen/models/qwen3-235b-a22b-instruct-2507-maas",
            "gcp.vertex_ai",
            "google-vertex qwen/qwen3-235b-a22b-instruct-2507-maas provider",
        ),
        ("claude-opus-4-7", "gcp.vertex_ai", "google-vertex claude-opus-4-7@default provider"),
        ("claude-opus-4-7@20260416", "", "google-vertex claude-opus-4-7@default shape"),
        ("vertex_ai/gemini-2.5-pro", "", "google-vertex gemini-2.5-pro provider"),
        ("models/gemini-2.5-pro", "", "google gemini-2.5-pro family"),
        ("gemini-2.5-flash", "GCP.Gemini", "google gemini-2.5-flash provider"),
        ("gemini-1.5-pro-002", "google", ""),
    ];

    #[test]
    fn further_cases_of_the_same_kinds() {
        for &(model, hint, expected) in CASES {
            let found = Catalog::bundled().find(model, Some(hint).filter(|hint| !hint.is_empty()));
            let found = found.map_or(String::new(), |found| {
                format!("{} {} {}", found.row.provider, found.row.id, found.matched_by.name())
            });
            assert_eq!(found, expected, "{model} at {hint}");
        }
    }

    #[test]
    fn every_row_is_found_by_its_own_name_at_its_own_provider() {
        let catalog = Catalog::bundled();
        for provider in providers::all() {
            for row in catalog.provider(provider.id).unwrap().rows() {
                // A prefix that names a provider, or a local runtime, beats the hint by rule.
                if providers::split_prefix(&row.id).is_some() && provider.kind != ProviderKind::Gateway {
                    continue;
                }
                let found = catalog.find(&row.id, Some(provider.id)).map(|found| found.row);
                assert_eq!(found.as_ref(), Some(row));
            }
        }
    }

    #[test]
    fn hostile_names_find_nothing_and_break_nothing() {
        let long = "claude-".repeat(20_000);
        let suffixes = ":nitro".repeat(50_000);
        let dots = "a.".repeat(50_000);
        for name in [
            "/",
            "//",
            "openai/",
            "\u{202e}gpt-4o",
            "-",
            "a/b/c/d",
            "publishers//models/",
            "models/",
            "@",
            &long,
            &suffixes,
            &dots,
        ] {
            for hint in [None, Some("openai"), Some("bedrock"), Some("/"), Some("...."), Some(&*long), Some(&*dots)] {
                assert_eq!(Catalog::bundled().find(name, hint), None);
            }
        }
    }
}
