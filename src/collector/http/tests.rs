//! Over real sockets, byte by byte as clients and attackers write them.

mod invariants;

use std::{io::Write as _, net::SocketAddr, sync::atomic::Ordering::SeqCst};

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::collector;
use crate::collector::{
    access::{Access, TlsFiles, Token},
    testing::{FAULT, Kept, PATIENCE, gzip, pki},
};

struct Server {
    address: SocketAddr,
    sink: Kept,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

async fn server(limits: HttpLimits, access: Access) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, sink, stop) = (listener.local_addr().unwrap(), Kept::default(), CancellationToken::new());
    let serving = tokio::spawn(serve(listener, sink.receiver(access), limits, stop.clone()));
    Server { address, sink, stop, serving }
}

async fn plain() -> Server {
    server(HttpLimits::default(), Access::default()).await
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Writes these bytes and reads until the server closes.
    async fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // A server may answer and close before all is written.
        let _ = stream.write_all(bytes).await;
        Answer::read(&mut stream).await
    }

    async fn request(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.raw(&request(line, headers, body)).await
    }

    async fn post(&self, content_type: &str, body: &[u8]) -> Answer {
        self.request("POST /v1/traces", &[("content-type", content_type)], body).await
    }

    fn taken(&self) -> Vec<ExportTraceServiceRequest> {
        let requests = std::mem::take(&mut *self.sink.0.requests.lock().unwrap());
        requests.iter().map(|bytes| ExportTraceServiceRequest::decode(&bytes[..]).unwrap()).collect()
    }

    fn refusals(&self) -> Vec<Refusal> {
        self.sink.0.metrics.take_refusals()
    }
}

fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n").into_bytes();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    if headers.iter().all(|(name, _)| *name != "transfer-encoding" && *name != "content-length") {
        write!(bytes, "content-length: {}\r\n", body.len()).unwrap();
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Self {
        let mut bytes = Vec::new();
        // What was read before a reset counts.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes");
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head, body: bytes[end..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn json(&self) -> (i64, String) {
        assert_eq!(self.header("content-type"), Some("application/json"));
        let status: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        (status["code"].as_i64().unwrap(), status["message"].as_str().unwrap().to_owned())
    }
}

fn capture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes.chunks(1000) {
        write!(out, "{:x}\r\n", chunk.len()).unwrap();
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// Guarantees: every way in which exporters send the same spans gives the same spans, and the answer in their encoding.
#[tokio::test]
async fn all_encodings_packings_and_framings() {
    let server = plain().await;
    let (protobuf, json) = (capture("vercel-json/00.binpb"), capture("vercel-json/00.json"));
    let expected = ExportTraceServiceRequest::decode(&protobuf[..]).unwrap();
    let content_types = [
        ("application/x-protobuf", &protobuf),
        ("Application/X-Protobuf; charset=utf-8", &protobuf),
        ("application/json", &json),
        ("application/json;charset=UTF-8", &json),
    ];
    for (content_type, payload) in content_types {
        for packed in [false, true] {
            for framed in [false, true] {
                let mut headers = vec![("content-type", content_type)];
                let mut body = payload.clone();
                if packed {
                    headers.push(("content-encoding", "gzip"));
                    body = gzip(&body);
                }
                if framed {
                    headers.push(("transfer-encoding", "chunked"));
                    body = chunked(&body);
                }
                let answer = server.request("POST /v1/traces", &headers, &body).await;
                assert_eq!(answer.status, 200, "{headers:?} {answer:?}");
                assert_eq!(server.taken(), std::slice::from_ref(&expected), "{headers:?}");
                if content_type.to_lowercase().contains("json") {
                    assert_eq!(answer.header("content-type"), Some("application/json"));
                    assert_eq!(answer.body, b"{}");
                } else {
                    assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
                    let response = ExportTraceServiceResponse::decode(&answer.body[..]).unwrap();
                    assert_eq!(response, ExportTraceServiceResponse::default());
                }
            }
        }
    }
    assert_eq!(server.refusals(), []);
    assert_eq!(server.sink.counters().connections, 16);
}

#[tokio::test]
async fn gzip_in_several_members_is_one_body() {
    let server = plain().await;
    let json = capture("vercel-json/00.json");
    let (left, right) = json.split_at(json.len() / 2);
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let answer = server.request("POST /v1/traces", &headers, &[gzip(left), gzip(right)].concat()).await;
    assert_eq!((answer.status, server.taken().len()), (200, 1));
}

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Guarantees: an invalid request gets the status of the specification and a body with the reason, and is counted.
#[tokio::test]
async fn errors_are_answered_with_the_reason_and_counted() {
    let server = plain().await;
    let json = ("content-type", "application/json");
    let gzipped = ("content-encoding", "gzip");
    let cut = gzip(b"{\"resourceSpans\":[]}");
    let cases: [(&str, Headers<'_>, &[u8], u16, i64); 16] = [
        ("GET /v1/traces", &[json], b"", 405, 12),
        ("PUT /v1/metrics", &[json], b"", 405, 12),
        ("POST /", &[json], b"{}", 404, 5),
        ("POST /v1/traces/", &[json], b"{}", 404, 5),
        ("GET /favicon.ico", &[], b"", 404, 5),
        ("POST /v1/traces", &[], b"{}", 415, 3),
        ("POST /v1/traces", &[("content-type", "text/plain")], b"{}", 415, 3),
        ("POST /v1/logs", &[("content-type", "application/jsonlines")], b"{}", 415, 3),
        ("POST /v1/traces", &[json, ("content-encoding", "br")], b"{}", 415, 3),
        ("POST /v1/traces", &[json, gzipped, gzipped], b"{}", 415, 3),
        ("POST /v1/traces", &[json], b"", 400, 3),
        ("POST /v1/traces", &[json], b"{\"resourceSpans\":7}", 400, 3),
        ("POST /v1/traces", &[json, gzipped], b"{}", 400, 3),
        ("POST /v1/traces", &[json, gzipped], &cut[..cut.len() - 9], 400, 3),
        ("POST /v1/traces", &[json, gzipped], &cut[..cut.len() - 1], 400, 3),
        ("POST /v1/traces", &[json, ("content-length", "99999999999")], b"", 413, 8),
    ];
    for (line, headers, body, status, code) in cases {
        let answer = server.request(line, headers, body).await;
        assert_eq!(answer.status, status, "{line} {headers:?} {answer:?}");
        let (answered, message) = answer.json();
        assert_eq!(answered, code, "{line} {headers:?}");
        assert!(!message.is_empty());
        assert_eq!(server.refusals().len(), 1, "{line} {headers:?}");
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("post, options"));
        }
    }
    assert_eq!(server.taken(), []);
}

/// Guarantees: what the sink refuses is answered with its status, in protobuf to who speaks protobuf, and counted by
/// the sink alone.
#[tokio::test]
async fn refusals_become_statuses() {
    let server = plain().await;
    let cases = [
        (Refusal::Malformed("truncated".to_owned()), 400, 3),
        (Refusal::TooLarge { limit: 5 }, 413, 8),
        (Refusal::Unavailable, 503, 14),
        (Refusal::Unauthorised, 401, 16),
        (Refusal::Internal, 500, 13),
    ];
    for (refusal, status, code) in cases {
        *server.sink.0.answer.lock().unwrap() = Some(refusal.clone());
        let answer = server.post("application/x-protobuf", b"").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
        let reply = reply::Status::decode(&answer.body[..]).unwrap();
        assert_eq!((reply.code, reply.message), (code, refusal.to_string()));
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
    }
    assert_eq!(server.refusals(), []);
}

#[tokio::test]
async fn other_signals_are_accepted_and_dropped() {
    let server = plain().await;
    for path in ["/v1/metrics", "/v1/logs"] {
        let line = format!("POST {path}");
        let answer = server.request(&line, &[("content-type", "application/json")], b"not even JSON").await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
        let answer = server.request(&line, &[("content-type", "application/x-protobuf")], &[1, 2, 3]).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b""[..]));
    }
    assert_eq!(server.sink.0.others.load(SeqCst), 4);
    assert_eq!((server.taken(), server.refusals()), (vec![], vec![]));
}

/// Guarantees: a bomb costs no more than the limit and is refused; bodies together stay within their budget.
#[tokio::test]
async fn bombs_and_floods_stay_within_limits() {
    let mut limits = HttpLimits::default();
    limits.body.body = 1024 * 1024;
    limits.body.all_bodies = 2 * 1024 * 1024;
    let server = server(limits, Access::default()).await;
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")];
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100 * 1024);
    assert_eq!(server.request("POST /v1/traces", &headers, &bomb).await.status, 413);
    let endless = chunked(&vec![0; 2 * 1024 * 1024]);
    let headers = [("content-type", "application/x-protobuf"), ("transfer-encoding", "chunked")];
    assert_eq!(server.request("POST /v1/traces", &headers, &endless).await.status, 413);
    let limit = limits.body.body;
    assert_eq!(server.refusals(), [Refusal::TooLarge { limit }, Refusal::TooLarge { limit }]);
    assert_eq!(server.taken(), []);

    // Two bodies hold the whole budget until they end; one of three is refused, and which one is the kernel's choice.
    let whole = request("POST /v1/traces", &headers[..1], &vec![0; limit]);
    let (most, rest) = whole.split_at(whole.len() - 1);
    let mut streams = [server.connect().await, server.connect().await, server.connect().await];
    for stream in &mut streams {
        // It may have been refused and closed by now.
        let _ = stream.write_all(most).await;
    }
    let refused = async {
        while server.sink.counters().requests_refused == 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("one is refused");
    assert_eq!(server.refusals(), [Refusal::Unavailable]);
    let mut statuses = Vec::new();
    for stream in &mut streams {
        let _ = stream.write_all(rest).await;
        let answer = Answer::read(stream).await;
        assert!(answer.status != 503 || answer.header("retry-after") == Some("1"), "{answer:?}");
        statuses.push(answer.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503]);
    assert_eq!(server.post("application/x-protobuf", &vec![0; limit]).await.status, 200);
}

