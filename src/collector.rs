//! The collector: bytes in, snapshots out. Knows neither the screen nor the terminal.
//!
//! [`Collector::start`] binds the listeners, then serves them on threads of its own. What others see of it
//! are [`Snapshot`]s through a watch channel, and answers to the few questions of [`Handle`].

pub mod access;
mod byte_budget;
mod catch_panic;
mod counters;
pub(crate) mod decode;
pub mod decompress;
pub mod grpc;
mod handle;
pub mod http;
pub mod ingest;
pub(crate) mod join;
pub mod json;
pub mod listener;
mod metrics;
mod notice;
pub mod receiver;
pub mod ring;
mod sampling;
pub mod semconv;
mod shared_names;
pub mod signal;
pub mod sink;
mod snapshot;
pub(crate) mod span_log;
pub mod store;
pub mod taps;
#[cfg(test)]
pub(crate) mod testing;
pub mod viewers;
pub mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use counters::Counters;
pub use handle::Handle;
pub use ingest::Ingest;
pub use metrics::CollectorMetrics;
pub use notice::{ListenerNotice, Notice};
pub use ring::Calls;
pub use shared_names::SharedNames;
pub use snapshot::Snapshot;
pub use store::KnownSpan;

use crate::pricing::Pricer;
use access::Access;
use grpc::GrpcLimits;
use http::HttpLimits;
use listener::{ConnectionLimits, ExitGuard};
use receiver::OtlpReceiver;
use store::{Store, StoreConfig, StoreTask};
use taps::queue::Tap;

/// Requests that may wait for the store; one more is refused as retryable.
const QUEUED_BATCHES: usize = 256;

/// What a collector is started with.
#[derive(Clone, Debug)]
pub struct CollectorConfig {
    /// Address or name to listen on.
    pub host: String,
    /// OTLP/gRPC port; 0 picks a free one.
    pub grpc_port: u16,
    /// OTLP/HTTP port; 0 picks a free one, `None` does not listen.
    pub http_port: Option<u16>,
    /// The most calls kept.
    pub capacity: usize,
    /// The most bytes of raw spans kept for detail and trace.
    pub span_memory: usize,
    /// Snapshots are published at most this often.
    pub publish_every: Duration,
    /// What clients must present.
    pub access: Access,
    /// Computes the cost of each call.
    pub pricer: Arc<Pricer>,
    /// Receive the bytes of accepted requests: recorders and forwarders.
    pub taps: Vec<Arc<dyn Tap>>,
    /// Where failures and recoveries of the listeners are reported.
    pub notices: Option<mpsc::UnboundedSender<Notice>>,
}

/// Why a collector could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process listens there.
    #[error(
        "Failed to bind OTLP listener on {host}:{port}: port already in use. \
         Stop what listens there (`planoai trace down` stops Plano's own tracing) or pick another port with --port."
    )]
    PortTaken {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
    },
    /// The address cannot be listened on.
    #[error("Failed to bind OTLP listener on {host}:{port}: {source}. Pick another --host or --port")]
    Bind {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// The operating system's error.
        source: io::Error,
    },
    /// No thread or file descriptor is left.
    #[error("Failed to start the collector's runtime: {0}")]
    Runtime(io::Error),
}

/// State of the OTLP/HTTP listener, which may fail without failing the collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HttpListener {
    /// Accepts connections at this address.
    Bound(SocketAddr),
    /// Not configured.
    #[default]
    Off,
    /// It could not be bound; the reason as one line.
    Failed(String),
}

/// Where a running collector listens.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Bound address of the OTLP/gRPC listener.
    pub grpc: SocketAddr,
    /// State of the OTLP/HTTP listener.
    pub http: HttpListener,
}

/// A collector, which runs between [`Collector::start`] and [`Collector::stop`].
#[derive(Debug)]
pub struct Collector {
    config: CollectorConfig,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    ingest: IngestThread,
    servers: JoinSet<()>,
    stop: CancellationToken,
    stop_store: CancellationToken,
    listening: Listening,
    handle: Handle,
    sink: Ingest,
}

impl Collector {
    /// Does not start it.
    pub const fn new(config: CollectorConfig) -> Self {
        Self { config, running: None }
    }

    /// Binds the listeners and serves them on a thread of their own. Starting a running collector only returns its addresses.
    ///
    /// # Errors
    /// [`StartError`] when the gRPC listener cannot be bound; a failed HTTP listener is reported in [`Listening`].
    pub fn start(&mut self) -> Result<(Listening, Handle), StartError> {
        if self.running.is_none() {
            self.running = Some(Running::start(&self.config)?);
        }
        match &self.running {
            Some(running) => Ok((running.listening.clone(), running.handle.clone())),
            None => Err(StartError::Runtime(io::Error::other("not running"))),
        }
    }

