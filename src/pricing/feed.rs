//! Price feeds from the network: parsing of untrusted documents.
//!
//! Implausible rows are skipped, a document of the wrong structure is an error, and memory is proportional to the plausible
//! rows.

mod digitalocean;
mod lenient;
mod models_dev;
mod overlay;

use thiserror::Error;

use super::catalog::Catalog;
use super::row::{PriceRow, Prices, Rates};

/// A supported price feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Feed {
    /// DigitalOcean's model catalog: prices of one provider. Plano's default.
    #[default]
    DigitalOcean,
    /// models.dev: prices of many providers.
    ModelsDev,
}

impl Feed {
    /// The name in the Plano config and in `--pricing-provider`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DigitalOcean => "digitalocean",
            Self::ModelsDev => "models.dev",
        }
    }

    /// Where the feed is published (PRICING.md, section 4).
    pub const fn default_url(self) -> &'static str {
        match self {
            Self::DigitalOcean => "https://api.digitalocean.com/v2/gen-ai/models/catalog",
            Self::ModelsDev => "https://models.dev/api.json",
        }
    }

    /// The provider of ids without a prefix in the feed.
    pub const fn provider(self) -> Option<&'static str> {
        match self {
            Self::DigitalOcean => Some("digitalocean"),
            Self::ModelsDev => None,
        }
    }

    /// Parses a name in any case, as Plano does.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::DigitalOcean, Self::ModelsDev].into_iter().find(|feed| name.trim().eq_ignore_ascii_case(feed.name()))
    }

    /// The rows of a document, each completed from the row of `bundled` where the feed lists nothing.
    ///
    /// # Errors
    /// Fails if the text is not JSON of the feed's structure or has no usable price.
    pub fn read(self, text: &str, bundled: &Catalog, now_unix_secs: i64) -> Result<Vec<PriceRow>, FeedError> {
        let listings = match self {
            Self::DigitalOcean => digitalocean::listings(text)?,
            Self::ModelsDev => models_dev::listings(text)?,
        };
        let rows = overlay::overlay(listings, bundled, now_unix_secs);
        if rows.is_empty() { Err(FeedError::NoPrices) } else { Ok(rows) }
    }
}

/// Why a document was rejected. The message continues a sentence that begins with the source's name.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FeedError {
    /// Not JSON, or not of the feed's structure.
    #[error("did not return a price list")]
    NotAList,
    /// The document mixes rates per token and per 1e6 tokens.
    #[error("returned prices in mixed units")]
    MixedUnits,
    /// No usable row.
    #[error("returned no usable prices")]
    NoPrices,
}

/// One model of a feed, with the values that the feed lists.
#[derive(Clone, Debug, PartialEq)]
struct Listing {
    provider: String,
    id: String,
    context: Option<u64>,
    prices: Prices,
}

/// Highest plausible rate, USD per 1e6 tokens: a hundred times that of the most expensive model.
const MAX_RATE: f64 = 100_000.0;

/// Whether all listed rates are within bounds.
fn are_plausible(rates: Rates) -> bool {
    rates.are_sane() && rates.highest() <= MAX_RATE
}

#[cfg(test)]
mod tests {
    mod invariants;

    use proptest::prelude::*;

    use self::invariants::check_invariants;
    use super::*;
    use crate::pricing::PriceOrigin;
    use crate::{call, pricing};

    pub(super) fn read(feed: Feed, text: &str) -> Result<Vec<PriceRow>, FeedError> {
        feed.read(text, &Catalog::bundled(), 1_795_435_200)
    }