#[tokio::test]
async fn the_token_is_asked_for_before_anything_is_read() {
    let access = Access { token: Token::new("s3cret"), tls: None };
    let server = server(HttpLimits::default(), access).await;
    let json = ("content-type", "application/json");
    for authorization in [None, Some("Bearer wrong"), Some("s3cret")] {
        let mut headers = vec![json, ("content-length", "99999999999")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let answer = server.request("POST /v1/traces", &headers, b"").await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("bearer")));
        assert_eq!(server.refusals(), [Refusal::Unauthorised]);
    }
    let answer = server.request("POST /v1/traces", &[json, ("authorization", "Bearer s3cret")], b"{}").await;
    assert_eq!(answer.status, 200);
    let preflight = server.request("OPTIONS /v1/traces", &[("origin", "http://localhost:5173")], b"").await;
    assert_eq!(preflight.status, 204, "a browser asks without the token");
}

#[tokio::test]
async fn a_panic_fails_the_request_and_is_counted() {
    let server = plain().await;
    let answer = server.post("application/x-protobuf", FAULT).await;
    assert_eq!((answer.status, answer.header("content-type")), (500, Some("application/x-protobuf")));
    assert_eq!(server.refusals(), [Refusal::Internal]);
    assert_eq!(server.post("application/json", b"{}").await.status, 200);
}

/// Guarantees: pages of this machine may send and read the answer, others may not.
#[tokio::test]
async fn cross_origin() {
    let server = plain().await;
    for (origin, allowed) in [("http://localhost:5173", true), ("https://evil.example", false)] {
        let ask = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,x-team"),
        ];
        let preflight = server.request("OPTIONS /v1/traces", &ask, b"").await;
        assert_eq!(preflight.status, 204);
        let granted = |name: &str| preflight.header(&format!("access-control-allow-{name}"));
        assert_eq!(granted("origin"), allowed.then_some(origin));
        assert_eq!(granted("methods"), allowed.then_some("post, options"));
        assert_eq!(granted("headers"), allowed.then_some("content-type,x-team"));
        let headers = [("origin", origin), ("content-type", "application/json")];
        for (body, status) in [(&b"{}"[..], 200), (b"?", 400)] {
            let answer = server.request("POST /v1/traces", &headers, body).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.header("access-control-allow-origin"), allowed.then_some(origin));
            assert_eq!(answer.header("vary"), Some("origin"));
        }
    }
}

/// Guarantees: who keeps silent, drips, or sends endless headers is cut off.
#[tokio::test]
async fn slow_and_talkative_clients_are_cut_off() {
    let mut limits = HttpLimits { head_timeout: Duration::from_millis(100), ..HttpLimits::default() };
    limits.listener.idle_timeout = Duration::from_millis(200);
    limits.body.read_timeout = Duration::from_millis(100);
    let server = server(limits, Access::default()).await;
    for start in [&b""[..], b"PRI * HT", b"POST /v1/traces HTTP/1.1\r\nhost: a\r\n"] {
        let answer = server.raw(start).await;
        assert_ne!(answer.status, 200, "{}", String::from_utf8_lossy(start));
    }
    let mut stalled = request("POST /v1/traces", &[("content-type", "application/json")], &[b' '; 100]);
    stalled.truncate(stalled.len() - 50);
    assert_eq!(server.raw(&stalled).await.status, 408);
    let endless = [b"POST /v1/traces HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 1024 * 1024]].concat();
    assert_eq!(server.raw(&endless).await.status, 431);
    assert_eq!(server.taken(), []);
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let mut limits = HttpLimits::default();
    limits.listener.connections = 1;
    let server = server(limits, Access::default()).await;
    let mut first = server.connect().await;
    first.write_all(b"POST").await.unwrap();
    let second = server.raw(b"").await;
    assert_eq!((second.status, server.sink.counters().connections_refused), (0, 1));
    let rest = request("POST /v1/traces", &[("content-type", "application/json")], b"{}");
    first.write_all(&rest[b"POST".len()..]).await.unwrap();
    assert_eq!(Answer::read(&mut first).await.status, 200);
    // Its place is free again as soon as the server has let go of it.
    while server.post("application/json", b"{}").await.status != 200 {}
}

/// Guarantees: a request in flight when the listener is stopped is still answered; one that stalls is not waited
/// for longer than the grace.
#[tokio::test]
async fn stops_gracefully() {
    let limits = HttpLimits { grace: Duration::from_millis(300), ..HttpLimits::default() };
    let server = server(limits, Access::default()).await;
    let headers = [("content-type", "application/json"), ("expect", "100-continue"), ("content-length", "2")];
    let begun = request("POST /v1/traces", &headers, b"{");
    let (mut ending, mut stuck, mut idle) = (server.connect().await, server.connect().await, server.connect().await);
    for stream in [&mut ending, &mut stuck] {
        stream.write_all(&begun).await.unwrap();
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n", "the body is being read");
    }
    idle.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut [0; 512]).await.unwrap() > 0);
    server.stop.cancel();
    ending.write_all(b"}").await.unwrap();
    assert_eq!(Answer::read(&mut ending).await.status, 200);
    assert_eq!(Answer::read(&mut idle).await.status, 0);
    assert_eq!(Answer::read(&mut stuck).await.status, 0);
    server.serving.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// HTTP/2 without TLS, as some exporters' HTTP clients speak it.
