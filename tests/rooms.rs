//! The rooms and the directions between them (ARCHITECTURE.md), checked on the parsed source.
//!
//! Every path of the source is resolved to an absolute one, whether it stands in a `use` tree, an expression, a
//! type or the arguments of a macro. Test modules are not checked.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failed assertion")]

#[path = "rooms/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use source::SourceFile;

/// The rooms from the bottom to the top, and which other rooms each may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("call", &["text"]),
    ("stats", &["text", "call"]),
    ("pricing", &["text", "call"]),
    ("collector", &["text", "call", "stats", "pricing"]),
    ("query", &["text", "call", "stats", "pricing", "collector"]),
    ("sources", &["text", "call", "stats", "pricing", "collector"]),
    ("output", &["text", "call", "stats", "pricing", "collector", "query"]),
    ("app", &["text", "call", "stats", "pricing", "collector", "query", "sources", "output"]),
    ("ui", &["text", "call", "stats", "pricing", "collector", "query", "sources", "app"]),
    ("cli", &["text", "pricing", "collector", "query", "sources", "output"]),
    ("obs", &["text", "call", "stats", "pricing", "collector", "query", "sources", "output", "app", "ui", "cli"]),
    ("main", &["text", "pricing", "collector", "output", "cli", "obs"]),
    ("lib", &[]),
];

/// Modules, by the start of their paths, and what these may not name: a path of this crate begins with `crate`.
struct Restriction {
    modules: &'static [&'static str],
    except: &'static [&'static str],
    must_not_name: &'static [&'static str],
}

const EVERYWHERE: &[&str] = &["crate"];

const RESTRICTIONS: &[Restriction] = &[
    // Wire types stop at the collector's edge.
    Restriction {
        modules: EVERYWHERE,
        except: &[
            "crate::collector::wire",
            "crate::collector::decode",
            "crate::collector::json",
            "crate::collector::http",
            "crate::sources::demo",
        ],
        must_not_name: &["opentelemetry_proto"],
    },
    // The viewers' protocol is known to its two ends only, which know nothing else of each other.
    Restriction {
        modules: EVERYWHERE,
        except: &["crate::collector::viewers", "crate::sources::attach"],
        must_not_name: &["crate::collector::viewers::protocol"],
    },
    Restriction {
        modules: &["crate::sources::attach"],
        except: &[],
        must_not_name: &[
            "crate::collector::viewers::service",
            "crate::collector::viewers::delta",
            "crate::collector::ingest",
            "crate::collector::join",
            "std::time::SystemTime",
        ],
    },
    // The terminal.
    Restriction {
        modules: EVERYWHERE,
        except: &["crate::app", "crate::ui", "crate::main"],
        must_not_name: &["ratatui", "crossterm"],
    },
    // No I/O where figures are made.
    Restriction {
        modules: &["crate::call", "crate::stats", "crate::pricing"],
        except: &["crate::pricing::refresh", "crate::pricing::config"],
        must_not_name: &["std::fs", "std::net", "tokio", "ureq", "std::time::SystemTime"],
    },
    // Drawing reads no clock.
    Restriction {
        modules: &["crate::ui"],
        except: &[],
        must_not_name: &["std::time::SystemTime", "std::time::Instant::now", "chrono::Utc::now", "chrono::Local::now"],
    },
    // The screen exports records; nothing else of what is written without a screen is its subject.
    Restriction { modules: &["crate::app"], except: &["crate::app::export"], must_not_name: &["crate::output"] },
];

