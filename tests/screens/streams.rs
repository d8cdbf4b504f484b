//! A replay, limits that are passed, and where traffic goes on to, as the screen shows them.

use planoai::app::Event;
use planoai::collector::taps::forward::ForwardCounters;
use planoai::collector::taps::recorder::RecordCounters;
use planoai::collector::taps::{Forwarded, PipelineCounters};
use planoai::query::limits::{Breach, Dimension, LimitedFigure, TopContributor};
use planoai::sources::replay::{Broken, Progress, Speed, State};
use planoai::text::is_clean;
use planoai::ui::theme::{Depth, Ground, Theme};
use ratatui::buffer::Buffer;

use crate::render::{Panel, page, portrait, portrait_of, text};
use crate::traffic::{Harness, NOW};
use crate::{ATTACKS, SIZES, THEME};

const MINUTE: u64 = 60_000_000_000;

fn begin() -> u64 {
    NOW.cast_unsigned() - 7 * MINUTE
}

fn progress() -> Progress {
    Progress {
        speed: Some(Speed::Times(10.0)),
        input: "/var/recordings/traffic.jsonl.zst".into(),
        position: 300,
        size: Some(1000),
        requests: 118,
        beginnings: 1,
        can_rewind: true,
        begins_unix_nano: Some(begin()),
        newest_unix_nano: Some(begin() + MINUTE),
        clock_unix_nano: Some(begin() + MINUTE + MINUTE / 4),
        ends_unix_nano: Some(begin() + 5 * MINUTE),
        ..Progress::default()
    }
}

fn broken(why: &str) -> Progress {
    let entry = |number| Broken { input: "traffic.jsonl".into(), number, why: why.into() };
    Progress { broken: 4, last_broken: (17..21).map(entry).collect(), ..progress() }
}

fn harness(event: Event) -> Harness {
    let mut harness = Harness::busy();
    harness.app.update(event);
    harness
}

fn replaying(progress: Progress) -> Harness {
    harness(Event::Replay(Box::new(progress)))
}

fn screen(harness: &mut Harness, keys: &str, (width, height): (u16, u16)) -> Buffer {
    page(&mut harness.app, THEME, width, height);
    harness.press(keys);
    page(&mut harness.app, THEME, width, height)
}

fn check(name: &str, harness: &mut Harness, keys: &str, size: (u16, u16)) {
    insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), portrait(&screen(harness, keys, size)));
}

fn check_panel(name: &str, panel: Panel, harness: &mut Harness, keys: &str, size: (u16, u16)) {
    let screen = screen(harness, keys, size);
    insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), portrait_of(panel, &screen));
}

#[test]
fn a_replay_has_a_line_at_every_size() {
    for size in SIZES {
        check("replay", &mut replaying(progress()), "", size);
    }
    let themes = [
        ("no_color", Theme { depth: Depth::None, ground: Ground::Unknown, ascii: false }),
        ("ascii", Theme { depth: Depth::Ansi16, ground: Ground::Unknown, ascii: true }),
        ("light_truecolor", Theme { depth: Depth::TrueColor, ground: Ground::Light, ascii: false }),
    ];
    for (name, theme) in themes {
        let screen = page(&mut replaying(progress()).app, theme, 100, 12);
        assert!(!theme.ascii || text(&screen).is_ascii());
        insta::assert_snapshot!(format!("replay_look_{name}"), portrait(&screen));
    }
}

/// The line of the replay, which is the last but one.
fn line(progress: Progress, width: u16) -> String {
    let screen = text(&screen(&mut replaying(progress), "", (width, 24)));
    screen.lines().nth(22).unwrap().trim().to_owned()
}

