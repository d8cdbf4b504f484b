//! What untrusted senders send must not reach the terminal as anything but text: attack strings in every text attribute, through
//! the socket, into the program in a pseudo-terminal.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use serde_json::Value;

use crate::support::{GrpcClient, Headless};
use crate::terminal::Terminal;

/// What is sent, and how it is shown.
const ATTACKS: &[(&str, &str)] = &[
    ("\x1b[2J\x1b[H", "␛[2J␛[H"),
    ("\x1bc", "␛c"),
    ("\x1b[!p", "␛[!p"),
    ("\x1b[?1049l", "␛[?1049l"),
    ("\x1b[?25h", "␛[?25h"),
    ("\x1b[?1000h\x1b[?1006h", "␛[?1000h␛[?1006h"),
    ("\x1b[?2004l", "␛[?2004l"),
    ("\x1b[8;10;10t", "␛[8;10;10t"),
    ("\x1b[6n\x1b[c", "␛[6n␛[c"),
    ("\x1b]0;pwned\x07", "␛]0;pwned␇"),
    ("\x1b]2;pwned\x1b\\", "␛]2;pwned␛\\"),
    ("\x1b]52;c;cHduZWQ=\x07", "␛]52;c;cHduZWQ=␇"),
    ("\x1b]8;;http://x\x07y\x1b]8;;\x07", "␛]8;;http://x␇y␛]8;;␇"),
    ("\x1b]4;1;rgb:00/00/00\x07", "␛]4;1;rgb:00/00/00␇"),
    ("\x1bPq#0;2;0;0;0\x1b\\", "␛Pq#0;2;0;0;0␛\\"),
    ("\x1b_Gpwned\x1b\\", "␛_Gpwned␛\\"),
    ("\x1b^pm\x1b\\", "␛^pm␛\\"),
    ("\x1b(0lqk", "␛(0lqk"),
    ("\x0e\x0f\x05", "␎␏␅"),
    ("\u{9b}2J\u{9d}0;x\u{9c}", "⟨U+009B⟩2J⟨U+009D⟩0;x⟨U+009C⟩"),
    ("\u{90}q\u{84}", "⟨U+0090⟩q⟨U+0084⟩"),
    ("a\u{202e}b\u{2066}c\u{2069}", "a⟨U+202E⟩b⟨U+2066⟩c⟨U+2069⟩"),
    ("z\u{200b}w\u{200d}j\u{feff}", "z⟨U+200B⟩w⟨U+200D⟩j⟨U+FEFF⟩"),
    ("one\r\ntwo\tthree\u{2028}four", "one␍␊two␉three⟨U+2028⟩four"),
    ("bs\x08\x7fdel\0nul", "bs␈␡del␀nul"),
    ("Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}!", "Z\u{300}\u{301}\u{302}⟨U+0303 +3⟩!"),
    ("t\u{e0041}\u{e0042}", "t⟨U+E0041 +1⟩"),
];

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) }),
        ..KeyValue::default()
    }
}

fn request(service: &str, span: Span) -> ExportTraceServiceRequest {
    let resource = Resource { attributes: vec![text("service.name", service)], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }],
    }
}

/// A failed call of the gateway and one of an SDK, all of whose texts are `attack` behind a prefix that distinguishes them.
fn calls(nth: u64, attack: &str) -> [ExportTraceServiceRequest; 2] {
    let with = |key: &str, prefix: &str| text(key, &format!("{prefix}{attack}"));
    let span = |id: u64, attributes| Span {
        trace_id: vec![u8::try_from(id).unwrap(); 16],
        span_id: id.to_be_bytes().to_vec(),
        name: format!("POST /v1/chat/completions {attack}"),
        start_time_unix_nano: 1_795_435_402_000_000_000,
        end_time_unix_nano: 1_795_435_403_000_000_000,
        attributes,
        status: Some(Status { code: 2, message: format!("m:{attack}") }),
        events: vec![Event {
            name: "exception".to_owned(),
            attributes: vec![with("exception.type", "et:"), with("exception.message", "em:")],
            ..Event::default()
        }],
        ..Span::default()
    };
    let gateway = vec![
        with("llm.model", "mo:"),
        with("llm.provider", "pr:"),
        with("plano.session_id", "se:"),
        with("plano.route.name", "ro:"),
        with("request_id", "id:"),
        with("routing.strategy", "st:"),
        with("routing.selection_reason", "re:"),
        with("error.type", "et:"),
    ];
    let sdk = vec![
        text("gen_ai.operation.name", "chat"),
        with("gen_ai.request.model", "rq:"),
        with("gen_ai.response.model", "mo:"),
        with("gen_ai.provider.name", "pr:"),
        with("gen_ai.conversation.id", "se:"),
        with("gen_ai.response.id", "id:response-"),
        with("gen_ai.response.finish_reasons", "fi:"),
        with("user.id", "us:"),
        with("error.type", "et:"),
        with(attack, attack),
    ];
    [
        request(&format!("sv:{attack}"), span(2 * nth + 1, gateway)),
        request(&format!("sv:{attack}"), span(2 * nth + 2, sdk)),
    ]
}

