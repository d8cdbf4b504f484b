//! The pages keep their promises: their commands parse, the files that they link to exist, and the README stays short.

#![expect(clippy::unwrap_used, reason = "a failed assertion")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use planoai::app::keymap::KEYMAP;
use planoai::cli::Cli;

/// The pages, relative to the root of the package.
const PAGES: [&str; 14] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/COLLECTOR.md",
    "docs/FIGURES.md",
    "docs/GUIDE.md",
    "docs/PERFORMANCE.md",
    "docs/PRICING.md",
    "docs/REFERENCE.md",
    "docs/SEMCONV.md",
    "docs/TUI.md",
    "fuzz/README.md",
];

/// Most lines of the README.
const README_LINES: usize = 160;

fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(page)
}

fn read(page: &str) -> String {
    fs::read_to_string(path(page)).unwrap()
}

/// The words of a command line in which single quotes are the only ones.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for character in line.trim().chars() {
        match character {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The calls of this program in the shell examples, without what they are piped into.
fn examples(text: &str) -> Vec<Vec<String>> {
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let commands = blocks.flat_map(str::lines).filter_map(|line| match line.split_once(" -- ") {
        Some((cargo, rest)) if cargo.starts_with("cargo run") => Some(format!("planoai {rest}")),
        _ => line.starts_with("planoai ").then(|| line.to_owned()),
    });
    let is_end = |word: &str| ["|", "||", ">", "&", "&&", "#", ";"].contains(&word);
    commands.map(|command| words(&command).into_iter().take_while(|word| !is_end(word)).collect()).collect()
}

/// The targets of the links, without those to other sites and to headings of the same page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.filter_map(|link| link.split('#').next()).filter(|link| !link.is_empty() && !link.starts_with("http"))
}

#[test]
fn examples_are_commands() {
    let texts = PAGES.map(read);
    let found: Vec<_> = texts.iter().flat_map(|text| examples(text)).collect();
    assert!(examples(&texts[0]).len() > 3 && found.len() > 20, "{found:?}");
    for example in found {
        let parsed = Cli::try_parse_from(&example);
        assert!(parsed.is_ok(), "{example:?}: {}", parsed.unwrap_err());
    }
}

#[test]
fn linked_pictures_and_pages_exist() {
    for page in PAGES {
        for link in links(&read(page)) {
            assert!(path(page).with_file_name(link).exists(), "{page}: {link}");
        }
    }
}

/// The folders of the package whose files the pages name.
const FOLDERS: [&str; 8] = ["assets/", "benches/", "docs/", "examples/", "fuzz/", "scripts/", "src/", "tests/"];

/// The paths that stand in backticks, without patterns such as `src/**/tests.rs` and placeholders such as `NAME`.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |word: &&str| FOLDERS.iter().any(|folder| word.starts_with(folder)) && !word.contains(' ');
    let prose = text.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2));
    prose.filter(is_path).filter(|word| !word.contains(['*', '<']) && !word.contains("NAME"))
}

#[test]
fn named_files_exist() {
    let texts = PAGES.map(read);
    let named: Vec<&str> = texts.iter().flat_map(|text| paths(text)).collect();
    assert!(named.len() > 40, "{named:?}");
    for name in named {
        assert!(path(name).exists(), "{name}");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "{lines} lines, at most {README_LINES}");
}

#[test]
fn the_keys_of_the_readme_are_bound() {
    let bound: Vec<String> = KEYMAP.iter().flat_map(|binding| binding.keys).map(|(key, _)| key.to_string()).collect();
    let readme = read("README.md");
    let (_, section) = readme.split_once("| key | action |\n").unwrap();
    let rows = section.lines().take_while(|line| line.starts_with('|')).filter_map(|line| line.split(" | ").next());
    let named: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() >= 10, "{named:?}");
    for key in named {
        assert!(bound.iter().any(|bound| bound == key), "{key}");
    }
}
