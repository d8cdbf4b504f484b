//! Scenario: calls arrive, are revised, merged away, evicted and cleared; filter, window, order and time change.
//! Guarantee: after every step the picture shows what a straightforward recomputation over the kept calls shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::call::{CallFacts, Convention, Cost, CostBasis, LlmCall, Names, PlanoFacts, Status, Usage};
use crate::collector::ring::Ring;
use crate::query::column::{Column, Direction, SortKey};
use crate::query::filter::Filter;
use crate::stats::{Exact, Figures, Share, femto_usd};

const SECOND: i64 = 1_000_000_000;
const NOON: i64 = 1_800_000_000 * SECOND;

/// A call as a test describes it.
#[derive(Clone, Debug)]
struct Sketch {
    model: u8,
    route: Option<u8>,
    session: Option<u8>,
    /// Seconds from now.
    start: i64,
    status: Option<u16>,
    input: Option<u64>,
    cached: Option<u64>,
    output: Option<u64>,
    ttft_ms: Option<f64>,
    duration_ms: Option<f64>,
    usd: Option<f64>,
    is_merged_away: bool,
}

impl Sketch {
    fn call(&self, names: &mut Names, now: i64) -> LlmCall {
        let start = now.saturating_add(self.start.saturating_mul(SECOND));
        let draft = CallFacts {
            convention: Convention::Plano,
            model: (self.model > 0).then(|| format!("model-{}", self.model).into()),
            route_name: self.route.map(|route| format!("route-{route}").into()),
            session_id: self.session.map(|session| format!("session-{session}").into()),
            start_unix_nano: Some(start.try_into().unwrap_or(1)),
            status_code: self.status,
            usage: Usage {
                input: self.input,
                cache_read: self.cached,
                output: self.output,
                reasoning: self.output.map(|output| output / 2),
                ..Usage::default()
            },
            ttft_ms: self.ttft_ms,
            duration_ms: self.duration_ms,
            plano: PlanoFacts { session_switches: self.session.map(u32::from), ..PlanoFacts::default() },
            ..CallFacts::default()
        };
        let mut call = LlmCall::from_facts(&draft, names, now);
        call.set_cost(self.usd.map(|usd| Cost { usd, basis: CostBasis::Priced }));
        if self.is_merged_away {
            call.mark_merged();
        }
        call
    }
}

fn tokens() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(prop_oneof![8 => 0_u64..100_000, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1)])
}

/// Near, in the windows' reach, in the future, and nonsense.
fn starts() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => -90_i64..1,
        3 => -4000_i64..1,
        2 => 1_i64..5000,
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(-1_900_000_000), Just(-90 * 86_400)],
    ]
}

