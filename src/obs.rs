//! `planoai obs`: from the command line to a running source of calls, and from there to the screen or to stdout.

pub(crate) mod exit;
mod headless;
mod log;
mod losses;
mod outlet;
mod pipeline;
mod prices;
mod screen;
mod source;
pub(crate) mod stderr;

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use planoai::cli::ObsArgs;
use planoai::collector::Notice;
use planoai::collector::taps::ExportPipelines;
use planoai::pricing::Pricer;
use planoai::query::filter::Filter;
use planoai::sources::CallSource;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tracing::{error, info};

use crate::obs::exit::ExitError;
use crate::obs::prices::Prices;
use crate::obs::source::Shared;

/// How long requests in flight may take when the program ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs until the user, a signal or a closed pipe ends it.
pub(crate) fn run(args: &ObsArgs) -> Result<(), ExitError> {
    log::install(args)?;
    info!(version = env!("CARGO_PKG_VERSION"), "run started");
    let ended = run_source(args);
    match &ended {
        Ok(()) => info!("run ended"),
        Err(ExitError::Signal(signal)) => info!(signal, "run ended by a signal"),
        Err(error) => error!(reason = %error, "run failed"),
    }
    ended
}

fn run_source(args: &ObsArgs) -> Result<(), ExitError> {
    let filter = filter(args)?;
    let output = OutputMode::of(args)?;
    let loaded = Prices::load(args)?;
    let pricer = Arc::clone(loaded.pricer());
    let (sender, notices) = unbounded_channel();
    let shared = Shared { output, pricer: Arc::clone(&pricer), notices: sender.clone() };
    let (source, pipelines) = source::open(args, shared)?;
    loaded.refresh(sender)?;
    let run = Run { args, filter, source, pricer, pipelines: pipelines.clone(), notices };
    let ended = match output {
        OutputMode::Screen => screen::show(run),
        OutputMode::Text | OutputMode::Viewers => headless::run(run),
    };
    for loss in pipeline::finish(&pipelines) {
        error!("{loss}");
        stderr::print_note(&loss);
    }
    ended
}

/// A run whose source has started.
struct Run<'a> {
    args: &'a ObsArgs,
    filter: Filter,
    source: Box<dyn CallSource>,
    pricer: Arc<Pricer>,
    pipelines: ExportPipelines,
    notices: UnboundedReceiver<Notice>,
}

/// Where calls are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputMode {
    /// Drawn on the terminal.
    Screen,
    /// As text on stdout.
    Text,
    /// Served to viewers only.
    Viewers,
}

impl OutputMode {
    fn of(args: &ObsArgs) -> Result<Self, ExitError> {
        if args.is_headless() {
            return Ok(Self::Text);
        }
        match (io::stdout().is_terminal(), &args.serve_viewers) {
            (true, _) => Ok(Self::Screen),
            (false, Some(_)) => Ok(Self::Viewers),
            (false, None) => Err(ExitError::Usage(
                "stdout is no terminal; use --json or --csv to write calls to it, --once for a summary, or --serve-viewers to \
                 show them to viewers elsewhere"
                    .to_owned(),
            )),
        }
    }
}

fn filter(args: &ObsArgs) -> Result<Filter, ExitError> {
    let text = args.filter.as_deref().unwrap_or_default();
    Filter::parse(text).map_err(|error| ExitError::Filter(format!("--filter: {}", error.explain(text))))
}
