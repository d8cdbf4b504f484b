//! `planoai obs` with a screen: its initial state, and how its end becomes an exit code.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use planoai::app::live::Live;
use planoai::app::run::{Exit, Options, run};
use planoai::app::{About, App, Clock};
use planoai::cli::ObsArgs;
use planoai::collector::taps::ExportPipelines;
use planoai::pricing::Pricer;
use planoai::query::analysis::ViewSpec;
use planoai::query::limits::LimitMonitor;
use planoai::sources::Endpoints;
use planoai::ui;
use planoai::ui::theme::Theme;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::obs::exit::ExitError;
use crate::obs::outlet::{self, OUTPUT_GRACE};
use crate::obs::stderr::print_note;
use crate::obs::{DRAIN_TIMEOUT, Run, pipeline};

/// The collector's threads: a panic there is caught and fails one request only.
const CONTAINED_THREADS: &[&str] = &["ingest", "viewers"];

/// Draws until the user or a signal ends it, then stops the source.
pub(super) fn show(run: Run<'_>) -> Result<(), ExitError> {
    let Run { args, filter, source, pricer, pipelines, notices } = run;
    let live = Live {
        handle: source.handle(),
        pricer: Arc::clone(&pricer),
        secrets: args.show_secrets.into(),
        streams: pipelines.clone(),
        replay: source.replay(),
        link: source.link(),
    };
    let filter = Arc::new(filter);
    let guard = LimitMonitor::new(args.limits(), Arc::clone(&filter));
    let spec = ViewSpec { filter, ..ViewSpec::default() };
    let refresh = Duration::from_millis(args.refresh_ms.into());
    let app = App::new(about(args, &source.endpoints(), &pricer), spec, refresh, Clock::default());
    let options = Options { mouse: args.mouse, contained_threads: CONTAINED_THREADS, guard, notices: Some(notices) };
    let is_drawing = Arc::new(AtomicBool::new(true));
    end_stuck_screen(Arc::clone(&is_drawing), pipelines)?;
    let ended = draw(app, live, options);
    is_drawing.store(false, Relaxed);
    source.stop(DRAIN_TIMEOUT);
    ended
}

/// Ends the program by the signal that asked for it, if the screen does not end within the grace: a terminal that nobody reads
/// blocks whoever draws on it.
fn end_stuck_screen(is_drawing: Arc<AtomicBool>, pipelines: ExportPipelines) -> Result<(), ExitError> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT])?;
    let watch = move || {
        for signal in signals.forever() {
            outlet::begin_to_end();
            thread::sleep(OUTPUT_GRACE);
            if is_drawing.load(Relaxed) {
                for loss in pipeline::finish(&pipelines) {
                    print_note(&loss);
                }
                print_note("the terminal was not read to the end");
                std::process::exit(128 + signal);
            }
        }
    };
    thread::Builder::new().name("stuck screen".to_owned()).spawn(watch)?;
    Ok(())
}

fn draw(app: App, live: Live, options: Options) -> Result<(), ExitError> {
    let theme = Theme::detect(|name| env::var(name).ok());
    match run(app, live, |app, buf| ui::draw(app, theme, buf), options)? {
        Exit::Quit | Exit::TerminalGone => Ok(()),
        Exit::Signal(signal) => Err(ExitError::Signal(signal)),
    }
}

fn about(args: &ObsArgs, endpoints: &Endpoints, pricer: &Pricer) -> About {
    let is_protected = args.token.is_some() || args.tls_client_ca.is_some();
    About {
        grpc: endpoints.grpc.map(|address| address.to_string()).unwrap_or_default(),
        http: endpoints.http.clone(),
        viewers: endpoints.viewers.map(|address| address.to_string()),
        attached: endpoints.remote.clone(),
        is_open: endpoints.is_public() && !is_protected,
        is_demo: args.demo,
        prices: format!("prices: bundled {}", pricer.catalog().generated()),
        has_bell: args.bell,
        secrets: args.show_secrets.into(),
    }
}
