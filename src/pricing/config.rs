//! Price settings of the Plano config: the first `type: cost` entry of `model_metrics_sources`, and `model_aliases`.
//!
//! Other keys belong to the gateway and are ignored. Values of unexpected types are skipped with a warning. The schema is
//! Plano's `plano_config_schema.yaml`.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::aliases::Aliases;
use super::feed::Feed;

/// Config files tried in order if none is given.
const DEFAULT_FILES: [&str; 2] = ["config.yaml", "plano_config.yaml"];

/// Largest config that is read, bytes. Real configs take a few KiB.
const LARGEST_FILE: u64 = 8 * 1024 * 1024;

/// Price settings of the Plano config; empty without one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PlanoConfig {
    /// The config file; `None` if none was found.
    pub file: Option<PathBuf>,
    /// The cost source's feed.
    pub feed: Option<Feed>,
    /// Address of the cost source, which replaces the default of one feed ([`PlanoConfig::url_for`]).
    pub url: Option<String>,
    /// Model aliases.
    pub aliases: Aliases,
    /// Values that were skipped, with the reason.
    pub warnings: Vec<String>,
}

/// Why a config could not be read.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is missing or not readable.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not YAML.
    #[error("{} is not YAML: {reason}", file.display())]
    NotYaml {
        /// The file.
        file: PathBuf,
        /// The message of the parser.
        reason: String,
    },
}

impl PlanoConfig {
    /// Reads `named`, else the first default file in `folder`, else returns the default.
    ///
    /// # Errors
    /// [`ConfigError`] if the file cannot be read or is not YAML.
    pub fn load(named: Option<&Path>, folder: &Path) -> Result<Self, ConfigError> {
        let found = || DEFAULT_FILES.iter().map(|name| folder.join(name)).find(|file| file.is_file());
        match named.map(Path::to_path_buf).or_else(found) {
            Some(file) => Self::read(file),
            None => Ok(Self::default()),
        }
    }

    /// The configured address, if it belongs to this feed.
    pub fn url_for(&self, feed: Feed) -> Option<&str> {
        self.url.as_deref().filter(|_| self.feed.unwrap_or_default() == feed)
    }

    fn read(file: PathBuf) -> Result<Self, ConfigError> {
        let mut text = String::new();
        match File::open(&file).and_then(|opened| opened.take(LARGEST_FILE).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(source) => return Err(ConfigError::Unreadable { file, source }),
        }
        match Self::parse(&text) {
            Ok(config) => Ok(Self { file: Some(file), ..config }),
            Err(reason) => Err(ConfigError::NotYaml { file, reason }),
        }
    }

    /// Parses a config.
    ///
    /// # Errors
    /// The message of the parser if the text is not YAML.
    pub fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
            with_snippet: false,
        };
        let document: Option<Document> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
        let mut config = Self::default();
        let document = document.unwrap_or_default();
        config.take_models(&document.model_aliases);
        let source = document.model_metrics_sources.as_array().and_then(|sources| sources.iter().find_map(as_cost));
        if let Some(source) = source {
            config.take_source(source);
        }
        Ok(config)
    }

    /// Top-level `model_aliases`: `ALIAS: {target: MODEL}`, and `ALIAS: MODEL` as a courtesy.
    fn take_models(&mut self, aliases: &Value) {
        self.aliases.models = self.texts("model_aliases", aliases, |entry| entry.get("target").unwrap_or(entry));
    }

    fn take_source(&mut self, source: &Map<String, Value>) {
        if let Some(name) = source.get("provider").and_then(Value::as_str) {
            self.feed = Feed::parse(name);
            if self.feed.is_none() {
                self.warnings.push(format!("cost source: unknown provider {name:?}"));
            }
        }
        // The document format of an unknown provider is unknown.
        let is_known = self.feed.is_some() || source.get("provider").and_then(Value::as_str).is_none();
        let url = source.get("url").and_then(Value::as_str).filter(|_| is_known);
        self.url = url.map(|url| url.trim().to_owned());
        let keys = source.get("model_aliases").unwrap_or(&Value::Null);
        self.aliases.feed_keys = self.texts("cost source: model_aliases", keys, |entry| entry).into_iter().collect();
        self.aliases.feed_keys.sort();
        self.aliases.feed_provider = self.feed.unwrap_or_default().provider();
    }

    /// The entries of a map whose values, as selected by `text`, are strings.
    fn texts<'a>(
        &mut self,
        what: &str,
        map: &'a Value,
        text: impl Fn(&'a Value) -> &'a Value,
    ) -> HashMap<String, String> {
        let mut texts = HashMap::new();
        for (name, entry) in map.as_object().into_iter().flatten() {
            match text(entry).as_str() {
                Some(value) => {
                    texts.insert(name.trim().to_owned(), value.trim().to_owned());
                }
                None => self.warnings.push(format!("{what}: {name:?} is not text")),
            }
        }
        texts
    }
}

/// The keys that are read; all others are ignored.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Document {
    model_metrics_sources: Value,
    model_aliases: Value,
}

fn as_cost(source: &Value) -> Option<&Map<String, Value>> {
    source.as_object().filter(|source| source.get("type").is_some_and(|kind| kind == "cost"))
}

