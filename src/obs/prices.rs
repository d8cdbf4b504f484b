//! The prices of a run: bundled, aliased by the Plano configuration, and refreshed in the background.

use std::env;
use std::io;
use std::sync::Arc;

use planoai::cli::ObsArgs;
use planoai::collector::Notice;
use planoai::collector::ingest::unix_nano_now;
use planoai::pricing::config::PlanoConfig;
use planoai::pricing::refresh::{self, RefreshConfig, RefreshOutcome};
use planoai::pricing::{Catalog, Pricer};
use tokio::sync::mpsc::UnboundedSender;
use tracing::{info, warn};

use crate::obs::exit::ExitError;

/// The prices in use, and where newer ones are fetched from.
pub(super) struct Prices {
    pricer: Arc<Pricer>,
    refresh: Option<RefreshConfig>,
    warnings: Vec<String>,
}

impl Prices {
    /// A file that `--config` names must be readable; for one that is found in the working directory a warning is enough.
    pub(super) fn load(args: &ObsArgs) -> Result<Self, ExitError> {
        let folder = env::current_dir().unwrap_or_default();
        let mut warnings = Vec::new();
        let config = match PlanoConfig::load(args.config.as_deref(), &folder) {
            Ok(config) => config,
            Err(error) if args.config.is_some() => return Err(ExitError::Usage(format!("--config: {error}"))),
            Err(error) => {
                warnings.push(format!("config left out: {error}"));
                PlanoConfig::default()
            }
        };
        let feed = args.pricing_provider.or(config.feed);
        let named = || config.url_for(feed.unwrap_or_default()).map(str::to_owned);
        let url = args.pricing_url.clone().or_else(named);
        warnings.extend(config.warnings);
        let mut aliases = config.aliases;
        if let Some(chosen) = args.pricing_provider {
            aliases.feed_provider = chosen.provider();
        }
        let is_wanted = feed.is_some() || url.is_some();
        let refresh = is_wanted.then(|| RefreshConfig {
            url,
            offline: args.offline,
            cache_folder: refresh::default_folder(),
            ..RefreshConfig::new(feed.unwrap_or_default(), unix_nano_now() / 1_000_000_000)
        });
        Ok(Self { pricer: Arc::new(Pricer::new(Catalog::bundled(), aliases)), refresh, warnings })
    }

    pub(super) const fn pricer(&self) -> &Arc<Pricer> {
        &self.pricer
    }

    /// Reports warnings to `notices`, and fetches newer prices in the background if a feed is configured.
    pub(super) fn refresh(self, notices: UnboundedSender<Notice>) -> io::Result<()> {
        for warning in self.warnings {
            warn!(%warning, "configuration not used");
            let _ = notices.send(Notice::Config(warning));
        }
        if let Some(config) = self.refresh {
            let bundled = self.pricer.catalog().generated().to_owned();
            refresh::spawn(config, self.pricer, move |outcome| {
                match &outcome {
                    RefreshOutcome::Failed { .. } => warn!("{}", outcome.line(&bundled)),
                    RefreshOutcome::Offline | RefreshOutcome::Cached(_) | RefreshOutcome::Fetched(_) => {
                        info!("{}", outcome.line(&bundled));
                    }
                }
                // The receiver is gone when the program ends before the network answers.
                let _ = notices.send(Notice::Prices { outcome, bundled });
            })?;
        }
        Ok(())
    }
}
