//! The bytes on their way: recorded to a file, forwarded to other collectors, replayed from a recording.

use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use planoai::cli::ObsArgs;
use planoai::collector::taps::ExportPipelines;
use planoai::collector::taps::forward::{Forward, ForwardConfig, Headers};
use planoai::collector::taps::recorder::{RecordConfig, Recorder, Rotation};
use planoai::collector::{Collector, Handle, HttpListener, Listening};
use planoai::sources::replay::{Replay, ReplayConfig, State};

use crate::obs::exit::ExitError;

/// What forwarded requests still get when the program ends.
const GRACE: Duration = Duration::from_secs(2);

/// Bytes of requests that may wait for the disk.
const RECORD_QUEUE: usize = 64 * 1024 * 1024;

/// Opens the recording and the way to each target.
pub(super) fn open(args: &ObsArgs) -> Result<ExportPipelines, ExitError> {
    let usage = |option: &str, error: &dyn std::fmt::Display| ExitError::Usage(format!("{option}: {error}"));
    let recorder = args.record.as_ref().map(|path| {
        let rotation = args.record_max.map(|max_bytes| Rotation { max_bytes, keep: args.record_keep });
        let config = RecordConfig { path: path.clone(), rotation, queue_bytes: RECORD_QUEUE };
        Recorder::start(&config).map_err(|error| usage("--record", &format!("{}: {error}", path.display())))
    });
    let headers = Headers::from_environment(|name| env::var(name).ok())
        .map_err(|error| usage("OTEL_EXPORTER_OTLP_HEADERS", &error))?;
    let gzip = compression().map_err(|error| usage(COMPRESSION, &error))?;
    let forwards = args.forward.iter().map(|target| {
        let config = ForwardConfig { gzip, ..ForwardConfig::new(target.clone(), headers.clone()) };
        Forward::start(config).map(Arc::new).map_err(|error| usage("--forward", &error))
    });
    Ok(ExportPipelines { recorder: recorder.transpose()?.map(Arc::new), forwards: forwards.collect::<Result<_, _>>()? })
}

/// As the OpenTelemetry specification names it and its values.
const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";

fn compression() -> Result<bool, &'static str> {
    match env::var(COMPRESSION).as_deref().map(str::trim) {
        Ok("gzip") => Ok(true),
        Ok("" | "none") | Err(env::VarError::NotPresent) => Ok(false),
        Ok(_) | Err(env::VarError::NotUnicode(_)) => Err("expected gzip or none"),
    }
}

/// Refuses a target that is this program itself: its traffic would go round for ever.
pub(super) fn check(pipelines: &ExportPipelines, listening: &Listening) -> Result<(), ExitError> {
    let mut own: Vec<SocketAddr> = vec![listening.grpc];
    if let HttpListener::Bound(address) = &listening.http {
        own.push(*address);
    }
    match pipelines.forwards.iter().find(|forward| forward.target().is_one_of(&own)) {
        Some(forward) => Err(ExitError::Usage(format!("--forward: {} is this program itself", forward.target()))),
        None => Ok(()),
    }
}

/// Writes and sends what is still queued, once the collector has stopped, and says in a line each what was lost.
pub(super) fn finish(pipelines: &ExportPipelines) -> Vec<String> {
    let recorded = pipelines.recorder.iter().filter_map(|recorder| {
        let counters = recorder.finish();
        let lost = counters.lost();
        let why = counters.error.map(|error| format!(": {error}")).unwrap_or_default();
        (lost > 0).then(|| format!("{lost} requests were not recorded{why}"))
    });
    let forwarded = pipelines.forwards.iter().filter_map(|forward| {
        let counters = forward.finish(GRACE);
        let lost = counters.lost() + counters.waiting;
        let why = counters.error.map(|error| format!(": {error}")).unwrap_or_default();
        (lost > 0).then(|| format!("{lost} requests did not reach {}{why}", forward.target()))
    });
    recorded.chain(forwarded).collect()
}

/// Begins to replay what the command line names, through the same ingest as everything else.
pub(super) fn replay(args: &ObsArgs, collector: &Collector, handle: &Handle) -> Result<Option<Replay>, ExitError> {
    let Some(sink) = collector.sink().filter(|_| !args.replay.is_empty()) else { return Ok(None) };
    let config = ReplayConfig { speed: args.speed, now: args.now, ..ReplayConfig::new(args.replay.clone()) };
    let handle = handle.clone();
    let started = Replay::start(config, sink, move || handle.clear_and_wait());
    started.map(Some).map_err(|error| ExitError::Usage(format!("--replay: {}: {}", error.input, error.error)))
}

/// Ready when everything was handed in; never without a replay. Broken entries are told as they are met.
pub(super) async fn done(replay: Option<&Replay>, report: impl Fn(&str)) {
    let Some(replay) = replay else { return std::future::pending().await };
    let mut progress = replay.progress();
    let mut told = 0;
    loop {
        let now = progress.borrow_and_update().clone();
        now.broken_since(told).for_each(|broken| report(&broken.to_string()));
        told = now.broken;
        if now.state == State::Done || progress.changed().await.is_err() {
            return;
        }
    }
}
