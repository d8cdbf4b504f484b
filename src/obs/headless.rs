//! A run without a screen: calls to stdout, everything else that is to be told to stderr.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use planoai::cli::ObsArgs;
use planoai::collector::Snapshot;
use planoai::collector::ingest::unix_nano_now;
use planoai::collector::taps::ExportPipelines;
use planoai::output::{
    FollowProgress, Follower, OnceSummary, OutputFormat, RecordFormat, RecordWriter, SpanExplainer, StatsReporter,
    WithLimits, follow,
};
use planoai::pricing::Pricer;
use planoai::query::filter::Filter;
use planoai::query::limits::LimitMonitor;
use planoai::sources::attach::{Address, Link};
use planoai::sources::replay::Replay;
use planoai::text::clean;
use planoai::text::secrets::Secrets;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::obs::exit::ExitError;
use crate::obs::source::Source;
use crate::obs::stderr::{print_line, print_note};
use crate::obs::{GRACE, pipeline};

/// How long `--once` gathers, unless told otherwise.
const SUMMARY_AFTER: Duration = Duration::from_secs(10);

/// Calls that come, and what is to be made of them.
pub(super) struct Headless<'a> {
    /// The command line.
    pub args: &'a ObsArgs,
    /// Where they come from.
    pub source: Source,
    /// What background work has to tell.
    pub notes: Receiver<String>,
    /// What is replayed; its end is the end of the run.
    pub replay: Option<Replay>,
    /// Where accepted requests go on to.
    pub pipelines: ExportPipelines,
}

impl Headless<'_> {
    /// Runs until a signal, a closed pipe, or as much as the command line asks for.
    pub(super) fn run(self, pricer: &Arc<Pricer>, filter: Filter) -> Result<(), ExitError> {
        if !self.args.is_headless() {
            return self.drive(&mut Unwritten);
        }
        let guard = LimitMonitor::new(self.args.limits(), Arc::new(filter.clone()));
        let secrets = Secrets::from(self.args.show_secrets);
        // The verdict names who is to blame.
        let breach = |verdict: String| ExitError::Breach(secrets.in_text(&verdict).into_owned());
        if self.args.once {
            let once = OnceSummary::new(io::stdout().lock(), filter, self.args.count).with_secrets(secrets);
            let mut once = WithLimits::new(once, guard);
            self.drive(&mut once)?;
            return once.verdict().map_err(breach);
        }
        let format = self.format(RecordFormat::new(self.args.shape(), Arc::clone(pricer)).with_secrets(secrets));
        let mut writer = RecordWriter::new(io::stdout().lock(), format, filter, self.args.count)?
            .explained_by(SpanExplainer::asking(self.source.handle()).with_secrets(secrets));
        if let Source::Remote { .. } = self.source {
            writer = writer.joining();
        }
        if let Some(every) = self.args.stats {
            writer = writer.reporting(self.reports(every));
        }
        let mut writer = WithLimits::new(writer, guard);
        self.drive(&mut writer)?;
        if let Some(loss) = writer.inner().counts().loss() {
            print_note(&loss);
        }
        writer.verdict().map_err(breach)
    }

    fn format(&self, format: RecordFormat) -> RecordFormat {
        let columns = self.args.fields.clone().unwrap_or_else(|| format.columns().clone());
        format.with_columns(if self.args.explain_spans { columns.with_spans() } else { columns })
    }

    fn reports(&self, every: Option<Duration>) -> StatsReporter {
        let reports = StatsReporter::every(every).with_streams(self.pipelines.clone());
        match self.args.shape() {
            OutputFormat::Ndjson => reports,
            OutputFormat::Csv => reports.aside(io::stderr()),
        }
    }

    /// Follows the collector to the end of the run, then all that it still accepted while it stopped.
    fn drive(self, follower: &mut impl Follower) -> Result<(), ExitError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let stop = stop_after(self.duration())?;
        // From here on a signal ends the run in order, so that whoever waits for an address may send one.
        self.source.lines().iter().for_each(|line| print_line(&clean(line)));
        if let Source::Remote { remote, address } = &self.source {
            runtime.spawn(tell_link(remote.link(), address.clone()));
        }
        drop(entered);
        let Self { mut source, notes, replay, .. } = self;
        // What is known by now is told whatever becomes of the thread: a short run may be over before it begins.
        for note in notes.try_iter() {
            print_note(&note);
        }
        let told = move || notes.iter().for_each(|note| print_note(&note));
        thread::Builder::new().name("told".to_owned()).spawn(told)?;
        let stop = async {
            tokio::select! {
                () = stop => {}
                () = pipeline::done(replay.as_ref(), print_note) => {}
            }
        };
        let handle = source.handle();
        let until_done = async {
            tokio::pin!(stop);
            tokio::select! {
                () = source.ready() => {}
                () = &mut stop => return Ok(FollowProgress::Open),
            }
            follow(handle.snapshots(), follower, unix_nano_now, stop).await
        };
        let outcome = runtime.block_on(until_done).map_err(ExitError::from).and_then(|_| source.check());
        // It hands in through the collector, which stops only when nobody does.
        drop(replay);
        source.drain(GRACE);
        let last = Arc::clone(&handle.snapshots().borrow());
        // Where nothing more can be written, nothing is.
        let outcome = outcome.and_then(|()| Ok(follower.end(&last, unix_nano_now())?));
        source.stop(GRACE);
        outcome
    }

    /// A summary that nothing else ends does not wait for ever.
    fn duration(&self) -> Option<Duration> {
        let has_end = !self.args.once || self.args.count.is_some() || self.replay.is_some();
        self.args.duration.or((!has_end).then_some(SUMMARY_AFTER))
    }
}

/// Ready at a signal to end, or when the time is over.
fn stop_after(duration: Option<Duration>) -> io::Result<impl Future<Output = ()>> {
    let [mut terminate, mut interrupt, mut quit] =
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::quit())?];
    let mut hangup = if is_ignored(SignalKind::hangup()) { None } else { Some(signal(SignalKind::hangup())?) };
    let hung_up = async move {
        match &mut hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
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
            _ = quit.recv() => {}
            _ = hung_up => {}
            () = time_is_over => {}
        }
    })
}

/// Whether this program was started with the signal ignored, as `nohup` does with SIGHUP. Told by Linux only; elsewhere it is
/// taken for ignored.
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_none_or(|ignored| ignored >> (signal.as_raw_value() - 1) & 1 == 1)
}

/// Tells when the collector elsewhere is found and when it is lost, but not each attempt in between.
async fn tell_link(mut link: watch::Receiver<Link>, address: Address) {
    let mut told = None;
    loop {
        let now = link.borrow_and_update().clone();
        let is_news = now != Link::Attaching && told != Some(now.is_lost());
        if is_news {
            told = Some(now.is_lost());
            match now {
                Link::Attaching => {}
                Link::Attached => print_note(&format!("attached to {address}")),
                Link::Lost { why } => print_note(&format!("{address} cannot be reached, trying again: {why}")),
            }
        }
        if link.changed().await.is_err() {
            return;
        }
    }
}

/// Nothing is written: calls are shown to viewers elsewhere only.
struct Unwritten;

impl Follower for Unwritten {
    fn take(&mut self, _: &Arc<Snapshot>, _: i64) -> io::Result<FollowProgress> {
        Ok(FollowProgress::Open)
    }

    fn end(&mut self, _: &Arc<Snapshot>, _: i64) -> io::Result<()> {
        Ok(())
    }
}
