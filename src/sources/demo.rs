//! Lifelike gateway traffic for `--demo`: made here, sent through a real OTLP/gRPC client over loopback.
//!
//! [`Traffic`] is the generator: pure, seeded, given the time. [`run`] is the sender.

mod app;
mod attributes;
mod cast;
mod plano;
mod random;
mod session;
mod traffic;

use std::{net::SocketAddr, time::Duration};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

use crate::collector::access::Token;
use crate::collector::ingest::unix_nano_now;
pub use random::Random;
pub use traffic::Traffic;

/// How often finished calls are exported.
const EXPORT_EVERY: Duration = Duration::from_millis(200);
/// How long to wait before a failed export is followed by the next.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the demo plays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The same seed plays the same traffic.
    pub seed: u64,
    /// What the listener asks for.
    pub token: Option<Token>,
}

/// Sends traffic to the OTLP/gRPC listener at `listener` until `shutdown`.
///
/// # Errors
/// Only when no connection to `listener` can be made at all. An export that fails later is dropped, as a gateway's
/// exporter drops it, and the next one is tried.
pub async fn run(
    listener: SocketAddr,
    options: Options,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let channel = Endpoint::from_shared(format!("http://{}", reachable(listener)))?.connect().await?;
    let traffic = Traffic::new(options.seed, unix_nano_now().unsigned_abs());
    shutdown.run_until_cancelled(export(TraceServiceClient::new(channel), traffic, options.token.as_ref())).await;
    Ok(())
}

async fn export(mut client: TraceServiceClient<Channel>, mut traffic: Traffic, token: Option<&Token>) {
    let mut ticks = tokio::time::interval(EXPORT_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        for request in traffic.advance(unix_nano_now().unsigned_abs()) {
            if client.export(authorised(request, token)).await.is_err() {
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// The request as a client sends it that knows the token.
fn authorised<T>(message: T, token: Option<&Token>) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if let Some(header) = token.and_then(|token| token.header().parse().ok()) {
        request.metadata_mut().insert("authorization", header);
    }
    request
}

/// A listener on all interfaces is reached through loopback.
fn reachable(mut listener: SocketAddr) -> SocketAddr {
    if listener.ip().is_unspecified() {
        listener.set_ip(match listener {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    listener
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    };
    use tokio::{net::TcpListener, sync::mpsc};
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::{Request, Response, Status, transport::Server};

    use super::*;

    struct Forwarding(mpsc::UnboundedSender<ExportTraceServiceRequest>);

    #[tonic::async_trait]
    impl TraceService for Forwarding {
        async fn export(
            &self,
            request: Request<ExportTraceServiceRequest>,
        ) -> Result<Response<ExportTraceServiceResponse>, Status> {
            self.0.send(request.into_inner()).map_err(|_| Status::unavailable("gone"))?;
            Ok(Response::new(ExportTraceServiceResponse::default()))
        }
    }

    /// Scenario: a listener on all interfaces. Guarantees: traffic arrives at once over a real connection, and the
    /// sender ends when stopped.
    #[tokio::test]
    async fn sends_over_loopback_until_stopped() {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, mut received) = mpsc::unbounded_channel();
        let server = Server::builder().add_service(TraceServiceServer::new(Forwarding(sender)));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let shutdown = CancellationToken::new();
        let sending = tokio::spawn(run(address, Options { seed: 1, ..Options::default() }, shutdown.clone()));
        let first = received.recv().await.unwrap();
        assert!(first.resource_spans[0].scope_spans[0].spans.len() > 30);
        shutdown.cancel();
        sending.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_refused_connection_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(run(address, Options { seed: 1, ..Options::default() }, CancellationToken::new()).await.is_err());
    }
}