#[test]
fn the_line_shows_what_the_replay_does() {
    let unknown = Progress { ends_unix_nano: None, ..progress() };
    let stdin = Progress {
        ends_unix_nano: None,
        size: None,
        can_rewind: false,
        speed: Some(Speed::Max),
        input: "standard input".into(),
        ..progress()
    };
    let done = Progress { state: State::Done, clock_unix_nano: Some(begin() + 5 * MINUTE), ..progress() };
    let days = Progress {
        begins_unix_nano: Some(begin() - 100 * 60 * 24 * MINUTE),
        ends_unix_nano: Some(begin() + 3 * MINUTE),
        ..progress()
    };
    for (progress, begins) in [
        (progress(), "▶ replay  traffic.jsonl.zst  1:15 / 5:00  11:57:37  10x  25%  ███"),
        (
            Progress { state: State::Paused, ..progress() },
            "⏸ replay paused  traffic.jsonl.zst  1:15 / 5:00  11:57:37  10x  25%  ██",
        ),
        (done, "■ replay done  traffic.jsonl.zst  5:00 / 5:00  12:01:22  10x  100%  ███"),
        (unknown, "▶ replay  traffic.jsonl.zst  1:15  11:57:37  10x  30%  ███"),
        (stdin, "▶ replay  standard input  1:15  11:57:37  max  ░░░"),
        (broken("EOF"), "▶ replay  traffic.jsonl.zst  1:15 / 5:00  11:57:37  10x  4 broken  25%  ███"),
        (days, "▶ replay  traffic.jsonl.zst  100d 00:01:15 / 100d 00:03:00  11:57:37  10x  99.9%  ███"),
        (
            Progress { seeking_unix_nano: Some(begin() + 4 * MINUTE), ..progress() },
            "▶ replay  traffic.jsonl.zst  1:15 → 4:00 / 5:00  11:57:37  10x  25%  ██",
        ),
        (Progress::default(), "▶ replay  recording  ░░░"),
    ] {
        let line = line(progress, 120);
        assert!(line.starts_with(begins), "{line}\n{begins}");
    }
    for width in 40..200 {
        let line = line(broken("EOF"), width);
        assert!(line.contains("replay") && line.contains("░"), "{width}: {line}");
        assert!(!line.contains('…') || line.contains("traffic"), "no figure is cut at {width}: {line}");
    }
    assert!(line(progress(), 150).contains("p pause  . step  ← → 10s  { } 1m  [ ] speed  : go to"));
}

#[test]
fn a_time_to_go_to_is_entered_and_mistakes_are_reported() {
    check_panel("replay_goto", Panel::Bottom(3), &mut replaying(progress()), ":12:0", (80, 24));
    check_panel("replay_goto_mistake", Panel::Bottom(3), &mut replaying(progress()), ":soon\n", (80, 24));
    check_panel("replay_help", Panel::Dialog, &mut replaying(progress()), "?", (100, 60));
}

#[test]
fn broken_entries_are_a_note_and_stay_in_the_account() {
    check("replay_broken", &mut replaying(broken("EOF while parsing a list")), "", (80, 15));
    check_panel(
        "replay_broken_account",
        Panel::Dialog,
        &mut replaying(broken("EOF while parsing a list")),
        "a",
        (80, 40),
    );
    for attack in ATTACKS {
        let hostile = Progress { input: attack.into(), ..broken(attack) };
        let mut harness = replaying(hostile);
        for keys in ["", "a"] {
            let screen = screen(&mut harness, keys, (120, 40));
            assert!(screen.content.iter().all(|cell| is_clean(cell.symbol())), "{attack:?}");
        }
    }
}

fn breach(figure: LimitedFigure, (measured, limit): (f64, f64), contributor: &str, text: &str) -> Breach {
    let contributor = TopContributor { dimension: Dimension::Model, name: contributor.into(), share: 0.61 };
    Breach { figure, measured, limit, text: format!("{text}; most by {contributor}"), contributors: vec![contributor] }
}

fn breaches() -> Vec<Breach> {
    vec![
        breach(
            LimitedFigure::Spending,
            (7.25, 5.0),
            "openai/gpt-5-2025-08-07",
            "spending of $7.25/h over the last 5m00s is over the budget of $5.0/h",
        ),
        breach(LimitedFigure::ErrorRate, (0.12, 0.05), "gpt-4o", "error rate of 12% (6 of 50 calls) is over 5.0%"),
    ]
}

#[test]
fn a_passed_limit_is_a_banner_until_it_holds_again() {
    for size in [(40, 12), (60, 15), (80, 24), (200, 60)] {
        check("banner", &mut harness(Event::Breaches(breaches())), "", size);
    }
    let theme = Theme { depth: Depth::None, ground: Ground::Unknown, ascii: true };
    let screen = page(&mut harness(Event::Breaches(breaches())).app, theme, 120, 12);
    assert!(text(&screen).is_ascii());
    insta::assert_snapshot!("banner_look_no_color_ascii", portrait(&screen));

    let mut harness = harness(Event::Breaches(breaches()));
    harness.app.update(Event::Breaches(Vec::new()));
    let before = text(&page(&mut Harness::busy().app, THEME, 80, 24));
    assert_eq!(text(&page(&mut harness.app, THEME, 80, 24)), before);
}

