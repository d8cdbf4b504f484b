//! OTLP/gRPC: the export services of the three signals, on raw bytes.
//!
//! The generated services would decode every span into owned messages; here a codec hands the message's
//! bytes through, and an empty response message, which is zero bytes long, goes back.

mod metered;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Code, Request, Response, Status};

use self::metered::{Memory, Metered};
use super::access::Access;
use super::contain::contained_throughout;
use super::sink::{Refusal, Sink};

/// The most bytes of one export request, decompressed.
pub const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// HTTP/2 windows and frames: large enough that a batch flows without waiting for window updates.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
const FRAME_SIZE: u32 = 256 * 1024;
/// The most bytes of all messages being received, on all connections; one more is told to retry.
const MESSAGES: usize = 256 * 1024 * 1024;
/// Requests in flight on one connection.
const STREAMS: u32 = 128;
/// Metadata of one request.
const HEADER_LIST: u32 = 64 * 1024;
/// Streams that a client opened and reset before they were served: more is the "rapid reset" attack.
const PENDING_RESETS: usize = 64;
/// An idle client is asked for a sign of life, and dropped without one.
const KEEPALIVE: Duration = Duration::from_mins(1);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);

/// What the gRPC listener bears beside what its connections may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A request that takes longer to arrive is a stalled client.
    pub request_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request_time: Duration::from_mins(1) }
    }
}

/// Serves the three export services on `incoming` until `stop` is cancelled, then lets requests in flight end.
///
/// # Errors
/// When the transport fails as a whole; a failing connection is not an error.
pub async fn serve<S, I, IO>(
    sink: S,
    access: Access,
    limits: Limits,
    incoming: I,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error>
where
    S: Sink,
    I: Stream<Item = std::io::Result<IO>>,
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let door = Arc::new(Door { access, limits, memory: Memory::new(MESSAGES) });
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADER_LIST)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .add_service(ExportService::<S, Traces>::new(sink.clone(), Arc::clone(&door)))
        .add_service(ExportService::<S, Metrics>::new(sink.clone(), Arc::clone(&door)))
        .add_service(ExportService::<S, Logs>::new(sink, door))
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
}

/// One OTLP signal: the name of its service, and what an export means to us.
trait Signal: Clone + Send + Sync + 'static {
    const SERVICE: &'static str;
    fn export<S: Sink>(sink: &S, request: Bytes) -> Result<(), Refusal>;
}

#[derive(Clone)]
struct Traces;
#[derive(Clone)]
struct Metrics;
#[derive(Clone)]
struct Logs;

impl Signal for Traces {
    const SERVICE: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
    fn export<S: Sink>(sink: &S, request: Bytes) -> Result<(), Refusal> {
        sink.traces(request)
    }
}

impl Signal for Metrics {
    const SERVICE: &'static str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
    fn export<S: Sink>(sink: &S, _: Bytes) -> Result<(), Refusal> {
        sink.other_signal();
        Ok(())
    }
}

impl Signal for Logs {
    const SERVICE: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
    fn export<S: Sink>(sink: &S, _: Bytes) -> Result<(), Refusal> {
        sink.other_signal();
        Ok(())
    }
}

/// What all services share: who may send, how long it may take, and the memory for what is being sent.
struct Door {
    access: Access,
    limits: Limits,
    memory: Memory,
}

/// The gRPC service of one signal.
#[derive(Clone)]
struct ExportService<S, G> {
    sink: S,
    door: Arc<Door>,
    signal: PhantomData<G>,
}

impl<S: Sink, G: Signal> ExportService<S, G> {
    const fn new(sink: S, door: Arc<Door>) -> Self {
        Self { sink, door, signal: PhantomData }
    }
}

impl<S, G: Signal> NamedService for ExportService<S, G> {
    const NAME: &'static str = G::SERVICE;
}

type ResponseFuture = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl<S: Sink, G: Signal> tower_service::Service<http::Request<Body>> for ExportService<S, G> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> ResponseFuture {
        let service = self.clone();
        Box::pin(async move {
            if request.uri().path().rsplit('/').next() != Some("Export") {
                return Ok(Status::unimplemented("the only method is Export").into_http());
            }
            let (sink, time) = (service.sink.clone(), service.door.limits.request_time);
            let answered = timeout(time, contained_throughout(service.export(request))).await;
            let (refusal, status) = match answered {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(fault)) => (fault.clone(), status(&fault)),
                Err(_) => stalled(),
            };
            sink.refused(&refusal);
            Ok(status.into_http())
        })
    }
}

impl<S: Sink, G: Signal> ExportService<S, G> {
    async fn export(self, request: http::Request<Body>) -> http::Response<Body> {
        let sink = self.sink.clone();
        let authorization = request.headers().get(http::header::AUTHORIZATION);
        if !self.door.access.allows(authorization.map(http::HeaderValue::as_bytes)) {
            sink.refused(&Refusal::Unauthorised);
            return status(&Refusal::Unauthorised).into_http();
        }
        let mut reached = false;
        let request = request.map(|body| Body::new(Metered::new(body, self.door.memory.clone())));
        let mut grpc =
            Grpc::new(RawCodec).accept_compressed(CompressionEncoding::Gzip).max_decoding_message_size(MESSAGE_LIMIT);
        let response = grpc.unary(Export { service: self, reached: &mut reached }, request).await;
        // What tonic refuses by itself (size, compression, framing) never reaches the sink.
        if !reached && let Some(status) = Status::from_header_map(response.headers()) {
            let refusal = refusal(&status);
            sink.refused(&refusal);
            if matches!(refusal, Refusal::TooLarge { .. }) {
                return self::status(&refusal).into_http();
            }
        }
        response
    }
}

fn refusal(status: &Status) -> Refusal {
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => Refusal::TooLarge { limit: MESSAGE_LIMIT },
        Code::Unavailable => Refusal::Unavailable,
        _ => Refusal::Protocol(status.message().to_owned()),
    }
}

/// A request that did not arrive in time; its client may retry.
fn stalled() -> (Refusal, Status) {
    const WHY: &str = "the request did not arrive in time";
    (Refusal::Protocol(WHY.to_owned()), Status::cancelled(WHY))
}

/// The handler of one request.
struct Export<'a, S, G> {
    service: ExportService<S, G>,
    reached: &'a mut bool,
}

impl<S: Sink, G: Signal> UnaryService<Bytes> for Export<'_, S, G> {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        *self.reached = true;
        let taken = G::export(&self.service.sink, request.into_inner());
        std::future::ready(taken.map(|()| Response::new(Bytes::new())).map_err(|refusal| status(&refusal)))
    }
}

/// The gRPC status that tells a client of a refusal; only `UNAVAILABLE` makes it retry.
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

/// Hands messages through as the bytes they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}
