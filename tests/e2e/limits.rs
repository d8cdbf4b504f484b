//! Absurd numbers, clocks that jump, and more than the limits allow: the program reports it and goes on.

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::Value;

use crate::support::{GrpcClient, Headless, post};
use crate::terminal::Terminal;

const SECOND: u64 = 1_000_000_000;
/// 2026-11-23 and 2200-01-01, s since the epoch.
const NOW: u64 = 1_795_435_402 * SECOND;
const FAR: u64 = 7_258_118_400 * SECOND;

fn span(id: u64, start: u64, end: u64, figures: &[(&str, Any)]) -> Span {
    let attribute = |key: &str, value: Any| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let mut attributes = vec![
        attribute("gen_ai.operation.name", Any::StringValue("chat".to_owned())),
        attribute("gen_ai.provider.name", Any::StringValue("openai".to_owned())),
        attribute("gen_ai.response.model", Any::StringValue("gpt-4o".to_owned())),
        attribute("gen_ai.conversation.id", Any::StringValue("one session".to_owned())),
    ];
    attributes.extend(figures.iter().map(|(key, value)| attribute(key, value.clone())));
    Span {
        trace_id: id.to_be_bytes().repeat(2),
        span_id: id.to_be_bytes().to_vec(),
        name: "chat gpt-4o".to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        ..Span::default()
    }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

const INPUT: &str = "gen_ai.usage.input_tokens";
const OUTPUT: &str = "gen_ai.usage.output_tokens";
const CACHED: &str = "gen_ai.usage.cache_read.input_tokens";
const COST: &str = "gen_ai.usage.cost";

/// Every absurdity once, under ids from 1.
fn absurd() -> Vec<Span> {
    let huge = || Any::IntValue(i64::MAX);
    let figures: [&[(&str, Any)]; 9] = [
        &[(INPUT, huge()), (OUTPUT, huge()), (CACHED, huge())],
        &[(INPUT, Any::StringValue(u64::MAX.to_string())), (OUTPUT, Any::StringValue(u64::MAX.to_string()))],
        &[(INPUT, Any::IntValue(-1)), (OUTPUT, Any::IntValue(i64::MIN))],
        &[(INPUT, Any::DoubleValue(f64::NAN)), (OUTPUT, Any::DoubleValue(f64::INFINITY))],
        &[(INPUT, Any::DoubleValue(1e300)), (OUTPUT, Any::DoubleValue(-1e300))],
        &[(COST, Any::DoubleValue(f64::MAX)), (OUTPUT, Any::IntValue(1))],
        &[(COST, Any::DoubleValue(f64::NAN)), (COST, Any::DoubleValue(-5.0))],
        &[(COST, Any::StringValue("1e308".to_owned())), (INPUT, huge())],
        &[(COST, Any::DoubleValue(5e-324))],
    ];
    let times = [
        (0, 0),
        (1, 2),
        (0, NOW),
        (NOW, 0),
        (NOW, NOW - 5 * SECOND),
        (FAR, FAR + SECOND),
        (NOW, FAR),
        (u64::MAX, u64::MAX),
        (1, u64::MAX),
    ];
    let numbers = (1..).zip(figures).map(|(id, figures)| span(id, NOW, NOW + SECOND, figures));
    let clocks = (100..).zip(times).map(|(id, (start, end))| span(id, start, end, &[(OUTPUT, Any::IntValue(7))]));
    numbers.chain(clocks).collect()
}

/// Spans whose ids are none: too short, too long, all zero, absent.
fn nameless() -> Vec<Span> {
    let lengths = [(0, 0), (16, 0), (0, 8), (15, 8), (17, 8), (16, 7), (16, 9), (4000, 4000)];
    let odd = lengths.map(|(trace, id)| Span {
        trace_id: vec![7; trace],
        span_id: vec![9; id],
        ..span(0, NOW, NOW + SECOND, &[])
    });
    let zero = Span { trace_id: vec![0; 16], span_id: vec![0; 8], ..span(0, NOW, NOW + SECOND, &[]) };
    odd.into_iter().chain([zero]).collect()
}

fn is_sound(call: &Value) -> bool {
    let figures = ["duration_ms", "ttft_ms", "cost_usd", "tokens_per_sec"];
    figures.iter().all(|name| {
        call[name].is_null() || call[name].as_f64().is_some_and(|figure| figure.is_finite() && figure >= 0.0)
    })
}

#[test]
fn absurd_numbers_clocks_and_ids_are_calls_like_others() {
    let program = Headless::start(&[]);
    let mut client = GrpcClient::connect(&program.grpc);
    let (absurd, nameless) = (absurd(), nameless());
    client.export(request(absurd.clone())).unwrap();
    client.export(request(nameless.clone())).unwrap();
    // A client that got no answer sends the same again; rows with ids must not double.
    client.export(request(absurd.clone())).unwrap();
    client.export(request(absurd.iter().rev().cloned().collect())).unwrap();
    let (calls, status) = program.finish();
    assert!(status.success());
    assert_eq!(calls.len(), absurd.len() + nameless.len());
    for call in &calls {
        assert!(is_sound(call), "{call}");
    }
}

#[test]
fn absurd_numbers_are_summed_and_drawn() {
    let quiet = "obs --offline --host 127.0.0.1 --port 0 --http-port off --refresh-ms 20";
    let mut terminal = Terminal::start(200, 50, &quiet.split(' ').collect::<Vec<_>>());
    let mut client = GrpcClient::connect(&terminal.address());
    client.export(request(absurd())).unwrap();
    client.export(request(nameless())).unwrap();
    let all = format!("{} since start", absurd().len() + nameless().len());
    terminal.wait_for_text(&all);
    for (keys, wanted) in
        [("2", "gpt-4o"), ("4", "one session"), ("1", "gpt-4o"), ("w", "last 1m"), ("\r", "J K scroll")]
    {
        terminal.type_keys(keys);
        terminal.wait_for_text(wanted);
    }
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

fn gzip(zeros: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&vec![0; zeros]).unwrap();
    packed.finish().unwrap()
}

/// Values nested so deep that reading them by recursion would end the program.
fn nested(depth: usize) -> Vec<u8> {
    // AnyValue.array_value, ArrayValue.values: each level is a field of the one around it.
    let mut bytes = Vec::new();
    for level in 0..depth {
        let mut outer = vec![if level % 2 == 0 { 5 << 3 | 2 } else { 1 << 3 | 2 }];
        prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
        outer.append(&mut bytes);
        bytes = outer;
    }
    // KeyValue.value, Span.attributes, ScopeSpans.spans, ResourceSpans.scope_spans, resource_spans.
    for field in [2_u8, 9, 2, 2, 1] {
        let mut outer = vec![field << 3 | 2];
        prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
        outer.append(&mut bytes);
        bytes = outer;
    }
    bytes
}

fn raw_post(address: &str, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    // Whoever refuses early may close before all is sent.
    let _ = write!(
        stream,
        "POST /v1/traces HTTP/1.1\r\nhost: a\r\n{head}connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn too_much_is_refused_and_the_program_goes_on() {
    let program = Headless::start(&[]);
    let protobuf = "application/x-protobuf";
    let mut levels = 8;
    while levels < 100_000 {
        let (status, _) = post(&program.http, "/v1/traces", protobuf, &nested(levels));
        assert_eq!(status, if levels < 90 { 200 } else { 400 }, "{levels} levels");
        levels *= 2;
    }
    let json = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post(&program.http, "/v1/traces", "application/json", json.as_bytes()).0, 400);
    let bomb = gzip(80 << 20);
    let packed = format!("content-type: {protobuf}\r\ncontent-encoding: gzip\r\n");
    assert!(raw_post(&program.http, &packed, &bomb).contains("413"));
    let spans = request(vec![Span::default(); 200_000]).encode_to_vec();
    assert_eq!(post(&program.http, "/v1/traces", protobuf, &spans).0, 413);
    let too_many = GrpcClient::connect(&program.grpc).export(request(vec![Span::default(); 200_000]));
    assert_eq!(too_many.unwrap_err().code(), tonic::Code::ResourceExhausted);
    let endless = format!("x: {}\r\n", "x".repeat(1 << 20));
    assert!(raw_post(&program.http, &endless, b"").contains("431"));
    for address in [&program.grpc, &program.http] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not what is spoken here \r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    GrpcClient::connect(&program.grpc).export(request(vec![span(1, NOW, NOW + SECOND, &[])])).unwrap();
    let (calls, status) = program.finish();
    assert!(status.success());
    assert_eq!(calls.len(), 1);
}

/// The "rapid reset" attack (CVE-2023-44487) and a flood of pings, as raw frames: the connection is given up, the
/// program is not.
#[test]
fn abuse_of_http2_costs_the_connection_only() {
    let program = Headless::start(&[]);
    for address in [&program.grpc, &program.http] {
        let answer = talk(address, &rapid_reset(5_000));
        let (_, why) = *answer.iter().find(|(kind, _)| *kind == GOAWAY).expect("the connection is given up");
        assert_eq!(why, ENHANCE_YOUR_CALM, "{address}");
        // Whether pings are accepted is decided by the transport.
        talk(address, &pings(200_000));
        let answer = talk(address, &open_streams(address == &program.http, 200));
        let refused = answer.iter().filter(|frame| **frame == (RST_STREAM, REFUSED_STREAM)).count();
        let borne = if address == &program.http { 64 } else { 128 };
        assert_eq!(refused, 200 - borne, "{address}");
        let (fits, too_much) = if address == &program.http { (16_384, 16_385) } else { (1 << 20, (1 << 20) + 1) };
        let given_up =
            |length| talk(address, &data_of(address == &program.http, length)).contains(&(GOAWAY, FRAME_SIZE));
        assert!(!given_up(fits) && given_up(too_much), "{address}");
    }
    GrpcClient::connect(&program.grpc).export(request(vec![span(1, NOW, NOW + SECOND, &[])])).unwrap();
    let (calls, status) = program.finish();
    assert!(status.success());
    assert_eq!(calls.len(), 1);
}

const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
/// Error codes (RFC 9113, section 7).
const FRAME_SIZE: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// Sends frames on a connection of their own while it reads what comes back: each frame's kind, and the error code of
/// those that have one.
fn talk(address: &str, frames: &[u8]) -> Vec<(u8, u32)> {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let answer = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before a reset counts.
        let _ = reading.read_to_end(&mut bytes);
        bytes
    });
    let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    let _ = stream.write_all(&preface).and_then(|()| stream.write_all(frames));
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let bytes = answer.join().unwrap();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while let Some((head, tail)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = tail.get(..length).unwrap_or_default();
        let code = match head[3] {
            RST_STREAM => payload.get(..4),
            GOAWAY => payload.get(4..8),
            _ => None,
        };
        found.push((head[3], code.map_or(0, |code| u32::from_be_bytes(code.try_into().unwrap()))));
        rest = tail.get(length..).unwrap_or_default();
    }
    found
}

