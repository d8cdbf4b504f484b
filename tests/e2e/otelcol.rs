//! With a real OpenTelemetry Collector, where one is on the path: the documented configurations are valid, and traffic goes
//! through.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::recorded::minutes_apart;
use crate::support::{GrpcClient, Headless, PATIENCE, signal, wait};

/// The Collector to test with; without one, a line on stderr reports the skipped test.
fn collector() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["otelcol-contrib", "otelcol"];
    let found = names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        // Past the capture of the test runner, which shows nothing of a test that passes.
        let note = b"\nSKIPPED: neither otelcol-contrib nor otelcol is on the path, no Collector was tried\n";
        std::io::stderr().write_all(note).unwrap();
    }
    found
}

fn is_contrib(collector: &Path) -> bool {
    collector.ends_with("otelcol-contrib")
}

fn configuration(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/collector");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// A running Collector. Killed when dropped.
struct Collector {
    child: Child,
    grpc: String,
}

impl Collector {
    /// Starts it with a configuration on ports of its own, sending to `target` and writing into `folder`.
    fn start(program: &Path, name: &str, target: &str, folder: &Path) -> Self {
        let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let grpc = format!("127.0.0.1:{}", port());
        let text = configuration(name)
            .replace("0.0.0.0:4317", &grpc)
            .replace("0.0.0.0:4318", &format!("127.0.0.1:{}", port()))
            .replace("planoai-obs:4317", target)
            .replace("/var/lib/otelcol", folder.to_str().unwrap());
        let file = folder.join(name);
        // Its own metrics have a port that another Collector may hold.
        fs::write(&file, format!("{text}  telemetry:\n    metrics:\n      level: none\n")).unwrap();
        let child = Command::new(program)
            .arg("--config")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut collector = Self { child, grpc };
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(&collector.grpc).is_err() {
            assert!(
                Instant::now() < deadline && collector.child.try_wait().unwrap().is_none(),
                "{name} does not listen"
            );
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        collector
    }

    /// Flushes it and waits for its exit.
    fn finish(mut self) {
        signal(&self.child, "TERM");
        wait(&mut self.child);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_documented_configurations_are_valid() {
    let Some(program) = collector() else { return };
    let core = ["fan-in.yaml", "fan-out.yaml", "protected.yaml"];
    let contrib = ["load-balancing.yaml", "tail-sampling.yaml", "file.yaml"];
    for name in core.into_iter().chain(contrib.into_iter().filter(|_| is_contrib(&program))) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::write(&file, configuration(name)).unwrap();
        let output = Command::new(&program)
            .args(["validate", "--config"])
            .arg(&file)
            .env("OBS_TOKEN", "t")
            .env("LANGFUSE_AUTH", "cGs6c2s=")
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn traffic_comes_through_a_collector() {
    let Some(program) = collector() else { return };
    let folder = tempfile::tempdir().unwrap();
    let last = Headless::start(&["--count", "5", "--fields", "model"]);
    let collector = Collector::start(&program, "fan-in.yaml", &last.grpc, folder.path());
    GrpcClient::connect(&collector.grpc).export_all(minutes_apart(5));
    let (mut lines, _, _) = last.await_end();
    lines.sort();
    assert_eq!(lines, (0..5).map(|number| format!("{{\"model\":\"model-{number}\"}}")).collect::<Vec<_>>());
}

#[test]
fn what_a_collector_wrote_is_replayed() {
    let Some(program) = collector().filter(|program| is_contrib(program)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(&program, "file.yaml", "127.0.0.1:1", folder.path());
    GrpcClient::connect(&collector.grpc).export_all(minutes_apart(5));
    collector.finish();
    let file = folder.path().join("traces.jsonl");
    let program = Headless::start(&["--fields", "model", "--speed", "max", "--replay", file.to_str().unwrap()]);
    let (lines, stderr, status) = program.await_end();
    assert_eq!((lines.len(), status.code()), (5, Some(0)), "{stderr:?}");
}
