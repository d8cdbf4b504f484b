//! The gRPC client: connection, token, TLS, and what a status means.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use prost::Message as _;
use thiserror::Error;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status, Streaming};

use super::RemoteConfig;
use super::replica::Malformed;
use crate::collector::KnownSpan;
use crate::collector::grpc::RawCodec;
use crate::collector::viewers::protocol::{
    PROTOCOL, SPANS, SPANS_LIMIT, SpansPart, SpansRequest, UPDATE_LIMIT, WATCH, WatchRequest,
};
use crate::collector::viewers::spans::span_of;

/// Timeout of a connection, and of a response.
const PATIENCE: Duration = Duration::from_secs(5);
/// Timeout of a query for the spans of a trace.
const SPANS_PATIENCE: Duration = Duration::from_secs(15);
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// HTTP/2 flow control window, bytes.
const WINDOW: u32 = 4 * 1024 * 1024;
/// The most spans of one trace: as many as joining remembers.
const MOST_SPANS: usize = crate::collector::store::JOIN_SPANS;
/// The most characters of a remote status message that are shown.
const STATUS_CHARS: usize = 200;

/// Certificates of the TLS connection; by default the system's authorities.
#[derive(Clone, Debug, Default)]
pub struct ClientTls {
    /// Certificates (PEM) of the authorities to trust instead of the public ones.
    pub authorities: Option<Vec<u8>>,
    /// The client's certificate chain and its key (PEM).
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// A transient error: the connection is retried.
    #[error("{0}")]
    Unreachable(String),
    /// A retry would be refused again.
    #[error("{0}")]
    Refused(String),
    /// A message could not be read.
    #[error("malformed message: {0}")]
    Malformed(Malformed),
    /// The collector closed the stream.
    #[error("the collector closed the connection")]
    Closed,
}

impl ConnectionError {
    /// Classifies a status, of the collector or of the local transport.
    pub(super) fn of(status: &Status) -> Self {
        match Error::source(status) {
            Some(source) => Self::transport(source),
            None => Self::from_message(status),
        }
    }

    /// Classifies the status of a request without a response. A connection that was made and closed at once looks the same
    /// whether TLS or a client certificate is missing: the reason often does not arrive.
    fn unanswered(status: &Status) -> Self {
        match Self::of(status) {
            Self::Unreachable(why) if was_connected(status) => Self::Unreachable(format!(
                "{why} before it answered; it may speak TLS (grpcs://, --tls-ca) or ask for a client certificate (--tls-cert)"
            )),
            other => other,
        }
    }

    fn from_message(status: &Status) -> Self {
        let message = status.message().chars().take(STATUS_CHARS).collect::<String>();
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => {
                Self::Refused("it asks for a --token, and this is not the one".to_owned())
            }
            Code::FailedPrecondition => Self::Refused(message),
            Code::Unimplemented => Self::Refused(
                "no viewers are served there, or those of another version; \
                 the address is the one that --serve-viewers prints"
                    .to_owned(),
            ),
            _ => Self::Unreachable(if message.is_empty() { status.code().to_string() } else { message }),
        }
    }

    fn transport(error: &(dyn Error + 'static)) -> Self {
        let mut innermost = error;
        loop {
            if is_tls(innermost) {
                return Self::Refused(format!("TLS: {innermost}"));
            }
            match innermost.source() {
                Some(source) => innermost = source,
                None => return Self::Unreachable(innermost.to_string()),
            }
        }
    }
}