#[test]
fn a_banner_with_hostile_names_is_text() {
    for attack in ATTACKS {
        let breach = breach(LimitedFigure::LatencyP95, (4100.0, 2000.0), attack, attack);
        let mut harness = harness(Event::Breaches(vec![breach]));
        for size in SIZES {
            let screen = screen(&mut harness, "", size);
            assert!(screen.content.iter().all(|cell| is_clean(cell.symbol())), "{attack:?}");
        }
    }
}

fn target(target: &str, counters: ForwardCounters) -> Forwarded {
    Forwarded { target: target.into(), counters }
}

fn fine() -> PipelineCounters {
    let sent = |sent| ForwardCounters { sent, ..ForwardCounters::default() };
    PipelineCounters {
        recorded: Some(RecordCounters { written: 118, bytes: 12_340_000, ..RecordCounters::default() }),
        forwarded: vec![
            target("grpc://tempo:4317", sent(118)),
            target("http://langfuse:3000/api/v1/traces", sent(118)),
        ],
    }
}

fn in_trouble() -> PipelineCounters {
    let down = ForwardCounters {
        waiting: 12,
        sent: 90,
        dropped: 4,
        given_up: 12,
        retries: 31,
        error: Some("Connection refused (os error 111)".into()),
        ..ForwardCounters::default()
    };
    let full = RecordCounters {
        waiting: 0,
        written: 97,
        bytes: 1_200,
        dropped: 1,
        failed: 20,
        error: Some("No space left on device (os error 28)".into()),
    };
    let PipelineCounters { forwarded, .. } = fine();
    let forwarded = vec![target("grpc://tempo.monitoring:4317", down)].into_iter().chain(forwarded).collect();
    PipelineCounters { recorded: Some(full), forwarded }
}

#[test]
fn the_header_shows_how_recording_and_forwarding_go() {
    let waiting = |waiting, error: Option<&str>| ForwardCounters {
        waiting,
        error: error.map(str::to_owned),
        ..ForwardCounters::default()
    };
    let one = |counters| PipelineCounters { recorded: None, forwarded: vec![target("grpc://tempo:4317", counters)] };
    let recorded = |counters| PipelineCounters { recorded: Some(counters), forwarded: Vec::new() };
    let failed = RecordCounters { error: Some("disk".into()), ..RecordCounters::default() };
    for (streams, expected) in [
        (fine(), "● rec 12 MB   → 2/2 ok"),
        (in_trouble(), "● rec 1.2 kB · 21 lost   → tempo.monitoring:4317 down · 12 waiting · 16 lost"),
        (one(ForwardCounters::default()), "→ 1/1 ok"),
        (one(waiting(3, Some("refused"))), "→ tempo:4317 down · 3 waiting"),
        (one(ForwardCounters { refused: 5, ..waiting(0, Some("no")) }), "→ tempo:4317 refuses · 5 lost"),
        (one(ForwardCounters { dropped: 5, ..ForwardCounters::default() }), "→ 1/1 ok · 5 lost"),
        (recorded(RecordCounters::default()), "● rec 0 B"),
        (recorded(failed), "● rec 0 B failing"),
    ] {
        let screen = text(&screen(&mut harness(Event::ExportPipelines(streams)), "", (220, 24)));
        let header = screen.lines().next().unwrap();
        assert!(header.contains(expected), "{header}\n{expected}");
    }
    let none = text(&screen(&mut harness(Event::ExportPipelines(PipelineCounters::default())), "", (220, 24)));
    assert!(!none.contains('→') && !none.contains("rec "));
}

#[test]
fn what_is_lost_outlasts_what_goes_well_in_a_narrow_header() {
    for (name, streams) in [("fine", fine()), ("in_trouble", in_trouble())] {
        for size in [(60, 15), (80, 15), (120, 15), (200, 15)] {
            check(&format!("streams_{name}"), &mut harness(Event::ExportPipelines(streams.clone())), "", size);
        }
        check_panel(
            &format!("streams_{name}_account"),
            Panel::Dialog,
            &mut harness(Event::ExportPipelines(streams)),
            "a",
            (80, 40),
        );
    }
}

#[test]
fn hostile_targets_and_errors_are_text() {
    for attack in ATTACKS {
        let counters = ForwardCounters { waiting: 1, error: Some(attack.into()), ..ForwardCounters::default() };
        let recorded = RecordCounters { error: Some(attack.into()), ..RecordCounters::default() };
        let streams = PipelineCounters { recorded: Some(recorded), forwarded: vec![target(attack, counters)] };
        let mut harness = harness(Event::ExportPipelines(streams));
        for keys in ["", "a"] {
            let screen = screen(&mut harness, keys, (120, 40));
            assert!(screen.content.iter().all(|cell| is_clean(cell.symbol())), "{attack:?}");
        }
    }
}
