//! Where a collector serves viewers.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use thiserror::Error;

/// `HOST:PORT`, or with a scheme that selects TLS or plain text: `grpc://HOST:PORT`, `grpcs://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Name or address, without brackets.
    host: String,
    port: u16,
    /// Whether the scheme selects TLS; `None` without a scheme.
    tls: Option<bool>,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected HOST:PORT, as the collector prints it after --serve-viewers (grpcs://HOST:PORT for TLS)")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (tls, authority) = match text.trim().split_once("://") {
            None => (None, text.trim()),
            Some(("grpc", rest)) => (Some(false), rest.trim_end_matches('/')),
            Some(("grpcs", rest)) => (Some(true), rest.trim_end_matches('/')),
            Some(_) => return Err(AddressError),
        };
        let uri: Uri = format!("http://{authority}").parse().map_err(|_| AddressError)?;
        let has_more = authority.contains(['@', '/', '?', '#']);
        let host = uri.host().filter(|_| !has_more).ok_or(AddressError)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().filter(|port| *port != 0).ok_or(AddressError)?;
        if host.is_empty() { Err(AddressError) } else { Ok(Self { host, port, tls }) }
    }
}

impl Address {
    /// The name that the collector's certificate must be for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What was said of TLS: yes, no, or nothing.
    pub const fn scheme_tls(&self) -> Option<bool> {
        self.tls
    }

    /// The URL that a client connects to.
    pub(super) fn url(&self, tls: bool) -> String {
        format!("{}://{self}", if tls { "https" } else { "http" })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(formatter, "[{host}]:{port}") } else { write!(formatter, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_people_write_them() {
        let cases = [
            ("localhost:4319", "http://localhost:4319", None),
            (" 10.0.0.7:1 ", "http://10.0.0.7:1", None),
            ("[::1]:4319", "http://[::1]:4319", None),
            ("grpc://gateway:4319", "http://gateway:4319", Some(false)),
            ("grpcs://gateway:4319/", "http://gateway:4319", Some(true)),
        ];
        for (text, url, tls) in cases {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.url(false).as_str(), address.scheme_tls()), (url, tls), "{text}");
        }
        for text in ["", "localhost", ":4319", "localhost:0", "localhost:99999", "http://h:1", "a:1/b", "me@h:1", "h:x"]
        {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }
}
