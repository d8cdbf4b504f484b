//! The README says what the program does: its tables of keys, options and fields are made from the tables in the code.
//!
//! `UPDATE_README=1 cargo test --test readme` writes them anew.

#![expect(clippy::unwrap_used, reason = "a failed assertion")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};
use planoai::app::keymap;
use planoai::cli::Cli;
use planoai::output::FIELDS;

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The options of a command, one row each.
fn options(command: &str) -> String {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand(command).unwrap();
    let rows = command.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"));
    let rows = rows.map(|argument| {
        let name = argument
            .get_long()
            .map_or_else(|| argument.get_id().to_string().to_uppercase(), |long| format!("--{long}"));
        let takes = argument.get_action().takes_values() && argument.get_long().is_some();
        let value = argument.get_value_names().filter(|_| takes).map(|names| format!(" {}", names.join(" ")));
        let default: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if default.is_empty() || !takes { String::new() } else { format!("`{}`", default.join(" ")) };
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let name = format!("{name}{}", value.unwrap_or_default());
        format!("| `{}` | {default} | {} |", cell(&name), cell(&help))
    });
    let rows: Vec<String> = rows.collect();
    format!("| option | default | |\n|---|---|---|\n{}\n", rows.join("\n"))
}

fn fields() -> String {
    let rows: Vec<String> = FIELDS.iter().map(|field| format!("| `{}` | {} |", field.name, cell(field.help))).collect();
    format!("| field | |\n|---|---|\n{}\n", rows.join("\n"))
}

/// The text with what stands between the markers of `section` replaced.
fn with_section(text: &str, section: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- /{section} -->"));
    let (head, rest) = text.split_once(&begin).unwrap();
    let (_, tail) = rest.split_once(&end).unwrap();
    format!("{head}{begin}\n{}\n\n{end}{tail}", content.trim())
}

#[test]
fn its_tables_are_those_of_the_code() {
    let written = fs::read_to_string(readme()).unwrap();
    let sections =
        [("keys", keymap::markdown()), ("options", options("obs")), ("price", options("price")), ("fields", fields())];
    let current =
        sections.iter().fold(written.clone(), |text, (section, content)| with_section(&text, section, content));
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(readme(), &current).unwrap();
    } else {
        assert!(current == written, "README.md is out of date; run `UPDATE_README=1 cargo test --test readme`");
    }
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

#[test]
fn its_examples_are_commands() {
    let pages = [readme(), readme().with_file_name("docs").join("COLLECTOR.md")];
    let texts = pages.map(|page| fs::read_to_string(page).unwrap());
    let examples: Vec<_> = texts.iter().flat_map(|text| examples(text)).collect();
    assert!(examples.len() > 3, "{examples:?}");
    for example in examples {
        let parsed = Cli::try_parse_from(&example);
        assert!(parsed.is_ok(), "{example:?}: {}", parsed.unwrap_err());
    }
}

#[test]
fn its_pictures_and_pages_exist() {
    let text = fs::read_to_string(readme()).unwrap();
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        assert!(readme().with_file_name(link).exists(), "{link}");
    }
}
