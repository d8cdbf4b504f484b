//! `planoai obs`: from the command line to a running collector, and from there to the screen or to stdout.

pub(crate) mod exit;
mod headless;
mod pipeline;
mod screen;
mod source;
pub(crate) mod stderr;

use std::env;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use planoai::app::live::Live;
use planoai::cli::{HttpPort, ObsArgs};
use planoai::collector::access::{Access, TlsFiles, Token};
use planoai::collector::ingest::unix_nano_now;
use planoai::collector::taps::ExportPipelines;
use planoai::collector::{Collector, CollectorConfig, Listening};
use planoai::pricing::config::PlanoConfig;
use planoai::pricing::refresh::{self, RefreshConfig};
use planoai::pricing::{Catalog, Pricer};
use planoai::query::filter::Filter;
use planoai::sources::demo;
use planoai::sources::replay::Replay;
use tokio_util::sync::CancellationToken;

use crate::obs::exit::ExitError;
use crate::obs::headless::Headless;
use crate::obs::source::Source;

/// What requests in flight get when the program ends.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// The demo plays the same traffic every time.
const DEMO_SEED: u64 = 1;

/// Calls kept unless told otherwise.
const CAPACITY: usize = 1000;

/// Without a screen, calls are written at most this long after they arrived.
const HEADLESS_INTERVAL: Duration = Duration::from_millis(20);

/// Without a screen the ring is only a buffer towards the writer; a burst must fit.
const HEADLESS_CAPACITY: usize = 100_000;

/// Runs until the user, a signal or a closed pipe ends it.
pub(crate) fn run(args: &ObsArgs) -> Result<(), ExitError> {
    let filter = filter(args)?;
    let shown = Shown::of(args)?;
    let prices = Prices::load(args)?;
    if let Some(address) = &args.attach {
        let source = source::attach(args, address, token(args)?)?;
        let inputs = RunInputs { source, replay: None, pipelines: ExportPipelines::default() };
        return show(args, shown, filter, prices, inputs, channel());
    }
    let (notes, told) = channel();
    let pipelines = pipeline::open(args)?;
    let access = access(args)?;
    let config = config(args, shown, access.clone(), Arc::clone(&prices.pricer));
    let mut collector =
        Box::new(Collector::new(CollectorConfig { taps: pipelines.taps(), notes: Some(notes.clone()), ..config }));
    let (listening, handle) = collector.start()?;
    pipeline::check(&pipelines, &listening)?;
    let viewers = source::serve_viewers(args, access, &handle)?;
    let replay = pipeline::replay(args, &collector, &handle)?;
    let stop_demo = CancellationToken::new();
    if args.demo {
        play_demo(&collector, &listening, args.token.as_deref(), stop_demo.clone());
    }
    let source = Source::Local { collector, handle, listening, viewers };
    let inputs = RunInputs { source, replay, pipelines: pipelines.clone() };
    let ended = show(args, shown, filter, prices, inputs, (notes, told));
    stop_demo.cancel();
    tell_losses(&pipelines);
    ended
}

/// Writes and sends what is still queued, and tells what was lost.
fn tell_losses(pipelines: &ExportPipelines) {
    for loss in pipeline::finish(pipelines) {
        stderr::print_note(&loss);
    }
}

/// The source of calls, the replay that feeds it, and the pipelines it exports to.
struct RunInputs {
    source: Source,
    replay: Option<Replay>,
    pipelines: ExportPipelines,
}

/// How calls are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// On a screen of our own.
    Screen,
    Text,
    /// To viewers elsewhere only.
    Elsewhere,
}

impl Shown {
    fn of(args: &ObsArgs) -> Result<Self, ExitError> {
        if args.is_headless() {
            return Ok(Self::Text);
        }
        match (io::stdout().is_terminal(), &args.serve_viewers) {
            (true, _) => Ok(Self::Screen),
            (false, Some(_)) => Ok(Self::Elsewhere),
            (false, None) => Err(ExitError::Usage(
                "stdout is no terminal; use --json or --csv to write calls to it, --once for a summary, or --serve-viewers to \
                 show them to viewers elsewhere"
                    .to_owned(),
            )),
        }
    }
}

/// What background work has to tell, and where it is told.
type Notes = (Sender<String>, Receiver<String>);

