//! Opens the source of calls that the command line names.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use planoai::cli::{HttpPort, ObsArgs};
use planoai::collector::access::{Access, TlsFiles, Token};
use planoai::collector::taps::ExportPipelines;
use planoai::collector::viewers::ViewersConfig;
use planoai::collector::{CollectorConfig, Notice};
use planoai::pricing::Pricer;
use planoai::sources::attach::{Address, ClientTls, RemoteCollector, RemoteConfig};
use planoai::sources::local::Local;
use planoai::sources::replay::ReplayConfig;
use planoai::sources::{CallSource, demo};
use tokio::sync::mpsc::UnboundedSender;

use crate::obs::exit::ExitError;
use crate::obs::{OutputMode, pipeline};

/// The demo plays the same traffic every time.
const DEMO_SEED: u64 = 1;

/// Calls kept by default.
const CAPACITY: usize = 1000;

/// Without a screen the ring is only a buffer before the writer; a burst must fit: two of the largest requests.
const HEADLESS_CAPACITY: usize = 2 * 131_072;

/// Without a screen, calls are written at most this long after they arrived.
const HEADLESS_INTERVAL: Duration = Duration::from_millis(20);

/// What a local collector needs of the run beyond the command line.
pub(super) struct Shared {
    pub(super) output: OutputMode,
    pub(super) pricer: Arc<Pricer>,
    pub(super) notices: UnboundedSender<Notice>,
}

/// A running source, and where the requests it accepts are exported to.
pub(super) type Opened = (Box<dyn CallSource>, ExportPipelines);

/// Starts the source of the run.
pub(super) fn open(args: &ObsArgs, shared: Shared) -> Result<Opened, ExitError> {
    if let Some(address) = &args.attach {
        return Ok((Box::new(attach(args, address)?), ExportPipelines::default()));
    }
    let (local, pipelines) = local(args, shared)?;
    Ok((Box::new(local), pipelines))
}

fn local(args: &ObsArgs, shared: Shared) -> Result<(Local, ExportPipelines), ExitError> {
    let pipelines = pipeline::open(args)?;
    let access = access(args)?;
    let mut local = Local::start(CollectorConfig { taps: pipelines.taps(), ..config(args, access.clone(), shared) })?;
    pipeline::check(&pipelines, local.listening())?;
    if let Some(at) = &args.serve_viewers {
        let host = at.host.clone().unwrap_or_else(|| viewers_host(&args.host, access.is_protected()));
        local.serve_viewers(ViewersConfig::new(host, at.port, access))?;
    }
    if !args.replay.is_empty() {
        let config = ReplayConfig { speed: args.speed, now: args.now, ..ReplayConfig::new(args.replay.clone()) };
        let usage = |input: &str, error| ExitError::Usage(format!("--replay: {input}: {error}"));
        local.start_replay(config).map_err(|error| usage(&error.input, error.error))?;
    }
    if args.demo {
        local.start_demo(demo::Options { seed: DEMO_SEED, token: args.token.as_deref().and_then(Token::new) });
    }
    Ok((local, pipelines))
}

fn config(args: &ObsArgs, access: Access, shared: Shared) -> CollectorConfig {
    let Shared { output, pricer, notices } = shared;
    let (capacity, publish_every) = match output {
        OutputMode::Text => (HEADLESS_CAPACITY, HEADLESS_INTERVAL),
        OutputMode::Screen | OutputMode::Viewers => (CAPACITY, Duration::from_millis(args.refresh_ms.into())),
    };
    CollectorConfig {
        host: args.host.clone(),
        grpc_port: args.port,
        http_port: match args.http_port {
            HttpPort::Port(port) => Some(port),
            HttpPort::Off => None,
        },
        capacity: args.capacity.map_or(capacity, |calls| calls as usize),
        span_memory: args.span_memory,
        publish_every,
        access,
        pricer,
        taps: Vec::new(),
        notices: Some(notices),
    }
}

/// The token is never repeated in an error: it may be mistyped by one character only.
fn token(args: &ObsArgs) -> Result<Option<Token>, ExitError> {
    let unsendable = || ExitError::Usage("--token must be printable ASCII without spaces".to_owned());
    args.token.as_deref().map(|text| Token::new(text).ok_or_else(unsendable)).transpose()
}

fn access(args: &ObsArgs) -> Result<Access, ExitError> {
    let files = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = files.map(|(cert, key)| TlsFiles { cert, key, client_ca: args.tls_client_ca.clone() }.load());
    Ok(Access { token: token(args)?, tls: tls.transpose()? })
}

/// Viewers read prompts: without authentication their listener binds to loopback, unless `--serve-viewers` names a host.
fn viewers_host(host: &str, is_protected: bool) -> String {
    let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if is_protected || is_here { host.to_owned() } else { "127.0.0.1".to_owned() }
}

fn attach(args: &ObsArgs, address: &Address) -> Result<RemoteCollector, ExitError> {
    let config = RemoteConfig {
        token: token(args)?,
        tls: client_tls(args, address)?,
        most_calls: args.capacity.map(|calls| calls as usize),
        span_memory: args.span_memory,
        ..RemoteConfig::new(address.clone())
    };
    Ok(RemoteCollector::start(&config)?)
}

/// TLS is used where the scheme or any TLS option asks for it.
fn client_tls(args: &ObsArgs, address: &Address) -> Result<Option<ClientTls>, ExitError> {
    let read = |path: &Path| {
        fs::read(path).map_err(|error| ExitError::Usage(format!("cannot read {}: {error}", path.display())))
    };
    let authorities = args.tls_ca.as_deref().map(read).transpose()?;
    let files = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
    let identity = files.map(|(chain, key)| Ok::<_, ExitError>((read(chain)?, read(key)?))).transpose()?;
    let is_given = authorities.is_some() || identity.is_some();
    match address.scheme_tls() {
        Some(false) if is_given => Err(ExitError::Usage("--attach: grpc:// is without TLS; use grpcs://".to_owned())),
        Some(false) => Ok(None),
        None if !is_given => Ok(None),
        Some(true) | None => Ok(Some(ClientTls { authorities, identity })),
    }
}
