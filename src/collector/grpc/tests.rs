//! Beyond a limit: the right status, counted, and the next client is served.

use std::io::Write as _;
use std::net::SocketAddr;

use flate2::{Compression, write::GzEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};

use super::*;
use crate::collector::access::Access;
use crate::collector::listener::{self, ConnectionLimits};
use crate::collector::testing::{FAULT, Kept, PATIENCE};

struct Server {
    address: SocketAddr,
    sink: Kept,
    stop: CancellationToken,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Server {
    async fn start() -> Self {
        Self::with(ConnectionLimits::default(), GrpcLimits::default()).await
    }

    async fn with(connections: ConnectionLimits, limits: GrpcLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sink, stop) = (Kept::default(), CancellationToken::new());
        let incoming = listener::accept(listener, None, connections, sink.connection_metrics(), stop.clone());
        tokio::spawn(serve(sink.receiver(Access::default()), limits, incoming, stop.clone()));
        Self { address, sink, stop }
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// Posts a body as it stands, and returns the status of the answer.
    async fn post(&self, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Code, tonic::transport::Error> {
        self.post_body(headers, Body::new(http_body_util::Full::from(body))).await
    }

    async fn post_body(&self, headers: &[(&str, &str)], body: Body) -> Result<Code, tonic::transport::Error> {
        use tower_service::Service as _;
        let mut channel = self.channel().await;
        std::future::poll_fn(|cx| channel.poll_ready(cx)).await?;
        let mut request = http::Request::post(Signal::Traces.grpc_path())
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = channel.call(request.body(body).unwrap()).await?;
        let code = Status::from_header_map(response.headers()).map(|status| status.code());
        let body = http_body_util::BodyExt::collect(response.into_body()).await;
        let trailers = body.ok().and_then(|body| body.trailers().cloned()).unwrap_or_default();
        Ok(code.or_else(|| Some(Status::from_header_map(&trailers)?.code())).unwrap_or(Code::Unknown))
    }

    fn refusals(&self) -> Vec<Refusal> {
        self.sink.0.metrics.take_refusals()
    }

    async fn assert_lives(&self) {
        assert_eq!(self.post(&[], framed(0, b"x")).await.unwrap(), Code::Ok);
    }
}

/// A message behind its prefix.
pub(super) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

fn bomb(bytes: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..bytes / 65_536 {
        packed.write_all(&vec![0; 65_536]).unwrap();
    }
    packed.finish().unwrap()
}

const GZIP: (&str, &str) = ("grpc-encoding", "gzip");

#[tokio::test]
async fn what_is_too_large_or_broken_gets_its_status_and_is_counted() {
    let server = Server::start().await;
    let too_large = Refusal::TooLarge { limit: MESSAGE_LIMIT };
    let announced = [&[0][..], &u32::MAX.to_be_bytes()].concat();
    let cases = [
        (&[GZIP][..], framed(1, &bomb(MESSAGE_LIMIT + 65_536)), Code::ResourceExhausted, Some(too_large.clone())),
        (&[], announced, Code::ResourceExhausted, Some(too_large)),
        (&[GZIP], framed(1, b"no gzip"), Code::Internal, None),
        (&[], framed(7, b"x"), Code::Internal, None),
        (&[], framed(0, b"cut off")[..8].to_vec(), Code::Internal, None),
        (&[], Vec::new(), Code::Internal, None),
        (&[("grpc-encoding", "br")], framed(1, b"x"), Code::Unimplemented, None),
    ];
    for (headers, body, code, refusal) in cases {
        assert_eq!(server.post(headers, body).await.unwrap(), code, "{headers:?}");
        let counted = server.refusals();
        assert_eq!(counted.len(), 1, "{code:?}");
        assert!(refusal.is_none_or(|refusal| counted[0] == refusal), "{counted:?}");
        server.assert_lives().await;
    }
}

/// Guarantees: each compression that is announced is read.
#[tokio::test]
async fn each_announced_compression_is_read() {
    let server = Server::start().await;
    for name in ACCEPTED_ENCODINGS.split(',').filter(|name| *name != "identity") {
        let compression = crate::collector::decompress::Compression::from_name(name).unwrap();
        let body = framed(1, &compression.compress(b"a message").unwrap());
        assert_eq!(server.post(&[("grpc-encoding", name)], body).await.unwrap(), Code::Ok, "{name}");
        assert_eq!(server.sink.0.requests.lock().unwrap().pop().unwrap(), b"a message".as_slice(), "{name}");
        let cut = framed(1, &compression.compress(&[7; 100]).unwrap()[..8]);
        assert_eq!(server.post(&[("grpc-encoding", name)], cut).await.unwrap(), Code::Internal, "{name}");
    }
    assert_eq!(server.post(&[("grpc-encoding", "lz4")], framed(1, b"x")).await.unwrap(), Code::Unimplemented);
}

/// Guarantees: what is not gRPC is answered as HTTP answers it, without a body, and counted.
#[tokio::test]
async fn what_is_not_grpc_is_refused_by_http_and_counted() {
    use tower_service::Service as _;
    let server = Server::start().await;
    let path = Signal::Traces.grpc_path();
    for (method, content_type, path, status) in [
        ("POST", "text/plain", path, 415),
        ("POST", "application/grpc-web", path, 415),
        ("POST", "", path, 415),
        ("GET", "application/grpc", path, 405),
        ("HEAD", "application/grpc", path, 405),
        ("OPTIONS", "application/grpc", path, 405),
        ("POST", "application/grpc+proto", "/x.Y/Z", 200),
    ] {
        let mut channel = server.channel().await;
        std::future::poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
        let request = http::Request::builder().method(method).uri(path).header("content-type", content_type);
        let body = Body::new(http_body_util::Full::from(framed(0, b"x")));
        let response = channel.call(request.body(body).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{method} {content_type} {path}");
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        assert!(body.is_empty(), "{method} {content_type}");
        assert!(matches!(&server.refusals()[..], [Refusal::Protocol(_)]), "{method} {content_type} {path}");
    }
    assert_eq!(server.sink.counters().requests_protocol, 7);
    server.assert_lives().await;
}

#[tokio::test]
async fn metadata_beyond_its_limit_is_refused() {
    let server = Server::start().await;
    let value = "x".repeat(8 * 1024);
    let headers: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|name| (name, value.as_str())).into();
    let answer = server.post(&headers, framed(0, b"x")).await;
    assert_ne!(answer.ok(), Some(Code::Ok));
    assert_eq!(server.sink.0.requests.lock().unwrap().len(), 0);
    server.assert_lives().await;
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Sends these bytes and nothing more, and waits until the server closes.
async fn fall_silent(server: &Server, bytes: &[u8]) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    // Closed or reset, both end it.
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok(), "a silent connection after {} bytes is kept", bytes.len());
}

/// Guarantees: a client that sends nothing, stops within the preface, or idles after it, is disconnected.
#[tokio::test]
async fn silent_connections_are_closed() {
    let limits = ConnectionLimits { idle_timeout: Duration::from_millis(100), ..ConnectionLimits::default() };
    let server = Server::with(limits, GrpcLimits::default()).await;
    // HEADERS of a POST that end neither the stream nor begin a message.
    let begun = [PREFACE, SETTINGS, &[0, 0, 3, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x84]].concat();
    for bytes in [&b""[..], &PREFACE[..10], &[PREFACE, SETTINGS].concat(), &begun] {
        fall_silent(&server, bytes).await;
    }
    server.assert_lives().await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_counted() {
    let limits = ConnectionLimits { connections: 1, ..ConnectionLimits::default() };
    let server = Server::with(limits, GrpcLimits::default()).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
    // Its settings say that the first one was taken in.
    first.read_exact(&mut [0; 9]).await.unwrap();
    fall_silent(&server, b"").await;
    assert_eq!(server.sink.counters().connections_refused, 1);
}

/// A body whose message never comes to its end.
fn endless(begun: Vec<u8>) -> Body {
    let begun = tokio_stream::once(Ok::<_, Status>(hyper::body::Frame::data(Bytes::from(begun))));
    let rest = tokio_stream::pending::<Result<hyper::body::Frame<Bytes>, Status>>();
    Body::new(http_body_util::StreamBody::new(tokio_stream::StreamExt::chain(begun, rest)))
}

/// Guarantees: a request that stops arriving, at its beginning or in a message, is answered, counted, and given back its
/// memory.
#[tokio::test]
async fn a_request_that_stops_arriving_is_answered_and_counted() {
    let limits = GrpcLimits { request_timeout: Duration::from_millis(100), ..GrpcLimits::default() };
    let server = Server::with(ConnectionLimits::default(), limits).await;
    let announced = [&[0][..], &u32::try_from(MESSAGE_LIMIT).unwrap().to_be_bytes()].concat();
    for begun in [&[][..], &announced[..3], &announced] {
        for _ in 0..=ALL_MESSAGES_LIMIT / MESSAGE_LIMIT {
            let answer = tokio::time::timeout(PATIENCE, server.post_body(&[], endless(begun.to_vec()))).await;
            assert_eq!(answer.expect("an answer").unwrap(), Code::Cancelled, "{begun:?}");
            let counted = server.refusals();
            assert!(matches!(&counted[..], [Refusal::Protocol(why)] if why.contains("in time")), "{counted:?}");
        }
    }
    server.assert_lives().await;
}

#[tokio::test]
async fn a_panic_fails_the_request_and_is_counted() {
    let server = Server::start().await;
    assert_eq!(server.post(&[], framed(0, FAULT)).await.unwrap(), Code::Internal);
    assert_eq!(server.refusals(), [Refusal::Internal]);
    server.assert_lives().await;
}
