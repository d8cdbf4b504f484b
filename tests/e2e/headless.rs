//! `--json`, its stream and its ends.

use std::process::Stdio;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::{Value, json};

use crate::support::{GrpcClient, Headless, PATIENCE, command, requests, wait};

/// The captured gateway requests with only their routing spans, or only their other spans.
fn parts(routing: bool) -> Vec<ExportTraceServiceRequest> {
    let mut requests = requests("plano-brightstaff");
    let resources = requests.iter_mut().flat_map(|request| &mut request.resource_spans);
    for scope in resources.flat_map(|resource| &mut resource.scope_spans) {
        scope.spans.retain(|span| (span.name == "routing") == routing);
        // The name of a call has the requested model, too; here only the routing span shall have it.
        for span in scope.spans.iter_mut().filter(|span| span.name != "routing") {
            "POST".clone_into(&mut span.name);
        }
    }
    requests
}

#[test]
fn a_call_is_written_as_it_arrives_and_again_when_completed() {
    let program = Headless::start(&["--filter", "model:*"]);
    let mut client = GrpcClient::connect(&program.grpc);
    client.export_all(parts(false));
    let first = program.next();
    assert_eq!((&first["revision"], &first["request_model"]), (&json!(1), &Value::Null));
    client.export_all(parts(true));
    let (rest, status) = program.finish();
    assert!(status.success());
    let again: Vec<_> = rest.iter().filter(|line| line["call_id"] == first["call_id"]).collect();
    assert_eq!(again.len(), 1, "{rest:?}");
    assert_eq!(again[0]["revision"], 2);
    assert!(again[0]["request_model"].is_string());
}

#[test]
fn a_taken_port_is_a_plain_error_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = command(&["obs", "--json", "--offline", "--host", "127.0.0.1", "--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let message = format!("Failed to bind OTLP listener on 127.0.0.1:{port}: port already in use");
    assert!(stderr.contains(&message), "{stderr}");
    assert!(stderr.contains("planoai trace down") && stderr.contains("--port"), "{stderr}");
}

#[test]
fn no_terminal_and_no_json_is_wrong_usage() {
    let output = command(&["obs", "--port", "0"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--json"));
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let mut child =
        command(&["obs", "--json", "--demo", "--offline", "--host", "127.0.0.1", "--port", "0", "--http-port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    drop(child.stdout.take());
    let status = wait(&mut child);
    assert_eq!(status.code(), Some(0), "after at most {PATIENCE:?}");
}

#[test]
fn malformed_requests_are_refused_and_stored_not_even_in_part() {
    use bytes::Bytes;
    use planoai::collector::grpc::RawCodec;
    use prost::Message;

    let program = Headless::start(&[]);
    let whole = requests("plano-brightstaff").remove(0).encode_to_vec();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let code = runtime.block_on(async {
        let channel = tonic::transport::Channel::from_shared(format!("http://{}", program.grpc))
            .unwrap()
            .connect()
            .await
            .unwrap();
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
        let request = tonic::Request::new(Bytes::from(whole[..whole.len() - 1].to_vec()));
        grpc.unary::<Bytes, Bytes, _>(request, path, RawCodec).await.unwrap_err().code()
    });
    assert_eq!(code, tonic::Code::InvalidArgument);
    let (lines, status) = program.finish();
    assert!(status.success() && lines.is_empty(), "{lines:?}");
}
