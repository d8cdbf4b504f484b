//! SECURITY.md names the tests that show what it promises: each of them exists, and runs.

#![expect(clippy::unwrap_used, reason = "a failed assertion")]

use std::fs;
use std::path::{Path, PathBuf};

/// The heading of the table.
const TABLE: &str = "### Fault by fault";

/// Fewer rows would mean that the table is not read any more.
const FEWEST_ROWS: usize = 15;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of the table: a fault, and which tests in which files show it.
fn rows(page: &str) -> Vec<(String, Vec<(PathBuf, String)>)> {
    let (_, section) = page.split_once(TABLE).unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    lines.map(|line| row(line.trim_matches(['|', ' ']))).collect()
}

fn row(line: &str) -> (String, Vec<(PathBuf, String)>) {
    let (fault, tests) = line.split_once(" | ").unwrap();
    let mut file = PathBuf::new();
    let mut named = Vec::new();
    // What stands between backticks is either a file or a test in the file before it.
    for word in tests.split('`').skip(1).step_by(2) {
        if Path::new(word).extension().is_some_and(|extension| extension == "rs") {
            file = PathBuf::from(word);
        } else {
            named.push((file.clone(), word.to_owned()));
        }
    }
    (fault.to_owned(), named)
}

/// Whether a file has a test of this name that runs: one with the attribute, or in a `proptest!`.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let names_it = |line: &&str| {
        let function = line.strip_prefix("async ").unwrap_or(line);
        function.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    let Some(at) = lines.iter().position(names_it) else { return false };
    let attributes = || lines.iter().take(at).rev().take_while(|line| line.starts_with("#["));
    attributes().any(|line| matches!(*line, "#[test]" | "#[tokio::test]"))
        && !attributes().any(|line| line.starts_with("#[ignore"))
}

#[test]
fn every_test_that_the_table_names_exists() {
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let rows = rows(&page);
    assert!(rows.len() >= FEWEST_ROWS, "{} rows", rows.len());
    for (fault, tests) in rows {
        assert!(!tests.is_empty(), "nothing shows: {fault}");
        for (file, name) in tests {
            let text = fs::read_to_string(root().join(&file)).unwrap_or_default();
            assert!(has_test(&text, &name), "{fault}: there is no test `{name}` in `{}`", file.display());
        }
    }
}

#[test]
fn a_test_is_distinguished_from_other_functions() {
    let text = "#[test]\nfn real() {}\nfn helper() {}\n#[test]\n#[ignore = \"x\"]\nfn asleep() {}\n#[tokio::test]\nasync fn waits() {}\n";
    for (name, is_one) in [("real", true), ("waits", true), ("helper", false), ("asleep", false), ("rea", false)] {
        assert_eq!(has_test(text, name), is_one, "{name}");
    }
}
