//! Prices through the front door: `planoai price`, and prices refreshed from a server on this machine.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::{GrpcClient, Headless, command, requests};

fn price(arguments: &[&str]) -> (String, Option<i32>) {
    let output = command(&["price"]).args(arguments).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn a_price_is_explained_line_by_line() {
    let (text, code) = price(&["gpt-4o", "--provider", "openai", "--input", "1000", "--output", "500"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("openai / gpt-4o") && text.contains("$0.0075") && text.contains("bundled"), "{text}");
    let (text, code) = price(&["gpt-4o", "--input", "1000", "--output", "500", "--json"]);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&answer["usd"], code), (&json!(0.0075), Some(0)));
    assert_eq!(price(&["no-such-model"]).1, Some(1), "an unknown price has its own exit code");
}

/// Answers each connection with `status` and `body`.
fn serve(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/api.json")
}

/// The first call on gpt-4o-mini of the captured traffic, and the line on stderr that reports the end of the refresh.
fn priced_after_refresh(url: &str) -> (Value, String) {
    let cache = tempfile::tempdir().unwrap();
    priced_with_cache(url, cache.path().to_str().unwrap())
}

fn priced_with_cache(url: &str, cache: &str) -> (Value, String) {
    let arguments = ["--pricing-provider", "models.dev", "--pricing-url", url];
    let program = Headless::start_in(&[("XDG_CACHE_HOME", cache)], &arguments, false);
    let stderr = program.diagnostic();
    GrpcClient::connect(&program.grpc).export_all(requests("genai-openai"));
    let (lines, status) = program.finish();
    assert!(status.success());
    (lines.into_iter().find(|line| line["prompt_tokens"] == 1000).unwrap(), stderr)
}

#[test]
fn refreshed_prices_are_used_and_named() {
    let models =
        json!({ "openai": { "models": { "gpt-4o-mini-2024-07-18": { "cost": { "input": 1.0, "output": 2.0 } } } } });
    let (call, stderr) = priced_after_refresh(&serve("200 OK", models.to_string()));
    assert!(stderr.contains("models.dev") && stderr.contains("1 row"), "{stderr}");
    assert!((call["cost_usd"].as_f64().unwrap() - (1000.0 + 60.0 * 2.0) / 1e6).abs() < 1e-12, "{call}");
    assert!(call["cost"]["source"].as_str().unwrap().contains("models.dev"), "{call}");
    assert_eq!((&call["cost_basis"], &call["cost"]["basis"]), (&json!("refreshed"), &json!("refreshed")));
}

#[test]
fn a_broken_source_leaves_the_bundled_prices() {
    for (status, body) in [("500 Oops", "no"), ("200 OK", "[1,2"), ("200 OK", r#"{"openai":{"models":7}}"#)] {
        let (call, stderr) = priced_after_refresh(&serve(status, body.to_owned()));
        assert!(stderr.contains("bundled"), "{stderr}");
        assert!((call["cost_usd"].as_f64().unwrap() - 0.000_186).abs() < 1e-12, "{call}");
    }
}

/// What is no folder cannot be written into, not even by the superuser; nor can a disk that is full.
#[test]
fn a_cache_that_cannot_be_written_costs_the_cache_only() {
    let models =
        json!({ "openai": { "models": { "gpt-4o-mini-2024-07-18": { "cost": { "input": 1.0, "output": 2.0 } } } } });
    for cache in ["/dev/null", "/dev/full", "/proc"] {
        let (call, stderr) = priced_with_cache(&serve("200 OK", models.to_string()), cache);
        assert!(stderr.contains("models.dev") && stderr.contains("1 row"), "{cache}: {stderr}");
        assert!(call["cost"]["source"].as_str().unwrap().contains("models.dev"), "{cache}: {call}");
    }
}
