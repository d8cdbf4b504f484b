//! The gRPC service `planoai.obs.v1.Viewers`: who is let in, and the two streams.

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

use super::delta::News;
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
/// A viewer is asked for a sign of life, and dropped without one.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);
/// Questions for spans that are put to the store at once; further ones wait their turn.
const LOOKUPS: usize = 4;
/// How long the store may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a viewer hears last.
const ENDED: &str = "the collector has ended";

/// Serves viewers on `incoming` until `stop` is cancelled, and until they have taken what there was to tell by then.
pub(super) async fn serve<I, IO>(
    door: Door,
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
        .add_service(Service(Arc::new(door)))
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
}

/// What all viewers share.
pub(super) struct Door {
    access: Access,
    handle: Handle,
    run: u64,
    stalled: Duration,
    stop: CancellationToken,
    seats: Arc<Semaphore>,
    lookups: Semaphore,
}

impl Door {
    pub(super) fn new(access: Access, handle: Handle, run: u64, stalled: Duration, stop: CancellationToken) -> Self {
        let (seats, lookups) = (Arc::new(Semaphore::new(MOST_VIEWERS)), Semaphore::new(LOOKUPS));
        Self { access, handle, run, stalled, stop, seats, lookups }
    }

    /// The known spans of a trace.
    async fn known(&self, trace: [u8; 16]) -> Result<Vec<KnownSpan>, Status> {
        let gone = || Status::unavailable(ENDED);
        let _turn = self.lookups.acquire().await.map_err(|_| gone())?;
        let answer = self.handle.spans(trace);
        // The answer comes through a channel that only a thread can wait at.
        let waited = tokio::task::spawn_blocking(move || answer.recv_timeout(PATIENCE));
        waited.await.ok().and_then(Result::ok).ok_or_else(gone)
    }
}

#[derive(Clone)]
struct Service(Arc<Door>);

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
        let door = Arc::clone(&self.0);
        Box::pin(async move {
            let authorization = request.headers().get(http::header::AUTHORIZATION);
            if !door.access.allows(authorization.map(http::HeaderValue::as_bytes)) {
                door.handle.metrics.viewer_refused();
                return Ok(Status::unauthenticated("a valid bearer token is required").into_http());
            }
            let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(REQUEST_LIMIT);
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Watch") => grpc.server_streaming(Watch(door), request).await,
                Some("Spans") => grpc.server_streaming(Spans(door), request).await,
                _ => Status::unimplemented("the methods are Watch and Spans").into_http(),
            })
        })
    }
}

type Messages = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;
type MessagesFuture = Pin<Box<dyn Future<Output = Result<Response<Messages>, Status>> + Send>>;

/// Both ends speak the same or do not speak at all.
fn same_protocol(asked: u32) -> Result<(), Status> {
    let told = || {
        Status::failed_precondition(format!(
            "the collector (planoai {}) speaks version {PROTOCOL} of the viewers' protocol, not {asked}: \
             use the same version of planoai on both sides",
            env!("CARGO_PKG_VERSION"),
        ))
    };
    (asked == PROTOCOL).then_some(()).ok_or_else(told)
}

fn malformed<E>(_: E) -> Status {
    Status::invalid_argument("malformed request")
}

struct Watch(Arc<Door>);

impl ServerStreamingService<Bytes> for Watch {
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = MessagesFuture;

    fn call(&mut self, request: Request<Bytes>) -> MessagesFuture {
        let door = Arc::clone(&self.0);
        Box::pin(async move {
            let WatchRequest { protocol, most_calls } =
                WatchRequest::decode(request.into_inner()).map_err(malformed)?;
            let turned_away = |_: &Status| door.handle.metrics.viewer_refused();
            same_protocol(protocol).inspect_err(turned_away)?;
            let full = || Status::resource_exhausted(format!("there are {MOST_VIEWERS} viewers already"));
            let seat = Arc::clone(&door.seats).try_acquire_owned().map_err(|_| full()).inspect_err(turned_away)?;
            // One message waits for the viewer; the next is made when it was taken.
            let (sender, messages) = mpsc::channel(1);
            let most = if most_calls == 0 { u64::MAX } else { most_calls };
            tokio::spawn(tell(door, most, sender, seat));
            Ok(Response::new(Box::pin(ReceiverStream::new(messages)) as Messages))
        })
    }
}

/// Tells one viewer everything and then what changes, until it goes, stalls, or there is no more.
async fn tell(door: Arc<Door>, most: u64, viewer: mpsc::Sender<Result<Bytes, Status>>, _seat: OwnedSemaphorePermit) {
    let mut snapshots = door.handle.snapshots();
    let mut told = Arc::<Snapshot>::default();
    let capacity = snapshots.borrow().capacity as u64;
    let mut hello = Some(Hello { protocol: PROTOCOL, run: door.run, capacity });
    loop {
        let newest = Arc::clone(&snapshots.borrow_and_update());
        for message in News::between(&told.calls, &newest, most, hello.take()) {
            if !matches!(tokio::time::timeout(door.stalled, viewer.send(Ok(message))).await, Ok(Ok(()))) {
                return;
            }
        }
        told = newest;
        let goes_on = tokio::select! {
            biased;
            () = viewer.closed() => return,
            changed = snapshots.changed() => changed.is_ok(),
            () = door.stop.cancelled() => false,
        };
        if !goes_on {
            // It may be gone already, or not take it; it will find out by itself then.
            let _ = tokio::time::timeout(door.stalled, viewer.send(Err(Status::unavailable(ENDED)))).await;
            return;
        }
    }
}

struct Spans(Arc<Door>);

impl ServerStreamingService<Bytes> for Spans {
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = MessagesFuture;

    fn call(&mut self, request: Request<Bytes>) -> MessagesFuture {
        let door = Arc::clone(&self.0);
        Box::pin(async move {
            let SpansRequest { protocol, trace_id } = SpansRequest::decode(request.into_inner()).map_err(malformed)?;
            same_protocol(protocol)?;
            let trace = trace_id.try_into().map_err(malformed)?;
            let parts = spans::parts(door.known(trace).await?);
            Ok(Response::new(Box::pin(tokio_stream::iter(parts.map(Ok))) as Messages))
        })
    }
}
