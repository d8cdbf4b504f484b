//! The Collector configurations of docs/collector/, held against what its documentation names and what we listen on.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed assertion")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use planoai::cli::{Cli, Cmd, HttpPort};
use serde_json::{Map, Value};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn configurations() -> Vec<(String, Value)> {
    let files = fs::read_dir(docs().join("collector")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    assert!(files.len() > 3, "{files:?}");
    let read = |file: PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, value)
    };
    files.into_iter().map(read).collect()
}

/// What an OTLP exporter of either kind may have: its own settings, and those of the helpers it is made of.
const CLIENT: &[&str] = &[
    "endpoint",
    "compression",
    "timeout",
    "headers.*",
    "tls.insecure",
    "tls.insecure_skip_verify",
    "tls.ca_file",
    "tls.cert_file",
    "tls.key_file",
    "sending_queue.enabled",
    "sending_queue.queue_size",
    "sending_queue.num_consumers",
    "sending_queue.block_on_overflow",
    "retry_on_failure.enabled",
    "retry_on_failure.initial_interval",
    "retry_on_failure.max_interval",
    "retry_on_failure.max_elapsed_time",
];

/// The keys that the documentation names of each component these files use; `[]` is an entry of a list, `*` any key.
const KEYS: &[(&str, &str, &[&str])] = &[
    ("receivers", "otlp", &["protocols.grpc.endpoint", "protocols.http.endpoint"]),
    ("processors", "batch", &["timeout", "send_batch_size", "send_batch_max_size"]),
    ("processors", "memory_limiter", &["check_interval", "limit_mib", "spike_limit_mib"]),
    (
        "processors",
        "tail_sampling",
        &[
            "decision_wait",
            "num_traces",
            "expected_new_traces_per_sec",
            "policies[].name",
            "policies[].type",
            "policies[].status_code.status_codes[]",
            "policies[].latency.threshold_ms",
            "policies[].probabilistic.sampling_percentage",
        ],
    ),
    ("exporters", "otlp_grpc", CLIENT),
    ("exporters", "otlp_http", CLIENT),
    ("exporters", "file", &["path", "format", "compression", "rotation.max_megabytes", "rotation.max_backups"]),
    ("exporters", "load_balancing", &["routing_key", "resolver.static.hostnames[]"]),
];

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no mapping: {value}"))
}

/// `otlp_grpc` of `otlp_grpc/planoai`.
fn kind(id: &str) -> &str {
    id.split('/').next().unwrap()
}

/// The path of every value in it.
fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{key}"), found);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|value| paths(value, &format!("{path}[]"), found)),
        _ => found.push(path.to_owned()),
    }
}

fn is_documented(section: &str, kind: &str, path: &str) -> bool {
    // The load balancer's protocol is an OTLP exporter but for its endpoint.
    if let (("exporters", "load_balancing"), Some(inner)) = ((section, kind), path.strip_prefix("protocol.otlp.")) {
        return inner != "endpoint" && is_documented("exporters", "otlp_grpc", inner);
    }
    let keys = KEYS.iter().find(|(of, name, _)| (*of, *name) == (section, kind)).map(|(_, _, keys)| *keys);
    keys.unwrap_or_default().iter().any(|key| match key.strip_suffix('*') {
        Some(prefix) => path.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty()),
        None => *key == path,
    })
}

#[test]
fn every_key_is_one_that_the_documentation_names() {
    for (file, configuration) in configurations() {
        for (section, components) in object(&configuration).iter().filter(|(section, _)| *section != "service") {
            for (id, settings) in object(components) {
                let mut found = Vec::new();
                paths(settings, "", &mut found);
                for path in found {
                    assert!(is_documented(section, kind(id), &path), "{file}: {section}.{id}.{path}");
                }
            }
        }
    }
    assert!(!is_documented("exporters", "otlp_grpc", "tls.insecur"), "the check sees a slip");
    assert!(!is_documented("exporters", "load_balancing", "protocol.otlp.endpoint"));
    assert!(!is_documented("exporters", "otlp", "endpoint"), "the former names are not mixed in");
}

#[test]
fn pipelines_name_what_is_defined_and_nothing_is_defined_in_vain() {
    for (file, configuration) in configurations() {
        let pipelines = object(&configuration["service"]["pipelines"]);
        assert!(pipelines.keys().all(|pipeline| kind(pipeline) == "traces"), "{file}");
        for section in ["receivers", "processors", "exporters"] {
            let defined: BTreeSet<&str> = object(&configuration[section]).keys().map(String::as_str).collect();
            let entries = pipelines.values().flat_map(|pipeline| pipeline[section].as_array().unwrap());
            let named: BTreeSet<&str> = entries.map(|entry| entry.as_str().unwrap()).collect();
            assert!(!named.is_empty(), "{file}: {section}");
            assert_eq!(defined, named, "{file}: {section}");
        }
        // Memory is measured before anything else takes it.
        for pipeline in pipelines.values() {
            let processors = pipeline["processors"].as_array().unwrap();
            assert!(!processors.iter().skip(1).any(|name| name == "memory_limiter"), "{file}");
        }
    }
}

/// The ports that `planoai obs` listens on by default: OTLP/gRPC, OTLP/HTTP.
fn ports() -> (u16, u16) {
    let Cmd::Obs(args) = Cli::try_parse_from(["planoai", "obs"]).unwrap().command else { panic!("not obs") };
    let HttpPort::Port(http) = args.http_port else { panic!("no HTTP by default") };
    (args.port, http)
}

/// Every address of ours that a configuration names, with the kind of exporter that goes there.
fn ours(configuration: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (id, settings) in object(&configuration["exporters"]) {
        let hostnames = settings.pointer("/resolver/static/hostnames").and_then(Value::as_array).into_iter().flatten();
        let addresses = hostnames.chain(settings.get("endpoint")).filter_map(Value::as_str);
        let ours = addresses.filter(|address| address.contains("planoai-obs"));
        found.extend(ours.map(|address| (kind(id).to_owned(), address.to_owned())));
    }
    found
}

#[test]
fn exporters_point_at_the_ports_we_listen_on() {
    let (grpc, http) = ports();
    let mut seen = 0;
    for (file, configuration) in configurations() {
        for (kind, address) in ours(&configuration) {
            let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
            assert_eq!(port, if kind == "otlp_http" { http } else { grpc }, "{file}: {address}");
            assert_eq!(address.contains("://"), kind == "otlp_http", "{file}: {address}");
            seen += 1;
        }
        for protocol in [("grpc", grpc), ("http", http)] {
            let endpoint = &configuration["receivers"]["otlp"]["protocols"][protocol.0]["endpoint"];
            assert_eq!(endpoint, &Value::from(format!("0.0.0.0:{}", protocol.1)), "{file}");
        }
    }
    assert!(seen > 6, "{seen}");
}

#[test]
fn the_page_and_the_files_name_each_other() {
    let page = fs::read_to_string(docs().join("COLLECTOR.md")).unwrap();
    for (file, _) in configurations() {
        assert!(page.contains(&format!("(collector/{file})")), "{file} is not on the page");
    }
    for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(docs().join(link).exists(), "{link}");
    }
}
