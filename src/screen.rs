//! `planoai obs` with a screen: what it is told about the program, and how its end becomes an exit code.

use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use planoai::app::analysis::ViewSpec;
use planoai::app::filter::Filter;
use planoai::app::live::Live;
use planoai::app::run::{Exit, Options, run};
use planoai::app::{About, App, Clock, Event};
use planoai::cli::ObsArgs;
use planoai::collector::{HttpListener, Listening};
use planoai::ui;
use planoai::ui::theme::Theme;

use crate::failure::Failure;

/// The collector's threads; it catches what goes wrong in a request there.
const CONTAINED_THREADS: &[&str] = &["ingest"];

/// How lines about prices begin; other lines are told once and go.
const PRICES: &str = "prices: ";

/// Draws until the user or a signal ends it. `prices` is where prices come from at start, `told` what is to be told
/// later on.
pub fn show(
    args: &ObsArgs,
    filter: Filter,
    listening: &Listening,
    live: Live,
    prices: String,
    told: Receiver<String>,
) -> Result<(), Failure> {
    let theme = Theme::detect(|name| env::var(name).ok());
    let spec = ViewSpec { filter: Arc::new(filter), ..ViewSpec::default() };
    let refresh = Duration::from_millis(args.refresh_ms.into());
    let app = App::new(about(args, listening, prices), spec, refresh, Clock::default());
    let events =
        told.into_iter().map(|line| if line.starts_with(PRICES) { Event::Prices(line) } else { Event::Note(line) });
    let options = Options { mouse: args.mouse, contained_threads: CONTAINED_THREADS };
    match run(app, live, events, |app, buf| ui::draw(app, theme, buf), options)? {
        Exit::Quit | Exit::TerminalGone => Ok(()),
        Exit::Signal(signal) => Err(Failure::Signal(signal)),
    }
}

fn about(args: &ObsArgs, listening: &Listening, prices: String) -> About {
    let is_protected = args.token.is_some() || args.tls_client_ca.is_some();
    let is_reachable = |address: &SocketAddr| !address.ip().is_loopback();
    About {
        grpc: listening.grpc.to_string(),
        http: match &listening.http {
            HttpListener::Bound(address) => Some(Ok(address.to_string())),
            HttpListener::Failed(reason) => Some(Err(reason.clone())),
            HttpListener::Off => None,
        },
        is_open: is_reachable(&listening.grpc) && !is_protected,
        is_demo: args.demo,
        prices,
        secrets: args.show_secrets.into(),
    }
}
