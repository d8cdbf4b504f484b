//! Over real sockets, to real servers: good, slow, rejecting, dead and returning ones.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::atomic::{AtomicU32, Ordering::SeqCst},
};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use prost::Message;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, codec::CompressionEncoding, metadata::MetadataMap};

use super::*;
use crate::collector::access::{Access, TlsFiles, Token};
use crate::collector::grpc::{self, GrpcLimits};
use crate::collector::http::{self as otlp_http, HttpLimits};
use crate::collector::listener::{self, ConnectionLimits};
use crate::collector::testing::{Kept, eventually, pki};
use crate::sources::demo::Traffic;

const HASTY: Backoff = Backoff {
    first: Duration::from_millis(2),
    longest: Duration::from_millis(20),
    give_up_after: Duration::from_mins(1),
};

fn config(target: &str) -> ForwardConfig {
    let headers = Headers::parse("x-team=core,authorization=Bearer%20s3cret").unwrap();
    ForwardConfig { backoff: HASTY, ..ForwardConfig::new(target.parse().unwrap(), headers) }
}

fn requests(count: usize) -> Vec<Bytes> {
    let mut traffic = Traffic::new(1, 1_795_000_000_000_000_000);
    let requests = (0..count).flat_map(|_| traffic.batch(2)).take(count);
    requests.map(|request| request.encode_to_vec().into()).collect()
}

/// Offers everything and waits until nothing waits any more.
fn forward(config: ForwardConfig, requests: &[Bytes]) -> ForwardCounters {
    let forward = Forward::start(config).unwrap();
    for request in requests {
        forward.offer(Signal::Traces, request);
    }
    forward.finish(Duration::from_mins(1))
}

fn sent(count: u64) -> ForwardCounters {
    ForwardCounters { sent: count, ..ForwardCounters::default() }
}

/// A server on a runtime of its own, until dropped.
struct Server {
    address: SocketAddr,
    _runtime: runtime::Runtime,
}

/// Runs a server, made within the runtime from a listener.
fn serve<F: Future<Output: Send> + Send + 'static>(
    listener: TcpListener,
    serving: impl FnOnce(tokio::net::TcpListener) -> F,
) -> Server {
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entered = runtime.enter();
    runtime.spawn(serving(tokio::net::TcpListener::from_std(listener).unwrap()));
    drop(entered);
    Server { address, _runtime: runtime }
}

fn free() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Our own collector's listeners, which hand in the very bytes.
fn ours(transport: Transport, access: Access) -> (Server, Kept) {
    let kept = Kept::default();
    let (receiver, metrics) = (kept.receiver(access), kept.connection_metrics());
    let server = match transport {
        Transport::Grpc => serve(free(), |listener| async {
            let limits = ConnectionLimits::default();
            let stop = CancellationToken::new();
            let incoming = listener::accept(listener, receiver.access.tls.clone(), limits, metrics, stop.clone());
            grpc::serve(receiver, GrpcLimits::default(), incoming, stop).await;
        }),
        Transport::Http => serve(free(), |listener| {
            otlp_http::serve(listener, receiver, HttpLimits::default(), CancellationToken::new())
        }),
    };
    (server, kept)
}

/// Guarantees: the bytes that arrive are those that were offered, over either transport, compressed or not.
#[test]
fn the_same_bytes_arrive() {
    let requests = requests(40);
    for transport in [Transport::Grpc, Transport::Http] {
        for compression in [Compression::Identity, Compression::Gzip] {
            let (server, kept) = ours(transport, Access { token: Token::new("s3cret"), tls: None });
            let scheme = if transport == Transport::Grpc { "grpc" } else { "http" };
            let target = format!("{scheme}://{}", server.address);
            let config = ForwardConfig { compression, in_flight: 1, ..config(&target) };
            assert_eq!(forward(config, &requests), sent(40), "{target} {compression:?}");
            assert_eq!(*kept.0.requests.lock().unwrap(), requests, "{target} {compression:?}");
        }
    }
}