#[cfg(test)]
mod tests {
    mod invariants;

    use proptest::prelude::*;

    use self::invariants::check_invariants;
    use super::*;
    use crate::pricing;

    #[test]
    fn the_first_cost_source_and_both_kinds_of_aliases_are_read() {
        let config = PlanoConfig::parse(
            r"
version: v0.3.0
listeners: [{type: model, port: 12000}]
model_metrics_sources:
  - {type: latency, provider: prometheus, url: http://x, query: q}
  - type: cost
    provider: models.dev
    url: http://localhost:9/api.json
    refresh_interval: 3600
    model_aliases:
      openai/gpt-oss-120b: openai/gpt-4o
  - {type: cost, provider: digitalocean}
model_aliases:
  arch.fast.v1: {target: gpt-4o-mini}
  plain: gpt-4o
  broken: [1]
",
        )
        .unwrap();
        assert_eq!(config.feed, Some(Feed::ModelsDev));
        assert_eq!(config.url_for(Feed::ModelsDev), Some("http://localhost:9/api.json"));
        assert_eq!(config.aliases.feed_keys, [("openai/gpt-oss-120b".to_owned(), "openai/gpt-4o".to_owned())]);
        assert_eq!(config.aliases.feed_provider, None);
        let model = |name: &str| config.aliases.models.get(name).map(String::as_str);
        assert_eq!(
            (model("arch.fast.v1"), model("plain"), model("broken")),
            (Some("gpt-4o-mini"), Some("gpt-4o"), None)
        );
        assert_eq!(config.warnings, ["model_aliases: \"broken\" is not text"]);
    }

    #[test]
    fn an_address_is_that_of_the_feed_it_is_named_for() {
        let both = [Feed::DigitalOcean, Feed::ModelsDev];
        for (provider, urls) in [
            ("provider: digitalocean, ", [Some("http://x"), None]),
            ("provider: models.dev, ", [None, Some("http://x")]),
            ("", [Some("http://x"), None]),
            ("provider: acme, ", [None, None]),
        ] {
            let text = format!("model_metrics_sources: [{{type: cost, {provider}url: \"http://x\"}}]");
            let config = PlanoConfig::parse(&text).unwrap();
            assert_eq!(both.map(|feed| config.url_for(feed)), urls, "{text}");
        }
    }

    #[test]
    fn other_content_of_the_file_is_ignored() {
        for text in [
            "",
            "---\n",
            "# only a comment\n",
            "null",
            "a: 1",
            "model_metrics_sources: 7",
            "model_metrics_sources: [cost, {type: latency}]",
            "model_aliases: [a]",
            "1: {2: 3}",
            "a: !tag x\nb: &x 1\nc: *x",
            "a: $ENV\na: again",
        ] {
            assert_eq!(PlanoConfig::parse(text), Ok(PlanoConfig::default()), "{text}");
        }
        let unknown = PlanoConfig::parse("model_metrics_sources: [{type: cost, provider: acme}]").unwrap();
        assert_eq!((unknown.feed, unknown.warnings.len()), (None, 1));
    }

    #[test]
    fn what_is_no_yaml_is_an_error_and_a_bomb_is_no_danger() {
        assert!(PlanoConfig::parse("a: [").is_err());
        assert!(PlanoConfig::parse("just text").is_err());
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\nmodel_aliases: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        assert!(PlanoConfig::parse(bomb).is_err());
    }

    #[test]
    fn the_default_files_are_tried_in_order_and_a_named_one_must_exist() {
        let folder = tempfile::tempdir().unwrap();
        let load = |named: Option<&str>| {
            PlanoConfig::load(named.map(|name| folder.path().join(name)).as_deref(), folder.path())
        };
        assert_eq!(load(None).unwrap(), PlanoConfig::default());
        assert!(matches!(load(Some("none.yaml")), Err(ConfigError::Unreadable { .. })));
        std::fs::write(folder.path().join("plano_config.yaml"), "model_aliases: {a: second}").unwrap();
        assert_eq!(load(None).unwrap().aliases.models["a"], "second");
        std::fs::write(folder.path().join("config.yaml"), "model_aliases: {a: first}").unwrap();
        assert_eq!(load(None).unwrap().aliases.models["a"], "first");
        std::fs::write(folder.path().join("config.yaml"), "a: [").unwrap();
        assert!(matches!(load(None), Err(ConfigError::NotYaml { .. })));
    }

    /// Text that has the shape of a config, right or wrong.
    fn configs() -> impl Strategy<Value = String> {
        let line = prop::sample::select(vec![
            "model_aliases:",
            "  fast: {target: gpt-5}",
            "  b: &a [x,x,x]",
            "  c: *a",
            "model_metrics_sources:",
            "  - type: cost",
            "    provider: models.dev",
            "    url: http://x",
            "    model_aliases: {a: b, ? [c] : d}",
            "  - {type: cost, provider: \"\\e[2J\"}",
            "<<: *a",
            "  d: &a [*a, *a]",
            "---",
            "? x",
            "!t y: |",
            "    z",
            "\t",
        ]);
        prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_text_is_read_or_refused(text in prop_oneof![configs(), any::<String>()]) {
            check_invariants(&text);
        }
    }
}
