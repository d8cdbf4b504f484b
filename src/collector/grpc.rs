//! OTLP/gRPC: the export services of the three signals, on raw bytes.
//!
//! The generated services would decode every span into owned messages, and tonic would copy each message once more. Here
//! hyper's HTTP/2 server passes on the bytes as they arrived, and an empty response message goes back.

mod codec;
mod message;
mod response_body;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

pub use self::codec::RawCodec;
use self::response_body::ResponseBody;
use super::byte_budget::ByteBudget;
use super::catch_panic::catch_panic_async;
use super::decompress::Compression;
use super::listener::serve_each;
use super::receiver::OtlpReceiver;
use super::signal::Signal;
use super::sink::{Refusal, Sink};

/// The most bytes of one export request, decompressed.
pub const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// HTTP/2 windows and frames: large enough that a batch of spans flows without waiting for window updates, and in one piece.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
const FRAME_SIZE: u32 = 1024 * 1024;
/// The most bytes of all messages being received, on all connections; one more is refused as retryable.
const ALL_MESSAGES_LIMIT: usize = 256 * 1024 * 1024;
/// Requests in flight on one connection.
const STREAMS: u32 = 128;
/// Metadata of one request.
const HEADER_LIST: u32 = 64 * 1024;
/// Streams that a client may open and reset before they are served; more is the "rapid reset" attack.
const PENDING_RESETS: usize = 64;
/// An idle client is sent a ping, and disconnected if it does not reply.
const KEEPALIVE: Duration = Duration::from_mins(1);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// Limits of the OTLP/gRPC server, beside those of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcLimits {
    /// The longest time for a request to arrive.
    pub request_timeout: Duration,
    /// How long requests in flight may take once the server stops.
    pub grace: Duration,
}

impl Default for GrpcLimits {
    fn default() -> Self {
        Self { request_timeout: Duration::from_mins(1), grace: Duration::from_secs(2) }
    }
}

/// Serves the three export services on `incoming` until `stop` is cancelled, then waits at most the grace period for
/// requests in flight.
pub async fn serve<S, I, IO>(receiver: OtlpReceiver<S>, limits: GrpcLimits, incoming: I, stop: CancellationToken)
where
    S: Sink,
    I: Stream<Item = std::io::Result<IO>>,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = Arc::new(Service { receiver, limits, budget: ByteBudget::new(ALL_MESSAGES_LIMIT) });
    let http2 = builder();
    let serve = |io| {
        let service = Arc::clone(&service);
        http2.serve_connection(TokioIo::new(io), service_fn(move |request| Arc::clone(&service).answer(request)))
    };
    serve_each(incoming, stop, limits.grace, serve, drop).await;
}

fn builder() -> http2::Builder<TokioExecutor> {
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_LIST)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .auto_date_header(false);
    http2
}

/// What all requests share.
struct Service<S: Sink> {
    receiver: OtlpReceiver<S>,
    limits: GrpcLimits,
    /// Of messages being received.
    budget: ByteBudget,
}

impl<S: Sink> Service<S> {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<ResponseBody>, Infallible> {
        if let Err((code, why)) = check_protocol(&request) {
            self.receiver.count_refusal(&Refusal::Protocol(why.to_owned()));
            return Ok(ResponseBody::not_grpc(code));
        }
        let Some(signal) = Signal::from_grpc_path(request.uri().path()) else {
            let why = "there is nothing but Export of OTLP's three services";
            self.receiver.count_refusal(&Refusal::Protocol(why.to_owned()));
            return Ok(Status::unimplemented(why).into_http());
        };
        let taken = timeout(self.limits.request_timeout, catch_panic_async(self.handle(signal, request))).await;
        let (refusal, status) = match taken {
            Ok(Ok(taken)) => return Ok(taken.map_or_else(Status::into_http, |()| ResponseBody::accepted())),
            Ok(Err(fault)) => (fault.clone(), status(&fault)),
            Err(_) => stalled(),
        };
        self.receiver.count_refusal(&refusal);
        Ok(status.into_http())
    }

    async fn handle(&self, signal: Signal, request: Request<Incoming>) -> Result<(), Status> {
        match self.receive(request).await {
            Ok(message) => self.receiver.sink.try_send(signal, message).map_err(|refusal| status(&refusal)),
            Err(status) => {
                self.receiver.count_refusal(&refusal(&status));
                Err(status)
            }
        }
    }

    async fn receive(&self, request: Request<Incoming>) -> Result<Bytes, Status> {
        let (head, body) = request.into_parts();
        let authorization = head.headers.get(header::AUTHORIZATION);
        if !self.receiver.access.allows(authorization.map(HeaderValue::as_bytes)) {
            return Err(status(&Refusal::Unauthorised));
        }
        let compression = Compression::from_header(&head.headers, &ENCODING).filter(|known| is_accepted(*known));
        let compression = compression.ok_or_else(unsupported_compression)?;
        message::read(body, compression, &self.budget).await
    }
}

/// Whether a request is one of gRPC at all ("Requests" of gRPC's protocol over HTTP/2). Anything else, such as what a page in a
/// browser may post without asking, is answered as by any HTTP server.
fn check_protocol<B>(request: &Request<B>) -> Result<(), (StatusCode, &'static str)> {
    const PROTOBUF: [&str; 2] = ["application/grpc", "application/grpc+proto"];
    if request.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "gRPC uses POST only"));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let is_grpc = PROTOBUF.iter().any(|known| essence.eq_ignore_ascii_case(known));
    if is_grpc { Ok(()) } else { Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type must be application/grpc")) }
}

/// The compressions of a message that are read.
const ACCEPTED_ENCODINGS: &str = "identity,gzip,zstd,snappy";

/// Whether a message may be compressed so.
fn is_accepted(compression: Compression) -> bool {
    ACCEPTED_ENCODINGS.split(',').any(|name| name == compression.name())
}

fn unsupported_compression() -> Status {
    let mut status = Status::unimplemented("messages may be packed with gzip, zstd or snappy, or not at all");
    status.metadata_mut().insert("grpc-accept-encoding", MetadataValue::from_static(ACCEPTED_ENCODINGS));
    status
}

fn refusal(status: &Status) -> Refusal {
    match status.code() {
        Code::ResourceExhausted => Refusal::TooLarge { limit: MESSAGE_LIMIT },
        Code::Unavailable => Refusal::Unavailable,
        Code::Unauthenticated => Refusal::Unauthorised,
        _ => Refusal::Protocol(status.message().to_owned()),
    }
}

/// Of a request that did not arrive in time; its client may retry.
fn stalled() -> (Refusal, Status) {
    const WHY: &str = "the request did not arrive in time";
    (Refusal::Protocol(WHY.to_owned()), Status::cancelled(WHY))
}

/// Exporters retry `UNAVAILABLE` only.
fn status(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::Malformed(_) | Refusal::Protocol(_) => Code::InvalidArgument,
        Refusal::TooLarge { .. } | Refusal::TooManySpans { .. } => Code::ResourceExhausted,
        Refusal::Unavailable => Code::Unavailable,
        Refusal::Unauthorised => Code::Unauthenticated,
        Refusal::Internal => Code::Internal,
    };
    Status::new(code, refusal.to_string())
}
