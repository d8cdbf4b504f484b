//! Scenario: a real gateway's captured exports are read, stored and analysed as in the running program.
//! Guarantee: every figure equals what plain arithmetic finds in the list of calls that the capture is known to hold.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    reason = "a test's own arithmetic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use planoai::call::{Name, Status};
use planoai::collector::store::{Batch, Store, StoreConfig};
use planoai::collector::{SharedNames, ingest};
use planoai::query::analysis::{Analysis, Picture, ViewSpec, Window};
use planoai::query::filter::Filter;
use planoai::stats::Quantiles;
use serde::Deserialize;

/// A call as the capture's oracle lists it.
#[derive(Clone, Deserialize)]
struct Expected {
    /// µs since the epoch.
    timestamp: i64,
    model: String,
    session_id: Option<String>,
    route_name: Option<String>,
    status_code: Option<u16>,
    completion_tokens: Option<u64>,
    cached_input_tokens: Option<u64>,
    cache_creation_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    ttft_ms: Option<f64>,
    duration_ms: Option<f64>,
    tokens_per_sec: Option<f64>,
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plano-brightstaff")
}

fn expected() -> Vec<Expected> {
    serde_json::from_str(&fs::read_to_string(fixtures().join("expected-calls.json")).unwrap()).unwrap()
}

/// The store after all requests of the capture.
fn store() -> Store {
    let names = SharedNames::default();
    let config = StoreConfig { capacity: 1000, span_memory: 1 << 20, pricer: Arc::default(), names: names.clone() };
    let mut store = Store::new(config);
    for nth in 1..=6 {
        let request = fs::read(fixtures().join(format!("{nth:03}.binpb"))).unwrap();
        let arrivals = ingest::read(&request, &mut names.lock(), 0).unwrap();
        store.apply(Batch { request: request.into(), arrivals, received_unix_nano: 0 });
    }
    store
}

fn picture(spec: ViewSpec, now_unix_nano: i64) -> Arc<Picture> {
    Analysis::default().update(&ViewSpec { sessions: true, ..spec }, &Arc::new(store().snapshot()), now_unix_nano)
}

/// The moment after the capture.
fn end(calls: &[Expected]) -> i64 {
    calls.iter().map(|call| call.timestamp * 1000).max().unwrap() + 1
}

fn sum(calls: &[Expected], count: impl Fn(&Expected) -> Option<u64>) -> u128 {
    calls.iter().filter_map(count).map(u128::from).sum()
}

fn quantiles(calls: &[Expected], figure: impl Fn(&Expected) -> Option<f64>) -> Quantiles {
    let mut values: Vec<f64> = calls.iter().filter_map(figure).collect();
    values.sort_by(f64::total_cmp);
    let nearest_rank = |percent: usize| values.get((percent * values.len()).div_ceil(100).max(1) - 1).copied();
    Quantiles {
        n: values.len() as u64,
        p50: nearest_rank(50),
        p95: nearest_rank(95),
        p99: nearest_rank(99),
        is_approximate: false,
    }
}

fn failed(call: &Expected) -> bool {
    call.status_code.is_none_or(|code| code >= 400)
}

/// Only where at least a twentieth of the time is left after the first token: the rest came in one piece.
fn generation_rate(call: &Expected) -> Option<f64> {
    let (duration_ms, ttft_ms) = (call.duration_ms?, call.ttft_ms?);
    call.tokens_per_sec.filter(|_| duration_ms - ttft_ms >= duration_ms / 20.0)
}

fn assert_figures(picture: &Picture, calls: &[Expected]) {
    let figures = &picture.summary.figures;
    let tally = &figures.tally;
    assert_eq!(tally.calls, calls.len() as u64);
    assert_eq!(tally.errors, calls.iter().filter(|call| failed(call)).count() as u64);
    assert_eq!(tally.tokens.output.tokens, sum(calls, |call| call.completion_tokens));
    assert_eq!(tally.tokens.cached.tokens, sum(calls, |call| call.cached_input_tokens));
    assert_eq!(tally.tokens.written.tokens, sum(calls, |call| call.cache_creation_tokens));
    assert_eq!(tally.tokens.reasoning.tokens, sum(calls, |call| call.reasoning_tokens));
    assert_eq!(figures.latency_ms, quantiles(calls, |call| call.duration_ms));
    assert_eq!(figures.ttft_ms, quantiles(calls, |call| call.ttft_ms));
    let rates = quantiles(calls, generation_rate);
    assert_eq!(figures.tokens_per_sec.n, rates.n);
    assert_near(figures.tokens_per_sec.p50, rates.p50);
    assert_near(figures.tokens_per_sec.p99, rates.p99);
    let with_rate: Vec<_> = calls.iter().filter(|call| generation_rate(call).is_some()).collect();
    let tokens: u64 = with_rate.iter().filter_map(|call| call.completion_tokens).sum();
    let ms: f64 = with_rate.iter().map(|call| call.duration_ms.unwrap() - call.ttft_ms.unwrap_or(0.0)).sum();
    assert_near(tally.tokens_per_sec(), Some(tokens as f64 / ms * 1000.0));
    assert_eq!(picture.series.points.iter().map(|point| point.calls).sum::<u64>(), calls.len() as u64);
}

