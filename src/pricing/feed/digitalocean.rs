//! DigitalOcean's model catalog: `data[].model_id` and its `pricing`.
//!
//! Key names contain "per million" although values have been per token. The unit is determined once per document by its
//! largest rate, never per value, which would bill a model at $0.25 per million as $0.25 per token.

use serde_json::{Map, Value};

use super::lenient::{self, BadRate};
use super::{FeedError, Listing, are_plausible};
use crate::pricing::providers;
use crate::pricing::row::{Prices, Rates};

/// A document whose largest rate is below this is per token: the cheapest models cost more per 1e6 tokens.
const LARGEST_PER_TOKEN: f64 = 1e-3;

/// A document whose median rate is below this, but whose largest rate is not per token, mixes units.
const USUAL_PER_TOKEN: f64 = 1e-4;

/// Members that may hold the list, if the document is not a list.
const LISTS: &[&str] = &["data", "models", "items", "pricing"];

/// The usable models of a document, in USD per 1e6 tokens.
///
/// # Errors
/// Fails if the document is not a JSON list or object, or mixes units.
pub(super) fn listings(text: &str) -> Result<Vec<Listing>, FeedError> {
    let mut priced = Vec::new();
    let mut each_model = |text: &str| priced.extend(entry(text));
    if lenient::elements(text, &mut each_model).is_err() {
        lenient::members(text, &mut |field, text| {
            if LISTS.contains(&field) {
                let _ = lenient::elements(text, &mut each_model);
            }
        })
        .map_err(|_| FeedError::NotAList)?;
    }
    let to_millions = unit(&priced)?;
    Ok(priced.into_iter().filter_map(|(id, rates)| listing(id, rates.map(|rate| scale(rate, to_millions)))).collect())
}

/// The factor from the document's unit to USD per 1e6 tokens.
fn unit(priced: &[(String, Rates)]) -> Result<f64, FeedError> {
    let mut highest: Vec<f64> = priced.iter().map(|(_, rates)| rates.highest()).filter(|&rate| rate > 0.0).collect();
    highest.sort_by(f64::total_cmp);
    let (Some(&largest), Some(&median)) = (highest.last(), highest.get(highest.len() / 2)) else { return Ok(1.0) };
    if largest < LARGEST_PER_TOKEN {
        return Ok(1e6);
    }
    // Most rates are per token and some are not: either scale would produce wrong prices.
    if median < USUAL_PER_TOKEN { Err(FeedError::MixedUnits) } else { Ok(1.0) }
}

/// Rounds to twelve digits, more than any rate has, to drop the error of the multiplication.
fn scale(rate: f64, factor: f64) -> f64 {
    let scaled = rate * factor;
    format!("{scaled:.11e}").parse().unwrap_or(scaled)
}

/// Id and rates of one entry, in the document's unit.
fn entry(text: &str) -> Option<(String, Rates)> {
    let model = lenient::object(text)?;
    let id = ["model_id", "id", "model", "name"].iter().find_map(|&key| model.get(key)?.as_str())?;
    let rates = rates(&model).ok()?;
    are_plausible(rates).then(|| Some((lenient::name(id)?.to_owned(), rates)))?
}

fn rates(model: &Map<String, Value>) -> Result<Rates, BadRate> {
    let nested = model.get("pricing").and_then(Value::as_object);
    let rate = |keys: &[&str]| match nested.map_or(Ok(None), |pricing| lenient::rate(pricing, keys))? {
        Some(rate) => Ok(Some(rate)),
        None => lenient::rate(model, keys),
    };
    Ok(Rates {
        input: rate(&["input_price_per_million", "input_per_million", "input_per_mtok"])?,
        output: rate(&["output_price_per_million", "output_per_million", "output_per_mtok"])?,
        cache_read: rate(&[
            "cache_read_input_price_per_million",
            "input_cache_read",
            "cached_input_price_per_million",
            "cached_input_per_million",
        ])?,
        cache_write: rate(&["cache_write_input_price_per_million", "input_cache_write"])?,
        ..Rates::default()
    })
}

fn listing(id: String, base: Rates) -> Option<Listing> {
    let provider = "digitalocean";
    let own_id = match providers::split_prefix(&id) {
        Some((providers::Seller::Known(known), rest)) if known.id == provider => rest.to_owned(),
        _ => id,
    };
    are_plausible(base).then(|| Listing {
        provider: provider.to_owned(),
        id: own_id,
        context: None,
        prices: Prices { base, ..Prices::default() },
    })
}
