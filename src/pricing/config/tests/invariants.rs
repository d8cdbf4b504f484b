//! What holds of a Plano config whatever is in the file.
//!
//! Includers bring `planoai::pricing` into scope as `pricing`: the unit tests and the fuzz target share this.

use super::pricing::config::PlanoConfig;

/// What of a text may be kept for each of its bytes: an alias's text can be repeated, but not without end.
const GROWTH: usize = 256;

/// Asserts that a text is read or refused in words, and that what is kept of it stays in proportion to it, aliases of
/// aliases included. True when it was read.
pub(super) fn check_invariants(text: &str) -> bool {
    match PlanoConfig::parse(text) {
        Ok(config) => {
            let models = config.aliases.models.iter().map(|(name, model)| name.len() + model.len());
            let keys = config.aliases.feed_keys.iter().map(|(key, model)| key.len() + model.len());
            let warnings = config.warnings.iter().map(String::len);
            let kept: usize = models.chain(keys).chain(warnings).chain(config.url.map(|url| url.len())).sum();
            assert!(kept <= GROWTH * (text.len() + 64), "{} bytes became {kept}", text.len());
            true
        }
        Err(reason) => {
            assert!(!reason.is_empty() && reason.len() <= 16 * (text.len() + 64), "{reason}");
            false
        }
    }
}
