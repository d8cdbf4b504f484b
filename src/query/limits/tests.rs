use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::call::{CallFacts, Cost, CostBasis, LlmCall, Names};
use crate::collector::Snapshot;
use crate::collector::ring::Ring;

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_800_000_000 * SECOND;

/// A call of a test.
#[derive(Clone, Copy, Debug)]
struct TestCall {
    model: &'static str,
    route: &'static str,
    session: &'static str,
    age_secs: i64,
    took_ms: f64,
    usd: f64,
    failed: bool,
}

const CALL: TestCall =
    TestCall { model: "m", route: "r", session: "s", age_secs: 0, took_ms: 100.0, usd: 0.0, failed: false };

fn snapshot(told: &[TestCall]) -> Arc<Snapshot> {
    let (mut ring, mut names) = (Ring::new(10_000), Names::default());
    for told in told {
        let draft = CallFacts {
            model: Some(told.model.into()),
            route_name: (!told.route.is_empty()).then(|| told.route.into()),
            session_id: (!told.session.is_empty()).then(|| told.session.into()),
            start_unix_nano: Some((NOW - told.age_secs * SECOND).cast_unsigned()),
            duration_ms: Some(told.took_ms),
            status_code: Some(if told.failed { 500 } else { 200 }),
            ..CallFacts::default()
        };
        let mut call = LlmCall::from_facts(&draft, &mut names, NOW);
        call.set_cost(Some(Cost { usd: told.usd, basis: CostBasis::Priced }));
        ring.push(call);
    }
    Arc::new(Snapshot { version: 1, calls: ring.calls().clone(), ..Snapshot::default() })
}

fn check(limits: CallLimits, told: &[TestCall]) -> Option<Breach> {
    LimitMonitor::new(limits, Arc::default()).unwrap().check(&snapshot(told), NOW)
}

fn errors(share: f64) -> CallLimits {
    CallLimits { max_error_rate: Some(MaxErrorRate(share)), ..CallLimits::default() }
}

fn p95(ms: u64) -> CallLimits {
    CallLimits { max_p95: Some(Duration::from_millis(ms)), ..CallLimits::default() }
}

fn budget(usd_per_hour: f64) -> CallLimits {
    CallLimits { budget: Some(UsdPerHour(usd_per_hour)), ..CallLimits::default() }
}

/// `of` calls, the first `bad` of them changed.
fn calls(of: usize, bad: usize, change: impl Fn(TestCall) -> TestCall) -> Vec<TestCall> {
    (0..of).map(|nth| if nth < bad { change(CALL) } else { CALL }).collect()
}

fn failed(call: TestCall) -> TestCall {
    TestCall { failed: true, ..call }
}

fn slow(call: TestCall) -> TestCall {
    TestCall { took_ms: 3000.0, ..call }
}

#[test]
fn a_share_is_judged_as_if_there_were_twenty_calls() {
    for (of, bad, is_over) in [
        (1, 1, false),
        (3, 1, false),
        (2, 2, true),
        (20, 1, false),
        (21, 2, true),
        (100, 5, false),
        (100, 6, true),
        (0, 0, false),
    ] {
        assert_eq!(check(errors(0.05), &calls(of, bad, failed)).is_some(), is_over, "{bad} of {of} failed");
        assert_eq!(check(p95(2000), &calls(of, bad, slow)).is_some(), is_over, "{bad} of {of} are slow");
    }
    assert_eq!(check(errors(0.29), &calls(100, 29, failed)), None, "just the limit");
    assert!(check(errors(0.0), &calls(1, 1, failed)).is_some());
}

#[test]
fn spending_is_measured_over_a_minute_at_least() {
    let spent = |usd: f64, age_secs: i64| [TestCall { age_secs, usd, ..CALL }, CALL];
    assert_eq!(check(budget(6.0), &spent(0.099, 0)), None);
    let breach = check(budget(6.0), &spent(0.101, 0)).unwrap();
    assert!((breach.measured - 6.06).abs() < 1e-9, "{breach:?}");
    assert_eq!(check(budget(6.0), &spent(0.3, 200)), None, "$5.4 an hour over 200 s");
    assert!(check(budget(6.0), &spent(0.4, 200)).is_some());
    assert_eq!(check(budget(6.0), &spent(1e6, 301)), None, "long ago");
}

#[test]
fn old_traffic_is_judged_as_it_was() {
    let hour_ago = |told: TestCall| TestCall { age_secs: 3600, ..told };
    let old: Vec<TestCall> = calls(30, 10, failed).into_iter().map(hour_ago).collect();
    assert!(check(errors(0.05), &old).is_some());
    let with_a_new_call: Vec<TestCall> = old.into_iter().chain([CALL]).collect();
    assert_eq!(check(errors(0.05), &with_a_new_call), None);
}

#[test]
fn a_breach_is_over_five_minutes_after_the_last_call() {
    let mut monitor = LimitMonitor::new(errors(0.05), Arc::default()).unwrap();
    let hour_ago = |told: TestCall| TestCall { age_secs: 3600, ..told };
    let old = snapshot(&calls(30, 10, failed).into_iter().map(hour_ago).collect::<Vec<_>>());
    for (after_secs, count) in [(0, 1), (299, 1), (301, 0), (900, 0)] {
        assert_eq!(monitor.check_all(&old, NOW + after_secs * SECOND).len(), count, "{after_secs}");
    }
}