/// Guarantees: TLS with an authority of one's own works over either transport, and strangers are not trusted.
#[test]
fn over_tls() {
    let (pki, requests) = (pki(), requests(3));
    let files = TlsFiles { cert: pki.path().join("server.pem"), key: pki.path().join("server.key"), client_ca: None };
    for (transport, scheme) in [(Transport::Grpc, "grpcs"), (Transport::Http, "https")] {
        let (server, kept) = ours(transport, Access { token: None, tls: Some(files.load().unwrap()) });
        let target = format!("{scheme}://localhost:{}", server.address.port());
        let trusting = ForwardConfig { ca: Some(std::fs::read(pki.path().join("ca.pem")).unwrap()), ..config(&target) };
        assert_eq!(forward(trusting, &requests), sent(3), "{target}");
        let impatient = Backoff { give_up_after: Duration::ZERO, ..HASTY };
        let counters = forward(ForwardConfig { backoff: impatient, ..config(&target) }, &requests);
        assert_eq!((counters.sent, counters.given_up), (0, 3), "{counters:?}");
        assert!(counters.error.is_some());
        assert_eq!(kept.0.requests.lock().unwrap().len(), 3);
    }
    let garbage = ForwardConfig { ca: Some(b"no certificate".to_vec()), ..config("https://localhost:1") };
    assert!(Forward::start(garbage).is_err());
}

type Arrivals = UnboundedReceiver<(MetadataMap, ExportTraceServiceRequest)>;

/// The server of `opentelemetry-proto`, with configurable answers.
struct Theirs<A> {
    arrivals: UnboundedSender<(MetadataMap, ExportTraceServiceRequest)>,
    answer: A,
}

#[tonic::async_trait]
impl<A> TraceService for Theirs<A>
where
    A: Fn() -> Result<ExportTraceServiceResponse, Status> + Send + Sync + 'static,
{
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        self.arrivals.send((metadata, request)).unwrap();
        (self.answer)().map(Response::new)
    }
}

fn theirs<A>(listener: TcpListener, answer: A) -> (Server, Arrivals)
where
    A: Fn() -> Result<ExportTraceServiceResponse, Status> + Send + Sync + 'static,
{
    let (arrivals, received) = unbounded_channel();
    let service = TraceServiceServer::new(Theirs { arrivals, answer }).accept_compressed(CompressionEncoding::Gzip);
    let serving = |listener| {
        let router = tonic::transport::Server::builder().add_service(service);
        router.serve_with_incoming(TcpListenerStream::new(listener))
    };
    (serve(listener, serving), received)
}

/// Guarantees: a real OTLP server reads what was offered, with the headers asked for; what it rejects is counted.
#[test]
fn a_server_of_opentelemetry_proto_understands() {
    let requests = requests(10);
    let partial = || {
        let partial_success =
            Some(ExportTracePartialSuccess { rejected_spans: 2, error_message: "too old".to_owned() });
        Ok(ExportTraceServiceResponse { partial_success })
    };
    let (server, mut arrivals) = theirs(free(), partial);
    let config =
        ForwardConfig { compression: Compression::Gzip, in_flight: 1, ..config(&format!("grpc://{}", server.address)) };
    assert_eq!(forward(config, &requests), ForwardCounters { sent: 10, rejected_spans: 20, ..Default::default() });
    for request in &requests {
        let (metadata, arrived) = arrivals.try_recv().unwrap();
        assert_eq!(arrived.encode_to_vec(), *request);
        assert_eq!(metadata.get("x-team").unwrap(), "core");
        assert_eq!(metadata.get("authorization").unwrap(), "Bearer s3cret");
        assert_eq!(metadata.get("grpc-encoding").unwrap(), "gzip");
    }
}

#[test]
fn what_is_refused_for_good_is_not_repeated() {
    let (server, mut arrivals) = theirs(free(), || Err(Status::invalid_argument("no spans please")));
    let counters = forward(config(&format!("grpc://{}", server.address)), &requests(5));
    assert_eq!((counters.refused, counters.retries, counters.waiting), (5, 0, 0));
    assert!(counters.error.unwrap().contains("no spans please"));
    assert_eq!(std::iter::from_fn(|| arrivals.try_recv().ok()).count(), 5);
}

#[test]
fn what_is_refused_for_now_is_repeated() {
    let calls = AtomicU32::new(0);
    let answer = move || match calls.fetch_add(1, SeqCst) % 3 {
        2 => Ok(ExportTraceServiceResponse::default()),
        _ => Err(Status::unavailable("later")),
    };
    let (server, _arrivals) = theirs(free(), answer);
    let config = ForwardConfig { in_flight: 1, ..config(&format!("grpc://{}", server.address)) };
    assert_eq!(forward(config, &requests(4)), ForwardCounters { sent: 4, retries: 8, ..Default::default() });
}

/// An HTTP server that reads one request a connection and answers with the next of these.
fn scripted(answers: &'static [&'static str]) -> (SocketAddr, std::thread::JoinHandle<Vec<Vec<u8>>>) {
    let listener = free();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let answer = |answer: &&str| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut received = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).unwrap();
                received.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&received).to_lowercase();
                let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
                if received.len() >= end + 4 + length.parse::<usize>().unwrap() {
                    break;
                }
            }
            write!(stream, "HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
            received
        };
        answers.iter().map(answer).collect()
    });
    (address, serving)
}

