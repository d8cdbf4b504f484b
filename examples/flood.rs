//! A bounded OTLP load generator for collectors on this machine.
//!
//! `cargo run --release --example flood -- --help` lists the options. Batches are encoded once; ids, times
//! and session numbers are then written over the encoded bytes, so that the generator costs little and the
//! figures are the collector's. Only loopback addresses are accepted, and every run ends by itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use clap::Parser;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use planoai::collector::grpc::RawCodec;
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

/// Sends LLM spans to an OTLP/gRPC collector on loopback, as fast as it takes them or at a given rate.
#[derive(Clone, Debug, Parser)]
struct Flood {
    /// Where the collector listens
    #[arg(long, default_value = "127.0.0.1:4317")]
    to: SocketAddr,
    /// How many spans to send in all
    #[arg(long, default_value_t = 1_000_000)]
    spans: u64,
    /// Stop after this time even if spans are left
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    at_most: Duration,
    /// Connections
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    connections: u32,
    /// Requests in flight on each connection
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=128))]
    in_flight: u32,
    /// Spans in a request
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65536))]
    batch: u32,
    /// One span in this many is an LLM call; the others are what a gateway sends beside it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    one_llm_in: u32,
    /// Attributes of an LLM span
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u32).range(16..=1000))]
    attributes: u32,
    /// Spans a second; 0 is as fast as they are taken
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Distinct models
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    models: u32,
    /// Distinct sessions
    #[arg(long, default_value_t = 500)]
    sessions: u64,
    /// Compress requests
    #[arg(long)]
    gzip: bool,
}

/// What all connections share.
#[derive(Debug, Default)]
struct Progress {
    claimed: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    requests: AtomicU64,
}

fn main() -> anyhow::Result<()> {
    let flood = Flood::parse();
    ensure!(
        flood.to.ip().is_loopback(),
        "{} is not a loopback address; this tool only loads collectors on this machine",
        flood.to
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(flood))
}

async fn run(flood: Flood) -> anyhow::Result<()> {
    let progress = Arc::new(Progress::default());
    let started = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..flood.connections {
        let channel = Endpoint::from_shared(format!("http://{}", flood.to))?
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(8 << 20)
            .tcp_nodelay(true)
            .connect()
            .await
            .with_context(|| format!("nobody listens on {}", flood.to))?;
        for _ in 0..flood.in_flight {
            workers.spawn(send(flood.clone(), channel.clone(), Arc::clone(&progress), started));
        }
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    report(&progress, started.elapsed());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn report(progress: &Progress, took: Duration) {
    let accepted = progress.accepted.load(Relaxed);
    println!(
        "accepted {accepted} spans in {} requests, refused {} spans, {:.3} s, {:.0} spans/s",
        progress.requests.load(Relaxed),
        progress.refused.load(Relaxed),
        took.as_secs_f64(),
        accepted as f64 / took.as_secs_f64()
    );
}

/// One request at a time until all spans are claimed or time is up.
async fn send(flood: Flood, channel: Channel, progress: Arc<Progress>, started: Instant) -> anyhow::Result<()> {
    let mut template = Template::new(&flood);
    let mut grpc = tonic::client::Grpc::new(channel);
    if flood.gzip {
        grpc = grpc.send_compressed(CompressionEncoding::Gzip);
    }
    let batch = u64::from(flood.batch);
    loop {
        let first = progress.claimed.fetch_add(batch, Relaxed);
        if first >= flood.spans || started.elapsed() >= flood.at_most {
            return Ok(());
        }
        if let Some(due) = (first * 1_000_000).checked_div(flood.rate) {
            tokio::time::sleep_until((started + Duration::from_micros(due)).into()).await;
        }
        let request = template.fill(first, &flood);
        grpc.ready().await?;
        let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        let answer = grpc.unary::<Bytes, Bytes, _>(tonic::Request::new(request), path, RawCodec).await;
        progress.requests.fetch_add(1, Relaxed);
        match answer {
            Ok(_) => progress.accepted.fetch_add(batch, Relaxed),
            Err(status) if status.code() == tonic::Code::Unavailable => progress.refused.fetch_add(batch, Relaxed),
            Err(status) => bail!("the collector answered {status}"),
        };
    }
}

/// An encoded batch and where in it the parts stand that differ from batch to batch.
struct Template {
    bytes: Vec<u8>,
    marks: Vec<usize>,
}

/// What is written over: 16 bytes of trace id and 8 of span id are binary, times 8 bytes, sessions digits.
const TRACE_MARK: u64 = 0xfeed_face_cafe_0001;
const TIME_MARK: u64 = 0x1122_3344_5566_0000;
const SESSION_DIGITS: usize = 12;

impl Template {
    fn new(flood: &Flood) -> Self {
        let spans = (0..flood.batch).map(|nth| span(nth, flood)).collect();
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![text("service.name", "plano(llm)")],
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }],
        };
        let bytes = request.encode_to_vec();
        let mark = TRACE_MARK.to_be_bytes();
        let marks = bytes.windows(8).enumerate().filter(|(_, window)| *window == mark).map(|(at, _)| at).collect();
        Self { bytes, marks }
    }

    /// The batch whose first span is the `first` of the run.
    fn fill(&mut self, first: u64, flood: &Flood) -> Bytes {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or_default();
        let ends: Vec<usize> = self.marks.iter().skip(1).copied().chain([self.bytes.len()]).collect();
        for (nth, (&start, end)) in self.marks.iter().zip(ends).enumerate() {
            let number = first + nth as u64 + 1;
            let Some(span) = self.bytes.get_mut(start..end) else { continue };
            overwrite(span, 8, &number.to_be_bytes());
            // The span id follows the trace id behind its two-byte field header.
            overwrite(span, 18, &number.to_be_bytes());
            overwrite_times(span, now);
            overwrite_session(span, number % flood.sessions.max(1));
        }
        Bytes::copy_from_slice(&self.bytes)
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(slot) = bytes.get_mut(at..at + with.len()) {
        slot.copy_from_slice(with);
    }
}

