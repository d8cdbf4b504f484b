//! What the screen shows, cell by cell and style by style, at the sizes people use.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "tests state what must hold"
)]

mod render;
mod streams;
mod traffic;

use planoai::app::{About, Event};
use planoai::call::{CallFacts, Usage};
use planoai::collector::Counters;
use planoai::sources::attach::Link;
use planoai::text::is_clean;
use planoai::ui::theme::{Depth, Ground, Theme};
use ratatui::buffer::Buffer;
use render::{Panel, page, portrait, portrait_of, text};
use traffic::{Harness, NOW};

const THEME: Theme = Theme { depth: Depth::Ansi16, ground: Ground::Unknown, ascii: false };
const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 60)];

/// The screen after these keys, drawn once before so that the app has the size of what is visible.
fn after(mut harness: Harness, keys: &str, (width, height): (u16, u16)) -> Buffer {
    page(&mut harness.app, THEME, width, height);
    harness.press(keys);
    page(&mut harness.app, THEME, width, height);
    harness.look_into();
    page(&mut harness.app, THEME, width, height)
}

fn check(name: &str, keys: &str, sizes: &[(u16, u16)]) {
    for &(width, height) in sizes {
        let screen = after(Harness::busy(), keys, (width, height));
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), portrait(&screen));
    }
}

/// The same for a panel, without the rest of the screen.
fn check_panel(name: &str, panel: Panel, keys: &str, sizes: &[(u16, u16)]) {
    for &(width, height) in sizes {
        let screen = after(Harness::busy(), keys, (width, height));
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), portrait_of(panel, &screen));
    }
}

#[test]
fn calls() {
    check("calls", "", &SIZES);
}

#[test]
fn rollups() {
    for (name, keys) in [("models", "2"), ("routes", "3"), ("sessions", "4")] {
        check(name, keys, &[(80, 24), (120, 40)]);
    }
}

#[test]
fn turns_and_comparison() {
    check("turns", "4t", &[(80, 24), (120, 40)]);
    check("compare", "2=j=", &[(60, 15), (80, 24)]);
}

#[test]
fn errors() {
    check("errors", "5j", &SIZES);
}

#[test]
fn detail() {
    check("detail", "jj\n", &[(60, 15), (80, 24), (120, 40)]);
    check("detail_expanded", "jj\n\n", &[(80, 24)]);
}

#[test]
fn gateway_facts_of_a_call() {
    for (name, keys, size) in [
        ("captured", "", (120, 40)),
        ("captured", "", (200, 60)),
        ("switch", "/98cfd833\n\n\n", (100, 70)),
        ("signals", "/session:sess-angry\n\n\n", (100, 70)),
        ("find", "/session:sess-angry\n\n\n/switch", (80, 24)),
        ("attribute_column", "cllm.user_message_preview\n\x1b", (120, 30)),
        ("trace", "/session:sess-angry\nt", (120, 24)),
        ("trace_span", "/session:sess-angry\nt\n", (80, 30)),
    ] {
        let screen = after(Harness::captured(), keys, size);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), portrait(&screen));
    }
}

#[test]
fn other_clients_facts_of_a_call() {
    for (name, client, keys) in [("agent_failed", "pydantic-ai", "5\n\n"), ("sdk_trace", "vercel-proto", "t\n")] {
        for (width, height) in [(120, 40), (200, 60)] {
            let screen = after(Harness::captured_from(client), keys, (width, height));
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), portrait(&screen));
        }
    }
}

#[test]
fn the_figures_of_switch_signals_and_routing_are_seen() {
    let shown = |keys: &str| text(&after(Harness::captured(), keys, (120, 90)));
    let vetoed = shown("/98cfd833\n\n\n");
    for fact in [
        "retained",
        "switch vetoed — would exceed session overhead cap",
        "costs $0.00121 > ceiling $0.000173",
        "anthropic/claude-sonnet-4-5 (code generation)",
        "warm, the session was idle for 923ms",
        "write rust code for a ring buffer",
    ] {
        assert!(vetoed.contains(fact), "{fact} is not in\n{vetoed}");
    }
    let angry = shown("/session:sess-angry\n\n\n");
    for fact in ["interaction.misalignment 1×, severity 1", "“no, i said”", "severe, 0 of 100"] {
        assert!(angry.contains(fact), "{fact} is not in\n{angry}");
    }
}