/// Starts the screen, with an empty collector, and a client of it.
fn start(columns: u16, rows: u16) -> (Terminal, GrpcClient) {
    let quiet = "obs --offline --host 127.0.0.1 --port 0 --http-port off --refresh-ms 20";
    let mut terminal = Terminal::start(columns, rows, &quiet.split(' ').collect::<Vec<_>>());
    let client = GrpcClient::connect(&terminal.address());
    (terminal, client)
}

/// That the terminal is as our own program set it, and that it was sent nothing but text and what a renderer sends:
/// cursor, colours, erasing, and the modes taken at start.
fn assert_untouched(terminal: &Terminal) {
    let (screen, seen) = (terminal.screen(), terminal.seen());
    assert!(screen.alternate_screen() && screen.bracketed_paste());
    assert!(!screen.application_keypad() && !screen.application_cursor());
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert_eq!((seen.titles.len(), seen.copied.len(), seen.bells), (0, 0, 0), "{seen:?}");
    assert_eq!(seen.unexpected, [""; 0]);
    assert_eq!(strange(whole_frames(&terminal.raw)), [""; 0]);
}

/// Everything in the output that is neither printable text nor a sequence of our renderer.
fn strange(raw: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(raw).expect("UTF-8");
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| character.is_control() || is_steering(character)) {
        let from = rest.get(at..).unwrap();
        let length = sequence(from).unwrap_or_else(|| {
            found.push(from.chars().take(12).collect::<String>().escape_debug().to_string());
            from.chars().next().unwrap().len_utf8()
        });
        rest = from.get(length..).unwrap();
    }
    found
}

/// The output may have been read up to the middle of a frame; this is all of it before.
fn whole_frames(raw: &[u8]) -> &[u8] {
    const END_OF_FRAME: &[u8] = b"\x1b[?2026l";
    let end = raw.windows(END_OF_FRAME.len()).rposition(|window| window == END_OF_FRAME);
    &raw[..end.map_or(0, |end| end + END_OF_FRAME.len())]
}

