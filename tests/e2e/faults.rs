//! Panics while the terminal is taken: it is handed back whichever thread they are in, and one in a handler costs its request
//! only.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use planoai::app::detail::{Detail, Wanted};
use planoai::app::live::Live;
use planoai::app::run::{Options, Source, run};
use planoai::app::{About, App, Clock};
use planoai::call::LlmCall;
use planoai::collector::access::Access;
use planoai::collector::grpc::GrpcLimits;
use planoai::collector::http::HttpLimits;
use planoai::collector::listener::ConnectionLimits;
use planoai::collector::receiver::OtlpReceiver;
use planoai::collector::signal::Signal;
use planoai::collector::sink::{Refusal, Sink};
use planoai::collector::taps::ExportPipelines;
use planoai::collector::{Collector, CollectorConfig, HttpListener, Ingest, Snapshot, grpc, http, listener};
use planoai::pricing::Pricer;
use planoai::query::analysis::ViewSpec;
use planoai::text::secrets::Secrets;
use planoai::ui;
use planoai::ui::theme::Theme;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::recorded::{BEGIN, MINUTE, call};
use crate::support::{GrpcClient, post};
use crate::terminal::Terminal;

/// The model of a call whose handler panics.
const MARK: &str = "at-fault";

/// Names the thread that shall panic in the child process.
const PANIC_IN: &str = "E2E_PANIC_IN";

#[derive(Clone)]
struct Nothing(watch::Receiver<Arc<Snapshot>>);

impl Source for Nothing {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.clone()
    }

    fn clear(&self) {}

    fn look_into(&self, call: &LlmCall) -> Detail {
        Detail { wanted: Wanted::of(call), spans: Vec::new(), cost: Pricer::default().explain(call) }
    }
}

/// The child process of the tests below: draws one frame, then panics in the thread named by the environment.
#[test]
#[ignore = "runs inside the pseudo-terminal of the other tests"]
fn inside_the_terminal() {
    let thread = std::env::var(PANIC_IN).unwrap();
    if thread == "ingest" {
        return inside_a_handler();
    }
    let app = App::new(About::default(), ViewSpec::default(), Duration::from_millis(50), Clock::default());
    // A collector that is gone would end the loop.
    let (_collector, snapshots) = watch::channel(Arc::default());
    let theme = Theme::detect(|_| None);
    let (elsewhere, drawing) = (thread.clone(), thread);
    let (drawn, first_frame) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        first_frame.recv().unwrap();
        assert!(elsewhere != "another", "on request");
    });
    let ended = run(
        app,
        Nothing(snapshots),
        move |app, buf| {
            assert!(drawing != "main", "on request");
            let _ = drawn.send(());
            ui::draw(app, theme, buf)
        },
        Options::default(),
    );
    assert!(ended.is_ok(), "{ended:?}");
}

/// Hands in what arrives, but panics at a marked request.
#[derive(Clone)]
struct Faulty(Ingest);

impl Sink for Faulty {
    fn try_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        assert!(!request.windows(MARK.len()).any(|part| part == MARK.as_bytes()), "on request");
        self.0.try_send(signal, request)
    }

    fn blocking_send(&self, signal: Signal, request: Bytes) -> Result<(), Refusal> {
        self.0.blocking_send(signal, request)
    }
}

/// The screen over a collector, and both transports before it with a fault in their handlers.
fn inside_a_handler() {
    let mut collector = Collector::new(CollectorConfig {
        host: "127.0.0.1".to_owned(),
        grpc_port: 0,
        http_port: None,
        capacity: 10,
        span_memory: 1 << 20,
        publish_every: Duration::from_millis(20),
        access: Access::default(),
        pricer: Arc::default(),
        taps: Vec::new(),
        notices: None,
    });
    let (_, handle) = collector.start().unwrap();
    let ingest = collector.sink().unwrap();
    let metrics = Arc::clone(ingest.metrics());
    let receiver = OtlpReceiver { sink: Faulty(ingest), metrics, access: Access::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("ingest")
        .enable_all()
        .build()
        .unwrap();
    let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (over_grpc, over_http) = (bind(), bind());
    let about = About {
        grpc: over_grpc.local_addr().unwrap().to_string(),
        http: HttpListener::Bound(over_http.local_addr().unwrap()),
        ..About::default()
    };
    let stop = CancellationToken::new();
    let (served, stopped) = (receiver.clone(), stop.clone());
    runtime.spawn(async move {
        let limits = ConnectionLimits::default();
        let incoming = listener::accept(over_grpc, None, limits, served.connection_metrics(), stopped.clone());
        grpc::serve(served, GrpcLimits::default(), incoming, stopped).await;
    });
    runtime.spawn(http::serve(over_http, receiver, HttpLimits::default(), stop));
    let app = App::new(about, ViewSpec::default(), Duration::from_millis(50), Clock::default());
    let live = Live {
        handle,
        pricer: Arc::default(),
        secrets: Secrets::default(),
        streams: ExportPipelines::default(),
        replay: None,
        link: None,
    };
    let theme = Theme::detect(|_| None);
    let options = Options { contained_threads: &["ingest"], ..Options::default() };
    let ended = run(app, live, move |app, buf| ui::draw(app, theme, buf), options);
    assert!(ended.is_ok(), "{ended:?}");
}

fn start(thread: &str, columns: u16, rows: u16) -> Terminal {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "faults::inside_the_terminal", "--nocapture", "--test-threads=1"];
    Terminal::start_program(program.to_str().unwrap(), columns, rows, &arguments, &[(PANIC_IN, thread)])
}

fn panics_in(thread: &str) {
    let mut terminal = start(thread, 80, 24);
    assert_ne!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
    let raw = String::from_utf8_lossy(&terminal.raw).into_owned();
    let (_, after) = raw.rsplit_once("\x1b[?1049l").expect("the alternate screen was left");
    assert!(after.contains("on request"), "the panic is printed where it can be read: {after}");
}

#[test]
fn a_panic_while_drawing_hands_the_terminal_back() {
    panics_in("main");
}

#[test]
fn a_panic_in_another_thread_hands_the_terminal_back() {
    panics_in("another");
}

/// Guarantees: over either transport a panic in a handler is answered as such, counted and shown on the screen, and what comes
/// next is taken.
#[test]
fn a_panic_in_a_handler_fails_the_request_and_is_reported() {
    let mut terminal = start("ingest", 160, 40);
    let over_grpc = terminal.address();
    terminal.wait_for_text("OTLP/HTTP");
    let contents = terminal.contents();
    let line = contents.lines().find(|line| line.contains("OTLP/HTTP")).unwrap();
    let over_http = line.split_whitespace().find(|word| word.starts_with("127.")).unwrap();
    let mut client = GrpcClient::connect(&over_grpc);
    let failed = client.export(call(MARK, 1, BEGIN)).unwrap_err();
    assert_eq!(failed.code(), tonic::Code::Internal);
    terminal.wait_for_text("caught a panic in `ingest` at ");
    terminal.wait_for_text("1 refused");
    let protobuf = |request: Vec<u8>| post(over_http, "/v1/traces", "application/x-protobuf", &request).0;
    assert_eq!(protobuf(call(MARK, 2, BEGIN).encode_to_vec()), 500);
    terminal.wait_for_text("2 refused");
    client.export(call("gpt-5", 3, BEGIN)).unwrap();
    assert_eq!(protobuf(call("gpt-5", 4, BEGIN + MINUTE).encode_to_vec()), 200);
    terminal.wait_for_text("2 since start");
    terminal.type_keys("a");
    terminal.wait_for_text("2    internal error");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}
