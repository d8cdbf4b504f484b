//! A run without a screen: calls to stdout, notices to stderr.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use planoai::collector::ingest::unix_nano_now;
use planoai::collector::{Notice, Snapshot};
use planoai::output::{
    FollowProgress, Follower, OnceSummary, OutputFormat, RecordFormat, RecordWriter, SpanExplainer, StatsReporter,
    WithLimits, follow,
};
use planoai::query::limits::LimitMonitor;
use planoai::sources::attach::Link;
use planoai::sources::replay::{ReplayHandle, State};
use planoai::text::clean;
use planoai::text::secrets::Secrets;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::obs::exit::ExitError;
use crate::obs::outlet::{self, Outlet};
use crate::obs::stderr::{Stderr, print_line, print_note};
use crate::obs::{DRAIN_TIMEOUT, Run, losses, pipeline};

/// How long `--once` collects by default.
const SUMMARY_AFTER: Duration = Duration::from_secs(10);

/// Runs until a signal, a closed pipe, or as much as the command line asks for.
pub(super) fn run(run: Run<'_>) -> Result<(), ExitError> {
    if !run.args.is_headless() {
        return run.drive(&mut NoOutput);
    }
    let guard = LimitMonitor::new(run.args.limits(), Arc::new(run.filter.clone()));
    let secrets = Secrets::from(run.args.show_secrets);
    // The verdict names the calls that contributed most, with text from outside.
    let breach = |verdict: String| ExitError::Breach(secrets.in_text(&verdict).into_owned());
    if run.args.once {
        let once = OnceSummary::new(Outlet::new("stdout", io::stdout())?, run.filter.clone(), run.args.count)
            .with_secrets(secrets);
        let once = if run.source.is_joined_late() { once } else { once.counting_from_start() };
        let mut once = WithLimits::new(once, guard);
        run.drive(&mut once).map_err(|error| unread(error, || "the summary was not written".to_owned()))?;
        return once.verdict().map_err(breach);
    }
    let mut writer = WithLimits::new(run.writer(secrets)?, guard);
    let handle = run.source.handle();
    let ended = run.drive(&mut writer);
    ended.map_err(|error| {
        unread(error, || {
            let arrived = handle.snapshots().borrow().counters.llm_calls;
            format!("{} of {arrived} calls were written", writer.inner().flushed_calls())
        })
    })?;
    if let Some(loss) = writer.inner().counts().loss() {
        print_note(&loss);
    }
    writer.verdict().map_err(breach)
}

/// Says what was not written if the run ended because stdout took no more.
fn unread(error: ExitError, what: impl FnOnce() -> String) -> ExitError {
    match error {
        ExitError::Run(error) if error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::TimedOut) => {
            ExitError::Run(anyhow::anyhow!("stdout was not read to the end: {}", what()))
        }
        other => other,
    }
}

impl Run<'_> {
    fn writer(&self, secrets: Secrets) -> Result<RecordWriter<Outlet>, ExitError> {
        let format = RecordFormat::new(self.args.shape(), Arc::clone(&self.pricer)).with_secrets(secrets);
        let columns = self.args.fields.clone().unwrap_or_else(|| format.columns().clone());
        let format = format.with_columns(if self.args.explain_spans { columns.with_spans() } else { columns });
        let mut writer =
            RecordWriter::new(Outlet::new("stdout", io::stdout())?, format, self.filter.clone(), self.args.count)?
                .explained_by(SpanExplainer::asking(self.source.handle()).with_secrets(secrets));
        if self.source.is_joined_late() {
            writer = writer.joining();
        }
        if let Some(every) = self.args.stats {
            writer = writer.reporting(self.reports(every));
        }
        Ok(writer)
    }

    fn reports(&self, every: Option<Duration>) -> StatsReporter {
        let reports = StatsReporter::every(every).with_streams(self.pipelines.clone());
        match self.args.shape() {
            OutputFormat::Ndjson => reports,
            OutputFormat::Csv => reports.aside(Stderr),
        }
    }

    /// Follows the source to the end of the run, then takes the last snapshot once the source is drained.
    fn drive(self, follower: &mut impl Follower) -> Result<(), ExitError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let stop = stop_after(self.duration())?;
        losses::watch(self.pipelines.clone())?;
        // From here on a signal ends the run in order: a script that waits for these lines may send one.
        let endpoints = self.source.endpoints();
        endpoints.lines().iter().for_each(|line| print_line(&clean(line)));
        if let (Some(link), Some(address)) = (self.source.link(), endpoints.remote) {
            runtime.spawn(print_link(link, address));
        }
        drop(entered);
        let replay = self.source.replay();
        let Self { mut source, notices, pipelines, .. } = self;
        print_notices(notices)?;
        let stop = async {
            tokio::select! {
                () = stop => {}
                () = replay_done(replay) => {}
            }
        };
        let handle = source.handle();
        let until_done = async {
            tokio::pin!(stop);
            let mut snapshots = handle.snapshots();
            tokio::select! {
                // A source that has ended publishes nothing more.
                _ = snapshots.wait_for(|snapshot| source.is_ready(snapshot)) => {}
                () = &mut stop => return Ok(FollowProgress::Open),
            }
            follow(handle.snapshots(), follower, unix_nano_now, stop).await
        };
        let outcome = runtime.block_on(until_done).map_err(ExitError::from);
        let outcome = outcome.and_then(|_| source.check().map_err(ExitError::from));
        source.drain(DRAIN_TIMEOUT);
        // Nothing is accepted any more. What the last account counts is final.
        pipeline::finish(&pipelines);
        let last = Arc::clone(&handle.snapshots().borrow());
        // After a failed write nothing more is written.
        let outcome = outcome.and_then(|()| Ok(follower.end(&last, unix_nano_now())?));
        source.stop(DRAIN_TIMEOUT);
        outcome
    }

    /// `--once` without another end has a default duration.
    fn duration(&self) -> Option<Duration> {
        let has_end = !self.args.once || self.args.count.is_some() || self.source.replay().is_some();
        self.args.duration.or((!has_end).then_some(SUMMARY_AFTER))
    }
}

