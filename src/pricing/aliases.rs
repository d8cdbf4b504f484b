//! The user's own names for models: `model_aliases` of the Plano config, applied before any matching.

use std::collections::HashMap;

use super::catalog::Catalog;
use super::matching::Match;
use super::providers::{self, Seller};

/// Names from the Plano config. Empty where there is no config.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Aliases {
    /// Top-level `model_aliases`: an alias that clients ask for to the model behind it.
    pub models: HashMap<String, String>,
    /// `model_aliases` of the cost source: a key of the price feed to the Plano model name it prices.
    pub feed_keys: Vec<(String, String)>,
    /// The provider that bare feed keys belong to (`digitalocean`); feeds with `provider/model` keys have none.
    pub feed_provider: Option<&'static str>,
}

impl Aliases {
    /// [`Catalog::find`] with the user's names applied first.
    pub fn find(&self, catalog: &Catalog, model: &str, provider_hint: Option<&str>) -> Option<Match> {
        let model = model.trim();
        let model = self.models.get(model).map_or(model, |target| target.trim());
        self.find_feed_key(catalog, model, provider_hint)
            .or_else(|| catalog.find(model, provider_hint))
            .or_else(|| self.find_reversed(catalog, model, provider_hint))
    }

    /// The row whose feed key the config maps onto this model name.
    fn find_feed_key(&self, catalog: &Catalog, model: &str, provider_hint: Option<&str>) -> Option<Match> {
        let key = self.feed_keys.iter().find(|(_, name)| names(name.trim(), model, provider_hint))?.0.trim();
        let Some(provider) = self.feed_provider else { return catalog.find(key, None) };
        // Older configs write the creator in front of DigitalOcean's id.
        let bare = key.rsplit_once('/').map_or(key, |(_, id)| id);
        [bare, key].into_iter().find_map(|id| catalog.find(&format!("{provider}/{id}"), None))
    }

    /// A config that has the two the other way round (alias to model) is understood where the alias is no feed key:
    /// it has no provider in front, and the feed's provider is not the seller.
    fn find_reversed(&self, catalog: &Catalog, model: &str, provider_hint: Option<&str>) -> Option<Match> {
        let sells_feed_keys = |seller| match seller {
            Seller::Known(known) => Some(known.id) == self.feed_provider,
            Seller::Unpriced | Seller::Nobody | Seller::Stranger(_) => false,
        };
        if model.contains('/') || provider_hint.map(providers::seller).is_some_and(sells_feed_keys) {
            return None;
        }
        let target = &self.feed_keys.iter().find(|(key, _)| key.trim() == model)?.1;
        catalog.find(target, provider_hint)
    }
}

/// Whether the Plano name `provider/model` (or a bare one) is this model at this provider.
fn names(plano_name: &str, model: &str, provider_hint: Option<&str>) -> bool {
    let split = || {
        let (seller, rest) = providers::split_prefix(plano_name)?;
        (rest == model && providers::seller(provider_hint?) == seller).then_some(())
    };
    plano_name == model || split().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn a_feed_key_prices_the_plano_name_it_is_mapped_onto() {
        let aliases = feed(
            &[("openai-gpt-4o", "openai/gpt-4o"), ("anthropic/anthropic-claude-4.6-sonnet", "writer")],
            Some("digitalocean"),
        );
        let digitalocean = Some("digitalocean openai-gpt-4o");
        assert_eq!(find(&aliases, "openai/gpt-4o", None).as_deref(), digitalocean);
        assert_eq!(find(&aliases, "gpt-4o", Some("openai")).as_deref(), digitalocean);
        assert_eq!(find(&aliases, "gpt-4o", Some("azure")).as_deref(), Some("azure gpt-4o"));
        assert_eq!(find(&aliases, "writer", None).as_deref(), Some("digitalocean anthropic-claude-4.6-sonnet"));
        let models_dev = feed(&[("openai/gpt-oss-120b", "openai/gpt-4o")], None);
        assert_eq!(find(&models_dev, "openai/gpt-4o", None).as_deref(), Some("openai gpt-oss-120b"));
    }

    #[test]
    fn a_reversed_map_helps_only_names_that_are_no_feed_keys() {
        let aliases = feed(&[("house-model", "openai/gpt-4o")], Some("digitalocean"));
        assert_eq!(find(&aliases, "house-model", None).as_deref(), Some("openai gpt-4o"));
        assert_eq!(find(&aliases, "house-model", Some("do")), None);
    }
}
