//! `--once`: one plain summary.

use std::collections::BTreeMap;

use crate::support::{GrpcClient, Headless, requests};

/// What is printed after the gateway's traffic.
fn summary(extra: &[&str]) -> Vec<String> {
    let program = Headless::start_as("--once", extra);
    GrpcClient::connect(&program.grpc).export_all(requests("plano-brightstaff"));
    program.signal("TERM");
    let (lines, _, status) = program.await_end();
    assert_eq!(status.code(), Some(0));
    lines
}

fn figures(lines: &[String]) -> BTreeMap<&str, &str> {
    lines.iter().filter_map(|line| line.split_once(": ")).collect()
}

/// What stands under a name in the table whose lines end with `table`.
fn column<'a>(lines: &'a [String], table: &str, name: &str) -> Vec<&'a str> {
    let head = lines.iter().position(|line| line.trim_start().starts_with("calls  ") && line.ends_with(table)).unwrap();
    let at = lines[head].split_whitespace().position(|word| word == name).unwrap();
    let rows = lines[head + 1..].iter().take_while(|line| !line.is_empty());
    rows.map(|line| line.split_whitespace().nth(at).unwrap()).collect()
}

#[test]
fn figures_are_a_line_each_and_tables_follow() {
    let lines = summary(&[]);
    let figures = figures(&lines);
    for (key, value) in [
        ("calls", "29"),
        ("errors", "5"),
        ("error_rate_percent", "17.24"),
        ("output_tokens", "4126"),
        ("unpriced_calls", "5"),
        ("spans_llm_calls", "29"),
        ("sessions", "22"),
    ] {
        assert_eq!(figures[key], value, "{key} in {lines:?}");
    }
    assert!(figures["cost_usd"].parse::<f64>().unwrap() > 0.1, "{lines:?}");
    for (table, names) in [("model", 7), ("route", 3), ("session", 21)] {
        assert_eq!(column(&lines, table, "calls").len(), names, "{table} in {lines:?}");
    }
    assert!(lines.iter().all(|line| line.is_ascii()), "{lines:?}");
    let unpriced = column(&lines, "model", "unpriced_calls").into_iter().map(|calls| calls.parse::<u64>().unwrap());
    assert_eq!(unpriced.sum::<u64>(), 5, "{lines:?}");
}

#[test]
fn it_applies_the_filter_and_names_it() {
    let lines = summary(&["--filter", "model:claude*,anthropic*"]);
    let figures = figures(&lines);
    assert_eq!((figures["calls"], figures["filter"]), ("3", "model:claude*,anthropic*"));
    assert_eq!(figures["spans_llm_calls"], "29", "the books know no filter");
}

#[test]
fn it_ends_by_itself() {
    let program = Headless::start_as("--once", &["--for", "1ms"]);
    let (lines, _, status) = program.await_end();
    assert_eq!(status.code(), Some(0));
    let figures = figures(&lines);
    assert_eq!((figures["calls"], figures["cost_usd"], figures["latency_p95_ms"]), ("0", "-", "-"));

    let program = Headless::start_as("--once", &["--count", "4"]);
    let mut client = GrpcClient::connect(&program.grpc);
    let _ = requests("plano-brightstaff").into_iter().try_for_each(|request| client.export(request));
    let (lines, _, status) = program.await_end();
    assert_eq!(status.code(), Some(0));
    assert!(self::figures(&lines)["calls"].parse::<u64>().unwrap() >= 4);
}