/// Prints notices on a thread of its own, which may wait for stderr; those that are already there are printed before this
/// returns, since a short run may end first.
fn print_notices(mut notices: UnboundedReceiver<Notice>) -> io::Result<()> {
    while let Ok(notice) = notices.try_recv() {
        print_note(&notice.to_string());
    }
    let print = move || {
        while let Some(notice) = notices.blocking_recv() {
            print_note(&notice.to_string());
        }
    };
    thread::Builder::new().name("notices".to_owned()).spawn(print).map(drop)
}

/// Ready when the replay has sent everything; never without one. Prints entries that cannot be read.
async fn replay_done(replay: Option<ReplayHandle>) {
    let Some(replay) = replay else { return std::future::pending().await };
    let mut progress = replay.progress();
    let mut printed = 0;
    loop {
        let now = progress.borrow_and_update().clone();
        now.broken_since(printed).for_each(|broken| print_note(&broken.notice().to_string()));
        printed = now.broken;
        if now.state == State::Done || progress.changed().await.is_err() {
            return;
        }
    }
}

/// Ready at a signal to end, or when the time is over.
fn stop_after(duration: Option<Duration>) -> io::Result<impl Future<Output = ()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
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
    let asked_to_end = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
            _ = hung_up => {}
            () = time_is_over => {}
        }
    };
    drop(entered);
    // On a thread of its own: the one that writes may be blocked.
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(asked_to_end);
        outlet::begin_to_end();
        cancel.cancel();
    })?;
    Ok(async move { stop.cancelled().await })
}

/// Whether this program was started with the signal ignored, as `nohup` does with SIGHUP. Read from `/proc`; on other
/// systems the signal counts as ignored.
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_none_or(|ignored| ignored >> (signal.as_raw_value() - 1) & 1 == 1)
}

/// Prints when the remote collector is attached or lost, but not each attempt in between.
async fn print_link(mut link: watch::Receiver<Link>, address: String) {
    let mut was_lost = None;
    loop {
        let now = link.borrow_and_update().clone();
        let is_lost = now.is_lost();
        let notice = match now {
            Link::Attaching => None,
            Link::Attached => Some(Notice::Attached { address: address.clone() }),
            Link::Lost { why } => Some(Notice::Detached { address: address.clone(), why }),
        };
        if let Some(notice) = notice.filter(|_| was_lost != Some(is_lost)) {
            was_lost = Some(is_lost);
            print_note(&notice.to_string());
        }
        if link.changed().await.is_err() {
            return;
        }
    }
}

/// Writes nothing: calls are shown in viewers only.
struct NoOutput;

impl Follower for NoOutput {
    fn take(&mut self, _: &Arc<Snapshot>, _: i64) -> io::Result<FollowProgress> {
        Ok(FollowProgress::Open)
    }

    fn end(&mut self, _: &Arc<Snapshot>, _: i64) -> io::Result<()> {
        Ok(())
    }
}