/// Whether an established connection failed.
fn was_connected(status: &Status) -> bool {
    let mut cause = Error::source(status);
    while let Some(error) = cause {
        if error.is::<hyper::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The TLS layer reports errors of the peer as `InvalidData`; no other layer does.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

/// A client of one collector. Clones share the connection, which is made on the first request.
#[derive(Clone, Debug)]
pub(super) struct Client {
    channel: Channel,
    headers: MetadataMap,
    most_calls: u64,
    span_memory: usize,
}

impl Client {
    /// Connects on the first request. Must be called within a runtime.
    pub(super) fn new(config: &RemoteConfig) -> Result<Self, ConnectionError> {
        let unusable = |error: tonic::transport::Error| ConnectionError::transport(&error);
        let mut endpoint = Endpoint::from_shared(config.address.url(config.tls.is_some()))
            .map_err(unusable)?
            .connect_timeout(PATIENCE)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_ANSWER)
            .keep_alive_while_idle(true);
        if let Some(tls) = &config.tls {
            let tls = tls.config().domain_name(config.address.host());
            endpoint = endpoint.tls_config(tls).map_err(unusable)?;
        }
        let mut headers = MetadataMap::new();
        if let Some(token) = &config.token {
            let header = AsciiMetadataValue::try_from(token.header());
            let mut header = header.map_err(|_| ConnectionError::Refused("the token cannot be sent".to_owned()))?;
            header.set_sensitive(true);
            headers.insert("authorization", header);
        }
        let most_calls = config.most_calls.map_or(0, |most| most as u64);
        Ok(Self { channel: endpoint.connect_lazy(), headers, most_calls, span_memory: config.span_memory })
    }

    pub(super) async fn watch(&self) -> Result<Streaming<Bytes>, ConnectionError> {
        let request = WatchRequest { protocol: PROTOCOL, most_calls: self.most_calls };
        let answer = self.ask(WATCH, request.encode_to_vec(), UPDATE_LIMIT);
        let late = |_| ConnectionError::Unreachable("it does not answer".to_owned());
        tokio::time::timeout(2 * PATIENCE, answer).await.map_err(late)?
    }

    /// Fetches the known spans of a trace. Bytes beyond the span memory are dropped, as by a full span log.
    pub(super) async fn spans(&self, trace: [u8; 16]) -> Result<Vec<KnownSpan>, ConnectionError> {
        let late = |_| ConnectionError::Unreachable("it does not answer".to_owned());
        tokio::time::timeout(SPANS_PATIENCE, self.all_spans(trace)).await.map_err(late)?
    }

    async fn all_spans(&self, trace: [u8; 16]) -> Result<Vec<KnownSpan>, ConnectionError> {
        let request = SpansRequest { protocol: PROTOCOL, trace_id: trace.to_vec() };
        let mut parts = self.ask(SPANS, request.encode_to_vec(), SPANS_LIMIT).await?;
        let (mut spans, mut room) = (Vec::new(), self.span_memory);
        while let Some(part) = parts.message().await.map_err(|status| ConnectionError::of(&status))? {
            let malformed = || ConnectionError::Malformed(Malformed::Span);
            for span in SpansPart::decode(part).map_err(|_| malformed())?.spans {
                let mut span = span_of(span).filter(|_| spans.len() < MOST_SPANS).ok_or_else(malformed)?;
                span.bytes = span.bytes.filter(|(request, _)| {
                    let left = room.checked_sub(request.len());
                    room = left.unwrap_or(room);
                    left.is_some()
                });
                spans.push(span);
            }
        }
        Ok(spans)
    }

    async fn ask(
        &self,
        path: &'static str,
        message: Vec<u8>,
        limit: usize,
    ) -> Result<Streaming<Bytes>, ConnectionError> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(limit);
        grpc.ready().await.map_err(|error| ConnectionError::transport(&error))?;
        let request = Request::from_parts(self.headers.clone(), tonic::Extensions::new(), Bytes::from(message));
        let answer = grpc.server_streaming(request, PathAndQuery::from_static(path), RawCodec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| ConnectionError::unanswered(&status))
    }
}

impl ClientTls {
    fn config(&self) -> ClientTlsConfig {
        let trust = match &self.authorities {
            None => ClientTlsConfig::new().with_enabled_roots(),
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        };
        match &self.identity {
            None => trust,
            Some((chain, key)) => trust.identity(Identity::from_pem(chain, key)),
        }
    }
}
