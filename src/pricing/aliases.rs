//! `model_aliases` of the Plano config, applied before any matching.

use std::collections::HashMap;
use std::sync::Arc;

use super::catalog::Catalog;
use super::matching::{MatchedBy, PriceMatch};
use super::providers::{self, Seller};

/// Aliases from the Plano config; empty without one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Aliases {
    /// Top-level `model_aliases`: requested alias to model.
    pub models: HashMap<String, String>,
    /// `model_aliases` of the cost source: feed key to the Plano model name it prices.
    pub feed_keys: Vec<(String, String)>,
    /// Provider of feed keys without a prefix (`digitalocean`); `None` for feeds with `provider/model` keys.
    pub feed_provider: Option<&'static str>,
}

impl Aliases {
    /// [`Catalog::find`] after applying the aliases.
    pub fn find(&self, catalog: &Catalog, model: &str, provider_hint: Option<&str>) -> Option<PriceMatch> {
        let emitted = model.trim();
        let model = self.models.get(emitted).map_or(emitted, |target| target.trim());
        let find = || {
            let found = catalog.find(model, provider_hint)?;
            Some(if model == emitted { found } else { found.by_alias(model) })
        };
        self.find_feed_key(catalog, model, provider_hint)
            .or_else(find)
            .or_else(|| self.find_reversed(catalog, model, provider_hint))
    }

    /// The row whose feed key the config maps to this model name.
    fn find_feed_key(&self, catalog: &Catalog, model: &str, provider_hint: Option<&str>) -> Option<PriceMatch> {
        let key = self.feed_keys.iter().find(|(_, name)| names(name.trim(), model, provider_hint))?.0.trim();
        let found = match self.feed_provider {
            None => at_feed_key(catalog, key),
            Some(provider) => {
                // Older configs write the creator in front of DigitalOcean's id.
                let bare = key.rsplit_once('/').map_or(key, |(_, id)| id);
                [bare, key].into_iter().find_map(|id| catalog.find(&format!("{provider}/{id}"), None))
            }
        };
        found.map(|found| found.by_alias(key))
    }

    /// Accepts a config with reversed entries (alias to model) where the alias cannot be a feed key: it has no provider
    /// prefix and the feed's provider is not the seller.
    fn find_reversed(&self, catalog: &Catalog, model: &str, provider_hint: Option<&str>) -> Option<PriceMatch> {
        let sells_feed_keys = |seller| match seller {
            Seller::Known(known) => Some(known.id) == self.feed_provider,
            Seller::Unpriced | Seller::Unnamed | Seller::Unknown(_) => false,
        };
        if model.contains('/') || provider_hint.map(providers::seller).is_some_and(sells_feed_keys) {
            return None;
        }
        let target = &self.feed_keys.iter().find(|(key, _)| key.trim() == model)?.1;
        catalog.find(target, provider_hint).map(|found| found.by_alias(target))
    }
}

/// The row of a `provider/id` key, whose provider may occur only in the feed, else of any model name.
fn at_feed_key(catalog: &Catalog, key: &str) -> Option<PriceMatch> {
    let exact = || {
        let (provider, id) = key.split_once('/')?;
        let row = catalog.provider(&provider.to_ascii_lowercase())?.find_listed(id)?;
        Some(PriceMatch { row: Arc::clone(row), matched_by: MatchedBy::Provider, alias: None, uplift: None })
    };
    exact().or_else(|| catalog.find(key, None))
}