/// Shows the calls until something ends that.
fn show(
    args: &ObsArgs,
    shown: Shown,
    filter: Filter,
    prices: Prices,
    inputs: RunInputs,
    (teller, notes): Notes,
) -> Result<(), ExitError> {
    let RunInputs { source, replay, pipelines } = inputs;
    prices.refresh(teller)?;
    match shown {
        Shown::Screen => {
            let bundled = format!("prices: bundled {}", prices.pricer.catalog().generated());
            let live = Live {
                handle: source.handle(),
                pricer: prices.pricer,
                secrets: args.show_secrets.into(),
                streams: pipelines,
                replay: replay.as_ref().map(Replay::remote),
            };
            let ended = screen::show(args, filter, &source, live, bundled, notes);
            drop(replay);
            source.stop(GRACE);
            ended
        }
        Shown::Text | Shown::Elsewhere => {
            Headless { args, source, notes, replay, pipelines }.run(&prices.pricer, filter)
        }
    }
}

fn filter(args: &ObsArgs) -> Result<Filter, ExitError> {
    let text = args.filter.as_deref().unwrap_or_default();
    Filter::parse(text).map_err(|error| ExitError::Filter(format!("--filter: {}", error.explain(text))))
}

/// The prices in use, and where newer ones may come from.
struct Prices {
    pricer: Arc<Pricer>,
    refresh: Option<RefreshConfig>,
    warnings: Vec<String>,
}

impl Prices {
    /// A config file that was named must be readable; one that just lies there is only warned of.
    fn load(args: &ObsArgs) -> Result<Self, ExitError> {
        let folder = env::current_dir().unwrap_or_default();
        let mut warnings = Vec::new();
        let config = match PlanoConfig::load(args.config.as_deref(), &folder) {
            Ok(config) => config,
            Err(error) if args.config.is_some() => return Err(ExitError::Usage(format!("--config: {error}"))),
            Err(error) => {
                warnings.push(format!("config left out: {error}"));
                PlanoConfig::default()
            }
        };
        let feed = args.pricing_provider.or(config.feed);
        let named = || config.url_for(feed.unwrap_or_default()).map(str::to_owned);
        let url = args.pricing_url.clone().or_else(named);
        warnings.extend(config.warnings);
        let mut aliases = config.aliases;
        if let Some(chosen) = args.pricing_provider {
            aliases.feed_provider = chosen.provider();
        }
        let is_wanted = feed.is_some() || url.is_some();
        let refresh = is_wanted.then(|| RefreshConfig {
            url,
            offline: args.offline,
            cache_folder: refresh::default_folder(),
            ..RefreshConfig::new(feed.unwrap_or_default(), unix_nano_now() / 1_000_000_000)
        });
        Ok(Self { pricer: Arc::new(Pricer::new(Catalog::bundled(), aliases)), refresh, warnings })
    }

    /// Fetches newer prices in the background, if a source was named. What is to be told goes to `sender`.
    fn refresh(&self, sender: Sender<String>) -> io::Result<()> {
        for warning in &self.warnings {
            let _ = sender.send(warning.clone());
        }
        if let Some(config) = self.refresh.clone() {
            let generated = self.pricer.catalog().generated().to_owned();
            refresh::spawn(config, Arc::clone(&self.pricer), move |outcome| {
                // Whoever was told has gone when the program ends before the network answers.
                let _ = sender.send(outcome.line(&generated));
            })?;
        }
        Ok(())
    }
}

/// The token is never repeated in an error: it may be mistyped by a character only.
fn token(args: &ObsArgs) -> Result<Option<Token>, ExitError> {
    let unsendable = || ExitError::Usage("--token must be printable ASCII without spaces".to_owned());
    args.token.as_deref().map(|text| Token::new(text).ok_or_else(unsendable)).transpose()
}

fn access(args: &ObsArgs) -> Result<Access, ExitError> {
    let files = args.tls_cert.clone().zip(args.tls_key.clone());
    let tls = files.map(|(cert, key)| TlsFiles { cert, key, client_ca: args.tls_client_ca.clone() }.load());
    Ok(Access { token: token(args)?, tls: tls.transpose()? })
}

fn config(args: &ObsArgs, shown: Shown, access: Access, pricer: Arc<Pricer>) -> CollectorConfig {
    let usual = if shown == Shown::Text { HEADLESS_CAPACITY } else { CAPACITY };
    CollectorConfig {
        host: args.host.clone(),
        grpc_port: args.port,
        http_port: match args.http_port {
            HttpPort::Port(port) => Some(port),
            HttpPort::Off => None,
        },
        capacity: args.capacity.map_or(usual, |calls| calls as usize),
        span_memory: args.span_memory,
        publish_every: match shown {
            Shown::Text => HEADLESS_INTERVAL,
            Shown::Screen | Shown::Elsewhere => Duration::from_millis(args.refresh_ms.into()),
        },
        access,
        pricer,
        taps: Vec::new(),
        notes: None,
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