fn sketches() -> impl Strategy<Value = Sketch> {
    let names = (0_u8..4, prop::option::of(0_u8..3), prop::option::of(0_u8..5));
    let status = prop_oneof![4 => Just(Some(200)), 1 => Just(Some(429)), 1 => Just(Some(503)), 1 => Just(None)];
    let times = (prop::option::of(0.0_f64..500.0), prop::option::of(0.0_f64..9000.0));
    let usd = prop::option::of(prop_oneof![8 => 0.0_f64..0.1, 1 => Just(1e-9), 1 => Just(1e300)]);
    (names, starts(), status, (tokens(), tokens(), tokens()), times, usd, prop::bool::weighted(0.1)).prop_map(
        |((model, route, session), start, status, (input, cached, output), (ttft_ms, duration_ms), usd, merged)| {
            Sketch {
                model,
                route,
                session,
                start,
                status,
                input,
                cached,
                output,
                ttft_ms,
                duration_ms,
                usd,
                is_merged_away: merged,
            }
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<Sketch>),
    /// Which of the kept calls, counted from the oldest and round and round.
    Replace(u64, Sketch),
    Clear,
    /// Seconds.
    Pass(i64),
    Window(Window),
    Filter(&'static str),
    Sort(Option<(Column, Direction)>),
    /// Leave a snapshot out, as when paused.
    Skip,
}

fn steps() -> impl Strategy<Value = Step> {
    let window =
        prop::sample::select(vec![Window::Minute, Window::FiveMinutes, Window::QuarterHour, Window::Hour, Window::All]);
    let filter =
        prop::sample::select(vec!["", "model:model-1", "!route:route-2", "status:error", "since:2m", "!since:30s"]);
    let direction = prop::sample::select(vec![Direction::Ascending, Direction::Descending]);
    let column = prop::sample::select(Column::BUILT_IN.to_vec());
    prop_oneof![
        8 => prop::collection::vec(sketches(), 1..12).prop_map(Step::Push),
        5 => (any::<u16>().prop_map(u64::from), sketches()).prop_map(|(which, sketch)| Step::Replace(which, sketch)),
        1 => Just(Step::Clear),
        4 => prop_oneof![1_i64..20, 1_i64..4000].prop_map(Step::Pass),
        2 => window.prop_map(Step::Window),
        2 => filter.prop_map(Step::Filter),
        2 => prop::option::of((column, direction)).prop_map(Step::Sort),
        2 => Just(Step::Skip),
    ]
}

/// The test's own bookkeeping: the ring, and when each call was first looked at.
struct World {
    ring: Ring,
    names: Names,
    now: i64,
    version: u64,
    spec: ViewSpec,
    /// When a call that claims to be from the future was first seen.
    seen: HashMap<CallId, i64>,
    latest_end: Option<i64>,
    /// Calls seen so far.
    seen_before: CallId,
}

impl World {
    fn new(capacity: usize) -> Self {
        Self {
            ring: Ring::new(capacity),
            names: Names::default(),
            now: NOON,
            version: 0,
            spec: ViewSpec { sessions: true, ..ViewSpec::default() },
            seen: HashMap::new(),
            latest_end: None,
            seen_before: CallId(0),
        }
    }

    /// False when the step leaves nothing to look at.
    fn take(&mut self, step: &Step) -> bool {
        match step {
            Step::Push(sketches) => sketches.iter().for_each(|sketch| {
                self.ring.push(sketch.call(&mut self.names, self.now));
            }),
            Step::Replace(which, sketch) => {
                let calls = self.ring.calls();
                let id = CallId(calls.first_id().0 + which % (calls.len() as u64).max(1));
                let call = sketch.call(&mut self.names, self.now);
                self.ring.replace(id, call);
            }
            Step::Clear => self.ring.clear(),
            Step::Pass(seconds) => self.now += seconds * SECOND,
            Step::Window(window) => self.spec.window = *window,
            Step::Filter(text) => self.spec.filter = Arc::new(Filter::parse(text).unwrap()),
            Step::Sort(sort) => self.spec.sort.clone_from(sort),
            Step::Skip => return false,
        }
        self.version += 1;
        true
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot { version: self.version, calls: self.ring.calls().clone(), ..Snapshot::default() })
    }

    /// Notes what an onlooker sees at this moment.
    fn look(&mut self) {
        for call in self.ring.calls().iter() {
            if call.end_unix_nano() > self.now {
                self.seen.entry(call.id()).or_insert(self.now);
            }
        }
        let latest = self.ring.calls().iter().map(|call| self.end(call)).max();
        // Where all was forgotten, it begins anew.
        let before = self.latest_end.filter(|_| self.ring.calls().begun_id() < self.seen_before);
        self.latest_end = before.max(latest);
        self.seen_before = self.ring.calls().next_id();
    }

    fn end(&self, call: &LlmCall) -> i64 {
        self.seen.get(&call.id()).map_or(call.end_unix_nano(), |seen| call.end_unix_nano().min(*seen))
    }

    fn passing(&self) -> Vec<&LlmCall> {
        let passes = |call: &&LlmCall| {
            !call.is_merged_away()
                && self.spec.window.nanos().is_none_or(|nanos| self.end(call) > self.now - nanos)
                && self.spec.filter.matches(call, self.now)
        };
        self.ring.calls().iter().filter(passes).collect()
    }
}

fn figures(calls: &[&LlmCall]) -> Figures {
    let mut exact = Exact::default();
    for call in calls {
        exact.add(&Share::of(call));
    }
    exact.figures()
}

fn by_name<'a>(
    calls: &[&'a LlmCall],
    name: impl Fn(&'a LlmCall) -> Option<&'a str>,
) -> BTreeMap<&'a str, Vec<&'a LlmCall>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in calls {
        if let Some(name) = name(call) {
            groups.entry(name).or_default().push(*call);
        }
    }
    groups
}

fn assert_rollups(rollups: &[Rollup], groups: &BTreeMap<&str, Vec<&LlmCall>>) -> Result<(), TestCaseError> {
    let found: BTreeMap<_, _> = rollups.iter().map(|rollup| (rollup.name.as_str(), rollup.figures)).collect();
    let expected: BTreeMap<_, _> = groups.iter().map(|(name, calls)| (*name, figures(calls))).collect();
    prop_assert_eq!(found, expected);
    let order = |rollup: &Rollup| (rollup.figures.tally.cost_femto_usd, rollup.figures.tally.calls);
    prop_assert!(rollups.is_sorted_by(|one, next| order(one) >= order(next)));
    Ok(())
}

fn assert_summary(picture: &Picture, world: &World, calls: &[&LlmCall]) -> Result<(), TestCaseError> {
    prop_assert_eq!(picture.summary.figures, figures(calls));
    let failed: Vec<_> = calls.iter().filter(|call| call.status().is_error()).map(|call| call.id()).collect();
    let mut failures: BTreeMap<Status, u64> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.status().is_error()) {
        *failures.entry(call.status()).or_insert(0) += 1;
    }
    prop_assert_eq!(picture.summary.failures.iter().copied().collect::<BTreeMap<_, _>>(), failures);
    prop_assert_eq!(picture.last_error, failed.last().copied());
    prop_assert!(picture.failed.from(0).eq(failed.iter().rev().copied()));
    prop_assert_eq!(picture.latest, calls.last().map(|call| call.id()));
    prop_assert_eq!(picture.now_unix_nano, world.now);
    Ok(())
}

