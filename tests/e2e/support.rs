//! Starting the program, sending to it as real clients do, and reading what it prints.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use serde_json::Value;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

/// How long an awaited event may take on a busy machine before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program, running without a screen. Killed when dropped.
pub(crate) struct Headless {
    child: Child,
    lines: Receiver<String>,
    diagnostics: Receiver<String>,
    pub grpc: String,
    pub http: String,
}

impl Headless {
    /// Starts `planoai obs --json` with `extra` arguments on free ports.
    pub(crate) fn start(extra: &[&str]) -> Self {
        Self::start_in(&[], extra, true)
    }

    /// Starts it with another switch than `--json`.
    pub(crate) fn start_as(shape: &str, extra: &[&str]) -> Self {
        Self::launch(shape, 0, &[], extra, true)
    }

    /// Starts it in an environment, offline or not.
    pub(crate) fn start_in(environment: &[(&str, &str)], extra: &[&str], offline: bool) -> Self {
        Self::launch("--json", 0, environment, extra, offline)
    }

    /// Starts it with OTLP/gRPC on this port.
    pub(crate) fn start_on(port: u16, extra: &[&str]) -> Self {
        Self::launch("--json", port, &[], extra, true)
    }

    /// Starts it with no more than so many open files.
    pub(crate) fn start_with_files(files: u32, extra: &[&str]) -> Self {
        let json = ["obs", "--json", "--host", "127.0.0.1", "--port", "0", "--http-port", "0", "--offline"];
        Self::spawn(in_a_shell(&format!("ulimit -n {files}; exec \"$@\""), &[&json[..], extra].concat()))
    }

    fn launch(shape: &str, port: u16, environment: &[(&str, &str)], extra: &[&str], offline: bool) -> Self {
        let port = port.to_string();
        let mut program = command(&["obs", shape, "--host", "127.0.0.1", "--port", &port, "--http-port", "0"]);
        program.args(offline.then_some("--offline")).args(extra).envs(environment.iter().copied());
        Self::spawn(program)
    }

    fn spawn(mut program: Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let diagnostics = lines_of(child.stderr.take().unwrap());
        let address = || {
            let line = diagnostics.recv_timeout(PATIENCE).expect("an address on stderr");
            let address = line.split_once("listening on ").unwrap_or_else(|| panic!("{line}")).1;
            address.split_whitespace().next().unwrap().to_owned()
        };
        let (grpc, http) = (address(), address());
        Self { child, lines, diagnostics, grpc, http }
    }

    /// The next line on stderr, after the addresses.
    pub(crate) fn diagnostic(&self) -> String {
        self.diagnostics.recv_timeout(PATIENCE).expect("a line on stderr")
    }

    /// The next line of JSON.
    pub(crate) fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a line of JSON");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Asks the program to end and returns all further lines and its exit status.
    pub(crate) fn finish(self) -> (Vec<Value>, ExitStatus) {
        let (lines, status) = self.finish_raw();
        (lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect(), status)
    }

    /// Like [`Headless::finish`], the lines as they were written.
    pub(crate) fn finish_raw(self) -> (Vec<String>, ExitStatus) {
        signal(&self.child, "TERM");
        let (rest, _, status) = self.await_end();
        (rest, status)
    }

    /// Waits until the program ends by itself; returns all further lines of both outputs and its exit status.
    pub(crate) fn await_end(mut self) -> (Vec<String>, Vec<String>, ExitStatus) {
        let status = wait(&mut self.child);
        (self.lines.iter().collect(), self.diagnostics.iter().collect(), status)
    }

    /// Sends a POSIX signal by name.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }
}

impl Drop for Headless {
    fn drop(&mut self) {
        // Already gone after `finish`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The built program with an environment that no setting of the machine leaks into.
pub(crate) fn command(arguments: &[&str]) -> Command {
    isolated(Command::new(env!("CARGO_BIN_EXE_planoai")), arguments)
}

/// The same, run by a shell as `"$@"` of this script.
pub(crate) fn in_a_shell(script: &str, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_planoai")]);
    isolated(shell, arguments)
}

fn isolated(mut command: Command, arguments: &[&str]) -> Command {
    command
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("PLANOAI_OBS_TOKEN")
        .env_remove("OTEL_EXPORTER_OTLP_COMPRESSION");
    command
}

/// Sends a POSIX signal by name.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits for the end of a process, but not forever.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the program does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The lines of a stream as they come.
pub(crate) fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The captured requests of a client, in the order they were sent.
pub(crate) fn requests(client: &str) -> Vec<ExportTraceServiceRequest> {
    files(client, "binpb").iter().map(|file| decode(&std::fs::read(file).unwrap())).collect()
}

/// The captured files of a client with this ending, in order.
pub(crate) fn files(client: &str, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(fixtures().join(client))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with("expected"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no {ending} fixtures of {client}");
    files
}

/// A JSON fixture.
pub(crate) fn expected(client: &str, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join(client).join(file)).unwrap()).unwrap()
}

/// Where the captures of all clients lie.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

pub(crate) fn decode(bytes: &[u8]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(bytes).unwrap()
}

/// A blocking OTLP/gRPC client, as SDKs use it.
pub(crate) struct GrpcClient {
    runtime: tokio::runtime::Runtime,
    client: TraceServiceClient<Channel>,
}

impl GrpcClient {
    pub(crate) fn connect(address: &str) -> Self {
        Self::try_connect(&Endpoint::from_shared(format!("http://{address}")).unwrap()).unwrap()
    }

    pub(crate) fn try_connect(endpoint: &Endpoint) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let channel = runtime.block_on(endpoint.connect()).map_err(|error| error.to_string())?;
        Ok(Self { runtime, client: TraceServiceClient::new(channel) })
    }

    pub(crate) fn gzip(self) -> Self {
        Self { client: self.client.send_compressed(CompressionEncoding::Gzip), ..self }
    }

    /// Exports one request.
    pub(crate) fn export(&mut self, request: ExportTraceServiceRequest) -> Result<(), tonic::Status> {
        self.runtime.block_on(self.client.export(request)).map(|_| ())
    }

    /// Exports one request under an `authorization` header.
    pub(crate) fn export_as(
        &mut self,
        request: ExportTraceServiceRequest,
        authorization: Option<&str>,
    ) -> Result<(), tonic::Status> {
        let mut request = tonic::Request::new(request);
        if let Some(header) = authorization {
            request.metadata_mut().insert("authorization", header.parse().unwrap());
        }
        self.runtime.block_on(self.client.export(request)).map(|_| ())
    }

    /// Exports requests in turn.
    pub(crate) fn export_all(&mut self, requests: Vec<ExportTraceServiceRequest>) {
        for request in requests {
            self.export(request).unwrap();
        }
    }
}

/// Posts a body to an OTLP/HTTP path, as SDKs do, and returns status and answer.
pub(crate) fn post(address: &str, path: &str, content_type: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.post(format!("http://{address}{path}")).header("content-type", content_type);
    let mut answer = request.send(body).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_vec().unwrap())
}