    /// Stops listening and waits at most `grace` for requests in flight. The last snapshot then holds everything that was
    /// accepted, and its [`Handle`] still answers.
    pub fn drain(&mut self, grace: Duration) {
        if let Some(running) = &mut self.running {
            running.drain(grace);
        }
    }

    /// As [`Collector::drain`], then ends the thread.
    pub fn stop(&mut self, grace: Duration) {
        if let Some(mut running) = self.running.take() {
            running.drain(grace);
        }
    }

    /// For sources in this process, such as a replay. Must be dropped before the collector is stopped.
    pub fn sink(&self) -> Option<Ingest> {
        self.running.as_ref().map(|running| running.sink.clone())
    }

    /// The runtime of a running collector, for sources that need one.
    pub fn runtime(&self) -> Option<&runtime::Handle> {
        self.running.as_ref().map(|running| &running.ingest.runtime)
    }
}

impl Running {
    fn start(config: &CollectorConfig) -> Result<Self, StartError> {
        let ingest_thread = IngestThread::start().map_err(StartError::Runtime)?;
        let runtime = &ingest_thread.runtime;
        let grpc = runtime.block_on(bind(&config.host, config.grpc_port))?;
        let grpc_address = grpc.local_addr().map_err(StartError::Runtime)?;
        let http = config.http_port.map(|port| runtime.block_on(bind(&config.host, port)));

        let (stop, stop_store) = (CancellationToken::new(), CancellationToken::new());
        let (batches, queue) = mpsc::channel(QUEUED_BATCHES);
        let (commands, asked) = mpsc::unbounded_channel();
        let (published, snapshots) =
            watch::channel(Arc::new(Snapshot { capacity: config.capacity, ..Snapshot::default() }));
        let metrics = Arc::new(CollectorMetrics::with_notices(config.notices.clone()));
        let names = SharedNames::default();
        let store = Store::new(StoreConfig {
            capacity: config.capacity,
            span_memory: config.span_memory,
            pricer: Arc::clone(&config.pricer),
            names: names.clone(),
        });
        let ingest = Ingest::with_taps(batches, names, Arc::clone(&metrics), &config.taps);
        let handle = Handle::new(snapshots, commands, Arc::clone(&metrics));
        let receiver =
            OtlpReceiver { sink: ingest.clone(), metrics: Arc::clone(&metrics), access: config.access.clone() };
        let publish_every = config.publish_every;
        let task = StoreTask { store, batches: queue, commands: asked, metrics, published, publish_every };
        runtime.spawn(store::run(task, stop_store.clone()));

        let mut servers = JoinSet::new();
        servers.spawn_on(serve_grpc(grpc, receiver.clone(), stop.clone()), runtime);
        let http = match http {
            None => HttpListener::Off,
            Some(Err(error)) => HttpListener::Failed(error.to_string().lines().next().unwrap_or_default().to_owned()),
            Some(Ok(listener)) => {
                let address = listener.local_addr().map_err(StartError::Runtime)?;
                servers.spawn_on(serve_http(listener, receiver, stop.clone()), runtime);
                HttpListener::Bound(address)
            }
        };
        info!(address = %grpc_address, "OTLP/gRPC listener bound");
        match &http {
            HttpListener::Bound(address) => info!(%address, "OTLP/HTTP listener bound"),
            HttpListener::Failed(reason) => warn!(%reason, "OTLP/HTTP listener not bound"),
            HttpListener::Off => {}
        }
        let listening = Listening { grpc: grpc_address, http };
        Ok(Self { ingest: ingest_thread, servers, stop, stop_store, listening, handle, sink: ingest })
    }

    fn drain(&mut self, grace: Duration) {
        self.stop.cancel();
        let servers = &mut self.servers;
        self.ingest.runtime.block_on(async {
            // Requests still in flight after the grace period end with the runtime.
            let _ = tokio::time::timeout(grace, async { while servers.join_next().await.is_some() {} }).await;
            servers.abort_all();
            self.stop_store.cancel();
            let mut snapshots = self.handle.snapshots.clone();
            // The store applies what is queued, publishes once more, and closes the channel.
            let _ = tokio::time::timeout(grace, async { while snapshots.changed().await.is_ok() {} }).await;
        });
    }
}

