//! Limits: exit code 3 and one line that names the figure, the limit and the top contributor.

use crate::support::{GrpcClient, Headless, requests};

/// Sends the gateway's traffic, of which 5 of 29 calls failed, and returns stdout, stderr and the exit code.
fn run(shape: &str, limit: &[&str]) -> (Vec<String>, Vec<String>, Option<i32>) {
    let program = Headless::start_as(shape, limit);
    let mut client = GrpcClient::connect(&program.grpc);
    // The run may end before all is sent.
    let _ = requests("plano-brightstaff").into_iter().try_for_each(|request| client.export(request));
    let (lines, stderr, status) = program.await_end();
    (lines, stderr, status.code())
}

#[test]
fn a_passed_limit_is_exit_code_3_and_names_the_top_contributor() {
    for (limit, figure, over) in [
        (["--max-error-rate", "5%"], "error rate of ", "is over 5.0%; most by model openai/gpt-4o-mini (100%)"),
        (["--max-p95", "1ms"], "p95 latency of ", "is over 1ms; most by "),
        (["--budget", "$0.01/h"], "spending of $", "is over the budget of $0.010/h; most by "),
    ] {
        let (lines, stderr, code) = run("--json", &limit);
        let last = stderr.last().unwrap();
        assert_eq!(code, Some(3), "{limit:?}: {stderr:?}");
        assert!(last.starts_with(&format!("planoai: {figure}")) && last.contains(over), "{last}");
        assert!(!lines.is_empty(), "what was seen by then is written");
    }
}

#[test]
fn a_limit_that_holds_changes_nothing() {
    let program = Headless::start(&["--max-error-rate", "50%", "--max-p95", "1h", "--budget", "$1000000/h"]);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    assert_eq!(program.finish().1.code(), Some(0));
}

#[test]
fn limits_watch_what_passes_the_filter() {
    let program = Headless::start(&["--max-error-rate", "0%", "--filter", "model:claude*"]);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    assert_eq!(program.finish().1.code(), Some(0));
}

#[test]
fn a_summary_is_printed_before_the_verdict() {
    let (lines, _, code) = run("--once", &["--max-error-rate", "5%"]);
    assert_eq!(code, Some(3));
    assert!(lines.iter().any(|line| line.starts_with("errors: ")), "{lines:?}");
}