#[test]
fn dialogs() {
    check_panel("help", Panel::Dialog, "?", &[(60, 15), (120, 40)]);
    check_panel("pick_model", Panel::Dialog, "mgpt", &[(60, 15), (80, 24)]);
    check_panel("pick_sort", Panel::Dialog, "s", &[(80, 24)]);
    check_panel("export", Panel::Bottom(1), "\u{13}", &[(80, 24)]);
    check_panel("filter_preview", Panel::Bottom(3), "/model:gpt* status:4", &[(80, 24)]);
    check("filter_completion", "/stat", &[(80, 24)]);
    check_panel("filter_mistake", Panel::Bottom(2), "/late:>3", &[(60, 15), (80, 24)]);
    check_panel("ask_clear", Panel::Bottom(1), "\u{12}", &[(80, 24)]);
    let columns = after(Harness::captured(), "cllm.user_message_preview\n", (120, 30));
    insta::assert_snapshot!("columns_120x30", portrait_of(Panel::Dialog, &columns));
}

#[test]
fn what_is_filtered_windowed_sorted_and_paused_is_shown() {
    check("narrowed", "!ww>>> ", &[(80, 24), (120, 40)]);
    check("nothing_passes", "/model:nothing\n", &[(60, 15), (80, 24)]);
}

#[test]
fn empty() {
    for (width, height) in SIZES {
        let mut harness = Harness::empty();
        insta::assert_snapshot!(
            format!("empty_{width}x{height}"),
            portrait(&page(&mut harness.app, THEME, width, height))
        );
    }
    let mut harness = Harness::empty();
    harness.count(Counters {
        connections: 3,
        requests: 12,
        requests_refused: 2,
        requests_malformed: 2,
        spans_received: 40,
        not_llm: 40,
        last_batch_unix_nano: Some(NOW - 5_000_000_000),
        ..Counters::default()
    });
    harness.press("a");
    insta::assert_snapshot!("accounting_80x24", portrait(&page(&mut harness.app, THEME, 80, 24)));
    harness.press("a");
    insta::assert_snapshot!("empty_but_spans_arrive_80x24", portrait(&page(&mut harness.app, THEME, 80, 24)));
}

#[test]
fn labels_of_span_accounting_agree_with_their_figures() {
    for (figure, labels) in [
        (1, ["1  span received", "1  = LLM call ", "1  + not an LLM call", "1  connection ", "1  request accepted"]),
        (2, ["2  spans received", "2  = LLM calls", "2  + not LLM calls", "2  connections ", "2  requests accepted"]),
    ] {
        let mut harness = Harness::empty();
        harness.count(Counters {
            connections: figure,
            requests: figure,
            spans_received: figure,
            llm_calls: figure,
            not_llm: figure,
            ..Counters::default()
        });
        harness.press("a");
        let shown = text(&page(&mut harness.app, THEME, 80, 24));
        for label in labels {
            assert!(shown.contains(label), "{label} in\n{shown}");
        }
    }
}

#[test]
fn a_collector_elsewhere() {
    let lost = || Link::Lost { why: "Connection refused (os error 111)".to_owned() };
    let attach = |harness: &mut Harness, link| {
        harness.app.about = About { attached: Some("gateway:4319".to_owned()), ..About::default() };
        harness.app.update(Event::Link(link));
    };
    for (name, link) in [("attaching", Link::Attaching), ("attached", Link::Attached), ("lost", lost())] {
        let mut harness = Harness::empty();
        attach(&mut harness, link);
        insta::assert_snapshot!(format!("elsewhere_{name}_80x24"), text(&page(&mut harness.app, THEME, 80, 24)));
    }
    let mut harness = Harness::busy();
    attach(&mut harness, lost());
    for (width, height) in [(60, 15), (120, 40)] {
        let page = portrait(&page(&mut harness.app, THEME, width, height));
        insta::assert_snapshot!(format!("elsewhere_lost_with_calls_{width}x{height}"), page);
    }
    assert!(harness.app.look_into().is_none(), "nobody to ask");
    harness.app.about.viewers = Some("127.0.0.1:4319".to_owned());
    harness.app.about.attached = None;
    harness.app.about.grpc = "0.0.0.0:4317".to_owned();
    let header = text(&page(&mut harness.app, THEME, 160, 40));
    assert!(header.lines().next().is_some_and(|line| line.contains("viewers :4319")), "{header}");
}

#[test]
fn looks() {
    let themes = [
        ("no_color", Depth::None, Ground::Unknown, false),
        ("ascii", Depth::Ansi16, Ground::Unknown, true),
        ("dark_256", Depth::Ansi256, Ground::Dark, false),
        ("light_truecolor", Depth::TrueColor, Ground::Light, false),
    ];
    for (name, depth, ground, ascii) in themes {
        let screen = page(&mut Harness::busy().app, Theme { depth, ground, ascii }, 80, 15);
        assert!(!ascii || text(&screen).is_ascii());
        insta::assert_snapshot!(format!("look_{name}"), portrait(&screen));
    }
}

