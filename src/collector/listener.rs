//! Accepting connections for either transport: how many at once, TLS, and how long a silent client is borne.
//!
//! The result is a stream of [`Connection`]s that tonic and hyper serve alike.

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

use super::access::Tls;
use super::metrics::{CollectorMetrics, ConnectionMetrics};
use super::notice::ListenerNotice;

/// What a listener bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once; one more is closed at once, so that its client tries elsewhere or later.
    pub connections: usize,
    /// A connection on which nothing arrives for this long is closed.
    pub silence: Duration,
    /// A TLS handshake that takes longer is given up.
    pub handshake: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { connections: 512, silence: Duration::from_mins(5), handshake: Duration::from_secs(10) }
    }
}

/// How long accepting rests after it failed, as it does while no file descriptor is to be had.
const REST: Duration = Duration::from_millis(100);

/// A listener that did not fail for so long has recovered; telling more often would help nobody.
const CALM: Duration = Duration::from_secs(1);

/// Reports the end of the task that serves a listener, unless `stop` was cancelled before it ended.
#[derive(Debug)]
pub struct ExitGuard {
    name: &'static str,
    metrics: Arc<CollectorMetrics>,
    stop: CancellationToken,
}

impl ExitGuard {
    /// To be held by the task that serves the listener called `name`.
    pub const fn new(name: &'static str, metrics: Arc<CollectorMetrics>, stop: CancellationToken) -> Self {
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

/// Serves each connection on a task of its own until `stop`, or until there are no more; then lets those that are served end
/// within `grace`.
pub async fn serve_each<I, IO, C>(incoming: I, stop: CancellationToken, grace: Duration, serve: impl Fn(IO) -> C)
where
    I: Stream<Item = io::Result<IO>>,
    C: GracefulConnection + Send + 'static,
    C::Error: Send,
{
    let mut incoming = pin!(incoming);
    let graceful = GracefulShutdown::new();
    let mut serving = JoinSet::new();
    while let Some(Some(connection)) = stop.run_until_cancelled(incoming.next()).await {
        let Ok(connection) = connection else { continue };
        let serve = graceful.watch(serve(connection));
        // A connection that fails concerns its client only.
        serving.spawn(async move { drop(serve.await) });
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
        places: Arc::new(Semaphore::new(limits.connections)),
        tls: tls.map(|tls| TlsAcceptor::from(tls.config)),
        limits,
        sender,
        metrics,
    };
    tokio::spawn(async move { stop.run_until_cancelled(acceptor.run(listener)).await });
    ReceiverStream::new(accepted)
}

struct Acceptor {
    places: Arc<Semaphore>,
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
                Err(error) if is_the_clients(&error) => {}
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

    /// Tries again and again, however long it takes, until nothing has failed for a while: a listener at which nobody waits
    /// has recovered, too.
    async fn recover(&self, listener: &TcpListener) {
        sleep(REST).await;
        let mut calm_since = Instant::now();
        while calm_since.elapsed() < CALM {
            match timeout(REST, listener.accept()).await {
                Ok(Ok((stream, peer))) => self.admit(stream, peer).await,
                Ok(Err(error)) if !is_the_clients(&error) => {
                    sleep(REST).await;
                    calm_since = Instant::now();
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    async fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return self.metrics.over_limit();
        };
        self.metrics.accepted();
        // Batching small writes only delays answers; where it cannot be switched off, they are late.
        let _ = stream.set_nodelay(true);
        let silence = Silence::new(self.limits.silence);
        match &self.tls {
            None => self.pass(Connection { io: Io::Plain(stream), peer, silence, _place: place }).await,
            Some(acceptor) => {
                let handshake = timeout(self.limits.handshake, acceptor.accept(stream));
                let (sender, metrics) = (self.sender.clone(), self.metrics.clone());
                tokio::spawn(async move {
                    let Ok(Ok(stream)) = handshake.await else {
                        return metrics.handshake_failed();
                    };
                    let io = Io::Tls(Box::new(stream));
                    let _ = sender.send(Ok(Connection { io, peer, silence, _place: place })).await;
                });
            }
        }
    }

    async fn pass(&self, connection: Connection) {
        // Nobody serves any more: the connection is dropped with the message.
        let _ = self.sender.send(Ok(connection)).await;
    }
}

/// Errors of `accept` that concern one client only.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// An accepted connection, past its TLS handshake if there is one. Holds its place until dropped.
#[derive(Debug)]
pub struct Connection {
    io: Io,
    peer: SocketAddr,
    silence: Silence,
    _place: OwnedSemaphorePermit,
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
                self.silence.broken();
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(self.silence.poll_too_long(cx));
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

/// Whether anything was read of late. Looked at now and then, so that reading costs no look at the clock.
#[derive(Debug)]
struct Silence {
    limit: Duration,
    next_look: Option<Pin<Box<Sleep>>>,
    /// Looks since anything was read.
    looks: u32,
}

/// Looks within the limit: a connection is closed when it was silent for the limit, or for this part of it longer.
const LOOKS: u32 = 4;

impl Silence {
    const fn new(limit: Duration) -> Self {
        Self { limit, next_look: None, looks: 0 }
    }

    fn broken(&mut self) {
        self.looks = 0;
    }

    fn poll_too_long(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let pause = self.limit / LOOKS;
        let next_look = self.next_look.get_or_insert_with(|| Box::pin(sleep(pause)));
        // The first look may come just after something was read, hence one more than fit.
        while self.looks <= LOOKS {
            ready!(next_look.as_mut().poll(cx));
            next_look.as_mut().reset(Instant::now() + pause);
            self.looks += 1;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
