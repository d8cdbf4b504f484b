//! Limits on the screen: a banner, a bell, and no end of the program.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

use crate::recorded::{BEGIN, MINUTE, call, failed};
use crate::support::{GrpcClient, command};
use crate::terminal::{QUIET, Terminal};

fn start(more: &[&str]) -> (Terminal, GrpcClient) {
    let mut terminal = Terminal::start(160, 30, &[&QUIET[..], more].concat());
    let client = GrpcClient::connect(&terminal.address());
    (terminal, client)
}

/// Thirty calls within a minute, in one request, so that none of them is judged without the others; those of `bad` fail.
fn traffic(client: &mut GrpcClient, minute: u64, bad: &str) {
    let calls = (0..30).map(|number| {
        let model = ["good", bad][usize::from(number % 5 == 0)];
        let request = call(model, minute * 100 + number, BEGIN + minute * MINUTE + number * 1_000_000);
        if model == "bad" { failed(request) } else { request }
    });
    let resource_spans = calls.flat_map(|request| request.resource_spans).collect();
    client.export(ExportTraceServiceRequest { resource_spans }).unwrap();
}

#[test]
fn a_passed_limit_is_a_banner_that_goes_when_it_holds_again() {
    let (mut terminal, mut client) = start(&["--max-error-rate", "5%", "--bell"]);
    traffic(&mut client, 0, "good");
    terminal.wait_for_text("30 since start");
    assert!(!terminal.contents().contains('▲'));
    traffic(&mut client, 1, "bad");
    terminal.wait_for_text("▲ limit passed: error rate of 10% (6 of 60 calls) is over 5.0%; most by model bad (100%)");
    traffic(&mut client, 2, "bad");
    terminal.wait_for_text("error rate of 13% (12 of 90 calls)");
    assert_eq!(terminal.seen().bells, 1, "once, although it got worse");
    // Ten minutes later in the time of the calls.
    traffic(&mut client, 12, "good");
    terminal.wait_until_gone("▲");
    traffic(&mut client, 13, "bad");
    terminal.wait_for_text("▲ limit passed: error rate of 10%");
    // The bell is sent before the frame that shows why.
    assert_eq!(terminal.seen().bells, 2, "and once for the next time");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0, "a limit ends nothing here");
    terminal.assert_restored();
}

#[test]
fn there_is_no_bell_unless_asked_for() {
    let (mut terminal, mut client) = start(&["--max-p95", "1ms"]);
    traffic(&mut client, 0, "good");
    terminal.wait_for_text("▲ limit passed: p95 latency of 1.00s (30 of 30 calls are slower) is over 1ms");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    assert_eq!(terminal.seen().bells, 0);
}

#[test]
fn a_bell_needs_a_limit_and_a_screen() {
    for arguments in [&["--bell"][..], &["--json", "--bell", "--max-p95", "1s"]] {
        let output = command(&["obs"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