fn assert_series(picture: &Picture, world: &World, calls: &[&LlmCall]) -> Result<(), TestCaseError> {
    let series = &picture.series;
    let end = match world.spec.window {
        Window::All => world.latest_end.unwrap_or(0),
        _ => world.now,
    };
    let last_bucket = series.start_unix_nano + 59 * series.bucket_nanos;
    prop_assert!(last_bucket <= end && end - last_bucket < series.bucket_nanos);
    prop_assert_eq!(series.points.len(), 60);
    for (point, nth) in series.points.iter().zip(0..) {
        let from = series.start_unix_nano + nth * series.bucket_nanos;
        let inside = |call: &&&LlmCall| (from..from + series.bucket_nanos).contains(&world.end(call));
        let calls: Vec<_> = calls.iter().filter(inside).collect();
        prop_assert_eq!(point.calls, calls.len() as u64, "bucket {}", nth);
        prop_assert_eq!(point.errors, calls.iter().filter(|call| call.status().is_error()).count() as u64);
        let cost: i128 = calls.iter().filter_map(|call| call.cost()).map(|cost| femto_usd(cost.usd)).sum();
        prop_assert_eq!(point.cost_femto_usd, cost);
    }
    Ok(())
}

fn assert_rows(picture: &Picture, world: &World, calls: &[&LlmCall]) -> Result<(), TestCaseError> {
    let mut calls: Vec<_> = calls.iter().rev().copied().collect();
    if let Some((column, direction)) = &world.spec.sort {
        calls.sort_by(|one, other| compare_keys(&column.key(one), &column.key(other), *direction));
    }
    let expected: Vec<_> = calls.iter().map(|call| call.id()).collect();
    let rows = &picture.rows;
    prop_assert_eq!(rows.from(0).collect::<Vec<_>>(), expected.clone(), "{:?}", world.spec.sort);
    prop_assert_eq!(rows.len(), expected.len());
    prop_assert_eq!(rows.nth(rows.len()), None);
    for (nth, id) in expected.iter().enumerate() {
        prop_assert_eq!(rows.nth(nth), Some(*id));
        prop_assert_eq!(rows.position(*id), Some(nth));
        prop_assert_eq!(rows.nearest(*id, 7), Some(nth));
    }
    let kept = world.ring.calls();
    for id in (kept.first_id().0.saturating_sub(3)..kept.next_id().0 + 3).map(CallId) {
        let expected_row = expected.iter().position(|row| *row == id);
        prop_assert_eq!(rows.position(id), expected_row);
        let neighbour = match &world.spec.sort {
            Some(_) => 2,
            None => expected.iter().position(|row| *row <= id).unwrap_or(usize::MAX),
        };
        let nearest = expected_row.or(expected.len().checked_sub(1).map(|last| neighbour.min(last)));
        prop_assert_eq!(rows.nearest(id, 2), nearest);
    }
    Ok(())
}

