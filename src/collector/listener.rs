//! Accepts connections for either transport: limits their number, performs TLS handshakes, closes idle ones.
//!
//! The result is a stream of [`Connection`]s, which both tonic and hyper can serve.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tracing::debug;

use super::access::Tls;
use super::metrics::{CollectorMetrics, ConnectionMetrics, Foreign};
use super::notice::ListenerNotice;

/// Limits of a listener's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The most open connections; one more is closed immediately, so that its client tries elsewhere or later.
    pub connections: usize,
    /// A connection on which nothing arrives for this long is closed.
    pub idle_timeout: Duration,
    /// A connection whose TLS handshake takes longer is closed.
    pub handshake_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { connections: 512, idle_timeout: Duration::from_mins(5), handshake_timeout: Duration::from_secs(10) }
    }
}

/// The pause after a failed `accept`, such as one for lack of file descriptors.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// A listener that did not fail for this long has recovered; shorter would report it over and over.
const RECOVERED_AFTER: Duration = Duration::from_secs(1);

/// Reports the end of the task that serves a listener, unless `stop` was cancelled before it ended.
#[derive(Debug)]
pub(super) struct ExitGuard {
    name: &'static str,
    metrics: Arc<CollectorMetrics>,
    stop: CancellationToken,
}

impl ExitGuard {
    /// To be held by the task that serves the listener called `name`.
    pub(super) const fn new(name: &'static str, metrics: Arc<CollectorMetrics>, stop: CancellationToken) -> Self {
        Self { name, metrics, stop }
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            self.metrics.listener_failed(ListenerNotice::Died { name: self.name });
        }
    }
}

/// Serves each connection on a task of its own until `stop` is cancelled or `incoming` ends; then waits at most `grace` for
/// them to shut down. `failed` is given the error of each connection that ends with one.
pub(super) async fn serve_each<I, IO, C, F>(
    incoming: I,
    stop: CancellationToken,
    grace: Duration,
    serve: impl Fn(IO) -> C,
    failed: F,
) where
    I: Stream<Item = io::Result<IO>>,
    C: GracefulConnection + Send + 'static,
    C::Error: Send,
    F: Fn(C::Error) + Clone + Send + 'static,
{
    let mut incoming = pin!(incoming);
    let graceful = GracefulShutdown::new();
    let mut serving = JoinSet::new();
    while let Some(Some(connection)) = stop.run_until_cancelled(incoming.next()).await {
        let Ok(connection) = connection else { continue };
        let serve = graceful.watch(serve(connection));
        let failed = failed.clone();
        // A connection that fails concerns its client only.
        serving.spawn(async move { serve.await.unwrap_or_else(failed) });
        while serving.try_join_next().is_some() {}
    }
    // Connections that outlast the grace are cut off when `serving` is dropped.
    let _ = timeout(grace, graceful.shutdown()).await;
}

/// Accepts connections until `stop` is cancelled, on a task of its own.
pub fn accept(
    listener: TcpListener,
    tls: Option<Tls>,
    limits: ConnectionLimits,
    metrics: ConnectionMetrics,
    stop: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, accepted) = mpsc::channel(16);
    let acceptor = Acceptor {
        permits: Arc::new(Semaphore::new(limits.connections)),
        tls: tls.map(|tls| TlsAcceptor::from(tls.config)),
        limits,
        sender,
        metrics,
    };
    tokio::spawn(async move { stop.run_until_cancelled(acceptor.run(listener)).await });
    ReceiverStream::new(accepted)
}

