//! Where to forward to, and with which headers.

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs, UdpSocket},
    str::FromStr,
};

use http::{HeaderName, HeaderValue, Uri};
use thiserror::Error;

use crate::collector::signal::Signal;

/// The transports of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `grpc://`, `grpcs://`: OTLP/gRPC.
    Grpc,
    /// `http://`, `https://`: OTLP/HTTP with protobuf.
    Http,
}

/// Who gets the bytes: `grpc://host:4317`, `grpcs://…`, `http://host:4318`, `https://…/path`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// How they are sent.
    pub transport: Transport,
    /// Whether the scheme selects TLS.
    pub tls: bool,
    /// Name or address, without brackets.
    host: String,
    /// From the URL, or the default of the scheme.
    pub port: u16,
    /// The path before that of a signal; empty for gRPC.
    base_path: String,
    /// With its `?`, or empty.
    query: String,
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Not a URL at all.
    #[error("not a URL: use grpc://HOST:PORT or http://HOST:PORT (grpcs and https for TLS)")]
    NotAUrl,
    /// A scheme that is none of ours.
    #[error("unknown scheme `{0}`: use grpc, grpcs, http or https")]
    Scheme(String),
    /// Credentials in the URL would end up in logs and process lists.
    #[error("credentials do not belong into the URL: use OTEL_EXPORTER_OTLP_HEADERS")]
    Credentials,
    /// gRPC has no paths.
    #[error("a gRPC target has no path")]
    Path,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let uri: Uri = text.trim().parse().map_err(|_| TargetError::NotAUrl)?;
        let (transport, tls, default_port) = match uri.scheme_str() {
            Some("grpc") => (Transport::Grpc, false, 4317),
            Some("grpcs") => (Transport::Grpc, true, 4317),
            // As for any URL: what is not the protocol's own port is written out.
            Some("http") => (Transport::Http, false, 80),
            Some("https") => (Transport::Http, true, 443),
            Some(other) => return Err(TargetError::Scheme(other.to_owned())),
            None => return Err(TargetError::NotAUrl),
        };
        let authority = uri.authority().ok_or(TargetError::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(TargetError::NotAUrl);
        }
        let port = authority.port_u16().unwrap_or(default_port);
        let (base_path, query) = base_path_and_query(&uri, transport)?;
        Ok(Self { transport, tls, host, port, base_path, query })
    }
}

/// As specified for `OTEL_EXPORTER_OTLP_ENDPOINT`: a base URL, to which the path of the signal is added. A URL
/// that ends with the path of traces is used for traces as it is.
fn base_path_and_query(uri: &Uri, transport: Transport) -> Result<(String, String), TargetError> {
    let path = uri.path().trim_end_matches('/');
    match transport {
        Transport::Grpc if path.is_empty() && uri.query().is_none() => Ok((String::new(), String::new())),
        Transport::Grpc => Err(TargetError::Path),
        Transport::Http => {
            let base_path = path.strip_suffix(Signal::Traces.http_path()).unwrap_or(path);
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            Ok((base_path.to_owned(), query))
        }
    }
}

impl Target {
    /// Scheme, host and port to connect to.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.bracketed(), self.port)
    }

    /// The URL to post requests of `signal` to.
    pub(super) fn url(&self, signal: Signal) -> String {
        format!("{}{}{}", self.origin(), self.path(signal), self.query)
    }

    fn path(&self, signal: Signal) -> String {
        match self.transport {
            Transport::Grpc => String::new(),
            Transport::Http => format!("{}{}", self.base_path, signal.http_path()),
        }
    }

    /// The name that a server's certificate must be for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether this is one of our own listeners, to which forwarding would go round for ever. Resolves names.
    pub fn is_one_of(&self, listeners: &[SocketAddr]) -> bool {
        let Ok(addresses) = (self.host.as_str(), self.port).to_socket_addrs() else { return false };
        addresses.into_iter().any(|address| listeners.iter().any(|listener| reaches(address, *listener)))
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

fn reaches(address: SocketAddr, listener: SocketAddr) -> bool {
    // Only an address of this machine can be bound.
    let is_here = || address.ip().is_loopback() || UdpSocket::bind((address.ip(), 0)).is_ok();
    address.port() == listener.port()
        && (address.ip() == listener.ip() || (listener.ip().is_unspecified() && is_here()))
}

/// For the screen: without the query, which may hold a key.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (self.transport, self.tls) {
            (Transport::Grpc, false) => "grpc",
            (Transport::Grpc, true) => "grpcs",
            (Transport::Http, false) => "http",
            (Transport::Http, true) => "https",
        };
        let path = self.path(Signal::Traces);
        write!(formatter, "{scheme}://{}:{}{path}", self.bracketed(), self.port)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Headers sent with every request; their values are never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

/// Why a list of headers is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeadersError {
    /// An item without `=`.
    #[error("header {0} of the list has no `=`: write key=value,key=value")]
    NoValue(usize),
    /// A name or value that no header may have.
    #[error("header {0} of the list is not a valid header")]
    Invalid(usize),
}

