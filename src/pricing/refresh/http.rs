//! One HTTP GET with limits on time, size and redirects.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// Largest document, bytes after decompression: ten times models.dev's.
const LARGEST_BODY: u64 = 32 * 1024 * 1024;

const MOST_REDIRECTS: u32 = 5;

/// Why a fetch failed. The message continues a sentence that begins with the source's name.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The timeout expired.
    #[error("unreachable: timeout")]
    Timeout,
    /// Name resolution, connection or TLS failed.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// The server returned an error status.
    #[error("returned HTTP {0}")]
    Status(u16),
    /// Too many redirects.
    #[error("redirects too often")]
    Redirects,
    /// The body exceeds the size limit.
    #[error("returned more than {} MiB", LARGEST_BODY / (1024 * 1024))]
    TooLarge,
    /// The response is not HTTP, or not text.
    #[error("returned an invalid response")]
    InvalidResponse,
    /// The address is not a valid HTTP URL.
    #[error("has no valid URL")]
    BadUrl,
}

impl From<ureq::Error> for FetchError {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Timeout,
            ureq::Error::StatusCode(status) => Self::Status(status),
            ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => Self::Redirects,
            ureq::Error::BodyExceedsLimit(_) => Self::TooLarge,
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Self::BadUrl,
            ureq::Error::HostNotFound => Self::Unreachable("no such host".to_owned()),
            ureq::Error::ConnectionFailed => Self::Unreachable("no connection".to_owned()),
            ureq::Error::Io(error) => Self::from(error),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Self::Unreachable("no secure connection".to_owned()),
            _ => Self::InvalidResponse,
        }
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => return Self::Timeout,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                return Self::InvalidResponse;
            }
            _ => {}
        }
        let words = error.kind().to_string();
        // Reading a body, ureq wraps its own errors into I/O errors.
        let wrapped = error.into_inner().and_then(|inner| inner.downcast::<ureq::Error>().ok());
        wrapped.map_or(Self::Unreachable(words), |wrapped| Self::from(*wrapped))
    }
}

/// Fetches text. `timeout` covers name resolution to the last byte.
///
/// # Errors
/// [`FetchError`]
pub(super) fn fetch(url: &str, timeout: Duration) -> Result<String, FetchError> {
    let is_http = ["http://", "https://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if !is_http {
        return Err(FetchError::BadUrl);
    }
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(MOST_REDIRECTS)
        .user_agent(concat!("planoai/", env!("CARGO_PKG_VERSION")));
    // Loopback addresses bypass the proxy of the environment.
    let config = if is_loopback(url) { config.proxy(None) } else { config };
    let agent: ureq::Agent = config.build().into();
    let mut response = agent.get(url).header("accept", "application/json").call()?;
    Ok(response.body_mut().with_config().limit(LARGEST_BODY).read_to_string()?)
}

fn is_loopback(url: &str) -> bool {
    let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let is_loopback_ip = |ip: std::net::IpAddr| ip.is_loopback();
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(is_loopback_ip)
}