#[test]
fn over_http_as_specified() {
    let answers = &[
        "503 Busy\r\nretry-after: 0",
        "429 Slow down",
        "502 Bad",
        "504 Late",
        "200 OK",
        "400 Bad",
        "301 Moved\r\nlocation: /",
    ];
    let (address, serving) = scripted(answers);
    let requests = requests(3);
    let config = ForwardConfig {
        compression: Compression::Gzip,
        in_flight: 1,
        ..config(&format!("http://{address}/base?key=1"))
    };
    let counters = forward(config, &requests);
    assert_eq!((counters.sent, counters.retries, counters.refused), (1, 4, 2), "{counters:?}");
    for (attempt, request) in serving.join().unwrap().iter().zip([0, 0, 0, 0, 0, 1, 2]) {
        let end = attempt.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let head = std::str::from_utf8(&attempt[..end]).unwrap().to_lowercase();
        assert!(head.starts_with("post /base/v1/traces?key=1 http/1.1\r\n"), "{head}");
        for header in ["content-type: application/x-protobuf", "content-encoding: gzip", "x-team: core"] {
            assert!(head.contains(header), "{head}");
        }
        let mut body = Vec::new();
        GzDecoder::new(&attempt[end..]).read_to_end(&mut body).unwrap();
        assert_eq!(body, requests[request]);
    }
}

/// Scenario: the target is unreachable at first. Guarantees: offers never wait, what does not fit is dropped and counted, and when
/// the target comes back it gets what was kept.
#[test]
fn a_dead_target_costs_only_what_does_not_fit_and_may_return() {
    for scheme in ["grpc", "http"] {
        let listener = free();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let requests = requests(20);
        let room: usize = requests[..10].iter().map(|request| request.len() + 128).sum();
        let config = ForwardConfig { queue_bytes: room, ..config(&format!("{scheme}://{address}")) };
        let forward = Forward::start(config).unwrap();
        for request in &requests {
            forward.offer(Signal::Traces, request);
        }
        let ForwardCounters { waiting, dropped, .. } = forward.counters();
        assert!(waiting >= 10 && waiting + dropped == 20, "{waiting} {dropped}");
        // Until the target was found dead.
        eventually(|| (forward.counters().retries > 0).then_some(()));
        assert!(forward.counters().error.unwrap().to_lowercase().contains("refused"));
        let kept = Kept::default();
        let receiver = kept.receiver(Access::default());
        let listener = TcpListener::bind(address).unwrap();
        let _server = if scheme == "grpc" {
            serve(listener, |listener| async {
                let incoming = tonic::transport::server::TcpIncoming::from(listener);
                grpc::serve(receiver, GrpcLimits::default(), incoming, CancellationToken::new()).await;
            })
        } else {
            serve(listener, |listener| {
                otlp_http::serve(listener, receiver, HttpLimits::default(), CancellationToken::new())
            })
        };
        let counters = forward.finish(Duration::from_mins(1));
        assert_eq!((counters.sent, counters.dropped, counters.error), (waiting, dropped, None), "{scheme}");
        assert_eq!(kept.0.requests.lock().unwrap().len() as u64, waiting);
    }
}

/// Scenario: a target that accepts and never answers. Guarantees: attempts time out, the end is not waited for beyond
/// the grace, and nothing is lost from the count.
#[test]
fn a_silent_target_is_not_waited_for() {
    for scheme in ["grpc", "http"] {
        let listener = free();
        let address = listener.local_addr().unwrap();
        let config = ForwardConfig { timeout: Duration::from_millis(30), ..config(&format!("{scheme}://{address}")) };
        let forward = Forward::start(config).unwrap();
        for request in requests(20) {
            forward.offer(Signal::Traces, &request);
        }
        eventually(|| (forward.counters().retries >= 3).then_some(()));
        let counters = forward.finish(Duration::from_millis(10));
        assert_eq!((counters.given_up, counters.waiting, counters.sent), (20, 0, 0), "{scheme} {counters:?}");
    }
}

#[test]
fn after_the_end_everything_is_dropped() {
    let forward = Forward::start(config("grpc://127.0.0.1:9")).unwrap();
    forward.finish(Duration::ZERO);
    forward.offer(Signal::Traces, &Bytes::from_static(b"x"));
    assert_eq!(forward.finish(Duration::ZERO), ForwardCounters { dropped: 1, ..Default::default() });
}
