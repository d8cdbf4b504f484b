//! `planoai obs` with a screen: what it is told about the program, and how its end becomes an exit code.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use planoai::app::live::Live;
use planoai::app::run::{Exit, Options, run};
use planoai::app::{About, App, Clock, Event};
use planoai::cli::ObsArgs;
use planoai::collector::HttpListener;
use planoai::collector::viewers::Viewers;
use planoai::query::analysis::ViewSpec;
use planoai::query::filter::Filter;
use planoai::query::limits::LimitMonitor;
use planoai::ui;
use planoai::ui::theme::Theme;

use crate::obs::exit::ExitError;
use crate::obs::source::Source;

/// The collector's threads; it catches what goes wrong in a request there.
const CONTAINED_THREADS: &[&str] = &["ingest", "viewers"];

/// How lines about prices begin; other lines are told once and go.
const PRICES: &str = "prices: ";

/// Draws until the user or a signal ends it. `prices` is where prices come from at start, `told` what is to be told
/// later on.
pub(super) fn show(
    args: &ObsArgs,
    filter: Filter,
    source: &Source,
    live: Live,
    prices: String,
    told: Receiver<String>,
) -> Result<(), ExitError> {
    let theme = Theme::detect(|name| env::var(name).ok());
    let filter = Arc::new(filter);
    let guard = LimitMonitor::new(args.limits(), Arc::clone(&filter));
    let spec = ViewSpec { filter, ..ViewSpec::default() };
    let refresh = Duration::from_millis(args.refresh_ms.into());
    let app = App::new(about(args, source, prices), spec, refresh, Clock::default());
    let events = events(told, source)?;
    let options = Options { mouse: args.mouse, contained_threads: CONTAINED_THREADS, guard };
    match run(app, live, events.into_iter(), |app, buf| ui::draw(app, theme, buf), options)? {
        Exit::Quit | Exit::TerminalGone => Ok(()),
        Exit::Signal(signal) => Err(ExitError::Signal(signal)),
    }
}

/// What others have to say as it goes on: prices, and how the connection to a collector elsewhere is.
fn events(told: Receiver<String>, source: &Source) -> io::Result<Receiver<Event>> {
    let (sender, events) = channel();
    if let Source::Remote { remote, .. } = source {
        let (mut link, sender) = (remote.link(), sender.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let watch = move || {
            runtime.block_on(async {
                while sender.send(Event::Link(link.borrow_and_update().clone())).is_ok() && link.changed().await.is_ok()
                {
                }
            });
        };
        thread::Builder::new().name("link".to_owned()).spawn(watch)?;
    }
    let event = |line: String| if line.starts_with(PRICES) { Event::Prices(line) } else { Event::Note(line) };
    let tell = move || told.into_iter().map(event).try_for_each(|event| sender.send(event));
    thread::Builder::new().name("notes".to_owned()).spawn(tell)?;
    Ok(events)
}

fn about(args: &ObsArgs, source: &Source, prices: String) -> About {
    let is_protected = args.token.is_some() || args.tls_client_ca.is_some();
    let is_reachable = |address: &SocketAddr| !address.ip().is_loopback();
    match source {
        Source::Local { listening, viewers, .. } => {
            let viewers = viewers.as_ref().map(Viewers::address);
            About {
                grpc: listening.grpc.to_string(),
                http: match &listening.http {
                    HttpListener::Bound(address) => Some(Ok(address.to_string())),
                    HttpListener::Failed(reason) => Some(Err(reason.clone())),
                    HttpListener::Off => None,
                },
                viewers: viewers.map(|address| address.to_string()),
                is_open: [Some(listening.grpc), viewers].iter().flatten().any(is_reachable) && !is_protected,
                is_demo: args.demo,
                prices,
                has_bell: args.bell,
                secrets: args.show_secrets.into(),
                ..About::default()
            }
        }
        Source::Remote { address, .. } => About {
            attached: Some(address.to_string()),
            prices,
            has_bell: args.bell,
            secrets: args.show_secrets.into(),
            ..About::default()
        },
    }
}
