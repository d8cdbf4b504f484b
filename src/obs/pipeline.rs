//! The export pipelines of a run: recording to a file, forwarding to other collectors.

use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use planoai::cli::ObsArgs;
use planoai::collector::decompress::Compression;
use planoai::collector::taps::ExportPipelines;
use planoai::collector::taps::forward::{Forward, ForwardConfig, Headers};
use planoai::collector::taps::recorder::{RecordConfig, Recorder, Rotation};
use planoai::collector::{HttpListener, Listening};

use crate::obs::exit::ExitError;
use crate::obs::stderr::print_note;

/// How long queued requests may take to be forwarded when the program ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes of requests that may wait for the disk.
const RECORD_QUEUE: usize = 64 * 1024 * 1024;

/// Opens the recording and connects each forward target.
pub(super) fn open(args: &ObsArgs) -> Result<ExportPipelines, ExitError> {
    let usage = |option: &str, error: &dyn std::fmt::Display| ExitError::Usage(format!("{option}: {error}"));
    let recorder = args.record.as_ref().map(|path| {
        let rotation = args.record_max.map(|max_bytes| Rotation { max_bytes, keep: args.record_keep });
        warn_about(path);
        let config = RecordConfig { path: path.clone(), rotation, queue_bytes: RECORD_QUEUE };
        Recorder::start(&config).map_err(|error| usage("--record", &format!("{}: {error}", path.display())))
    });
    let headers = Headers::from_environment(|name| env::var(name).ok())
        .map_err(|error| usage("OTEL_EXPORTER_OTLP_HEADERS", &error))?;
    let compression = compression().map_err(|error| usage(COMPRESSION, &error))?;
    let forwards = args.forward.iter().map(|target| {
        let config = ForwardConfig { compression, ..ForwardConfig::new(target.clone(), headers.clone()) };
        Forward::start(config).map(Arc::new).map_err(|error| usage("--forward", &error))
    });
    Ok(ExportPipelines { recorder: recorder.transpose()?.map(Arc::new), forwards: forwards.collect::<Result<_, _>>()? })
}

/// Tells what a recording may wait for, and who else may read it.
fn warn_about(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.file_type().is_fifo() {
        print_note(&format!("--record: {} is a FIFO; waiting for its reader", path.display()));
    } else if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        print_note(&format!("--record: {} may be read by others (mode {mode:o})", path.display()));
    }
}

/// As the OpenTelemetry specification names it and its values.
const COMPRESSION: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";

const EXPECTED: &str = "expected gzip, zstd, deflate, snappy, lz4 or none";

fn compression() -> Result<Compression, &'static str> {
    match env::var(COMPRESSION).as_deref().map(str::trim) {
        Ok("" | "none") | Err(env::VarError::NotPresent) => Ok(Compression::Identity),
        Ok(name) => Compression::from_name(name).ok_or(EXPECTED),
        Err(env::VarError::NotUnicode(_)) => Err(EXPECTED),
    }
}

/// Rejects a target that is one of our own listeners: requests would loop.
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

/// Flushes the queues once the collector has stopped. Returns a line for each pipeline that lost requests.
pub(super) fn finish(pipelines: &ExportPipelines) -> Vec<String> {
    let recorded = pipelines.recorder.iter().filter_map(|recorder| {
        let counters = recorder.finish(FLUSH_TIMEOUT);
        let lost = counters.lost() + counters.waiting;
        let why =
            counters.error.or_else(|| recorder.loss_reason()).map(|error| format!(": {error}")).unwrap_or_default();
        (lost > 0).then(|| {
            format!(
                "{} not recorded{why}",
                if lost == 1 { "1 request was".to_owned() } else { format!("{lost} requests were") }
            )
        })
    });
    let forwarded = pipelines.forwards.iter().filter_map(|forward| {
        let counters = forward.finish(FLUSH_TIMEOUT);
        let lost = counters.lost() + counters.waiting;
        let why =
            counters.error.or_else(|| forward.loss_reason()).map(|error| format!(": {error}")).unwrap_or_default();
        (lost > 0).then(|| {
            format!("{lost} request{} did not reach {}{why}", if lost == 1 { "" } else { "s" }, forward.target())
        })
    });
    let rejected = pipelines.forwards.iter().filter_map(|forward| {
        let spans = forward.counters().rejected_spans;
        (spans > 0).then(|| format!("{spans} spans were rejected by {}", forward.target()))
    });
    recorded.chain(forwarded).chain(rejected).collect()
}