#[test]
fn all_limits_that_are_passed_are_told() {
    let limits =
        CallLimits { budget: budget(1.0).budget, max_error_rate: Some(MaxErrorRate(0.05)), max_p95: p95(2000).max_p95 };
    let mut monitor = LimitMonitor::new(limits, Arc::default()).unwrap();
    let told = calls(30, 10, |call| TestCall { usd: 1.0, ..slow(failed(call)) });
    let breaches = monitor.check_all(&snapshot(&told), NOW);
    let figures: Vec<_> = breaches.iter().map(|breach| breach.figure).collect();
    assert_eq!(figures, [LimitedFigure::Spending, LimitedFigure::ErrorRate, LimitedFigure::LatencyP95]);
    let short: Vec<_> = breaches.iter().map(Breach::short).collect();
    assert_eq!(short, ["spending $600/h > $1.0/h", "errors 33% > 5.0%", "p95 latency 3.00s > 2.00s"]);
}

/// Scenario: a replay is sought back in: all calls are forgotten, and those that come are older.
#[test]
fn what_comes_after_all_was_forgotten_is_judged_anew() {
    let mut monitor = LimitMonitor::new(errors(0.05), Arc::default()).unwrap();
    let mut ring = Ring::new(100);
    let push = |ring: &mut Ring, age_secs: i64, failed: bool| {
        let draft = CallFacts {
            start_unix_nano: Some((NOW - age_secs * SECOND).cast_unsigned()),
            status_code: Some(if failed { 500 } else { 200 }),
            ..CallFacts::default()
        };
        for _ in 0..30 {
            ring.push(LlmCall::from_facts(&draft, &mut Names::default(), NOW));
        }
    };
    let seen =
        |ring: &Ring, version| Arc::new(Snapshot { version, calls: ring.calls().clone(), ..Snapshot::default() });
    push(&mut ring, 0, false);
    assert_eq!(monitor.check(&seen(&ring, 1), NOW), None);
    ring.clear();
    push(&mut ring, 3600, true);
    assert!(monitor.check(&seen(&ring, 2), NOW).is_some());
}

#[test]
fn a_clock_ahead_does_not_empty_the_window() {
    let mut told = calls(30, 10, failed);
    told.push(TestCall { age_secs: -86_400, ..CALL });
    assert!(check(errors(0.05), &told).is_some());
}

#[test]
fn the_line_names_figure_limit_and_contributors() {
    let mut told = calls(30, 0, failed);
    for (nth, call) in told.iter_mut().enumerate() {
        call.session = if nth % 2 == 0 { "one" } else { "two" };
        call.model = if nth % 3 == 0 { "bad\u{1b}[2J" } else { "good" };
        call.failed = nth % 6 == 0;
        call.took_ms = if nth % 3 == 0 { 5000.0 } else { 100.0 };
        call.usd = if nth % 2 == 0 { 0.3 } else { 0.1 };
    }
    let lines = [errors(0.05), p95(2000), budget(5.0)].map(|limits| check(limits, &told).unwrap().text);
    assert_eq!(
        lines,
        [
            "error rate of 17% (5 of 30 calls) is over 5.0%; most by model bad␛[2J (100%), session one (100%)",
            "p95 latency of 5.00s (10 of 30 calls are slower) is over 2.00s; most by model bad␛[2J (100%), session one (50%)",
            "spending of $360/h over the last 1m00s is over the budget of $5.0/h; most by session one (75%), model good (67%)",
        ],
        "all calls went the same route, which tells nothing"
    );
}

#[test]
fn whoever_is_alone_is_named_all_the_same() {
    let breach = check(errors(0.05), &calls(20, 20, failed)).unwrap();
    assert!(breach.text.ends_with("most by model m (100%), route r (100%), session s (100%)"), "{}", breach.text);
    let nameless = calls(20, 20, |call| TestCall { model: "", route: "", session: "", failed: true, ..call });
    assert!(check(errors(0.05), &nameless).unwrap().text.ends_with("is over 5.0%"));
}

#[test]
fn nothing_limited_is_nothing_watched() {
    assert!(LimitMonitor::new(CallLimits::default(), Arc::default()).is_none());
}

proptest! {
    /// Following snapshot by snapshot leads to the result that the last one alone gives.
    #[test]
    fn following_is_looking_anew(steps in prop::collection::vec((0_i64..400, 0_usize..9, any::<bool>()), 1..12)) {
        let limits = CallLimits { budget: Some(UsdPerHour(9.0)), max_error_rate: Some(MaxErrorRate(0.2)), max_p95: None };
        let mut monitor = LimitMonitor::new(limits, Arc::default()).unwrap();
        let mut told = Vec::new();
        for (age_secs, more, failed) in steps {
            told.extend((0..more).map(|nth| TestCall { age_secs, failed, usd: nth as f64 / 100.0, ..CALL }));
            let snapshot = snapshot(&told);
            prop_assert_eq!(monitor.check(&snapshot, NOW), check(limits, &told));
        }
    }
}