    pub(super) fn row<'a>(rows: &'a [PriceRow], provider: &str, id: &str) -> &'a PriceRow {
        rows.iter().find(|row| *row.provider == *provider && *row.id == *id).unwrap()
    }

    #[test]
    fn models_dev_rows_lie_over_the_bundled_ones() {
        let rows = read(
            Feed::ModelsDev,
            r#"{"openai":{"id":"openai","models":{
                "gpt-5.4":{"id":"gpt-5.4","cost":{"input":3,"output":15,
                    "tiers":[{"tier":{"type":"context","size":300000},"input":6,"output":30}]},
                    "limit":{"context":2000000},
                    "experimental":{"modes":{"fast":{"cost":{"input":6,"output":30},
                        "provider":{"body":{"service_tier":"priority"}}}}}},
                "gpt-99":{"cost":{"input":1,"output":2,"context_over_200k":{"input":2,"output":4}}}}},
              "newcomer":{"models":{"m":{"cost":{"input":1,"output":2,"cache_read":0.1}}}}}"#,
        )
        .unwrap();
        assert_eq!(rows.len(), 3);
        let known = row(&rows, "openai", "gpt-5.4");
        let bundled = Catalog::bundled();
        let before = bundled.row("openai", "gpt-5.4").unwrap();
        assert_eq!((known.prices.base.input, known.prices.base.cache_read), (Some(3.0), Some(0.25)));
        assert_eq!(
            (known.aliases.clone(), known.context, known.origin),
            (before.aliases.clone(), Some(2_000_000), PriceOrigin::Refreshed)
        );
        assert_eq!(known.prices.tiers.iter().map(|tier| tier.above).collect::<Vec<_>>(), [300_000]);
        let tier = |name| known.prices.in_force(0, Some(name), 0).rates.input;
        assert_eq!((tier("fast"), tier("priority"), tier("batch")), (Some(6.0), Some(6.0), Some(1.25)));
        let new = row(&rows, "openai", "gpt-99");
        assert_eq!(new.prices.tiers.iter().map(|tier| tier.above).collect::<Vec<_>>(), [200_000]);
        assert_eq!(row(&rows, "newcomer", "m").prices.base.cache_read, Some(0.1));
    }

    #[test]
    fn the_legacy_tier_does_not_lower_a_threshold_that_is_known_better() {
        let rows = read(
            Feed::ModelsDev,
            r#"{"openai":{"models":{"gpt-5.4":{"cost":{"input":2.5,"output":15,
                "context_over_200k":{"input":5,"output":22.5,"cache_read":0.5}}}}}}"#,
        )
        .unwrap();
        assert_eq!(rows[0].prices, Catalog::bundled().row("openai", "gpt-5.4").unwrap().prices);
    }

    #[test]
    fn a_changed_price_contains_the_changes_of_the_past() {
        let text = r#"{"google":{"models":{"gemini-4-argon":{"cost":{"input":9,"output":10}}}}}"#;
        let schedule = |now| Feed::ModelsDev.read(text, &Catalog::bundled(), now).unwrap()[0].prices.scheduled.len();
        assert_eq!(schedule(1_795_435_200), 1);
        assert_eq!(schedule(1_900_000_000), 0);
    }

    #[test]
    fn digitaloceans_unit_is_decided_once_for_the_document() {
        let per_token = r#"{"data":[
            {"model_id":"openai-gpt-5.4","pricing":{"input_price_per_million":3e-6,"output_price_per_million":15e-6,
                "cache_read_input_price_per_million":3e-7}},
            {"model_id":"glm-5","pricing":{"input_price_per_million":6e-7,"output_price_per_million":2.2e-6,"input_cache_read":1.1e-7}}]}"#;
        let rows = read(Feed::DigitalOcean, per_token).unwrap();
        let base = row(&rows, "digitalocean", "openai-gpt-5.4").prices.base;
        assert_eq!((base.input, base.output, base.cache_read), (Some(3.0), Some(15.0), Some(0.3)));
        assert_eq!(row(&rows, "digitalocean", "openai-gpt-5.4").prices.tiers[0].above, 272_000);
        assert_eq!(row(&rows, "digitalocean", "glm-5").prices.base.cache_read, Some(0.11));

        let per_million = r#"{"data":[
            {"model_id":"digitalocean/cheap","input_price_per_million":0.25,"output_price_per_million":"0.5","cached_input_price_per_million":0.02},
            {"model_id":"dear","pricing":{"input_price_per_million":5,"output_price_per_million":15}}]}"#;
        let rows = read(Feed::DigitalOcean, per_million).unwrap();
        let base = row(&rows, "digitalocean", "cheap").prices.base;
        assert_eq!((base.input, base.output, base.cache_read), (Some(0.25), Some(0.5), Some(0.02)));
    }

    #[test]
    fn a_document_of_two_units_is_refused_whole() {
        let mixed = r#"{"data":[
            {"model_id":"a","pricing":{"input_price_per_million":3e-6,"output_price_per_million":15e-6}},
            {"model_id":"b","pricing":{"input_price_per_million":3e-6,"output_price_per_million":15e-6}},
            {"model_id":"c","pricing":{"input_price_per_million":5,"output_price_per_million":15}}]}"#;
        assert_eq!(read(Feed::DigitalOcean, mixed), Err(FeedError::MixedUnits));
    }

    #[test]
    fn bad_rows_are_skipped_and_good_ones_kept() {
        let good = r#""good":{"cost":{"input":1,"output":2}}"#;
        for bad in [
            r#""b":{"cost":{"input":-1,"output":2}}"#,
            r#""b":{"cost":{"input":1e308,"output":2}}"#,
            r#""b":{"cost":{"input":1e999,"output":2}}"#,
            r#""b":{"cost":{"input":"NaN","output":2}}"#,
            r#""b":{"cost":{"input":"inf","output":2}}"#,
            r#""b":{"cost":{"input":true,"output":2}}"#,
            r#""b":{"cost":{"input":1,"output":2,"cache_read":{}}}"#,
            r#""b":{"cost":{"input":1}}"#,
            r#""b":{"cost":{"input":0,"output":0}}"#,
            r#""b":{"cost":null}"#,
            r#""b":{"cost":[1,2]}"#,
            r#""b":{}"#,
            r#""b":7"#,
            r#""b":null"#,
            r#""":{"cost":{"input":1,"output":2}}"#,
        ] {
            let rows =
                read(Feed::ModelsDev, &format!(r#"{{"p":{{"models":{{{bad},{good}}}}},"q":3,"r":{{"models":[]}}}}"#));
            let ids: Vec<_> = rows.unwrap().iter().map(|row| row.id.to_string()).collect();
            assert_eq!(ids, ["good"], "{bad}");
        }
        let good = r#"{"model_id":"good","pricing":{"input_price_per_million":1,"output_price_per_million":2}}"#;
        for bad in [
            "7",
            "null",
            "[]",
            "{}",
            r#"{"model_id":7,"pricing":{"input_price_per_million":1,"output_price_per_million":2}}"#,
            r#"{"model_id":"b","pricing":{"input_price_per_million":-1,"output_price_per_million":2}}"#,
            r#"{"model_id":"b","pricing":{"input_price_per_million":1e30,"output_price_per_million":2}}"#,
            r#"{"model_id":"b","pricing":{"input_price_per_million":1e999,"output_price_per_million":2}}"#,
            r#"{"model_id":"b","pricing":{"input_price_per_million":0,"output_price_per_million":0}}"#,
            r#"{"model_id":"b","pricing":[]}"#,
        ] {
            let rows = read(Feed::DigitalOcean, &format!(r#"{{"data":[{bad},{good}]}}"#)).unwrap();
            assert_eq!(rows.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["good"], "{bad}");
        }
    }

    #[test]
    fn deep_nesting_costs_its_row_only() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let text = format!(
            r#"{{"p":{{"models":{{"b":{deep},"good":{{"cost":{{"input":1,"output":2,"x":{deep}}}}},"fine":{{"cost":{{"input":1,"output":2}}}}}}}},"q":{deep}}}"#
        );
        let rows = read(Feed::ModelsDev, &text).unwrap();
        assert_eq!(rows.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["fine"]);
    }

    #[test]
    fn an_invalid_price_list_is_an_error() {
        for feed in [Feed::DigitalOcean, Feed::ModelsDev] {
            for text in ["", "<html>", "7", "null", "{\"a\":", "[", "\"x\"", "{\"a\":NaN}"] {
                assert_eq!(read(feed, text), Err(FeedError::NotAList), "{text}");
            }
            assert_eq!(read(feed, "{}"), Err(FeedError::NoPrices));
        }
        assert_eq!(read(Feed::DigitalOcean, r#"{"data":[]}"#), Err(FeedError::NoPrices));
    }

    #[test]
    fn feeds_have_the_names_of_the_plano_config() {
        assert_eq!(Feed::parse(" Models.DEV "), Some(Feed::ModelsDev));
        assert_eq!(Feed::parse("digitalocean"), Some(Feed::DigitalOcean));
        assert_eq!(Feed::parse("openrouter"), None);
    }

    /// Text that has the shape of a price document, right or wrong.
    fn documents() -> impl Strategy<Value = String> {
        let number = prop::sample::select(vec![
            "1", "0", "-1", "2.5e-7", "1e308", "\"3\"", "\"NaN\"", "null", "{}", "1e5", "true",
        ]);
        let cost = prop::collection::vec(
            (
                prop::sample::select(vec![
                    "input",
                    "output",
                    "cache_read",
                    "input_price_per_million",
                    "output_price_per_million",
                ]),
                number,
            ),
            0..5,
        );
        let name = prop::sample::select(vec!["gpt-5", "digitalocean/x", "", "\\u001b", "m", "gpt-5.4"]);
        (prop::collection::vec((name, cost), 0..5), any::<bool>()).prop_map(|(models, is_list)| {
            let object = |pairs: &[(&str, &str)]| {
                pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect::<Vec<_>>().join(",")
            };
            let models = models.iter().map(|(name, cost)| {
                if is_list {
                    format!("{{\"model_id\":\"{name}\",\"pricing\":{{{}}}}}", object(cost))
                } else {
                    format!("\"{name}\":{{\"cost\":{{{}}}}}", object(cost))
                }
            });
            let models = models.collect::<Vec<_>>().join(",");
            if is_list {
                format!("{{\"data\":[{models}]}}")
            } else {
                format!("{{\"openai\":{{\"models\":{{{models}}}}}}}")
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn any_document_gives_money_or_nothing(text in prop_oneof![documents(), any::<String>()]) {
            check_invariants(&text);
        }
    }

    #[test]
    fn what_holds_of_any_document_holds_of_feeds() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pricing");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let rows: usize = files
            .filter(|file| file.is_file())
            .map(|file| check_invariants(&std::fs::read_to_string(file).unwrap()))
            .sum();
        let feed = r#"{"openai":{"models":{"m":{"cost":{"input":1,"output":2}}}}}"#;
        assert_eq!((rows, check_invariants(feed)), (0, 1));
    }
}