/// The places that clicks are looked up in are those where the names stand.
#[test]
fn tabs_are_where_they_are_said_to_be() {
    use planoai::app::views::View;
    for (width, height) in SIZES {
        let mut buf = Buffer::empty(ratatui::layout::Rect::new(0, 0, width, height));
        let seen = planoai::ui::draw(&Harness::busy().app, THEME, &mut buf);
        for (nth, (view, place)) in View::ALL.into_iter().zip(seen.tabs).enumerate() {
            let shown: String = (place.left()..place.right()).map(|x| buf[(x, place.y)].symbol()).collect();
            assert_eq!(shown, format!("{} {}", nth + 1, view.title()), "{width}x{height}");
        }
    }
}

#[test]
fn a_terminal_too_small_is_reported() {
    let screen = page(&mut Harness::busy().app, THEME, 30, 5);
    assert_eq!(text(&screen), "40x8 needed\nthis is 30x5\n\n\n\n");
}

/// Every size from nothing to huge can be drawn, and no figure is ever cut.
#[test]
fn every_size_draws_and_clips_no_figure() {
    let mut harness = Harness::busy();
    for keys in ["", "2", "3", "4", "5", "1\n", "\x1b/lat", "\x1b?", "\x1bm"] {
        harness.press(keys);
        for width in [0, 1, 39, 40, 41, 60, 79, 99, 100, 149, 171, 250] {
            for height in [0, 1, 7, 8, 9, 14, 15, 24, 30, 36, 48, 80] {
                let screen = text(&page(&mut harness.app, THEME, width, height));
                for word in screen.split_whitespace().filter(|word| word.contains('…')) {
                    assert!(!word.contains('$'), "{word} at {width}x{height} after {keys:?}");
                }
            }
        }
    }
}

const ATTACKS: [&str; 6] = [
    "gpt\x1b[2J\x1b[31m-4o",
    "\x1b]0;owned\x07\x1bPq\x1b\\\u{9b}31m",
    "a\u{202e}b\u{2066}c\u{200f}",
    "z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
    "x\u{e0041}\u{e0042}\u{fe0f}\u{fe0f}\u{200d}\u{2060}",
    "line\r\nbreak\ttab\u{2028}\u{7f}",
];

#[test]
fn hostile_text_never_reaches_a_cell() {
    for attack in ATTACKS {
        let mut harness = Harness::empty();
        let draft = CallFacts {
            model: Some(attack.into()),
            request_model: Some(format!("other {attack}").into()),
            provider: Some(attack.into()),
            route_name: Some(attack.into()),
            session_id: Some(attack.into()),
            error_message: Some(attack.into()),
            error_type: Some(attack.into()),
            user_id: Some(attack.into()),
            status_code: Some(500),
            usage: Usage { input: Some(u64::MAX), output: Some(u64::MAX), ..Usage::default() },
            ttft_ms: Some(1e300),
            duration_ms: Some(-5.0),
            start_unix_nano: Some(u64::MAX),
            ..CallFacts::default()
        };
        harness.push(&draft, None);
        harness.publish();
        for keys in ["", "\n", "\n", "\x1b2", "3", "4", "5", "1m", "\n", "r", "\n"] {
            harness.press(keys);
            for (width, height) in SIZES {
                let screen = page(&mut harness.app, THEME, width, height);
                for cell in &screen.content {
                    assert!(is_clean(cell.symbol()), "{:?} after {keys:?} with {attack:?}", cell.symbol());
                }
            }
        }
    }
    let screen = after(
        {
            let mut harness = Harness::empty();
            harness.push(
                &CallFacts { model: Some(ATTACKS[0].into()), status_code: Some(200), ..CallFacts::default() },
                None,
            );
            harness.publish();
            harness
        },
        "",
        (80, 24),
    );
    assert!(text(&screen).contains("gpt␛[2J"), "made visible, not dropped");
}

/// `LOOK="120 40 2" cargo test --test screens look -- --nocapture` prints a screen after keys; `@` starts empty,
/// `#` with captured traffic.
#[test]
fn look() {
    let Ok(spec) = std::env::var("LOOK") else { return };
    let mut parts = spec.splitn(3, ' ');
    let (width, height) = (parts.next().unwrap().parse().unwrap(), parts.next().unwrap().parse().unwrap());
    let keys = parts.next().unwrap_or("").replace("\\n", "\n").replace("\\e", "\x1b");
    let harness = match keys.chars().next() {
        Some('@') => Harness::empty(),
        Some('#') => Harness::captured(),
        _ => Harness::busy(),
    };
    println!("{}", text(&after(harness, keys.trim_start_matches(['@', '#']), (width, height))));
}
