//! The rooms and the directions between them (ARCHITECTURE.md), held by reading the source.

#![expect(clippy::unwrap_used, reason = "a failed assertion")]

use std::fs;
use std::path::{Path, PathBuf};

/// A room, by the start of its path under `src/`, and what its code may not name.
struct Rule {
    room: &'static str,
    except: &'static [&'static str],
    must_not_name: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        room: "text",
        except: &[],
        must_not_name: &[
            "crate::app",
            "crate::ui",
            "crate::collector",
            "crate::output",
            "crate::pricing",
            "crate::query",
            "crate::sources",
            "crate::stats",
            "crate::call",
        ],
    },
    Rule {
        room: "call",
        except: &[],
        must_not_name: &[
            "crate::app",
            "crate::ui",
            "crate::collector",
            "crate::output",
            "crate::pricing",
            "crate::query",
            "crate::sources",
            "crate::stats",
        ],
    },
    Rule {
        room: "stats",
        except: &[],
        must_not_name: &[
            "crate::app",
            "crate::ui",
            "crate::output",
            "crate::pricing",
            "crate::query",
            "crate::sources",
        ],
    },
    Rule {
        room: "pricing",
        except: &[],
        must_not_name: &[
            "crate::app",
            "crate::ui",
            "crate::collector",
            "crate::output",
            "crate::query",
            "crate::sources",
        ],
    },
    Rule {
        room: "query",
        except: &[],
        must_not_name: &["crate::app", "crate::ui", "crate::output", "crate::sources", "crate::cli"],
    },
    Rule {
        room: "collector",
        except: &[],
        must_not_name: &["crate::app", "crate::ui", "crate::output", "crate::query", "crate::sources", "crate::cli"],
    },
    Rule {
        room: "sources",
        except: &[],
        must_not_name: &["crate::app", "crate::ui", "crate::output", "crate::query", "crate::cli"],
    },
    Rule { room: "output", except: &[], must_not_name: &["crate::app", "crate::ui", "crate::sources"] },
    Rule { room: "app", except: &[], must_not_name: &["crate::ui", "crate::output::price"] },
    // Wire types stop at the collector's edge.
    Rule {
        room: "",
        except: &["collector/wire", "collector/decode", "collector/json", "collector/http", "sources/demo"],
        must_not_name: &["opentelemetry_proto"],
    },
    // The viewers' protocol is known to its two ends only, which know nothing else of each other.
    Rule { room: "", except: &["collector/viewers", "sources/attach"], must_not_name: &["viewers::protocol"] },
    Rule {
        room: "sources/attach",
        except: &[],
        must_not_name: &["viewers::service", "viewers::delta", "collector::ingest", "collector::join::", "SystemTime"],
    },
    Rule { room: "", except: &["app", "ui", "main.rs"], must_not_name: &["ratatui", "crossterm"] },
    // No I/O where figures are made.
    Rule { room: "call", except: &[], must_not_name: &["std::fs", "std::net", "tokio::", "SystemTime"] },
    Rule { room: "stats", except: &[], must_not_name: &["std::fs", "std::net", "tokio::", "SystemTime"] },
    Rule {
        room: "pricing",
        except: &["pricing/refresh", "pricing/config"],
        must_not_name: &["std::fs", "std::net", "tokio::", "ureq", "SystemTime"],
    },
    // Drawing reads no clock.
    Rule { room: "ui", except: &[], must_not_name: &["SystemTime", "Instant::now", "Utc::now", "Local::now"] },
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The code of a file: comments and its test module do not count.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let is_test = |at: &usize| text[*at..].lines().nth(1).is_some_and(|line| line.ends_with("mod tests {"));
    let end = text.match_indices("#[cfg(test)]\n").map(|(at, _)| at).find(is_test).unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn violations(rules: &[Rule]) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for file in sources(&src) {
        let name = file.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        if name.ends_with("tests.rs") || name.contains("/tests/") {
            continue;
        }
        let code = code(&file);
        for rule in rules {
            let applies = name.starts_with(rule.room) && !rule.except.iter().any(|except| name.starts_with(except));
            let named = rule.must_not_name.iter().filter(|word| applies && code.contains(**word));
            found.extend(named.map(|word| format!("src/{name} names {word}")));
        }
    }
    found
}

#[test]
fn directions_between_rooms_hold() {
    assert_eq!(violations(RULES), Vec::<String>::new());
}

#[test]
fn the_scan_sees_what_it_should() {
    let rule = Rule { room: "collector", except: &[], must_not_name: &["crate::call"] };
    assert!(!violations(&[rule]).is_empty(), "the collector does name the call room");
}