#[tokio::test]
async fn speaks_http2() {
    use tower_service::Service as _;
    let server = plain().await;
    let mut channel =
        tonic::transport::Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap();
    std::future::poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
    let body = tonic::body::Body::new(http_body_util::Full::from(capture("vercel-json/00.json")));
    let request = Request::post("/v1/traces").header("content-type", "application/json").body(body).unwrap();
    let response = channel.call(request).await.unwrap();
    assert_eq!((response.status(), response.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    assert_eq!(server.taken().len(), 1);
}

/// A client's TLS that trusts the authority, with a certificate of its own or without.
fn connector(pki: &std::path::Path, with_certificate: bool) -> tokio_rustls::TlsConnector {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.join("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let trusting = versions.with_root_certificates(roots);
    let config = if with_certificate {
        let certificate = CertificateDer::from_pem_file(pki.join("client.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(pki.join("client.key")).unwrap();
        trusting.with_client_auth_cert(vec![certificate], key).unwrap()
    } else {
        trusting.with_no_client_auth()
    };
    Arc::new(config).into()
}

/// Guarantees: over TLS only who completes the handshake gets in, with a certificate where one is asked for; others are
/// counted and hold no place for long.
#[tokio::test]
async fn tls_keeps_strangers_out() {
    let mut limits = HttpLimits::default();
    limits.listener.handshake_timeout = Duration::from_millis(200);
    let pki = pki();
    for asks in [false, true] {
        let files = TlsFiles {
            cert: pki.path().join("server.pem"),
            key: pki.path().join("server.key"),
            client_ca: asks.then(|| pki.path().join("ca.pem")),
        };
        let server = server(limits, Access { token: None, tls: Some(files.load().unwrap()) }).await;
        for with_certificate in [true, false] {
            let mut stream = connector(pki.path(), with_certificate)
                .connect("localhost".try_into().unwrap(), server.connect().await)
                .await
                .unwrap();
            let _ = stream.write_all(&request("POST /v1/traces", &[("content-type", "application/json")], b"{}")).await;
            let status = Answer::read(&mut stream).await.status;
            assert_eq!(status, if asks && !with_certificate { 0 } else { 200 });
        }
        assert_eq!(server.refusals().len(), usize::from(asks));
        assert_eq!(server.post("application/json", b"{}").await.status, 0, "not TLS");
        assert_eq!(server.raw(b"").await.status, 0, "a handshake that never begins");
        assert_eq!(server.refusals(), [Refusal::Unauthorised, Refusal::Unauthorised]);
    }
}

/// What a fuzzer finds first: a capture in every packing, and what is wrong with it.
#[test]
fn what_holds_of_any_request_holds_of_captures() {
    let json = capture("vercel-json/00.json");
    for packing in 0..6 {
        for encoding in 0..9 {
            let sent = [&[0, 0, 0, encoding, packing, 40][..], &json].concat();
            let is_alike = match encoding {
                0..3 => packing == 0,
                3 | 8 => packing == 5,
                4 => packing == 2,
                5 => packing == 3,
                _ => false,
            };
            assert_eq!(
                invariants::check_invariants_of_bytes(&sent),
                is_alike,
                "packed as {packing}, said to be {encoding}"
            );
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    #[test]
    fn any_request_is_taken_or_refused_within_the_limits(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        invariants::check_invariants_of_bytes(&bytes);
    }
}
