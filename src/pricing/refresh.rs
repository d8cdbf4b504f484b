//! Fetches prices from the network: once, in the background, with limits on time and size. On failure the bundled prices
//! remain and the status line shows the reason (PRICING.md, section 4).

mod disk;
mod http;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::catalog::{Catalog, RefreshInfo};
use super::feed::Feed;
use super::pricer::Pricer;
use crate::text::format::count;
pub use disk::default_folder;
pub use http::FetchError;

/// Default timeout of a fetch.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Lifetime of a cached document, seconds.
const FRESH_SECS: i64 = 24 * 60 * 60;

/// Source and limits of a price refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshConfig {
    /// The feed to read.
    pub feed: Feed,
    /// Address of the feed; `None` for [`Feed::default_url`].
    pub url: Option<String>,
    /// Never go to the network.
    pub offline: bool,
    /// Total time for the fetch.
    pub timeout: Duration,
    /// Folder that caches documents for a day; `None` disables the cache.
    pub cache_folder: Option<PathBuf>,
    /// Current time, seconds since the epoch.
    pub now_unix_secs: i64,
}

impl RefreshConfig {
    /// The feed's default address and timeout, without a cache.
    pub const fn new(feed: Feed, now_unix_secs: i64) -> Self {
        Self { feed, url: None, offline: false, timeout: TIMEOUT, cache_folder: None, now_unix_secs }
    }

    fn url(&self) -> &str {
        self.url.as_deref().unwrap_or_else(|| self.feed.default_url())
    }

    /// The source as displayed: the feed's name, with the host if the address is not the default.
    fn source(&self) -> String {
        match self.url.as_deref().filter(|url| *url != self.feed.default_url()) {
            Some(url) => format!("{} via {}", self.feed.name(), host(url)),
            None => self.feed.name().to_owned(),
        }
    }
}

/// Host and port of a URL, without credentials and without characters that a host cannot have.
fn host(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-.:[]".contains(*letter)).take(80).collect()
}

/// The result of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The network is disabled.
    Offline,
    /// Read from the cache.
    Cached(RefreshInfo),
    /// Fetched from the network.
    Fetched(RefreshInfo),
    /// Failed; the prices did not change.
    Failed {
        /// The source, as displayed.
        source: String,
        /// The reason; continues a sentence that begins with `source`.
        reason: String,
    },
}

impl RefreshOutcome {
    /// One line for the status bar. `generated` is the date of the bundled prices ([`Catalog::generated`]).
    pub fn line(&self, generated: &str) -> String {
        match self {
            Self::Offline => format!("prices: bundled {generated} (offline)"),
            Self::Cached(refreshed) => describe(refreshed, "cached"),
            Self::Fetched(refreshed) => describe(refreshed, "fetched"),
            Self::Failed { source, reason } => format!("prices: bundled {generated} ({source} {reason})"),
        }
    }
}

fn describe(refreshed: &RefreshInfo, how: &str) -> String {
    let rows = if refreshed.rows == 1 { "row" } else { "rows" };
    format!("prices: {}, {} {rows}, {how} {}", refreshed.feed, count(refreshed.rows as u128), refreshed.fetched())
}

/// Refreshes `pricer` on a detached thread, which then calls `on_done`.
///
/// # Errors
/// Fails if the thread cannot be spawned; `on_done` is not called then.
pub fn spawn(
    config: RefreshConfig,
    pricer: Arc<Pricer>,
    on_done: impl FnOnce(RefreshOutcome) + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new().name("prices".to_owned()).spawn(move || on_done(refresh(&config, &pricer)))?;
    Ok(())
}

/// Refreshes on this thread, from the cache if it is fresh, else from the network.
pub fn refresh(config: &RefreshConfig, pricer: &Pricer) -> RefreshOutcome {
    if config.offline {
        return RefreshOutcome::Offline;
    }
    let cache = config.cache_folder.as_deref().map(|folder| disk::CacheFile::new(folder, config.feed, config.url()));
    let kept = cache.as_ref().and_then(|entry| entry.load(config.now_unix_secs, FRESH_SECS));
    if let Some(refreshed) = kept.and_then(|kept| apply(config, pricer, &kept.text, kept.fetched_unix_secs).ok()) {
        return RefreshOutcome::Cached(refreshed);
    }
    match fetch(config, pricer) {
        Ok((refreshed, text)) => {
            // Without a cache the next start fetches again.
            let _ = cache.map(|entry| entry.store(&text, config.now_unix_secs));
            RefreshOutcome::Fetched(refreshed)
        }
        Err(reason) => RefreshOutcome::Failed { source: config.source(), reason },
    }
}

/// Fetches and applies a document. The error continues a sentence that begins with the source's name.
fn fetch(config: &RefreshConfig, pricer: &Pricer) -> Result<(RefreshInfo, String), String> {
    let text = http::fetch(config.url(), config.timeout).map_err(|error| error.to_string())?;
    let refreshed = apply(config, pricer, &text, config.now_unix_secs).map_err(|error| error.to_string())?;
    Ok((refreshed, text))
}

fn apply(
    config: &RefreshConfig,
    pricer: &Pricer,
    text: &str,
    fetched_unix_secs: i64,
) -> Result<RefreshInfo, super::feed::FeedError> {
    let bundled = Catalog::bundled();
    let rows = config.feed.read(text, &bundled, fetched_unix_secs)?;
    let refreshed = RefreshInfo { feed: config.source(), fetched_unix_secs, rows: rows.len() };
    pricer.replace(Arc::new(bundled.with_rows(rows, refreshed.clone())));
    Ok(refreshed)
}

#[cfg(test)]
mod tests;
