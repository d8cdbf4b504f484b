//! An OTLP/gRPC server that throws every byte away: the floor that ingest is measured against.

use std::net::SocketAddr;

use bytes::Bytes;
use clap::Parser;
use planoai::collector::access::Access;
use planoai::collector::grpc;
use planoai::collector::sink::{Refusal, Sink};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

/// Accepts all OTLP traces and keeps nothing.
#[derive(Debug, Parser)]
struct Discard {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[derive(Clone)]
struct Nowhere;

impl Sink for Nowhere {
    fn traces(&self, _: Bytes) -> Result<(), Refusal> {
        Ok(())
    }
    fn traces_waiting(&self, _: Bytes) -> Result<(), Refusal> {
        Ok(())
    }
    fn other_signal(&self) {}
    fn refused(&self, _: &Refusal) {}
    fn connection_opened(&self) {}

    fn listener_failed(&self, _: String) {}

    fn listener_recovered(&self, _: String) {}

    fn connection_refused(&self) {}
}

#[expect(clippy::print_stderr, reason = "tells where it listens, as the program itself does")]
fn main() -> anyhow::Result<()> {
    let discard = Discard::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(discard.listen).await?;
        eprintln!("listening on {} (OTLP/gRPC)", listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let stop = CancellationToken::new();
        grpc::serve(Nowhere, Access::default(), grpc::Limits::default(), incoming, stop).await?;
        Ok(())
    })
}