/// Whether the Plano name `provider/model` (or `model`) is this model at this provider, known or not.
fn names(plano_name: &str, model: &str, provider_hint: Option<&str>) -> bool {
    let is_at = |hint: &str| {
        let is_spelled_so = plano_name
            .split_once('/')
            .is_some_and(|(provider, rest)| rest == model && provider.trim().eq_ignore_ascii_case(hint.trim()));
        let is_known_as = || {
            let known = providers::split_prefix(plano_name).filter(|(_, rest)| *rest == model);
            known.is_some_and(|(seller, _)| matches!(seller, Seller::Known(_)) && providers::seller(hint) == seller)
        };
        is_spelled_so || is_known_as()
    };
    plano_name == model || provider_hint.is_some_and(is_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::{Feed, RefreshInfo};

    fn find(aliases: &Aliases, model: &str, hint: Option<&str>) -> Option<String> {
        aliases.find(&Catalog::bundled(), model, hint).map(|found| format!("{} {}", found.row.provider, found.row.id))
    }

    fn feed(pairs: &[(&str, &str)], provider: Option<&'static str>) -> Aliases {
        Aliases {
            feed_keys: pairs.iter().map(|&(key, name)| (key.to_owned(), name.to_owned())).collect(),
            feed_provider: provider,
            ..Aliases::default()
        }
    }

    #[test]
    fn an_alias_stands_for_its_target() {
        let aliases =
            Aliases { models: [("arch.fast.v1".to_owned(), "gpt-4o-mini".to_owned())].into(), ..Aliases::default() };
        assert_eq!(find(&aliases, "arch.fast.v1", Some("openai")).as_deref(), Some("openai gpt-4o-mini"));
        assert_eq!(find(&aliases, "arch.fast.v2", Some("openai")), None);
        let alias = |model| aliases.find(&Catalog::bundled(), model, Some("openai")).and_then(|found| found.alias);
        assert_eq!((alias("arch.fast.v1").as_deref(), alias("gpt-4o-mini")), (Some("gpt-4o-mini"), None));
    }

    #[test]
    fn a_feed_key_prices_the_plano_name_it_is_mapped_onto() {
        let aliases = feed(
            &[("openai-gpt-4o", "openai/gpt-4o"), ("anthropic/anthropic-claude-4.6-sonnet", "writer")],
            Some("digitalocean"),
        );
        let digitalocean = Some("digitalocean openai-gpt-4o");
        assert_eq!(find(&aliases, "openai/gpt-4o", None).as_deref(), digitalocean);
        let found = aliases.find(&Catalog::bundled(), "openai/gpt-4o", None);
        assert_eq!(found.and_then(|found| found.alias).as_deref(), Some("openai-gpt-4o"));
        assert_eq!(find(&aliases, "gpt-4o", Some("openai")).as_deref(), digitalocean);
        assert_eq!(find(&aliases, "gpt-4o", Some("azure")).as_deref(), Some("azure gpt-4o"));
        assert_eq!(find(&aliases, "writer", None).as_deref(), Some("digitalocean anthropic-claude-4.6-sonnet"));
        let local = feed(&[("openai-gpt-4o", "ollama/llama3")], Some("digitalocean"));
        assert_eq!(find(&local, "llama3", Some("Ollama")).as_deref(), digitalocean);
        assert_eq!(find(&local, "llama3", Some("vllm")), None);
        let models_dev = feed(&[("groq/openai/gpt-oss-120b", "openai/gpt-4o")], None);
        assert_eq!(find(&models_dev, "openai/gpt-4o", None).as_deref(), Some("groq openai/gpt-oss-120b"));
    }

    #[test]
    fn providers_that_only_the_config_or_only_the_feed_knows_have_aliases_too() {
        let house = feed(&[("openai-gpt-4o", "fancy/model")], Some("digitalocean"));
        for (model, hint) in [("fancy/model", None), ("model", Some("fancy")), ("model", Some(" Fancy "))] {
            assert_eq!(find(&house, model, hint).as_deref(), Some("digitalocean openai-gpt-4o"), "{model} at {hint:?}");
        }
        assert_eq!(find(&house, "model", Some("plain")), None);

        let text =
            r#"{"acme":{"models":{"foo":{"cost":{"input":1,"output":2}},"x/bar":{"cost":{"input":1,"output":2}}}}}"#;
        let bundled = Catalog::bundled();
        let rows = Feed::ModelsDev.read(text, &bundled, 0).unwrap();
        let refreshed = RefreshInfo { feed: String::new(), fetched_unix_secs: 0, rows: rows.len() };
        let catalog = bundled.with_rows(rows, refreshed);
        let aliases = feed(&[("acme/foo", "openai/gpt-5.4"), ("acme/x/bar", "best"), ("acme/none", "none")], None);
        for (model, hint, id) in
            [("gpt-5.4", Some("openai"), Some("foo")), ("best", None, Some("x/bar")), ("none", None, None)]
        {
            let found = aliases.find(&catalog, model, hint);
            assert_eq!(
                found.as_ref().map(|found| (&*found.row.provider, &*found.row.id)),
                id.map(|id| ("acme", id)),
                "{model}"
            );
        }
    }

    #[test]
    fn a_reversed_map_helps_only_names_that_are_no_feed_keys() {
        let aliases = feed(&[("house-model", "openai/gpt-4o")], Some("digitalocean"));
        let found = aliases.find(&Catalog::bundled(), "house-model", None).unwrap();
        assert_eq!((&*found.row.id, found.alias.as_deref()), ("gpt-4o", Some("openai/gpt-4o")));
        assert_eq!(find(&aliases, "house-model", Some("do")), None);
    }
}
