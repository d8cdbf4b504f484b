//! `docs/REFERENCE.md` lists what the tables in the code define: options, keys, columns, fields, exit codes, filter fields.
//!
//! `UPDATE_REFERENCE=1 cargo test --test reference` rewrites the sections between its markers.

#![expect(clippy::unwrap_used, reason = "a failed assertion")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, Command, CommandFactory as _};
use planoai::app::keymap::{self, Binding, KEYMAP, Scene, Topic};
use planoai::cli::{Cli, exit};
use planoai::output::{FIELDS, Follower as _, OnceSummary};
use planoai::query::column::Column;
use planoai::query::filter::{self, Filter};

/// The heading of options without one of their own.
const GENERAL: &str = "General";

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join("REFERENCE.md")
}

/// Text as the content of a table cell, which a bar would end.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Text as code in a table cell.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) }
}

fn codes<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(code).collect::<Vec<_>>().join(" ")
}

fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows = rows.into_iter().map(|row| format!("| {} |\n", row.join(" | ")));
    format!("| {} |\n|{}\n{}", header.join(" | "), "---|".repeat(N), rows.collect::<String>())
}

fn command(name: &str) -> Command {
    let mut cli = Cli::command();
    cli.build();
    cli.find_subcommand(name).unwrap().clone()
}

/// The options of a command: one table for each heading, in the order of `--help`.
fn options(name: &str) -> String {
    let command = command(name);
    let arguments: Vec<&Arg> = command.get_arguments().filter(|argument| is_listed(argument)).collect();
    let mut headings = vec![GENERAL];
    for heading in arguments.iter().filter_map(|argument| argument.get_help_heading()) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    let header = ["option", "default", "meaning"];
    if headings.len() == 1 {
        return table(header, arguments.into_iter().map(option));
    }
    let tables = headings.into_iter().map(|heading| {
        let belongs = |argument: &&Arg| argument.get_help_heading().unwrap_or(GENERAL) == heading;
        format!("### {heading}\n\n{}", table(header, arguments.iter().copied().filter(belongs).map(option)))
    });
    tables.collect::<Vec<_>>().join("\n")
}

/// Help and version are options of every command.
fn is_listed(argument: &Arg) -> bool {
    !matches!(argument.get_id().as_str(), "help" | "version")
}

fn option(argument: &Arg) -> [String; 3] {
    let long = argument.get_long().map(|long| format!("--{long}"));
    let takes_value = argument.get_action().takes_values() && long.is_some();
    let value = argument.get_value_names().filter(|_| takes_value).map(|names| format!(" {}", names.join(" ")));
    let name = long.unwrap_or_else(|| argument.get_id().as_str().to_uppercase());
    let defaults: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = if takes_value { defaults.join(" ") } else { String::new() };
    let variable = argument.get_env().map(|name| format!(" (or in `{}`)", name.to_string_lossy()));
    let help = argument.get_help().map(|help| cell(&help.to_string())).unwrap_or_default();
    [code(&(name + &value.unwrap_or_default())), code(&default), help + &variable.unwrap_or_default()]
}

fn exit_codes() -> String {
    table(["code", "meaning"], exit::CODES.map(|(code, meaning)| [self::code(code), cell(meaning)]))
}

/// The keys under the headings of the help overlay, and where each of them holds.
fn keys() -> String {
    let tables = Topic::ALL.map(|topic| {
        let rows = keymap::topic(topic).map(|binding| [key_names(binding), cell(binding.help), scenes(binding)]);
        format!("### {}\n\n{}", capitalised(topic.title()), table(["key", "action", "where"], rows))
    });
    tables.join("\n")
}

fn key_names(binding: &Binding) -> String {
    binding.keys.iter().map(|(key, _)| code(&key.to_string())).collect::<Vec<_>>().join(" ")
}

fn scenes(binding: &Binding) -> String {
    if Scene::ALL.iter().all(|scene| binding.scenes.contains(scene)) {
        return "everywhere".to_owned();
    }
    binding.scenes.iter().map(|scene| scene.title()).collect::<Vec<_>>().join(", ")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
}

fn columns() -> String {
    let rows = Column::documented().map(|column| {
        let is_default = if column.is_default { "yes" } else { "" };
        [code(column.name), cell(column.title), is_default.to_owned(), cell(column.doc.trim_end_matches('.'))]
    });
    table(["column", "title", "shown by default", "meaning"], rows)
}

