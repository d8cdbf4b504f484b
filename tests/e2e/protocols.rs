//! The protocols of the two ports: every compression that an exporter may choose, and what is none of them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use prost::Message as _;

use crate::accounts::account;
use crate::support::{Headless, requests};

/// A body in each compression of OTLP/HTTP, under its name.
fn packed(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let level = flate2::Compression::fast();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
    gzip.write_all(body).unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
    zlib.write_all(body).unwrap();
    let mut snappy = snap::write::FrameEncoder::new(Vec::new());
    snappy.write_all(body).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(body).unwrap();
    vec![
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("zstd", zstd::encode_all(body, 1).unwrap()),
        ("snappy", snappy.into_inner().unwrap()),
        ("snappy", snap::raw::Encoder::new().compress_vec(body).unwrap()),
        ("lz4", lz4.finish().unwrap()),
    ]
}

/// Posts a body under this `content-encoding`; the status and the `accept-encoding` of the answer.
fn post(address: &str, encoding: &str, body: &[u8]) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("http://{address}/v1/traces")).header("content-type", "application/x-protobuf");
    let answer = request.header("content-encoding", encoding).send(body).unwrap();
    let accepted = answer.headers().get("accept-encoding").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), accepted.unwrap_or_default())
}

/// Guarantees: a body in each compression is one request, a bomb or a cut one is none, and what is accepted is announced.
#[test]
fn every_compression_of_the_collector_is_read_within_the_limits() {
    let program = Headless::start(&["--stats=20ms", "--filter", "model:none"]);
    let body = requests("openinference").swap_remove(0).encode_to_vec();
    let mut sent = 0;
    for (encoding, body) in packed(&body) {
        assert_eq!(post(&program.http, encoding, &body).0, 200, "{encoding}");
        sent += 1;
        assert_eq!(post(&program.http, encoding, &body[..body.len() - 6]).0, 400, "{encoding}, cut");
    }
    for (encoding, bomb) in packed(&vec![0; 65 << 20]) {
        assert_eq!(post(&program.http, encoding, &bomb).0, 413, "{encoding}");
    }
    let (code, accepted) = post(&program.http, "br", &body);
    assert_eq!((code, accepted.as_str()), (415, "gzip, zstd, deflate, snappy, lz4"));
    let stats = account(&program, |stats| stats["requests_protocol"] == 1);
    let figures = ["requests", "requests_malformed", "requests_too_large"].map(|figure| stats[figure].as_u64());
    assert_eq!(figures, [Some(sent), Some(6), Some(6)], "{stats}");
}

/// Sends these bytes on a connection of their own and waits for its end.
fn send(address: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    // Closed or reset, both end it.
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Guarantees: who speaks the wrong protocol is counted under that reason.
#[test]
fn other_protocols_are_counted_by_their_reason() {
    let program = Headless::start(&["--stats=20ms"]);
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let http = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    send(&program.grpc, http.as_bytes());
    send(&program.grpc, tls);
    send(&program.http, tls);
    send(&program.http, b"no HTTP at all\r\n\r\n");
    let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(80 * 1024));
    send(&program.http, head.as_bytes());
    let stats = account(&program, |stats| stats["requests_protocol"] == 5);
    assert_eq!(stats["requests_refused"], 5, "{stats}");
}
