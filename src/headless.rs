//! A run without a screen: calls to stdout, everything else that is to be told to stderr.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use planoai::app::filter::Filter;
use planoai::app::guard::Guard;
use planoai::cli::ObsArgs;
use planoai::collector::ingest::unix_nano_now;
use planoai::collector::replay::Replay;
use planoai::collector::{Collector, Handle, HttpListener, Listening};
use planoai::output::{Explainer, Follower, Format, Guarded, Once, Reports, Shape, Writer, follow};
use planoai::pricing::Pricer;
use planoai::secrets::Secrets;
use planoai::text::clean;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::obs::GRACE;
use crate::streams;
use crate::told::{say, tell};

/// How long `--once` gathers, unless told otherwise.
const SUMMARY_AFTER: Duration = Duration::from_secs(10);

/// A running collector and what is to be made of it.
pub struct Headless<'a> {
    /// The command line.
    pub args: &'a ObsArgs,
    /// Who collects.
    pub collector: Collector,
    /// Where it listens.
    pub listening: Listening,
    /// Answers questions.
    pub handle: Handle,
    /// What background work has to tell.
    pub notes: Receiver<String>,
    /// What is replayed; its end is the end of the run.
    pub replay: Option<Replay>,
}

impl Headless<'_> {
    /// Runs until a signal, a closed pipe, or as much as the command line asks for.
    pub fn run(mut self, pricer: &Arc<Pricer>, filter: Filter) -> Result<(), Failure> {
        let guard = Guard::new(self.args.limits(), Arc::new(filter.clone()));
        if self.args.once {
            let mut once = Guarded::new(Once::new(io::stdout().lock(), filter, self.args.count), guard);
            self.drive(&mut once)?;
            return once.verdict().map_err(Failure::Breach);
        }
        let secrets = Secrets::from(self.args.show_secrets);
        let format = self.format(Format::new(self.args.shape(), Arc::clone(pricer)).with_secrets(secrets));
        let mut writer = Writer::new(io::stdout().lock(), format, filter, self.args.count)?
            .explained_by(Explainer::asking(self.handle.clone()).with_secrets(secrets));
        if let Some(every) = self.args.stats {
            writer = writer.reporting(self.reports(every));
        }
        let mut writer = Guarded::new(writer, guard);
        self.drive(&mut writer)?;
        if let Some(loss) = writer.inner().tally().loss() {
            tell(&loss);
        }
        writer.verdict().map_err(Failure::Breach)
    }

    fn format(&self, format: Format) -> Format {
        let columns = self.args.fields.clone().unwrap_or_else(|| format.columns().clone());
        format.with_columns(if self.args.explain_spans { columns.with_spans() } else { columns })
    }

    fn reports(&self, every: Option<Duration>) -> Reports {
        let reports = Reports::every(every);
        match self.args.shape() {
            Shape::Ndjson => reports,
            Shape::Csv => reports.aside(io::stderr()),
        }
    }

    /// Follows the collector to the end of the run, then all that it still accepted while it stopped.
    fn drive(&mut self, follower: &mut impl Follower) -> Result<(), Failure> {
        let Some(runtime) = self.collector.runtime() else { return Ok(()) };
        let stop = {
            let _entered = runtime.enter();
            stop_after(self.duration())?
        };
        // From here on a signal ends the run in order, so that whoever waits for an address may send one.
        tell_addresses(&self.listening);
        let notes = std::mem::replace(&mut self.notes, channel().1);
        thread::spawn(move || notes.iter().for_each(|note| tell(&note)));
        let replayed = streams::done(self.replay.as_ref(), tell);
        let stop = async {
            tokio::select! {
                () = stop => {}
                () = replayed => {}
            }
        };
        runtime.block_on(follow(self.handle.snapshots(), follower, unix_nano_now, stop))?;
        // It hands in through the collector, which stops only when nobody does.
        self.replay = None;
        self.collector.drain(GRACE);
        let last = Arc::clone(&self.handle.snapshots().borrow());
        follower.end(&last, unix_nano_now())?;
        self.collector.stop(GRACE);
        Ok(())
    }

    /// A summary that nothing else ends does not wait for ever.
    fn duration(&self) -> Option<Duration> {
        let has_end = !self.args.once || self.args.count.is_some() || self.replay.is_some();
        self.args.duration.or((!has_end).then_some(SUMMARY_AFTER))
    }
}

/// Ready at a signal to end, or when the time is over.
fn stop_after(duration: Option<Duration>) -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let time_is_over = async move {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = time_is_over => {}
        }
    })
}

fn tell_addresses(listening: &Listening) {
    say(&format!("listening on {} (OTLP/gRPC)", listening.grpc));
    match &listening.http {
        HttpListener::Bound(address) => say(&format!("listening on {address} (OTLP/HTTP)")),
        HttpListener::Off => {}
        HttpListener::Failed(reason) => say(&format!("no OTLP/HTTP: {}", clean(reason))),
    }
}
