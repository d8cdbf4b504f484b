//! Fetching prices from the network: in the background, once, with a limit on everything. Failure leaves the
//! bundled prices and one line that says so (PRICING.md, section 4).

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

/// How long a fetch may take in all.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a fetched document serves before it is fetched again, seconds.
const FRESH_SECS: i64 = 24 * 60 * 60;

/// What to fetch, and within which limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshConfig {
    /// The shape of the document.
    pub feed: Feed,
    /// Where it is, if not where the feed is published.
    pub url: Option<String>,
    /// Never go to the network.
    pub offline: bool,
    /// How long a fetch may take in all.
    pub timeout: Duration,
    /// Where documents are kept for a day; `None` keeps none.
    pub cache_folder: Option<PathBuf>,
    /// The time, seconds since the epoch.
    pub now_unix_secs: i64,
}

impl RefreshConfig {
    /// The feed's own address, the usual limits, no cache.
    pub const fn new(feed: Feed, now_unix_secs: i64) -> Self {
        Self { feed, url: None, offline: false, timeout: TIMEOUT, cache_folder: None, now_unix_secs }
    }

    fn url(&self) -> &str {
        self.url.as_deref().unwrap_or_else(|| self.feed.default_url())
    }

    /// The true source for people: the feed's name, and the host where it is not the feed's own.
    fn source(&self) -> String {
        match self.url.as_deref().filter(|url| *url != self.feed.default_url()) {
            Some(url) => format!("{} via {}", self.feed.name(), host(url)),
            None => self.feed.name().to_owned(),
        }
    }
}

/// Host and port of a URL, without credentials, and only letters that a host can have.
fn host(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-.:[]".contains(*letter)).take(80).collect()
}

/// How a refresh ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The network was not asked for.
    Offline,
    /// A document of the last day was on disk.
    Cached(RefreshInfo),
    /// The document was fetched.
    Fetched(RefreshInfo),
    /// Nothing usable came; the prices in use did not change.
    Failed {
        /// The source that was asked.
        source: String,
        /// Why, in a few words.
        reason: String,
    },
}

impl RefreshOutcome {
    /// One line for the status bar. `generated`: the day of the bundled prices ([`Catalog::generated`]).
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

/// Refreshes `pricer` on a thread of its own, which nobody waits for, and then tells `on_done` there. Returns at once.
///
/// # Errors
/// When no thread can be had; `on_done` is not called then.
pub fn spawn(
    config: RefreshConfig,
    pricer: Arc<Pricer>,
    on_done: impl FnOnce(RefreshOutcome) + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new().name("prices".to_owned()).spawn(move || on_done(refresh(&config, &pricer)))?;
    Ok(())
}

/// Refreshes on this thread: the cached document of the last day, else the network.
pub fn refresh(config: &RefreshConfig, pricer: &Pricer) -> RefreshOutcome {
    if config.offline {
        return RefreshOutcome::Offline;
    }
    let cache = config.cache_folder.as_deref().map(|folder| disk::Entry::new(folder, config.feed, config.url()));
    let kept = cache.as_ref().and_then(|entry| entry.load(config.now_unix_secs, FRESH_SECS));
    if let Some(refreshed) = kept.and_then(|kept| apply(config, pricer, &kept.text, kept.fetched_unix_secs).ok()) {
        return RefreshOutcome::Cached(refreshed);
    }
    match fetch(config, pricer) {
        Ok((refreshed, text)) => {
            // A disk that is full or read-only costs tomorrow's fetch, nothing else.
            let _ = cache.map(|entry| entry.store(&text, config.now_unix_secs));
            RefreshOutcome::Fetched(refreshed)
        }
        Err(reason) => RefreshOutcome::Failed { source: config.source(), reason },
    }
}

/// Fetches and applies a document; why not, in words that follow the source's name.
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
