//! One attempt to hand a request on, over either transport. The bytes go out as they came in.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    StatusCode,
    header::{self, HeaderValue},
    uri::PathAndQuery,
};
use thiserror::Error;
use tonic::{
    Request,
    client::Grpc,
    codec::CompressionEncoding,
    metadata::MetadataMap,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use super::{
    ForwardConfig,
    answer::Answer,
    target::{Headers, Target, Transport},
};
use crate::collector::decompress::Compression;
use crate::collector::grpc::RawCodec;
use crate::collector::signal::Signal;

/// The most bytes of an answer's body that are read.
const ANSWER_LIMIT: u64 = 64 * 1024;

/// A connection whose other end vanished without a word is noticed after this much waiting for an answer, and this much more.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);

/// Why a target cannot even be tried.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The URL, the certificate or the TLS set-up.
    #[error("cannot set up forwarding to {target}: {reason}")]
    SetUp {
        /// The target as shown.
        target: String,
        /// The error of the TLS library.
        reason: String,
    },
}

/// A client of one target. Cloning is cheap.
#[derive(Clone)]
pub(super) enum Client {
    Grpc(Box<GrpcClient>),
    Http(HttpClient),
}

impl Client {
    /// Connects on the first attempt, not here. Must be called within a runtime.
    pub(super) fn new(config: &ForwardConfig) -> Result<Self, ClientError> {
        let made = match config.target.transport {
            Transport::Grpc => GrpcClient::new(config).map(Box::new).map(Self::Grpc),
            Transport::Http => HttpClient::new(config).map(Self::Http),
        };
        made.map_err(|reason| ClientError::SetUp { target: config.target.to_string(), reason })
    }

    /// Sends a request and waits for the answer.
    pub(super) async fn send(&self, signal: Signal, request: Bytes) -> Answer {
        match self {
            Self::Grpc(client) => client.send(signal, request).await,
            Self::Http(client) => client.send(signal, request).await,
        }
    }
}

/// OTLP/gRPC over one HTTP/2 connection.
#[derive(Clone)]
pub(super) struct GrpcClient {
    channel: Channel,
    headers: MetadataMap,
    is_gzip: bool,
}

impl GrpcClient {
    fn new(config: &ForwardConfig) -> Result<Self, String> {
        if !matches!(config.compression, Compression::Identity | Compression::Gzip) {
            let name = config.compression.name();
            return Err(format!("{name} is for http:// targets only; use gzip or none"));
        }
        let mut endpoint = Endpoint::from_shared(config.target.origin())
            .map_err(|error| error.to_string())?
            .connect_timeout(config.timeout)
            .timeout(config.timeout)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_ANSWER);
        if config.target.tls {
            let trust = config.ca.as_ref().map_or_else(
                || ClientTlsConfig::new().with_enabled_roots(),
                |pem| ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            );
            let tls = trust.domain_name(config.target.host());
            endpoint = endpoint.tls_config(tls).map_err(|error| error.to_string())?;
        }
        let headers = config.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let headers = MetadataMap::from_headers(headers);
        Ok(Self { channel: endpoint.connect_lazy(), headers, is_gzip: config.compression == Compression::Gzip })
    }

    async fn send(&self, signal: Signal, request: Bytes) -> Answer {
        let mut grpc = Grpc::new(self.channel.clone());
        if self.is_gzip {
            grpc = grpc.send_compressed(CompressionEncoding::Gzip);
        }
        if let Err(error) = grpc.ready().await {
            return Answer::unreachable(&error);
        }
        let request = Request::from_parts(self.headers.clone(), tonic::Extensions::new(), request);
        match grpc.unary(request, PathAndQuery::from_static(signal.grpc_path()), RawCodec).await {
            Ok(response) => Answer::taken(response.get_ref()),
            Err(status) => match std::error::Error::source(&status) {
                Some(source) => Answer::unreachable(source),
                None => Answer::from_grpc(&status),
            },
        }
    }
}

/// OTLP/HTTP with protobuf, over pooled HTTP/1.1 connections.
#[derive(Clone)]
pub(super) struct HttpClient {
    agent: ureq::Agent,
    target: Arc<Target>,
    headers: Headers,
    compression: Compression,
}

impl HttpClient {
    fn new(config: &ForwardConfig) -> Result<Self, String> {
        let mut agent = ureq::Agent::config_builder()
            .timeout_global(Some(config.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("planoai/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &config.ca {
            let certificates = authorities(pem)?;
            let roots = ureq::tls::RootCerts::new_with_certs(&certificates);
            agent = agent.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self {
            agent: agent.build().into(),
            target: Arc::new(config.target.clone()),
            headers: config.headers.clone(),
            compression: config.compression,
        })
    }

    async fn send(&self, signal: Signal, request: Bytes) -> Answer {
        let client = self.clone();
        // The HTTP client blocks; it has threads of its own for that.
        let sent = tokio::task::spawn_blocking(move || client.post(signal, &request)).await;
        sent.unwrap_or_else(|error| Answer::unreachable(&error))
    }

    fn post(&self, signal: Signal, request: &[u8]) -> Answer {
        self.try_post(signal, request).unwrap_or_else(|error| Answer::unreachable(&error))
    }

    fn try_post(&self, signal: Signal, request: &[u8]) -> Result<Answer, ureq::Error> {
        let mut post = self.agent.post(self.target.url(signal)).header(header::CONTENT_TYPE, "application/x-protobuf");
        for (name, value) in self.headers.iter() {
            post = post.header(name, value);
        }
        let response = match self.compression {
            Compression::Identity => post.send(request)?,
            compression => {
                post.header(header::CONTENT_ENCODING, compression.name()).send(compression.compress(request)?)?
            }
        };
        let (head, body) = response.into_parts();
        let body = body.into_with_config().limit(ANSWER_LIMIT).read_to_vec();
        match head.status {
            StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
                Ok(Answer::taken(&body.unwrap_or_default()))
            }
            status => Ok(Answer::from_http(status, head.headers.get(header::RETRY_AFTER).and_then(retry_after))),
        }
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<ureq::tls::Certificate<'static>>, String> {
    let items = ureq::tls::parse_pem(pem).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() { Err("no certificate in the CA file".to_owned()) } else { Ok(certificates) }
}

/// `Retry-After` in seconds. The other form, a date, would need the target's clock to agree with ours.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
