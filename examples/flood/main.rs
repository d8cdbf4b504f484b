//! A bounded OTLP load generator for collectors on this machine.
//!
//! `cargo run --release --example flood -- --help` lists the options. Batches are encoded once; ids, times
//! and session numbers are then written over the encoded bytes, so that the generator costs little and the
//! figures are the collector's. Only loopback addresses are accepted, and every run ends by itself.

mod traffic;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use clap::Parser;
use planoai::collector::grpc::RawCodec;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use traffic::{Mix, Template};

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

impl Flood {
    const fn mix(&self) -> Mix {
        Mix {
            batch: self.batch,
            one_llm_in: self.one_llm_in,
            attributes: self.attributes,
            models: self.models,
            sessions: self.sessions,
        }
    }
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
            .with_context(|| format!("nothing listens on {}", flood.to))?;
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
    let mut template = Template::new(flood.mix());
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
        let request = Bytes::copy_from_slice(template.fill(first));
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
