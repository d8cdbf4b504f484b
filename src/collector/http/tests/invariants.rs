//! What holds of a request's body whatever it is: through the handlers themselves, without a socket.
//!
//! Includers bring `planoai::collector` into scope as `collector`: the unit tests and the fuzz target share this.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use tower_service::Service;

use super::collector::access::Access;
use super::collector::http::{BodyLimits, HttpLimits, router};
use super::collector::receiver::OtlpReceiver;
use super::collector::signal::Signal;
use super::collector::sink::{Refusal, Sink};
use super::collector::{CollectorMetrics, Counters};

/// The most bytes of a body here.
const BODY: usize = 64 * 1024;
/// The most bytes of an answer: its message may quote what was sent.
const ANSWER: usize = 1024;

const METHODS: [&str; 8] = ["POST", "POST", "POST", "POST", "POST", "GET", "OPTIONS", "PUT"];
const PATHS: [&str; 6] = ["/v1/traces", "/v1/traces", "/v1/traces", "/v1/metrics", "/v1/logs", "/"];
const CONTENT_TYPES: [&[u8]; 7] = [
    b"application/json",
    b"application/x-protobuf",
    b"Application/JSON ; charset=\"utf-8\"",
    b"application/protobuf",
    b"text/plain",
    b"\xff",
    b"",
];
const ENCODINGS: [&[u8]; 8] = [b"gzip", b"x-gzip", b"GZIP ", b"identity", b"deflate", b"zstd", b"br", b"gzip, gzip"];

/// A request in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent<'a> {
    /// As in the request line.
    pub method: &'a str,
    /// As in the request line.
    pub path: &'a str,
    /// Names and values; those that no header can have are left out.
    pub headers: Vec<(&'a str, &'a [u8])>,
    /// The body, chunk by chunk.
    pub chunks: Vec<&'a [u8]>,
}

/// Asserts that what [`check_invariants`] of any request holds of one that is made of `bytes`: the first choose among what clients
/// send and how it is packed, the rest is the body.
pub(super) fn check_invariants_of_bytes(bytes: &[u8]) -> bool {
    let (choices, body) = bytes.split_at(bytes.len().min(6));
    let choice = |nth: usize| usize::from(choices.get(nth).copied().unwrap_or_default());
    let packed = match choice(4) % 6 {
        0 => gzip(body),
        1 => [gzip(body), gzip(body)].concat(),
        2 => zlib(body),
        3 => zstd::encode_all(body, 1).unwrap_or_default(),
        // A bomb: the body over and over.
        4 => gzip(&body.repeat(4 * BODY / body.len().max(1))),
        _ => body.to_vec(),
    };
    let pick = |from: &[&'static [u8]], nth: usize| from.get(choice(nth) % (from.len() + 1)).copied();
    let mut headers = Vec::new();
    headers.extend(pick(&CONTENT_TYPES, 2).map(|value| ("content-type", value)));
    headers.extend(pick(&ENCODINGS, 3).map(|value| ("content-encoding", value)));
    if choice(3) >= 128 {
        headers.push(("content-length", body));
    }
    let chunk = 1 + choice(5) * choice(5);
    check_invariants(&Sent {
        method: METHODS.get(choice(0) % METHODS.len()).copied().unwrap_or_default(),
        path: PATHS.get(choice(1) % PATHS.len()).copied().unwrap_or_default(),
        headers,
        chunks: packed.chunks(chunk).collect(),
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(bytes);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(bytes);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

/// Counts the accepted requests and spans.
#[derive(Clone, Debug, Default)]
struct Counting(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    taken: Vec<Bytes>,
    others: usize,
}

impl Counting {
    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Sink for Counting {
    fn try_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        self.count(|counts| match signal {
            Signal::Traces => counts.taken.push(request),
            Signal::Metrics | Signal::Logs => counts.others += 1,
        });
        Ok(())
    }

    fn blocking_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        self.try_send(signal, request)
    }
}

/// Asserts that a request is either taken within the limits or refused with the right status, counted once either way,
/// and that it holds no memory afterwards: a body of all that is allowed is still taken. True when it was taken.
pub(super) fn check_invariants(sent: &Sent<'_>) -> bool {
    let read_timeout = Duration::from_secs(20);
    let body = BodyLimits { body: BODY, all_bodies: BODY, read_timeout, body_timeout: read_timeout };
    let sink = Counting::default();
    let (metrics, access) = (Arc::new(CollectorMetrics::default()), Access::default());
    let receiver = OtlpReceiver { sink: sink.clone(), metrics: Arc::clone(&metrics), access };
    let mut service = router(receiver, HttpLimits { body, ..HttpLimits::default() });
    let Some(request) = request(sent) else { return false };
    let is_options = sent.method == "OPTIONS";
    let (status, answer) = answer(&mut service, request);
    assert!(answer.len() <= ANSWER, "an answer of {} bytes", answer.len());
    let mut taken = false;
    let mut counters = Counters::default();
    metrics.add_to(&mut counters);
    let refused = counters.requests_refused;
    sink.count(|counts| {
        taken = counts.taken.len() + counts.others == 1;
        assert!(counts.taken.iter().all(|bytes| bytes.len() <= BODY), "more than the limit was taken");
        match status {
            StatusCode::OK => assert!(taken && refused == 0, "{counts:?}"),
            _ if is_options && refused == 0 => assert!(!taken, "{counts:?}"),
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE => assert!(!taken && refused == 1, "{counts:?}"),
            other => panic!("{other} is not an answer to anything here: {counts:?}"),
        }
    });
    let whole = vec![0; BODY];
    let honest = Sent {
        method: "POST",
        path: "/v1/traces",
        headers: vec![("content-type", b"application/x-protobuf")],
        chunks: vec![&whole],
    };
    let (status, _) = self::request(&honest).map(|request| self::answer(&mut service, request)).unwrap_or_default();
    assert_eq!(status, StatusCode::OK, "an honest request after it");
    taken
}

fn request(sent: &Sent<'_>) -> Option<Request<Body>> {
    let chunks: Vec<_> = sent.chunks.iter().map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
    let body = Body::from_stream(tokio_stream::iter(chunks));
    let mut request = Request::builder().method(sent.method).uri(sent.path).body(body).ok()?;
    for (name, value) in &sent.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value)) {
            request.headers_mut().append(name, value);
        }
    }
    Some(request)
}

fn answer(service: &mut axum::Router, request: Request<Body>) -> (StatusCode, Bytes) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async {
        let (head, body) = service.call(request).await.unwrap_or_else(|never| match never {}).into_parts();
        (head.status, body.collect().await.unwrap_or_else(|error| panic!("{error}")).to_bytes())
    })
}