/// Equal but for the last bits, which depend on the order of divisions.
fn assert_near(found: Option<f64>, expected: Option<f64>) {
    let (found, expected) = (found.unwrap(), expected.unwrap());
    assert!((found - expected).abs() <= expected * 1e-6, "{found} for {expected}");
}

fn groups(calls: &[Expected], name: impl Fn(&Expected) -> Option<String>) -> BTreeMap<String, Vec<Expected>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in calls {
        if let Some(name) = name(call) {
            groups.entry(name).or_default().push(call.clone());
        }
    }
    groups
}

#[test]
fn the_summary_is_what_the_capture_holds() {
    let calls = expected();
    let picture = picture(ViewSpec::default(), end(&calls));
    assert_figures(&picture, &calls);
    let mut failures: BTreeMap<Status, u64> = BTreeMap::new();
    for call in calls.iter().filter(|call| failed(call)) {
        *failures.entry(call.status_code.map_or(Status::NoResponse, Status::Code)).or_default() += 1;
    }
    assert_eq!(picture.summary.failures.iter().copied().collect::<BTreeMap<_, _>>(), failures);
    assert_eq!(picture.rows.len(), calls.len());
    assert_eq!(picture.failed.len() as u64, picture.summary.figures.tally.errors);
}

#[test]
fn rollups_are_what_the_capture_holds() {
    let calls = expected();
    let picture = picture(ViewSpec::default(), end(&calls));
    let models = groups(&calls, |call| Some(call.model.clone()));
    assert_eq!(picture.models.len(), models.len());
    for model in &picture.models {
        let calls = &models[model.name.as_str()];
        assert_eq!(model.figures.tally.calls, calls.len() as u64, "{}", model.name);
        assert_eq!(model.figures.latency_ms, quantiles(calls, |call| call.duration_ms), "{}", model.name);
        assert_eq!(model.figures.ttft_ms, quantiles(calls, |call| call.ttft_ms), "{}", model.name);
    }
    let routes = groups(&calls, |call| call.route_name.clone());
    let found = picture.routes.iter().map(|route| (route.name.to_string(), route.figures.tally.calls));
    assert_eq!(
        found.collect::<BTreeMap<_, _>>(),
        routes.into_iter().map(|(route, calls)| (route, calls.len() as u64)).collect()
    );
    let sessions = groups(&calls, |call| call.session_id.clone());
    let rows = picture.sessions.as_ref().unwrap();
    assert_eq!(rows.len(), sessions.len());
    for row in rows {
        let turns = &sessions[row.session.as_str()];
        assert_eq!(row.tally.calls, turns.len() as u64, "{}", row.session);
        assert_eq!(row.tally.tokens.output.tokens, sum(turns, |turn| turn.completion_tokens), "{}", row.session);
        let models: BTreeSet<_> = turns.iter().map(|turn| turn.model.as_str()).collect();
        assert_eq!(row.models.iter().map(Name::as_str).collect::<BTreeSet<_>>(), models, "{}", row.session);
        let first = turns.iter().map(|turn| turn.timestamp * 1000).min().unwrap();
        assert!(row.first_unix_nano.abs_diff(first) <= 1000, "the list is rounded to microseconds");
    }
}

#[test]
fn filter_and_window_narrow_every_figure() {
    let calls = expected();
    let beta: Vec<_> = calls.iter().filter(|call| call.model.contains("gpt-4o-mini")).cloned().collect();
    let filter = Arc::new(Filter::parse("model:*gpt-4o-mini").unwrap());
    assert_figures(&picture(ViewSpec { filter, ..ViewSpec::default() }, end(&calls)), &beta);

    // A minute that begins in the middle of the capture. A call is in it by its end.
    let ended = |call: &Expected| call.timestamp * 1000 + (call.duration_ms.unwrap_or(0.0) * 1e6) as i64;
    let mut ends: Vec<_> = calls.iter().map(ended).collect();
    ends.sort_unstable();
    let now = ends[ends.len() / 2] + 60_000_000_000 + 2000;
    let late: Vec<_> = calls.iter().filter(|call| ended(call) > now - 60_000_000_000).cloned().collect();
    let picture = picture(ViewSpec { window: Window::Minute, ..ViewSpec::default() }, now);
    assert_eq!(picture.summary.figures.tally.calls, late.len() as u64);
    assert_eq!(picture.summary.figures.latency_ms, quantiles(&late, |call| call.duration_ms));
}