/// Requests that begin and do not go on, as many as asked for.
fn open_streams(is_http: bool, streams: u32) -> Vec<u8> {
    let path = if is_http { "/v1/traces" } else { "/opentelemetry.proto.collector.trace.v1.TraceService/Export" };
    // `:method POST`, `:scheme http`; `:path` and `content-type` as literals (RFC 7541, section 6.2.2).
    let mut block = vec![0x83, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
    block.extend_from_slice(path.as_bytes());
    block.extend_from_slice(&[0x0f, 0x10, 22]);
    block.extend_from_slice(b"application/x-protobuf");
    (0..streams).flat_map(|nth| frame(1, 4, 2 * nth + 1, &block)).collect()
}

/// A request with a frame of so many bytes.
fn data_of(is_http: bool, length: usize) -> Vec<u8> {
    [open_streams(is_http, 1), frame(0, 0, 1, &vec![0; length])].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Streams opened and reset at once. The header block is `:method POST`, `:scheme http`, `:path /`, from HPACK's table.
fn rapid_reset(streams: u32) -> Vec<u8> {
    let open = |stream| frame(1, 4, stream, &[0x83, 0x86, 0x84]);
    let cancel = |stream| frame(3, 0, stream, &8_u32.to_be_bytes());
    (0..streams).map(|nth| 2 * nth + 1).flat_map(|stream| [open(stream), cancel(stream)]).flatten().collect()
}

fn pings(count: usize) -> Vec<u8> {
    frame(6, 0, 0, &[0; 8]).repeat(count)
}