fn compare_keys(one: &SortKey<'_>, other: &SortKey<'_>, direction: Direction) -> std::cmp::Ordering {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let ordering = match (one, other) {
        (SortKey::Absent, SortKey::Absent) => return Equal,
        (SortKey::Absent, _) => return Greater,
        (_, SortKey::Absent) => return Less,
        (SortKey::Count(one), SortKey::Count(other)) => {
            // The two highest counts share a rank.
            one.min(&(u64::MAX - 1)).cmp(other.min(&(u64::MAX - 1)))
        }
        (SortKey::Instant(one), SortKey::Instant(other)) => one.min(&(i64::MAX - 1)).cmp(other.min(&(i64::MAX - 1))),
        (SortKey::Number(one), SortKey::Number(other)) => one.partial_cmp(other).unwrap(),
        (SortKey::Text(one), SortKey::Text(other)) => one.cmp(other),
        (one, other) => panic!("one column, two kinds: {one:?} {other:?}"),
    };
    match direction {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    }
}

fn assert_sessions(picture: &Picture, calls: &[&LlmCall]) -> Result<(), TestCaseError> {
    let rows = picture.sessions.as_ref().unwrap();
    let mut groups = by_name(calls, |call| call.session_id().map(arcstr::ArcStr::as_str));
    prop_assert_eq!(rows.len(), groups.len());
    prop_assert!(rows.is_sorted_by(|one, next| one.latest > next.latest));
    for row in rows {
        let turns = groups.get_mut(row.session.as_str()).unwrap();
        turns.sort_by_key(|turn| turn.start_unix_nano());
        prop_assert_eq!(row.tally, figures(turns).tally);
        prop_assert_eq!(row.first_unix_nano, turns.iter().map(|turn| turn.start_unix_nano()).min().unwrap());
        prop_assert_eq!(row.last_unix_nano, turns.iter().map(|turn| turn.start_unix_nano()).max().unwrap());
        let models: Vec<_> = turns.iter().map(|turn| turn.shown_model()).filter(|model| !model.is_empty()).collect();
        let switches = (1..models.len()).filter(|nth| models[*nth] != models[nth - 1]).count();
        prop_assert_eq!(row.model_switches, switches as u64);
        prop_assert_eq!(row.models.len(), models.iter().collect::<BTreeSet<_>>().len());
        prop_assert_eq!(picture.turns(&row.session), turns.iter().map(|turn| turn.id()).collect::<Vec<_>>());
    }
    Ok(())
}

fn assert_kept(picture: &Picture, world: &World) -> Result<(), TestCaseError> {
    let kept: Vec<_> = world.ring.calls().iter().filter(|call| !call.is_merged_away()).collect();
    for column in Column::BUILT_IN {
        prop_assert_eq!(picture.has_data(&column), kept.iter().any(|call| column.has_data(call)), "{:?}", column);
    }
    let count = |groups: BTreeMap<&str, Vec<&LlmCall>>| -> BTreeMap<String, u64> {
        groups.into_iter().map(|(name, calls)| (name.to_owned(), calls.len() as u64)).collect()
    };
    let found = |names: &[(crate::call::Name, u64)]| -> BTreeMap<String, u64> {
        names.iter().map(|(name, count)| (name.to_string(), *count)).collect()
    };
    let models = by_name(&kept, |call| Some(call.shown_model()).filter(|model| !model.is_empty()));
    prop_assert_eq!(found(&picture.names.models), count(models));
    prop_assert_eq!(found(&picture.names.routes), count(by_name(&kept, |call| call.route_name().map(|name| &**name))));
    prop_assert_eq!(found(&picture.names.providers), count(by_name(&kept, |call| Some(call.provider()))));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn incremental_equals_recomputed(capacity in 1_usize..40, steps in prop::collection::vec(steps(), 1..40)) {
        let mut world = World::new(capacity);
        let mut analysis = Analysis::default();
        for step in steps {
            if !world.take(&step) {
                continue;
            }
            world.look();
            let picture = analysis.update(&world.spec, &world.snapshot(), world.now);
            let calls = world.passing();
            assert_summary(&picture, &world, &calls)?;
            assert_rollups(&picture.models, &by_name(&calls, |call| Some(call.shown_model())))?;
            assert_rollups(&picture.routes, &by_name(&calls, |call| call.route_name().map(|name| &**name)))?;
            assert_series(&picture, &world, &calls)?;
            assert_rows(&picture, &world, &calls)?;
            assert_sessions(&picture, &calls)?;
            assert_kept(&picture, &world)?;
        }
    }
}