static FILES: LazyLock<Vec<SourceFile>> = LazyLock::new(|| source::read(&src()));

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Whether a path is this one or lies below it.
fn is_within(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The room of an absolute path, if it leads into one.
fn room(path: &str) -> Option<&str> {
    path.strip_prefix("crate::").and_then(|rest| rest.split("::").next())
}

/// References against the table of rooms.
fn upward(files: &[SourceFile], rooms: &[(&str, &[&str])]) -> Vec<String> {
    let targets: BTreeMap<&str, &[&str]> = rooms.iter().copied().collect();
    let mut found = Vec::new();
    for file in files {
        let own = room(&file.module).unwrap_or("lib");
        let Some(may_name) = targets.get(own) else {
            found.push(format!("{} lies in no room", file.module));
            continue;
        };
        for path in &file.references {
            let Some(named) = room(path).filter(|named| targets.contains_key(named)) else { continue };
            if named != own && !may_name.contains(&named) {
                found.push(format!("{} names {path}", file.name));
            }
        }
    }
    found
}

/// References against one special rule.
fn restricted(files: &[SourceFile], rule: &Restriction) -> Vec<String> {
    let lies_in = |module: &str, list: &[&str]| list.iter().any(|ancestor| is_within(module, ancestor));
    let bound = files.iter().filter(|file| lies_in(&file.module, rule.modules) && !lies_in(&file.module, rule.except));
    bound
        .flat_map(|file| {
            let forbidden = file.references.iter().filter(|found| lies_in(found, rule.must_not_name));
            forbidden.map(|found| format!("{} names {found}", file.name))
        })
        .collect()
}

/// Pairs of files in different rooms that reach each other.
fn circles(files: &[SourceFile]) -> Vec<String> {
    let modules: BTreeSet<&str> = files.iter().map(|file| file.module.as_str()).collect();
    let file_of = |path: &str| {
        let mut path = path;
        loop {
            if let Some(module) = modules.get(path) {
                return Some(*module);
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let edges: BTreeMap<&str, BTreeSet<&str>> = files
        .iter()
        .map(|file| (file.module.as_str(), file.references.iter().filter_map(|found| file_of(found)).collect()))
        .collect();
    let reach = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = edges.get(from).into_iter().flatten().copied().collect();
        while let Some(module) = open.pop() {
            if reached.insert(module) {
                open.extend(edges.get(module).into_iter().flatten());
            }
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = modules.iter().map(|module| (*module, reach(module))).collect();
    let mut found = Vec::new();
    for (from, targets) in &reached {
        let back = targets.iter().filter(|to| *to > from && room(to) != room(from) && reached[**to].contains(from));
        found.extend(back.map(|to| format!("{from} and {to} reach each other")));
    }
    found
}

#[test]
fn directions_between_rooms_hold() {
    assert_eq!(upward(&FILES, ROOMS), Vec::<String>::new());
}

/// A room may only name rooms above it in the table, so that the table itself has no circle.
#[test]
fn the_table_of_rooms_has_no_circle() {
    for (at, (room, may_name)) in ROOMS.iter().enumerate() {
        let below: Vec<&str> = ROOMS[..at].iter().map(|(room, _)| *room).collect();
        for target in *may_name {
            assert!(below.contains(target), "{room} → {target}");
        }
    }
}

#[test]
fn special_rules_hold() {
    let found: Vec<String> = RESTRICTIONS.iter().flat_map(|rule| restricted(&FILES, rule)).collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn files_of_different_rooms_form_no_circle() {
    assert_eq!(circles(&FILES), Vec::<String>::new());
}

#[test]
fn only_rooms_lie_at_the_top_and_none_has_a_mod_file() {
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    for entry in fs::read_dir(src()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".rs").unwrap_or(&name);
        assert!(rooms.contains(stem), "src/{name} is no room");
    }
    let with_mod: Vec<PathBuf> = source::files(&src()).into_iter().filter(|file| file.ends_with("mod.rs")).collect();
    assert_eq!(with_mod, Vec::<PathBuf>::new());
}

/// A made-up file and the reference that the scan must find in it.
#[test]
fn the_scan_resolves_every_way_to_name_a_module() {
    let cases = [
        ("use super::super::app::{x, y as z};", "crate::app::x"),
        ("use super::super::app::{x, y as z};", "crate::app::y"),
        ("use crate::{call, app::{self, view::View}};", "crate::app"),
        ("use crate::{call, app::{self, view::View}};", "crate::app::view::View"),
        ("use crate::app::*;", "crate::app"),
        ("use self::super::super::app;", "crate::app"),
        ("use planoai::app;", "crate::app"),
        ("use crate as top; fn f() { top::app::x(); }", "crate::app::x"),
        ("use super::super as top; type T = top::app::X;", "crate::app::X"),
        ("use crate::*; fn f() { app::x(); }", "crate::app::x"),
        ("fn f() { use crate::app as other; other::x(); }", "crate::app::x"),
        ("fn f() -> crate::app::X { todo!() }", "crate::app::X"),
        ("fn f() { let _ = vec![1, crate::app::X]; }", "crate::app::X"),
        ("fn f() { println!(\"{}\", (super::super::app::x())); }", "crate::app::x"),
        ("macro_rules! m { () => { $crate::app::x() } }", "crate::app::x"),
        ("impl crate::app::Trait for u8 {}", "crate::app::Trait"),
        ("mod inner { use super::super::super::app; }", "crate::app"),
        ("pub(in crate::app) fn f() {}", "crate::app"),
        ("use std::time::SystemTime as Clock; fn f() { Clock::now(); }", "std::time::SystemTime::now"),
        ("use std::time; fn f() { time::Instant::now(); }", "std::time::Instant::now"),
        ("use std::time::*; fn f() { Instant::now(); }", "std::time::Instant::now"),
        ("extern crate tokio as t; fn f() { t::spawn(); }", "tokio::spawn"),
    ];
    for (text, path) in cases {
        let file = source::parse("made_up.rs", "crate::query::filter", text);
        assert!(file.references.contains(path), "{path} in {text}: {:?}", file.references);
    }
    let of_tests = source::parse("made_up.rs", "crate::query", "#[cfg(test)] mod tests { use crate::app::x; }");
    assert_eq!(upward(&[of_tests], ROOMS), Vec::<String>::new());
}

#[test]
fn the_rules_find_what_breaks_them() {
    let parse = |module: &str, text: &str| source::parse("made_up.rs", module, text);
    let query = parse("crate::query::filter", "use super::super::app::{x, y as z};\nuse crate::call::LlmCall;");
    assert_eq!(upward(&[query], ROOMS), ["made_up.rs names crate::app::x", "made_up.rs names crate::app::y"]);
    let clock = parse("crate::ui::header", "use std::time::Instant;\nfn f(_: Instant) { Instant::now(); }");
    let found: Vec<String> =
        RESTRICTIONS.iter().flat_map(|rule| restricted(std::slice::from_ref(&clock), rule)).collect();
    assert_eq!(found, ["made_up.rs names std::time::Instant::now"]);
    let circle = [
        parse("crate::app::view", "use crate::ui;"),
        parse("crate::ui", "pub use table::x;\nmod table;"),
        parse("crate::ui::table", "use crate::app::{self, view::View};"),
    ];
    assert_eq!(
        circles(&circle),
        ["crate::app::view and crate::ui reach each other", "crate::app::view and crate::ui::table reach each other"]
    );
}
