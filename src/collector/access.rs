//! Authentication of clients: the bearer token that both transports require, and TLS.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// A bearer token, which `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

impl Token {
    /// `None` for text that is not valid in a header.
    pub fn new(text: &str) -> Option<Self> {
        let sendable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        sendable.then(|| Self(text.to_owned()))
    }

    /// The value of the `authorization` header that carries it.
    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// Whether an `authorization` header carries this token. Takes the same time wherever the two differ.
    pub fn is_in(&self, authorization: &[u8]) -> bool {
        let (scheme, token) = authorization.split_at_checked("Bearer ".len()).unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.ct_eq(self.0.as_bytes()))
    }
}

/// What clients must present.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Required of each request.
    pub token: Option<Token>,
    /// Connections must speak TLS, with a client certificate where the configuration asks for one.
    pub tls: Option<Tls>,
}

/// TLS of a listener.
#[derive(Clone, Debug)]
pub struct Tls {
    /// With ALPN for HTTP/2 and HTTP/1.1.
    pub config: Arc<ServerConfig>,
    /// Whether clients need a certificate of a trusted authority.
    pub requires_client_certificate: bool,
}

impl Access {
    /// Whether a request with this `authorization` header, if any, is authorised.
    pub fn allows(&self, authorization: Option<&[u8]>) -> bool {
        self.token.as_ref().is_none_or(|token| authorization.is_some_and(|header| token.is_in(header)))
    }

    /// Whether a token or a client certificate is required.
    pub fn is_protected(&self) -> bool {
        self.token.is_some() || self.tls.as_ref().is_some_and(|tls| tls.requires_client_certificate)
    }
}

/// Paths of PEM files.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate, followed by its chain.
    pub cert: PathBuf,
    /// PEM file of its private key.
    pub key: PathBuf,
    /// Certificates of the authorities that clients' certificates are verified with; without it none is required.
    pub client_ca: Option<PathBuf>,
}

/// Why TLS cannot be configured.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or parsed.
    #[error("cannot read {what} from {path}: {reason}", path = .path.display())]
    File {
        /// What the file should hold.
        what: &'static str,
        /// The file at fault.
        path: PathBuf,
        /// The error of reading or parsing it.
        reason: String,
    },
    /// The certificate and the key do not belong together.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(String),
}

impl TlsFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] naming the file at fault.
    pub fn load(&self) -> Result<Tls, TlsError> {
        let chain = certificates(&self.cert, "a certificate")?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| file_error("a private key", &self.key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let verified = match &self.client_ca {
            None => versions.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path, "client CA certificates")? {
                    roots.add(certificate).map_err(|error| unusable(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| unusable(&error))?;
                versions.with_client_cert_verifier(verifier)
            }
        };
        let mut config = verified.with_single_cert(chain, key).map_err(|error| unusable(&error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls { config: Arc::new(config), requires_client_certificate: self.client_ca.is_some() })
    }
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| file_error(what, path, &error))?;
    if found.is_empty() {
        return Err(file_error(what, path, &io::Error::other("no certificate in it")));
    }
    Ok(found)
}

fn file_error(what: &'static str, path: &Path, reason: &impl ToString) -> TlsError {
    TlsError::File { what, path: path.to_owned(), reason: reason.to_string() }
}

fn unusable(error: &impl ToString) -> TlsError {
    TlsError::Unusable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_token_passes() {
        let access = Access { token: Token::new("s3cret"), tls: None };
        let cases: [(Option<&[u8]>, bool); 8] = [
            (Some(b"Bearer s3cret"), true),
            (Some(b"bearer s3cret"), true),
            (Some(b"Bearer s3cret "), false),
            (Some(b"Bearer s3cre"), false),
            (Some(b"Basic s3cret"), false),
            (Some(b"s3cret"), false),
            (Some(b""), false),
            (None, false),
        ];
        for (header, passes) in cases {
            assert_eq!(access.allows(header), passes, "{header:?}");
        }
        assert!(Access::default().allows(None), "without a token anybody may send");
    }

    #[test]
    fn a_token_is_never_printed() {
        let token = Token::new("s3cret").unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
        assert_eq!(Token::new("two words"), None);
        assert_eq!(Token::new(""), None);
    }

    #[test]
    fn a_missing_file_is_named() {
        let files = TlsFiles { cert: "no/such.pem".into(), key: "no/such.key".into(), client_ca: None };
        assert!(files.load().unwrap_err().to_string().contains("no/such.pem"));
    }
}
