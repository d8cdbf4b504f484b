//! An OTLP/gRPC server that throws every byte away, as tonic serves it out of the box: what ingest is measured against.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use clap::Parser;
use planoai::collector::grpc::{MESSAGE_LIMIT, RawCodec};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Accepts all OTLP traces and keeps nothing.
#[derive(Debug, Parser)]
struct Discard {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Threads; by default one for each processor, as tokio has it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
}

#[derive(Clone)]
struct Traces;

impl NamedService for Traces {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower_service::Service<http::Request<Body>> for Traces {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(MESSAGE_LIMIT);
        Box::pin(async move { Ok(grpc.unary(Nowhere, request).await) })
    }
}

struct Nowhere;

impl UnaryService<Bytes> for Nowhere {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        std::future::ready(Ok(Response::new(Bytes::new())))
    }
}

#[expect(clippy::print_stderr, reason = "prints its address, as the program itself does")]
fn main() -> anyhow::Result<()> {
    let discard = Discard::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = discard.threads {
        runtime.worker_threads(threads.into());
    }
    runtime.enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(discard.listen).await?;
        eprintln!("listening on {} (OTLP/gRPC)", listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Server::builder().add_service(Traces).serve_with_incoming(incoming).await?;
        Ok(())
    })
}
