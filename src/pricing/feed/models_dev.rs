//! models.dev's `api.json`: `PROVIDER.models.ID.cost`, USD per 1e6 tokens.

use serde_json::{Map, Value};

use super::lenient::{self, BadRate};
use super::{FeedError, Listing, are_plausible};
use crate::pricing::row::{ContextTier, Prices, Rates, ServiceTier, sorted_tiers};

/// Threshold of the legacy field that has none of its own, tokens.
pub(super) const LEGACY_TIER_ABOVE: u64 = 200_000;

/// The usable models of a document.
///
/// # Errors
/// Fails if the document is not a JSON object.
pub(super) fn listings(text: &str) -> Result<Vec<Listing>, FeedError> {
    let mut listings = Vec::new();
    let mut each_provider = |provider: &str, text: &str| {
        let Some(provider) = lenient::name(provider) else { return };
        // Models read before an error in a provider are kept.
        let _ = lenient::members(text, &mut |field, text| {
            if field == "models" {
                let _ = lenient::members(text, &mut |id, text| listings.extend(listing(provider, id, text)));
            }
        });
    };
    lenient::members(text, &mut each_provider).map_err(|_| FeedError::NotAList)?;
    Ok(listings)
}

fn listing(provider: &str, id: &str, text: &str) -> Option<Listing> {
    let id = lenient::name(id)?;
    let model = lenient::object(text)?;
    let prices = prices(&model).ok()??;
    let context = model.get("limit").and_then(|limit| limit.get("context")).and_then(Value::as_u64);
    Some(Listing {
        provider: catalog_name(provider),
        id: id.to_owned(),
        context: context.filter(|&size| size > 0),
        prices,
    })
}

/// models.dev lists Vertex's Claude models under a separate provider; the catalog does not.
fn catalog_name(provider: &str) -> String {
    match provider {
        "google-vertex-anthropic" => "google-vertex".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

fn prices(model: &Map<String, Value>) -> Result<Option<Prices>, BadRate> {
    let Some(cost) = model.get("cost").and_then(Value::as_object) else { return Ok(None) };
    let base = rates(cost)?;
    if !are_plausible(base) {
        return Ok(None);
    }
    Ok(Some(Prices { base, tiers: tiers(cost)?, service_tiers: service_tiers(model)?, ..Prices::default() }))
}

fn rates(cost: &Map<String, Value>) -> Result<Rates, BadRate> {
    let rate = |key| lenient::rate(cost, &[key]);
    Ok(Rates {
        input: rate("input")?,
        output: rate("output")?,
        cache_read: rate("cache_read")?,
        cache_write: rate("cache_write")?,
        reasoning: rate("reasoning")?,
        input_audio: rate("input_audio")?,
        output_audio: rate("output_audio")?,
        ..Rates::default()
    })
}

fn tiers(cost: &Map<String, Value>) -> Result<Box<[ContextTier]>, BadRate> {
    let listed = cost.get("tiers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut tiers = Vec::new();
    for tier in listed.iter().filter_map(Value::as_object) {
        if let Some(above) = threshold(tier) {
            tiers.push(ContextTier { above, rates: rates(tier)? });
        }
    }
    if let Some(legacy) = cost.get("context_over_200k").and_then(Value::as_object).filter(|_| tiers.is_empty()) {
        tiers.push(ContextTier { above: LEGACY_TIER_ABOVE, rates: rates(legacy)? });
    }
    let are_plausible = tiers.iter().all(|tier| are_plausible(tier.rates));
    are_plausible.then(|| sorted_tiers(tiers)).ok_or(BadRate)
}

/// N in `tier: {type: context, size: N}`; other tier types have no size.
fn threshold(tier: &Map<String, Value>) -> Option<u64> {
    let condition = tier.get("tier")?;
    let is_context = condition.get("type").is_none_or(|kind| kind == "context");
    condition.get("size")?.as_u64().filter(|_| is_context)
}

/// `experimental.modes.NAME`, under that name and under the service tier it requests.
fn service_tiers(model: &Map<String, Value>) -> Result<Box<[ServiceTier]>, BadRate> {
    let experimental = model.get("experimental").and_then(|experimental| experimental.get("modes"));
    let mut tiers: Vec<ServiceTier> = Vec::new();
    for (mode, details) in experimental.and_then(Value::as_object).into_iter().flatten() {
        let Some(cost) = details.get("cost").and_then(Value::as_object) else { continue };
        let rates = rates(cost)?;
        if !are_plausible(rates) {
            return Err(BadRate);
        }
        let billed_as = details.pointer("/provider/body/service_tier").and_then(Value::as_str);
        for name in std::iter::once(mode.as_str()).chain(billed_as).filter_map(lenient::name) {
            if tiers.iter().all(|tier| *tier.name != *name) {
                tiers.push(ServiceTier { name: name.into(), rates, tiers: Box::default() });
            }
        }
    }
    Ok(tiers.into())
}
