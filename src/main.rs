//! The `planoai` program: arguments, wiring, exit code.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use planoai::app::filter::Filter;
use planoai::cli::{Cli, Cmd, HttpPort, ObsArgs, exit};
use planoai::collector::access::{Access, TlsFiles, Token};
use planoai::collector::{Collector, CollectorConfig, Handle, HttpListener, Listening, demo, ingest::unix_nano_now};
use planoai::output::{Format, Shape, Tally, Writer, follow};
use planoai::pricing::Pricer;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What requests in flight get when the program ends.
const GRACE: Duration = Duration::from_secs(2);

/// The demo plays the same traffic every time.
const DEMO_SEED: u64 = 1;

/// Without a screen, calls are written at most this long after they arrived.
const HEADLESS_INTERVAL: Duration = Duration::from_millis(20);

/// Without a screen the ring is only a buffer towards the writer; a burst must fit.
const HEADLESS_CAPACITY: usize = 100_000;

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Cmd::Obs(args) => obs(&args),
    };
    ended.unwrap_or_else(Failure::tell)
}

/// Why the program ends early, and with which exit code.
#[derive(Debug)]
enum Failure {
    Usage(String),
    Run(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

impl Failure {
    #[expect(clippy::print_stderr, reason = "the one line an error is told in")]
    fn tell(self) -> ExitCode {
        let (text, code) = match self {
            Self::Usage(text) => (text, exit::USAGE),
            Self::Run(error) => (format!("{error:#}"), exit::FAILURE),
        };
        eprintln!("planoai: {text}");
        ExitCode::from(code)
    }
}

fn obs(args: &ObsArgs) -> Result<ExitCode, Failure> {
    let filter = filter(args)?;
    if !args.json && !io::stdout().is_terminal() {
        return Err(Failure::Usage("stdout is no terminal; use --json to write calls as JSON lines".to_owned()));
    }
    let pricer = Arc::new(Pricer::default());
    let mut collector = Collector::new(config(args, access(args)?, Arc::clone(&pricer)));
    let (listening, handle) = collector.start()?;
    let stop_demo = CancellationToken::new();
    if args.demo {
        play_demo(&collector, &listening, args.token.as_deref(), stop_demo.clone());
    }
    let format = Format::new(Shape::Ndjson, pricer);
    let mut writer = Writer::new(io::stdout().lock(), format, filter, None)?;
    headless(&mut collector, &listening, &handle, &mut writer)?;
    stop_demo.cancel();
    Ok(ExitCode::SUCCESS)
}

fn filter(args: &ObsArgs) -> Result<Filter, Failure> {
    let text = args.filter.as_deref().unwrap_or_default();
    Filter::parse(text).map_err(|error| Failure::Usage(format!("--filter: {}", error.explain(text))))
}

/// The token is never repeated in an error: it may be mistyped by a character only.
fn access(args: &ObsArgs) -> Result<Access, Failure> {
    let unsendable = || Failure::Usage("--token must be printable ASCII without spaces".to_owned());
    let token = args.token.as_deref().map(|text| Token::new(text).ok_or_else(unsendable)).transpose()?;
    let files = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = files.map(|(cert, key)| TlsFiles { cert, key, client_ca: args.tls_client_ca.clone() }.load());
    Ok(Access { token, tls: tls.transpose()? })
}

fn config(args: &ObsArgs, access: Access, pricer: Arc<Pricer>) -> CollectorConfig {
    let capacity = args.capacity as usize;
    CollectorConfig {
        host: args.host.clone(),
        grpc_port: args.port,
        http_port: match args.http_port {
            HttpPort::Port(port) => Some(port),
            HttpPort::Off => None,
        },
        capacity: if args.json { capacity.max(HEADLESS_CAPACITY) } else { capacity },
        span_memory: args.span_memory,
        publish_every: if args.json { HEADLESS_INTERVAL } else { Duration::from_millis(args.refresh_ms.into()) },
        access,
        pricer,
    }
}

fn play_demo(collector: &Collector, listening: &Listening, token: Option<&str>, stop: CancellationToken) {
    let Some(runtime) = collector.runtime() else { return };
    let listener = listening.grpc;
    let options = demo::Options { seed: DEMO_SEED, token: token.and_then(Token::new) };
    runtime.spawn(async move {
        // The own listener was just bound; if it fails now, the empty screen says that nothing arrived.
        let _ = demo::run(listener, options, stop).await;
    });
}

/// Writes calls to stdout until a signal or a closed pipe ends it.
fn headless(
    collector: &mut Collector,
    listening: &Listening,
    handle: &Handle,
    writer: &mut Writer<impl Write>,
) -> Result<(), Failure> {
    tell_addresses(listening);
    let Some(runtime) = collector.runtime() else { return Ok(()) };
    runtime.block_on(async {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        follow(handle.snapshots(), writer, unix_nano_now, stop).await
    })?;
    collector.stop(GRACE);
    // What was accepted while stopping belongs to the output too.
    let last = Arc::clone(&handle.snapshots().borrow());
    writer.write(&last.calls, unix_nano_now())?;
    tell_loss(writer.tally());
    Ok(())
}

#[expect(clippy::print_stderr, reason = "stdout carries the calls")]
fn tell_loss(tally: Tally) {
    if let Some(loss) = tally.loss() {
        eprintln!("planoai: {loss}");
    }
}

#[expect(clippy::print_stderr, reason = "stdout carries the calls")]
fn tell_addresses(listening: &Listening) {
    eprintln!("listening on {} (OTLP/gRPC)", listening.grpc);
    match &listening.http {
        HttpListener::Bound(address) => eprintln!("listening on {address} (OTLP/HTTP)"),
        HttpListener::Off => {}
        HttpListener::Failed(reason) => eprintln!("no OTLP/HTTP: {reason}"),
    }
}