fn fields() -> String {
    table(["field", "content"], FIELDS.iter().map(|field| [code(field.name), cell(field.help)]))
}

fn filter_fields() -> String {
    let rows = filter::FIELDS.iter().map(|field| {
        let aliases = codes(field.aliases.iter().copied());
        let words = codes(field.words.iter().copied());
        [code(field.name), aliases, cell(field.help), words, code(field.example)]
    });
    table(["field", "also", "matches", "keywords", "example"], rows)
}

/// Each section of the page that is generated, by the name in its markers.
fn sections() -> [(&'static str, String); 7] {
    [
        ("obs", options("obs")),
        ("price", options("price")),
        ("exit codes", exit_codes()),
        ("keys", keys()),
        ("columns", columns()),
        ("filter fields", filter_fields()),
        ("fields", fields()),
    ]
}

/// The text with what stands between the markers of `section` replaced.
fn with_section(text: &str, section: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- /{section} -->"));
    let (head, rest) = text.split_once(&begin).unwrap();
    let (_, tail) = rest.split_once(&end).unwrap();
    format!("{head}{begin}\n{}\n\n{end}{tail}", content.trim())
}

#[test]
fn the_page_is_what_the_code_generates() {
    let written = fs::read_to_string(reference()).unwrap();
    let current =
        sections().iter().fold(written.clone(), |text, (section, content)| with_section(&text, section, content));
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(reference(), &current).unwrap();
    } else {
        assert!(
            current == written,
            "docs/REFERENCE.md is out of date; run `UPDATE_REFERENCE=1 cargo test --test reference`"
        );
    }
}

#[test]
fn every_entry_has_its_row() {
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows(&keys()), KEYMAP.len());
    assert!(keys().contains("| `q` `Ctrl-c` | quit |"));
    for name in ["obs", "price"] {
        let listed = command(name).get_arguments().filter(|argument| is_listed(argument)).count();
        assert_eq!(rows(&options(name)), listed, "{name}");
    }
    assert_eq!(rows(&columns()), Column::documented().count());
    assert_eq!(rows(&fields()), FIELDS.len());
    assert_eq!(rows(&filter_fields()), filter::FIELDS.len());
    assert_eq!(rows(&exit_codes()), exit::CODES.len());
}

#[test]
fn the_syntax_of_filters_is_as_described() {
    // Not read at run time: the other test may be rewriting the page.
    let page = include_str!("../docs/REFERENCE.md");
    let (_, section) = page.split_once("## Filter expressions").unwrap();
    let (syntax, _) = section.split_once("<!-- filter fields -->").unwrap();
    let terms: Vec<_> = syntax.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert!(terms.len() > 5, "{terms:?}");
    for term in terms {
        assert!(Filter::parse(term).is_ok(), "{term}");
    }
}

#[test]
fn a_bar_ends_no_cell() {
    assert_eq!(table(["a"], [[code("PORT|off")]]), "| a |\n|---|\n| `PORT\\|off` |\n");
}

/// The lines of `--once`, by their keys.
fn summary_keys() -> Vec<String> {
    let mut written = Vec::new();
    let mut once = OnceSummary::new(&mut written, Filter::default(), None);
    once.end(&Arc::default(), 0).unwrap();
    let text = String::from_utf8(written).unwrap();
    text.lines().filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect()
}

#[test]
fn every_figure_is_defined() {
    let page = include_str!("../docs/FIGURES.md");
    let limits = ["--budget", "--max-error-rate", "--max-p95"].map(str::to_owned);
    let columns = Column::documented().map(|column| column.name.to_owned());
    let fields = FIELDS.iter().map(|field| field.name.to_owned());
    let missing: Vec<_> = columns
        .chain(fields)
        .chain(summary_keys())
        .chain(limits)
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "docs/FIGURES.md does not define {missing:?}");
    assert!(summary_keys().len() > 20);
}

#[test]
fn figures_are_computed_where_the_page_points() {
    let page = include_str!("../docs/FIGURES.md");
    let places = page.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit(" | ").next()?.split_once('#'));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for (file, name) in places {
        let source = fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(source.contains(name), "{file} has no {name}");
        count += 1;
    }
    assert!(count > 40, "{count} places");
}