/// A plain call that started `age` seconds before `now`.
fn plain(age: i64) -> Sketch {
    Sketch {
        model: 1,
        route: None,
        session: None,
        start: -age,
        status: Some(200),
        input: None,
        cached: None,
        output: None,
        ttft_ms: None,
        duration_ms: None,
        usd: None,
        is_merged_away: false,
    }
}

impl World {
    fn push(&mut self, sketch: &Sketch) -> CallId {
        self.take(&Step::Push(vec![sketch.clone()]));
        CallId(self.ring.calls().next_id().0 - 1)
    }

    fn look_with(&self, analysis: &mut Analysis) -> Arc<Picture> {
        analysis.update(&self.spec, &self.snapshot(), self.now)
    }
}

#[test]
fn above_ten_thousand_percentiles_are_a_128th_off_at_most() {
    let mut world = World::new(10_500);
    let mut analysis = Analysis::default();
    let many: Vec<_> = (0..10_400_u32)
        .map(|nth| Sketch {
            duration_ms: Some(f64::from(nth.wrapping_mul(2_654_435_761) >> 12)),
            ttft_ms: Some(f64::from(nth % 97)),
            output: Some(nth.into()),
            model: (nth % 3).try_into().unwrap(),
            route: Some((nth % 5).try_into().unwrap()),
            ..plain(1)
        })
        .collect();
    world.take(&Step::Push(many));
    let picture = world.look_with(&mut analysis);
    let calls = world.passing();
    assert_close(&picture.summary.figures, &figures(&calls));
    let models = by_name(&calls, |call| Some(call.shown_model()));
    assert_eq!(picture.models.len(), 3);
    for model in &picture.models {
        assert_close(&model.figures, &figures(&models[model.name.as_str()]));
    }
    let routes = by_name(&calls, |call| call.route_name().map(|name| &**name));
    for route in &picture.routes {
        assert_close(&route.figures, &figures(&routes[route.name.as_str()]));
    }

    // The sums are exact all the same, and with fewer calls the percentiles are, too.
    world.take(&Step::Filter("!model:model-1"));
    assert_eq!(world.look_with(&mut analysis).summary.figures, figures(&world.passing()));
}

fn assert_close(found: &Figures, exact: &Figures) {
    assert_eq!(found.tally, exact.tally);
    let pairs = [
        (found.latency_ms, exact.latency_ms),
        (found.ttft_ms, exact.ttft_ms),
        (found.tokens_per_sec, exact.tokens_per_sec),
    ];
    for (found, exact) in pairs {
        assert_eq!(found.n, exact.n);
        for (found, exact) in [(found.p50, exact.p50), (found.p95, exact.p95), (found.p99, exact.p99)] {
            let (found, exact) = (found.unwrap(), exact.unwrap());
            assert!((found - exact).abs() <= exact / 128.0, "{found} for {exact}");
        }
    }
}

#[test]
fn a_clock_that_runs_ahead_keeps_no_call_in_the_window() {
    let mut world = World::new(100);
    let mut analysis = Analysis::default();
    world.spec.window = Window::Minute;
    world.push(&plain(-3600));
    let picture = world.look_with(&mut analysis);
    assert_eq!(picture.rows.len(), 1);
    assert_eq!(picture.series.points[59].calls, 1, "it counts as ended when first seen");
    world.take(&Step::Pass(30));
    let picture = world.look_with(&mut analysis);
    assert_eq!((picture.series.points[29].calls, picture.series.points[59].calls), (1, 0));
    world.take(&Step::Pass(30));
    let picture = world.look_with(&mut analysis);
    assert!(picture.rows.is_empty());
    assert!(!picture.is_moving, "nothing is left to move");
}

#[test]
fn spending_is_scaled_from_what_was_measured() {
    let mut world = World::new(3);
    let mut analysis = Analysis::default();
    let burn = |picture: &Picture| picture.summary.burn.map(|burn| (burn.usd_per_hour.round(), burn.over_secs));
    assert_eq!(burn(&world.look_with(&mut analysis)), None);
    let dollar = |age| Sketch { usd: Some(1.0), ..plain(age) };
    world.push(&plain(200));
    assert_eq!(burn(&world.look_with(&mut analysis)), None, "unknown is not zero");
    world.push(&dollar(100));
    assert_eq!(burn(&world.look_with(&mut analysis)), Some((18.0, 200.0)), "since the oldest kept call");
    world.take(&Step::Pass(200));
    world.push(&dollar(0));
    let measured = burn(&world.look_with(&mut analysis));
    assert_eq!(
        measured,
        Some((12.0, 295.0)),
        "at most five minutes, in whole buckets: the first dollar is too long ago"
    );
    world.push(&dollar(5));
    assert_eq!(world.ring.calls().first_id(), CallId(1), "the call without a price is gone");
    world.spec.window = Window::Minute;
    assert_eq!(burn(&world.look_with(&mut analysis)), Some((120.0, 60.0)), "over the window");
    world.spec.window = Window::Hour;
    assert_eq!(burn(&world.look_with(&mut analysis)), Some((36.0, 300.0)), "no further back than is kept");
}