struct Acceptor {
    permits: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    limits: ConnectionLimits,
    sender: mpsc::Sender<io::Result<Connection>>,
    metrics: ConnectionMetrics,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer).await,
                Err(error) if concerns_one_client(&error) => {}
                Err(error) => {
                    let address = listener.local_addr().ok();
                    let why = error.to_string();
                    self.metrics.metrics.listener_failed(ListenerNotice::Failed { address, why });
                    self.recover(&listener).await;
                    self.metrics.metrics.listener_recovered(ListenerNotice::Recovered { address });
                }
            }
        }
    }

    /// Retries until nothing has failed for [`RECOVERED_AFTER`], whether or not anybody connects.
    async fn recover(&self, listener: &TcpListener) {
        sleep(RETRY_PAUSE).await;
        let mut last_failure = Instant::now();
        while last_failure.elapsed() < RECOVERED_AFTER {
            match timeout(RETRY_PAUSE, listener.accept()).await {
                Ok(Ok((stream, peer))) => self.admit(stream, peer).await,
                Ok(Err(error)) if !concerns_one_client(&error) => {
                    sleep(RETRY_PAUSE).await;
                    last_failure = Instant::now();
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    async fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return self.metrics.over_limit();
        };
        self.metrics.accepted();
        // Nagle's algorithm would only delay responses; a socket that cannot disable it still works.
        let _ = stream.set_nodelay(true);
        let idle = IdleTimeout::new(self.limits.idle_timeout);
        match &self.tls {
            None => {
                let first_read = Some(self.metrics.clone());
                self.deliver(Connection { io: Io::Plain(stream), peer, idle, first_read, _permit: permit }).await;
            }
            Some(acceptor) => {
                let handshake = timeout(self.limits.handshake_timeout, acceptor.accept(stream));
                let (sender, metrics) = (self.sender.clone(), self.metrics.clone());
                tokio::spawn(async move {
                    let Ok(Ok(stream)) = handshake.await else {
                        debug!(%peer, "TLS handshake failed");
                        return metrics.handshake_failed();
                    };
                    let io = Io::Tls(Box::new(stream));
                    let _ = sender.send(Ok(Connection { io, peer, idle, first_read: None, _permit: permit })).await;
                });
            }
        }
    }

    async fn deliver(&self, connection: Connection) {
        // With no receiver left, the connection is dropped with the message.
        let _ = self.sender.send(Ok(connection)).await;
    }
}

/// Whether an error of `accept` concerns one client only.
fn concerns_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The protocol that these first bytes of a connection without TLS are of, unless it is that of the port.
/// Where HTTP/1 is spoken, its parser finds out.
fn foreign(first: &[u8], is_http2: bool) -> Option<Foreign> {
    const METHODS: [&[u8]; 6] = [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE "];
    const TLS_HANDSHAKE: &[u8] = b"\x16\x03";
    if !is_http2 {
        return None;
    }
    if first.starts_with(TLS_HANDSHAKE) {
        return Some(Foreign::Tls);
    }
    METHODS.iter().any(|method| first.starts_with(method)).then_some(Foreign::Http1)
}

/// An accepted connection, past its TLS handshake if there is one. Counts towards the limit until dropped.
#[derive(Debug)]
pub struct Connection {
    io: Io,
    peer: SocketAddr,
    idle: IdleTimeout,
    /// Until the first bytes were read: they may be of another protocol.
    first_read: Option<ConnectionMetrics>,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connected for Connection {
    type ConnectInfo = SocketAddr;

    fn connect_info(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        match read {
            Poll::Ready(result) => {
                self.idle.reset();
                if let Some(metrics) = self.first_read.take()
                    && let Some(foreign) = foreign(buf.filled(), metrics.is_http2)
                {
                    metrics.foreign(foreign);
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(self.idle.poll_elapsed(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Io::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Io::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Elapses when nothing was read for a while. Checked by a coarse timer, so that reading does not read the clock.
#[derive(Debug)]
struct IdleTimeout {
    limit: Duration,
    next_check: Option<Pin<Box<Sleep>>>,
    /// Checks since anything was read.
    checks: u32,
}

/// Checks within the limit: a connection is closed after the limit, or at most this part of it later.
const CHECKS: u32 = 4;

impl IdleTimeout {
    const fn new(limit: Duration) -> Self {
        Self { limit, next_check: None, checks: 0 }
    }

    fn reset(&mut self) {
        self.checks = 0;
    }

    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let interval = self.limit / CHECKS;
        let next_check = self.next_check.get_or_insert_with(|| Box::pin(sleep(interval)));
        // The first check may come just after a read, hence one more than fit.
        while self.checks <= CHECKS {
            ready!(next_check.as_mut().poll(cx));
            next_check.as_mut().reset(Instant::now() + interval);
            self.checks += 1;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
