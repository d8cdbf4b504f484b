//! Finds the price row for a model name and a provider hint (PRICING.md, section 1). There is no substring, prefix or
//! nearest-name matching, and no fallback to any provider that lists the name.

use std::sync::Arc;

use super::catalog::Catalog;
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
    /// A reseller without its own row: the first party's list price.
    Estimate,
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
            Self::Estimate => "the reseller's price is unknown; this is the first party's list price",
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
}

impl PriceMatch {
    /// This match, found through `alias`.
    #[must_use]
    pub fn by_alias(self, alias: &str) -> Self {
        Self { alias: Some(alias.into()), ..self }
    }

    /// Whether the price is that of another seller.
    pub fn is_estimate(&self) -> bool {
        self.matched_by == MatchedBy::Estimate
    }

    /// The basis of costs computed from this row. Another seller's price is an estimate even if refreshed (PRICING.md,
    /// section 3).
    pub fn basis(&self) -> CostBasis {
        match (self.is_estimate(), self.row.origin) {
            (true, _) => CostBasis::Estimate,
            (false, PriceOrigin::Bundled) => CostBasis::Priced,
            (false, PriceOrigin::Refreshed) => CostBasis::Refreshed,
        }
    }
}

impl Catalog {
    /// The row for `model` at the provider given by the emitter.
    pub fn find(&self, model: &str, provider_hint: Option<&str>) -> Option<PriceMatch> {
        let model = model.trim();
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
            Seller::Unknown(name) => self.by_prefix_or(id, || self.at_unknown(name, id)),
            Seller::Unnamed => self.by_prefix_or(id, || self.by_shape(id)),
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

    /// Tries the given provider, unless the model name has a provider prefix.
    fn at_named(&self, provider: KnownProvider, name: &str) -> Option<PriceMatch> {
        let prefix = providers::split_prefix(name);
        if prefix.is_none_or(|(seller, _)| seller != Seller::Known(provider)) {
            // `openai/gpt-oss-120b-maas` is Vertex's own id.
            if let Some(own) = self.at(provider.id, &[name], MatchedBy::Provider) {
                return Some(own);
            }
        }
        self.by_prefix_or(name, || self.estimate(provider, name))
    }

    /// Tries a provider that only a refreshed catalog can contain.
    fn at_unknown(&self, provider: &str, name: &str) -> Option<PriceMatch> {
        self.at(&provider.to_ascii_lowercase(), &[name], MatchedBy::Provider)
    }

    /// Uses a known `provider/` prefix of the name, else `otherwise`.
    fn by_prefix_or(&self, name: &str, otherwise: impl FnOnce() -> Option<PriceMatch>) -> Option<PriceMatch> {
        match providers::split_prefix(name) {
            Some((seller, rest)) => self.at_prefix(seller, name, rest),
            None => otherwise(),
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
        if self.is_digitalocean_id(name) {
            return self.at("digitalocean", &[name], MatchedBy::DoId);
        }
        let first_party = families::family(name, spelling::has_parameter_count(name))?;
        self.at(first_party.id, &[name], MatchedBy::Family)
    }

    /// `openai-gpt-5.4`, `anthropic-claude-opus-4.7`, or an id that no other provider lists (`llama3.3-70b-instruct`).
    fn is_digitalocean_id(&self, name: &str) -> bool {
        let lists = |id: &str| self.provider(id).is_some_and(|provider| provider.find_listed(name).is_some());
        vendor_in_digitalocean_id(name).is_some()
            || lists("digitalocean")
                && providers::all().filter(|known| known.id != "digitalocean").all(|known| !lists(known.id))
    }

    /// For resellers, the list price of the vendor in the name.
    fn estimate(&self, seller: KnownProvider, name: &str) -> Option<PriceMatch> {
        if !seller.is_reseller {
            return None;
        }
        let (vendor, id) = match providers::split_prefix(name) {
            Some((Seller::Known(vendor), id)) if vendor.kind == ProviderKind::FirstParty => (vendor, id),
            Some(_) => return None,
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
        let find = |name: &str| rows.find(name).filter(|row| !name.starts_with("ft:") || row.id.starts_with("ft:"));
        let row = names.iter().find_map(|name| find(name)).or_else(|| {
            let mut shorter = names.iter().flat_map(|name| spelling::stripped(provider, name));
            shorter.find_map(|name| find(&name))
        })?;
        Some(PriceMatch { row: Arc::clone(row), matched_by, alias: None })
    }
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
        ("anthropic/claude-opus-4-7", "openai", "anthropic claude-opus-4-7 provider"),
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
        ("gpt-oss-20b", "openai", "openai gpt-oss-20b provider"),
        ("qwen3-32b", "", ""),
        ("ft:gpt-4o-2024-08-06:acme::x", "", "openai ft:gpt-4o family"),
        ("ft:gpt-4o-mini-2024-07-18:acme:name:id", "openai", "openai ft:gpt-4o-mini provider"),
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
        ("gpt-oss-120b", "azure", ""),
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