#[test]
fn a_rate_of_spending_needs_time_or_calls() {
    let cent = |age| Sketch { usd: Some(0.01), ..plain(age) };
    let burn = |calls: Vec<Sketch>, window| {
        let mut world = World::new(100);
        world.spec.window = window;
        world.take(&Step::Push(calls));
        let burn = world.look_with(&mut Analysis::default()).summary.burn;
        burn.map(|burn| (burn.usd_per_hour.round(), burn.over_secs))
    };
    for window in [Window::All, Window::FiveMinutes] {
        assert_eq!(burn(vec![cent(0)], window), None);
        assert_eq!(burn(vec![cent(59), cent(0)], window), None);
        assert_eq!(burn(vec![cent(60), cent(0)], window), Some((1.0, 60.0)));
        assert_eq!(burn(vec![cent(0); 19], window), None);
        assert_eq!(burn(vec![cent(0); 20], window), Some((72.0, 10.0)));
    }
}

/// Scenario: a ring of ten calls turns over thirty times, a call a second.
#[test]
fn spending_does_not_depend_on_the_capacity() {
    let mut world = World::new(10);
    let mut analysis = Analysis::default();
    for _ in 0..300 {
        world.take(&Step::Pass(1));
        world.push(&Sketch { usd: Some(0.01), ..plain(0) });
        world.look_with(&mut analysis);
    }
    let burn = world.look_with(&mut analysis).summary.burn.unwrap();
    assert!((burn.usd_per_hour - 36.0).abs() < 0.5, "{burn:?}");
    assert!(burn.over_secs > 290.0, "{burn:?}");
}

#[test]
fn nothing_new_is_no_work() {
    let mut world = World::new(10);
    let mut analysis = Analysis::default();
    world.push(&plain(1));
    let snapshot = world.snapshot();
    let first = analysis.update(&world.spec, &snapshot, world.now);
    assert!(Arc::ptr_eq(&first, &analysis.update(&world.spec, &snapshot, world.now)));
    assert!(first.is_moving, "spending of the last five minutes changes with time");
    let later = analysis.update(&world.spec, &snapshot, world.now + 400 * SECOND);
    assert!(!Arc::ptr_eq(&first, &later));
    assert!(!later.is_moving);
    assert!(Arc::ptr_eq(&later, &analysis.update(&world.spec, &snapshot, world.now + 900 * SECOND)));
    let earlier = analysis.update(&world.spec, &snapshot, world.now);
    assert!(Arc::ptr_eq(&later, &earlier), "time does not run backwards");
}

#[test]
fn an_older_snapshot_is_shown_as_it_was() {
    let mut world = World::new(10);
    let mut analysis = Analysis::default();
    world.push(&plain(5));
    let frozen = world.snapshot();
    world.take(&Step::Push(vec![plain(4); 30]));
    assert_eq!(world.look_with(&mut analysis).rows.len(), 10);
    let picture = analysis.update(&world.spec, &frozen, world.now);
    assert_eq!(picture.rows.from(0).collect::<Vec<_>>(), [CallId(0)]);
    assert_eq!(picture.names.models, [("model-1".into(), 1)]);
    assert_eq!(world.look_with(&mut analysis).summary.figures.tally.calls, 10);
}

#[test]
fn a_flood_through_a_small_ring_leaves_no_memory_behind() {
    let mut world = World::new(50);
    let mut analysis = Analysis::default();
    world.spec.window = Window::Hour;
    for _ in 0..400 {
        // Half of the clocks run ahead.
        world.take(&Step::Push([vec![plain(0); 10], vec![plain(-9000); 10]].concat()));
        world.look_with(&mut analysis);
    }
    let held = analysis.matching.held() + analysis.ends.held();
    assert!(held < 3 * 1024, "{held} entries for 50 calls");
}
