//! The gRPC service `planoai.obs.v1.Viewers`: access, limits, and the two streams.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status};

use super::delta::Delta;
use super::protocol::{Hello, PROTOCOL, SERVICE, SpansRequest, WatchRequest};
use super::{MOST_VIEWERS, spans};
use crate::collector::access::Access;
use crate::collector::grpc::RawCodec;
use crate::collector::{Handle, KnownSpan, Snapshot};

/// The most bytes of a request: two numbers, or a trace id.
const REQUEST_LIMIT: usize = 1024;
/// Streams in flight on one connection: the calls, and questions for spans.
const STREAMS: u32 = 16;
/// Metadata of one request.
const HEADER_LIST: u32 = 64 * 1024;
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);
/// Concurrent span queries to the store; further ones wait.
const LOOKUPS: usize = 4;
/// The longest time to wait for the store.
const PATIENCE: Duration = Duration::from_secs(10);
/// The last status of a stream.
const ENDED: &str = "the collector has ended";

/// Serves viewers on `incoming` until `stop` is cancelled and they have taken the last snapshot.
pub(super) async fn serve<I, IO>(
    state: SharedState,
    incoming: I,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error>
where
    I: Stream<Item = std::io::Result<IO>>,
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    Server::builder()
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADER_LIST)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .add_service(Service(Arc::new(state)))
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
}

/// What all viewers share.
pub(super) struct SharedState {
    access: Access,
    handle: Handle,
    run: u64,
    stalled: Duration,
    stop: CancellationToken,
    viewer_slots: Arc<Semaphore>,
    lookups: Semaphore,
}

impl SharedState {
    pub(super) fn new(access: Access, handle: Handle, run: u64, stalled: Duration, stop: CancellationToken) -> Self {
        let (viewer_slots, lookups) = (Arc::new(Semaphore::new(MOST_VIEWERS)), Semaphore::new(LOOKUPS));
        Self { access, handle, run, stalled, stop, viewer_slots, lookups }
    }

    /// The known spans of a trace.
    async fn known(&self, trace: [u8; 16]) -> Result<Vec<KnownSpan>, Status> {
        let gone = || Status::unavailable(ENDED);
        let _turn = self.lookups.acquire().await.map_err(|_| gone())?;
        let answer = self.handle.spans(trace);
        // The answer comes through a blocking channel.
        let waited = tokio::task::spawn_blocking(move || answer.recv_timeout(PATIENCE));
        waited.await.ok().and_then(Result::ok).ok_or_else(gone)
    }
}

#[derive(Clone)]
struct Service(Arc<SharedState>);

impl NamedService for Service {
    const NAME: &'static str = SERVICE;
}

type ResponseFuture = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl tower_service::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> ResponseFuture {
        let state = Arc::clone(&self.0);
        Box::pin(async move {
            let authorization = request.headers().get(http::header::AUTHORIZATION);
            if !state.access.allows(authorization.map(http::HeaderValue::as_bytes)) {
                state.handle.metrics.viewer_refused();
                return Ok(Status::unauthenticated("a valid bearer token is required").into_http());
            }
            let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(REQUEST_LIMIT);
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Watch") => grpc.server_streaming(Watch(state), request).await,
                Some("Spans") => grpc.server_streaming(Spans(state), request).await,
                _ => Status::unimplemented("the methods are Watch and Spans").into_http(),
            })
        })
    }
}

type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;
type MessagesFuture = Pin<Box<dyn Future<Output = Result<Response<Messages>, Status>> + Send>>;

fn same_protocol(asked: u32) -> Result<(), Status> {
    let refused = || {
        Status::failed_precondition(format!(
            "the collector (planoai {}) speaks version {PROTOCOL} of the viewers' protocol, not {asked}: \
             use the same version of planoai on both sides",
            env!("CARGO_PKG_VERSION"),
        ))
    };
    (asked == PROTOCOL).then_some(()).ok_or_else(refused)
}

fn malformed<E>(_: E) -> Status {
    Status::invalid_argument("malformed request")
}

struct Watch(Arc<SharedState>);

impl ServerStreamingService<Bytes> for Watch {
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = MessagesFuture;

    fn call(&mut self, request: Request<Bytes>) -> MessagesFuture {
        let state = Arc::clone(&self.0);
        Box::pin(async move {
            let WatchRequest { protocol, most_calls } =
                WatchRequest::decode(request.into_inner()).map_err(malformed)?;
            let count_refusal = |_: &Status| state.handle.metrics.viewer_refused();
            same_protocol(protocol).inspect_err(count_refusal)?;
            let full = || Status::resource_exhausted(format!("there are {MOST_VIEWERS} viewers already"));
            let slot =
                Arc::clone(&state.viewer_slots).try_acquire_owned().map_err(|_| full()).inspect_err(count_refusal)?;
            // At most one encoded message waits for the viewer.
            let (sender, messages) = mpsc::channel(1);
            let most = if most_calls == 0 { u64::MAX } else { most_calls };
            tokio::spawn(send_updates(state, most, sender, slot));
            Ok(Response::new(Box::pin(ReceiverStream::new(messages)) as Messages))
        })
    }
}

/// Sends one viewer all calls and then what changes, until it disconnects or stalls, or the collector stops.
async fn send_updates(
    state: Arc<SharedState>,
    most: u64,
    viewer: mpsc::Sender<Result<Bytes, Status>>,
    _slot: OwnedSemaphorePermit,
) {
    let mut snapshots = state.handle.snapshots();
    let mut sent = Arc::<Snapshot>::default();
    let capacity = snapshots.borrow().capacity as u64;
    let mut hello = Some(Hello { protocol: PROTOCOL, run: state.run, capacity });
    loop {
        let newest = Arc::clone(&snapshots.borrow_and_update());
        for message in Delta::between(&sent.calls, &newest, most, hello.take()) {
            if !matches!(tokio::time::timeout(state.stalled, viewer.send(Ok(message))).await, Ok(Ok(()))) {
                return;
            }
        }
        sent = newest;
        let is_running = tokio::select! {
            biased;
            () = viewer.closed() => return,
            changed = snapshots.changed() => changed.is_ok(),
            () = state.stop.cancelled() => false,
        };
        if !is_running {
            // A viewer that does not take this one notices the end of the connection.
            let _ = tokio::time::timeout(state.stalled, viewer.send(Err(Status::unavailable(ENDED)))).await;
            return;
        }
    }
}

struct Spans(Arc<SharedState>);

impl ServerStreamingService<Bytes> for Spans {
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = MessagesFuture;

    fn call(&mut self, request: Request<Bytes>) -> MessagesFuture {
        let state = Arc::clone(&self.0);
        Box::pin(async move {
            let SpansRequest { protocol, trace_id } = SpansRequest::decode(request.into_inner()).map_err(malformed)?;
            same_protocol(protocol)?;
            let trace = trace_id.try_into().map_err(malformed)?;
            let parts = spans::parts(state.known(trace).await?);
            Ok(Response::new(Box::pin(tokio_stream::iter(parts.map(Ok))) as Messages))
        })
    }
}