/// Start and end are fixed64 fields 7 and 8, in this order behind the name and kind.
fn overwrite_times(span: &mut [u8], now: u64) {
    const START_FIELD: u8 = 7 << 3 | 1;
    const END_FIELD: u8 = 8 << 3 | 1;
    // Behind trace and span id, whose bytes may look like anything.
    const HEAD: std::ops::Range<usize> = 26..142;
    for at in HEAD {
        if span.get(at) == Some(&START_FIELD) && span.get(at + 9) == Some(&END_FIELD) {
            overwrite(span, at + 1, &(now - 1_234_000_000).to_le_bytes());
            overwrite(span, at + 10, &now.to_le_bytes());
            return;
        }
    }
}

fn overwrite_session(span: &mut [u8], session: u64) {
    const MARK: &[u8] = b"session-";
    let found = span.windows(MARK.len()).position(|window| window == MARK);
    if let Some(at) = found {
        overwrite(span, at + MARK.len(), format!("{session:0SESSION_DIGITS$}").as_bytes());
    }
}

fn span(nth: u32, flood: &Flood) -> Span {
    let mut trace_id = TRACE_MARK.to_be_bytes().to_vec();
    trace_id.extend([0; 8]);
    let is_llm = nth.is_multiple_of(flood.one_llm_in);
    Span {
        trace_id,
        span_id: vec![0; 8],
        name: if is_llm { "POST /v1/chat/completions openai/gpt-4o" } else { "ingress POST" }.to_owned(),
        kind: 1,
        start_time_unix_nano: TIME_MARK,
        end_time_unix_nano: TIME_MARK,
        attributes: if is_llm { llm_attributes(nth, flood) } else { ingress_attributes() },
        ..Span::default()
    }
}

fn llm_attributes(nth: u32, flood: &Flood) -> Vec<KeyValue> {
    let mut attributes = vec![
        text("llm.model", &format!("gpt-{}", nth % flood.models)),
        text("llm.provider", "openai"),
        text("http.method", "POST"),
        text("http.path", "/v1/chat/completions"),
        text("request_id", "33fc87a5-b59f-4a18-bea1-9bbfcf806091"),
        text("plano.session_id", &format!("session-{:0SESSION_DIGITS$}", 0)),
        text("plano.route.name", if nth.is_multiple_of(3) { "code" } else { "chat" }),
        int("http.status_code", if nth.is_multiple_of(97) { 429 } else { 200 }),
        int("llm.usage.prompt_tokens", 1200 + i64::from(nth % 500)),
        int("llm.usage.completion_tokens", 80 + i64::from(nth % 200)),
        int("llm.usage.total_tokens", 1280 + i64::from(nth % 500)),
        int("llm.usage.cached_input_tokens", 600),
        int("llm.time_to_first_token", 180 + i64::from(nth % 300)),
        int("llm.duration_ms", 900 + i64::from(nth % 3000)),
        text("service.name.override", "plano(llm)"),
        text("llm.user_message_preview", "write a ring buffer in rust and explain why it never allocates"),
    ];
    let missing = (flood.attributes as usize).saturating_sub(attributes.len());
    attributes.extend((0..missing).map(|nth| text(&format!("custom.attribute.{nth}"), "some value of usual length")));
    attributes
}

fn ingress_attributes() -> Vec<KeyValue> {
    ["http.method", "http.target", "component", "upstream.cluster", "peer.address", "node.id"]
        .into_iter()
        .map(|key| text(key, "some value of usual length"))
        .collect()
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