/// Bidi controls, zero-width characters, separators, tags.
const fn is_steering(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// The length of the control sequence that `from` begins with, when our renderer sends such.
fn sequence(from: &str) -> Option<usize> {
    let parameters = from.strip_prefix("\x1b[")?;
    let end =
        parameters.find(|character: char| !character.is_ascii_digit() && !matches!(character, ';' | ':' | '?'))?;
    let (parameters, last) = (parameters.get(..end)?, parameters.get(end..)?.chars().next()?);
    let usual = match last {
        'm' | 'H' | 'J' | 'K' => !parameters.contains('?'),
        'h' => matches!(parameters, "?1049" | "?2004" | "?2026" | "?25"),
        'l' => matches!(parameters, "?25" | "?2026"),
        _ => false,
    };
    usual.then_some("\x1b[".len() + end + 1)
}

#[test]
fn the_test_detects_strange_output() {
    assert_eq!(strange(b"\x1b[?1049h\x1b[1;2Htext\x1b[0m \xe2\x90\x9b"), [""; 0]);
    for attack in ["\x1b]0;x\x07", "\x1b[?1000h", "\u{9b}2J", "\x07", "\u{202e}", "\x1b[?1049l", "\n"] {
        assert!(!strange(attack.as_bytes()).is_empty(), "{attack:?}");
    }
}

/// What the detail of the gateway's call shows, and of the SDK's: the prefixes of [`calls`].
const SHOWN: [&[&str]; 2] = [
    &["mo:", "pr:", "se:", "ro:", "id:", "st:", "re:", "et:", "m:", "sv:"],
    &["rq:", "mo:", "pr:", "se:", "id:response-", "fi:", "us:", "et:", "sv:"],
];

#[test]
fn attack_strings_in_every_attribute_are_shown_and_do_nothing() {
    let (mut terminal, mut client) = start(230, 70);
    let mut is_open = false;
    for (nth, (attack, shown)) in (0..).zip(ATTACKS) {
        for (request, prefixes) in calls(nth, attack).into_iter().zip(SHOWN) {
            client.export(request).unwrap();
            if !is_open {
                terminal.wait_for_text("1 since start");
                terminal.type_keys("\r");
                is_open = true;
            }
            for prefix in prefixes {
                // The detail breaks its lines where a text does.
                for line in format!("{prefix}{shown}").split("␍␊") {
                    terminal.wait_for_text(line);
                }
            }
        }
        assert!(terminal.screen().hide_cursor());
        assert_untouched(&terminal);
    }
    step_through(&mut terminal, VIEWS);
    // Not beside the table any more but instead of it, the detail would take the filter's key.
    terminal.type_keys("\x1b");
    terminal.wait_for_text("newest first");
    step_through(&mut terminal, DIALOGS);
    look_at_help(&mut terminal);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
    terminal.assert_restored();
}

/// Words that only the help has.
const IN_HELP: &str = "half a page";

/// Keys that open every view, and what it then shows.
const VIEWS: &[(&str, &str)] = &[("2", "mo:"), ("3", "ro:"), ("4", "se:"), ("5", "m:"), ("1", "mo:")];

/// Keys that open the dialogs, and what they or the header then show.
const DIALOGS: &[(&str, &str)] =
    &[("m", "mo:"), ("\r", "model="), ("r", "ro:"), ("\r", "route="), ("/", "!provider:openai"), ("\r", "s sort")];

fn step_through(terminal: &mut Terminal, steps: &[(&str, &str)]) {
    terminal.step_through(steps, assert_untouched);
}

/// Opens and closes the help.
fn look_at_help(terminal: &mut Terminal) {
    terminal.type_keys("?");
    terminal.wait_for_text(IN_HELP);
    terminal.type_keys("\x1b");
    terminal.wait_until_gone(IN_HELP);
    assert_untouched(terminal);
}

#[test]
fn what_is_copied_is_text() {
    use base64::Engine as _;
    let (mut terminal, mut client) = start(200, 50);
    let attack = ATTACKS.iter().map(|(attack, _)| *attack).collect::<String>();
    client.export(calls(0, &attack)[0].clone()).unwrap();
    // The row, which comes after the count.
    terminal.wait_for_text("no resp");
    terminal.type_keys("y");
    terminal.wait_for_copy();
    let copied = base64::prelude::BASE64_STANDARD.decode(&terminal.seen().copied[0]).unwrap();
    let copied = String::from_utf8(copied).unwrap();
    assert!(copied.starts_with("id:␛[2J"), "{copied}");
    assert!(!copied.contains(|character: char| character.is_control() || is_steering(character)), "{copied}");
    assert!(terminal.seen().titles.is_empty());
}

#[test]
fn huge_and_stacked_text_keeps_the_screen_whole() {
    let (mut terminal, mut client) = start(120, 30);
    let huge =
        ["x".repeat(1_000_000), "\u{301}".repeat(300_000), "\u{202e}漢".repeat(100_000), "\x1b]0;".repeat(50_000)];
    for (nth, attack) in (0..).zip(&huge) {
        for request in calls(nth, attack) {
            client.export(request).unwrap();
        }
    }
    terminal.wait_for_text("8 since start");
    terminal.type_keys("\r");
    terminal.wait_for_text("J K scroll");
    step_through(&mut terminal, VIEWS);
    step_through(&mut terminal, &DIALOGS[..2]);
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_exit(), 0);
}

