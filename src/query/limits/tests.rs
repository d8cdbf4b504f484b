use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::call::{CallFacts, Cost, CostBasis, LlmCall, Names};
use crate::collector::Snapshot;
use crate::collector::ring::Ring;
use crate::stats::Totals;

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
    let (mut ring, mut names) = (Ring::new(20_000), Names::default());
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
fn all_exceeded_limits_are_reported() {
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
fn a_sole_contributor_is_named() {
    let breach = check(errors(0.05), &calls(20, 20, failed)).unwrap();
    assert!(breach.text.ends_with("most by model m (100%), route r (100%), session s (100%)"), "{}", breach.text);
    let nameless = calls(20, 20, |call| TestCall { model: "", route: "", session: "", failed: true, ..call });
    assert!(check(errors(0.05), &nameless).unwrap().text.ends_with("is over 5.0%"));
}

#[test]
fn nothing_limited_is_nothing_watched() {
    assert!(LimitMonitor::new(CallLimits::default(), Arc::default()).is_none());
}

/// Scenario: more calls than percentiles are exact for.
#[test]
fn slow_calls_are_counted_whatever_their_number() {
    let took = |took_ms| vec![TestCall { took_ms, ..CALL }; 10_001];
    assert_eq!(check(p95(1000), &took(1000.0)), None, "just the limit");
    let breach = check(p95(1005), &took(1007.0)).unwrap();
    assert!(breach.text.contains("(10,001 of 10,001 calls are slower)"), "{}", breach.text);
    let slow = |of, bad| calls(of, bad, |call| TestCall { took_ms: 1001.0, ..call });
    assert_eq!(check(p95(1000), &slow(10_020, 501)), None, "one in twenty");
    assert!(check(p95(1000), &slow(10_020, 502)).is_some());
}

#[test]
fn what_just_meets_its_limit_is_within_it() {
    for took_ms in [1001_u16, 1003, 1007, 2049, 333, 7] {
        let told = vec![TestCall { took_ms: took_ms.into(), ..CALL }; 20];
        assert_eq!(check(p95(took_ms.into()), &told), None, "{took_ms} ms");
        assert!(check(p95(u64::from(took_ms) - 1), &told).is_some(), "{took_ms} ms");
    }
    for (text, usd) in [("$10.2/h", 0.17), ("$0.17/min", 0.17), ("$0.1/min", 0.1), ("$244.8/day", 0.17)] {
        let limits = CallLimits { budget: Some(text.parse().unwrap()), ..CallLimits::default() };
        assert_eq!(check(limits, &[TestCall { usd, ..CALL }]), None, "{text}");
        assert!(check(limits, &[TestCall { usd: usd + 1e-9, ..CALL }]).is_some(), "{text}");
    }
}

#[test]
fn a_call_is_in_the_window_when_it_ends_there() {
    let long = TestCall { age_secs: 400, took_ms: 400_000.0, failed: true, usd: 1.0, ..CALL };
    let told = vec![long; 30];
    for limits in [errors(0.05), p95(60_000), budget(5.0)] {
        assert!(check(limits, &told).is_some(), "{limits:?}");
    }
    let over = vec![TestCall { took_ms: 99_000.0, ..long }; 30].into_iter().chain([CALL]).collect::<Vec<_>>();
    for limits in [errors(0.05), p95(60_000), budget(5.0)] {
        assert_eq!(check(limits, &over), None, "ended 301 s ago: {limits:?}");
    }
}

/// Feeds the calls to a ring of `capacity`, `at_once` between two looks, and returns the last verdict.
fn through_ring(limits: CallLimits, told: &[TestCall], capacity: usize, at_once: usize) -> Vec<Breach> {
    let (mut ring, mut totals) = (Ring::new(capacity), Totals::default());
    let mut monitor = LimitMonitor::new(limits, Arc::default()).unwrap();
    let mut found = monitor.check_all(&Arc::default(), NOW);
    for (told, version) in told.chunks(at_once).zip(1..) {
        for call in snapshot(told).calls.iter() {
            totals.add(call);
            ring.push(call.clone());
        }
        let snapshot = Snapshot { version, calls: ring.calls().clone(), totals, capacity, ..Snapshot::default() };
        found = monitor.check_all(&Arc::new(snapshot), NOW);
    }
    found
}

/// Scenario: $1,800 an hour, of which a full ring holds a second.
#[test]
fn a_full_ring_hides_no_spending() {
    let told: Vec<_> = (0..3000).rev().map(|nth| TestCall { age_secs: nth / 10, usd: 0.05, ..CALL }).collect();
    for (capacity, at_once) in [(10, 10), (10, 7), (10, 30), (5000, 10)] {
        let found = through_ring(budget(1000.0), &told, capacity, at_once);
        let measured = found.first().map_or(0.0, |breach| breach.measured);
        assert!((measured - 1800.0).abs() < 10.0, "{measured} with {capacity} kept, {at_once} at once");
        assert_eq!(through_ring(budget(1810.0), &told, capacity, at_once), [], "{capacity} kept, {at_once} at once");
    }
}

/// Scenario: the oldest calls arrive last, so that the first one in the ring is the newest.
#[test]
fn arrival_out_of_order_invents_no_spending() {
    let told: Vec<_> = (0..300).map(|age_secs| TestCall { age_secs, usd: 0.05, ..CALL }).collect();
    for capacity in [20, 500] {
        assert_eq!(through_ring(budget(185.0), &told, capacity, 10), [], "$180 an hour with {capacity} kept");
        assert!(!through_ring(budget(175.0), &told, capacity, 10).is_empty(), "{capacity} kept");
    }
}

#[test]
fn evicted_calls_leave_the_window_too() {
    let mut told = vec![TestCall { age_secs: 302, failed: true, took_ms: 5000.0, usd: 9.0, ..CALL }; 40];
    told.extend(vec![CALL; 40]);
    for limits in [errors(0.05), p95(2000), budget(5.0)] {
        assert_ne!(through_ring(limits, &told[..40], 10, 10), [], "{limits:?}");
        assert_ne!(through_ring(limits, &told, 10, 10), [], "they ended 297 s ago: {limits:?}");
        let late: Vec<_> = told.iter().map(|told| TestCall { took_ms: told.took_ms.min(100.0), ..*told }).collect();
        if limits.max_p95.is_none() {
            assert_eq!(through_ring(limits, &late, 10, 10), [], "they ended 302 s ago: {limits:?}");
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "small figures")]
fn whole(figure: f64) -> i64 {
    figure.round() as i64
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

    /// What is kept does not matter: a small ring, looked at before it turns over, gives the verdicts of a plain recomputation.
    #[test]
    fn verdicts_are_those_of_a_recomputation(
        told in prop::collection::vec((0_i64..400, 1_u16..2000, any::<bool>(), 0_u8..9), 1..200),
        capacity in 5_usize..300,
    ) {
        let told: Vec<_> = told
            .into_iter()
            .map(|(age_secs, took, failed, cents)| {
                TestCall { age_secs, took_ms: took.into(), failed, usd: f64::from(cents) / 100.0, ..CALL }
            })
            .collect();
        let end = |told: &TestCall| whole(told.took_ms * 1e6) - told.age_secs * SECOND;
        let newest = told.iter().map(|told| end(told).min(0)).max().unwrap();
        let age = |told: &TestCall| newest - end(told).min(0);
        // Evicted calls leave by whole seconds; those that are near the edge are left to the tests of single cases.
        prop_assume!(told.iter().all(|told| (age(told) - 300 * SECOND).abs() > SECOND));
        let inside: Vec<_> = told.iter().filter(|told| age(told) < 300 * SECOND).collect();
        let n = inside.len().max(20);
        let slow = inside.iter().filter(|told| told.took_ms > 1000.0).count();
        let failed = inside.iter().filter(|told| told.failed).count();
        let limits = CallLimits { budget: budget(9.0).budget, max_error_rate: Some(MaxErrorRate(0.5)), max_p95: p95(1000).max_p95 };
        let nanos = told.iter().map(|told| age(told).min(300 * SECOND)).max().unwrap().max(60 * SECOND);
        let cents: i64 = inside.iter().map(|told| whole(told.usd * 100.0)).sum();
        let expected: Vec<_> = [
            (LimitedFigure::Spending, i128::from(cents) * 3600 * i128::from(SECOND) > 900 * i128::from(nanos)),
            (LimitedFigure::ErrorRate, failed * 2 > n),
            (LimitedFigure::LatencyP95, slow * 20 > n),
        ]
        .into_iter()
        .filter_map(|(figure, is_over)| is_over.then_some(figure))
        .collect();
        let found: Vec<_> = through_ring(limits, &told, capacity, 5).iter().map(|breach| breach.figure).collect();
        prop_assert_eq!(found, expected);
    }
}