/// The thread whose current-thread runtime drives connections, ingest and the store in the order they are woken, so that
/// responses to requests that arrive together leave in one write. Dropping this ends the thread and all its tasks.
#[derive(Debug)]
struct IngestThread {
    runtime: runtime::Handle,
    ended: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl IngestThread {
    fn start() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (handle, ended) = (runtime.handle().clone(), CancellationToken::new());
        let until_ended = ended.clone().cancelled_owned();
        let thread = thread::Builder::new().name("ingest".to_owned()).spawn(move || runtime.block_on(until_ended))?;
        Ok(Self { runtime: handle, ended, thread: Some(thread) })
    }
}

impl Drop for IngestThread {
    fn drop(&mut self) {
        self.ended.cancel();
        // A panic of the thread has been reported by the panic hook.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn bind(host: &str, port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind((host, port)).await.map_err(|source| {
        let host = host.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortTaken { host, port },
            _ => StartError::Bind { host, port, source },
        }
    })
}

async fn serve_grpc(listener: TcpListener, receiver: OtlpReceiver<Ingest>, stop: CancellationToken) {
    let (tls, limits) = (receiver.access.tls.clone(), ConnectionLimits::default());
    let metrics = receiver.connection_metrics().http2_only();
    let incoming = listener::accept(listener, tls, limits, metrics, stop.clone());
    let _guard = ExitGuard::new("OTLP/gRPC", Arc::clone(&receiver.metrics), stop.clone());
    grpc::serve(receiver, GrpcLimits::default(), incoming, stop).await;
}

async fn serve_http(listener: TcpListener, receiver: OtlpReceiver<Ingest>, stop: CancellationToken) {
    let _guard = ExitGuard::new("OTLP/HTTP", Arc::clone(&receiver.metrics), stop.clone());
    http::serve(listener, receiver, HttpLimits::default(), stop).await;
}

#[cfg(test)]
mod tests {
    use super::signal::Signal;
    use super::sink::Sink as _;
    use super::*;

    fn config() -> CollectorConfig {
        CollectorConfig {
            host: "127.0.0.1".to_owned(),
            grpc_port: 0,
            http_port: Some(0),
            capacity: 10,
            span_memory: 1 << 20,
            publish_every: Duration::from_millis(1),
            access: Access::default(),
            pricer: Arc::default(),
            taps: Vec::new(),
            notices: None,
        }
    }

    #[test]
    fn starting_twice_is_harmless_and_so_is_stopping() {
        let mut collector = Collector::new(config());
        let (first, _) = collector.start().unwrap();
        let (second, _) = collector.start().unwrap();
        assert_eq!(first.grpc, second.grpc);
        collector.stop(Duration::from_secs(2));
        collector.stop(Duration::from_secs(2));
        assert!(std::net::TcpStream::connect(first.grpc).is_err(), "no listener any more");
    }

    #[test]
    fn a_taken_http_port_leaves_grpc_running() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut collector = Collector::new(CollectorConfig { http_port: Some(port), ..config() });
        let (listening, _) = collector.start().unwrap();
        assert!(matches!(listening.http, HttpListener::Failed(reason) if reason.contains("already in use")));
        assert!(std::net::TcpStream::connect(listening.grpc).is_ok());
        collector.stop(Duration::from_secs(2));
    }

    /// Keeps what it is offered.
    #[derive(Debug, Default)]
    struct Offered(std::sync::Mutex<Vec<bytes::Bytes>>);

    impl Tap for Offered {
        fn offer(&self, _: Signal, request: &bytes::Bytes) {
            self.0.lock().unwrap().push(request.clone());
        }
    }

    #[test]
    fn taps_get_the_very_bytes_of_what_was_accepted_and_nothing_else() {
        let tap = Arc::new(Offered::default());
        let mut collector = Collector::new(CollectorConfig { taps: vec![tap.clone()], ..config() });
        collector.start().unwrap();
        let sink = collector.sink().unwrap();
        let capture: &'static [u8] = include_bytes!("../tests/fixtures/plano-brightstaff/002.binpb");
        let request = bytes::Bytes::from_static(capture);
        sink.try_send(Signal::Traces, request.clone()).unwrap();
        sink.try_send(Signal::Traces, request.slice(1..)).unwrap_err();
        sink.blocking_send(Signal::Traces, request.clone()).unwrap();
        let offered = tap.0.lock().unwrap();
        assert_eq!(*offered, [request.clone(), request.clone()]);
        assert!(offered.iter().all(|bytes| std::ptr::eq(bytes.as_ptr(), request.as_ptr())), "shared, not copied");
        drop((offered, sink));
        collector.stop(Duration::from_secs(2));
    }
}