#[test]
fn json_lines_hold_no_control_and_lose_nothing() {
    let program = Headless::start(&[]);
    let mut client = GrpcClient::connect(&program.grpc);
    for (nth, (attack, _)) in (0..).zip(ATTACKS) {
        for request in calls(nth, attack) {
            client.export(request).unwrap();
        }
    }
    let (lines, status) = program.finish_raw();
    assert!(status.success());
    assert_eq!(lines.len(), 2 * ATTACKS.len());
    for (line, (attack, _)) in lines.iter().zip(ATTACKS.iter().flat_map(|attack| [attack, attack])) {
        assert!(!line.contains(|character: char| character.is_control() || is_steering(character)), "{line:?}");
        let call: Value = serde_json::from_str(line).unwrap();
        assert_eq!(call["model"], format!("mo:{attack}"));
        assert_eq!(call["session_id"], format!("se:{attack}"));
    }
}

/// What is printed on stderr repeats names and text from outside: it is text there, too, and in lines of its own.
#[test]
fn outside_text_on_stderr_is_sanitised() {
    let folder = tempfile::tempdir().unwrap();
    let attack = "\x1b]0;pwned\x07\u{202e}\u{9b}2J\nplanoai: forged";
    let recording = folder.path().join(format!("r{attack}.jsonl"));
    let broken = format!("{{\"resourceSpans\":\"{attack}\"}}\n{{\"resourceSpans\":[{{\"{attack}\":\n");
    std::fs::write(&recording, broken).unwrap();
    let aliases = "model_aliases:\n  \"a\\e]0;pwned\\a\\u202e\\x9b2J\\nplanoai: forged\": [1]\n";
    std::fs::write(folder.path().join("config.yaml"), aliases).unwrap();
    let output = crate::support::command(&["obs", "--json", "--offline", "--host", "127.0.0.1", "--port", "0"])
        .args(["--http-port", "off", "--speed", "max", "--replay"])
        .arg(&recording)
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("skipped") && stderr.contains("model_aliases"), "{stderr}");
    for line in stderr.lines() {
        assert!(!line.contains(|character: char| character.is_control() || is_steering(character)), "{line:?}");
        assert!(!line.starts_with("planoai: forged"), "{stderr}");
    }
}

/// A run that cannot start prints its reason as text, too.
#[test]
fn errors_are_sanitised() {
    let output =
        crate::support::command(&["obs", "--json", "--offline", "--replay", "no\x1b]0;x\x07\u{202e}"]).output();
    let stderr = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(stderr.starts_with("planoai: --replay: no␛]0;x␇⟨U+202E⟩"), "{stderr:?}");
}

#[test]
fn a_line_break_in_a_text_is_marked_in_the_detail() {
    let (mut terminal, mut client) = start(160, 60);
    client.export(calls(0, "x\ncost  $0.00\r\nstatus  200")[0].clone()).unwrap();
    terminal.wait_for_text("1 since start");
    terminal.type_keys("\r");
    for line in ["m:x↵", "cost  $0.00↵", "status  200"] {
        terminal.wait_for_text(line);
    }
    assert_untouched(&terminal);
}

#[test]
fn an_open_listener_is_marked_as_open() {
    let cases: [(&[&str], bool); 4] = [
        (&["--host", "0.0.0.0"], true),
        (&["--host", "0.0.0.0", "--token", "s3cret-t0ken"], false),
        (&["--host", "127.0.0.1"], false),
        (&["--host", "127.0.0.1", "--token", "s3cret-t0ken"], false),
    ];
    for (extra, is_open) in cases {
        let usual = ["obs", "--offline", "--port", "0", "--http-port", "0"];
        let mut terminal = Terminal::start(160, 40, &[&usual, extra].concat());
        terminal.wait_for_text("since start");
        let contents = terminal.contents();
        let header = contents.lines().next().unwrap();
        assert!(header.contains(extra[1]), "{header}");
        assert_eq!(header.contains(" open"), is_open, "{header}");
        look_at_help(&mut terminal);
        terminal.type_keys("q");
        terminal.wait_for_exit();
        assert!(!String::from_utf8_lossy(&terminal.raw).contains("s3cret-t0ken"), "the token was shown");
    }
}