impl Headers {
    /// Reads a list as in `OTEL_EXPORTER_OTLP_HEADERS`: `key=value,key=value`, values percent-encoded where needed.
    ///
    /// # Errors
    /// [`HeadersError`] names the position of the wrong item, never its content.
    pub fn parse(list: &str) -> Result<Self, HeadersError> {
        let items = list.split(',').zip(1..).filter(|(item, _)| !item.trim().is_empty());
        items.map(|(item, position)| header(item, position)).collect::<Result<_, _>>().map(Self)
    }

    /// The headers that the environment asks for: those for traces, else those for all signals.
    ///
    /// # Errors
    /// As [`Headers::parse`].
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, HeadersError> {
        let list = variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS").or_else(|| variable("OTEL_EXPORTER_OTLP_HEADERS"));
        list.map_or_else(|| Ok(Self::default()), |list| Self::parse(&list))
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

fn header(item: &str, position: usize) -> Result<(HeaderName, HeaderValue), HeadersError> {
    let (name, value) = item.split_once('=').ok_or(HeadersError::NoValue(position))?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| HeadersError::Invalid(position))?;
    let value: Vec<u8> = percent_encoding::percent_decode_str(value.trim()).collect();
    let mut value = HeaderValue::from_bytes(&value).map_err(|_| HeadersError::Invalid(position))?;
    value.set_sensitive(true);
    Ok((name, value))
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_as_people_write_them() {
        let cases = [
            ("grpc://localhost:4317", "http://localhost:4317", "grpc://localhost:4317"),
            ("grpc://collector", "http://collector:4317", "grpc://collector:4317"),
            ("grpcs://[::1]:443/", "https://[::1]:443", "grpcs://[::1]:443"),
            ("http://localhost:4318", "http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces"),
            (
                " https://cloud.example/api/public/otel/ ",
                "https://cloud.example:443/api/public/otel/v1/traces",
                "https://cloud.example:443/api/public/otel/v1/traces",
            ),
            ("http://h/v1/traces?key=s3cret", "http://h:80/v1/traces?key=s3cret", "http://h:80/v1/traces"),
        ];
        for (text, url, shown) in cases {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.url(Signal::Traces).as_str(), target.to_string().as_str()), (url, shown));
            assert!(!format!("{target:?}").contains("s3cret"));
        }
        let wrong = [
            ("localhost:4317", TargetError::NotAUrl),
            ("/v1/traces", TargetError::NotAUrl),
            ("", TargetError::NotAUrl),
            ("grpc://", TargetError::NotAUrl),
            ("udp://localhost:1", TargetError::Scheme("udp".to_owned())),
            ("http://me:s3cret@host", TargetError::Credentials),
            ("grpc://host/path", TargetError::Path),
        ];
        for (text, error) in wrong {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }

    #[test]
    fn each_signal_has_its_own_path_below_the_base() {
        for text in ["http://h:4318/base?key=1", "http://h:4318/base/v1/traces?key=1"] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.url(Signal::Traces), "http://h:4318/base/v1/traces?key=1");
            assert_eq!(target.url(Signal::Metrics), "http://h:4318/base/v1/metrics?key=1");
            assert_eq!(target.url(Signal::Logs), "http://h:4318/base/v1/logs?key=1");
        }
    }

    #[test]
    fn our_own_listeners_are_recognised() {
        let everywhere: SocketAddr = "0.0.0.0:4317".parse().unwrap();
        let loopback: SocketAddr = "127.0.0.1:4317".parse().unwrap();
        let cases = [
            ("grpc://127.0.0.1:4317", everywhere, true),
            ("grpc://127.0.0.1:4317", loopback, true),
            ("grpc://localhost", everywhere, true),
            ("grpc://127.0.0.1:4318", everywhere, false),
            ("grpc://127.0.0.2:4317", loopback, false),
            // Reserved for documentation (RFC 5737 and the like).
            ("grpc://192.0.2.1:4317", everywhere, false),
            ("grpc://no-such-host.invalid", everywhere, false),
        ];
        for (target, listener, expected) in cases {
            assert_eq!(target.parse::<Target>().unwrap().is_one_of(&[listener]), expected, "{target} {listener}");
        }
    }

    #[test]
    fn headers_as_in_the_environment() {
        let headers = Headers::parse("Authorization=Basic%20cGs6c2s=, x-team = core ,,").unwrap();
        let read: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(read, [("authorization", "Basic cGs6c2s="), ("x-team", "core")]);
        assert_eq!(format!("{headers:?}"), r#"["authorization", "x-team"]"#);
        assert_eq!(Headers::parse("a=1,b"), Err(HeadersError::NoValue(2)));
        assert_eq!(Headers::parse("a b=1"), Err(HeadersError::Invalid(1)));
        assert_eq!(Headers::parse("a=x%0d%0aevil:1"), Err(HeadersError::Invalid(1)));
        assert_eq!(Headers::parse(""), Ok(Headers::default()));

        let environment = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_HEADERS" => Some("a=all".to_owned()),
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS" => Some("a=traces".to_owned()),
            _ => None,
        };
        assert_eq!(Headers::from_environment(environment), Headers::parse("a=traces"));
        assert_eq!(Headers::from_environment(|_| None), Ok(Headers::default()));
    }
}
