//! The `planoai` program.

mod obs;

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use obs::exit::ExitError;
use planoai::cli::{Cli, Cmd, exit};
use planoai::collector::ingest::unix_nano_now;
use planoai::output::ignore_broken_pipe;
use planoai::output::price::{self, PriceArgs};
use planoai::pricing::Pricer;

fn main() -> ExitCode {
    let ended = match Cli::try_parse().map(|cli| cli.command) {
        Ok(Cmd::Obs(args)) => obs::run(&args).map(|()| ExitCode::SUCCESS),
        Ok(Cmd::Price(args)) => price(&args),
        Err(asked) => return not_run(&asked),
    };
    ended.unwrap_or_else(ExitError::report)
}

/// Help and version go to stdout unchanged. An error quotes the command line, which is sanitised.
fn not_run(asked: &clap::Error) -> ExitCode {
    if asked.use_stderr() {
        obs::stderr::print_lines(&asked.render().to_string());
        return ExitCode::from(exit::USAGE);
    }
    // Who does not read the help misses nothing else.
    let _ = asked.print();
    ExitCode::SUCCESS
}

fn price(args: &PriceArgs) -> Result<ExitCode, ExitError> {
    if let Some(path) = &args.file {
        return price_file(path);
    }
    let answer = price::price(args, &Pricer::default(), unix_nano_now() / 1_000_000_000);
    let written = io::stdout().write_all(answer.text.as_bytes());
    ignore_broken_pipe(written)?;
    Ok(if answer.is_found { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILURE) })
}

fn price_file(path: &Path) -> Result<ExitCode, ExitError> {
    let input: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?),
    };
    let out = io::BufWriter::new(io::stdout().lock());
    let now = unix_nano_now() / 1_000_000_000;
    let priced = price::price_lines(io::BufReader::new(input), out, &Pricer::default(), now);
    let are_found = match priced {
        Ok(are_found) => are_found,
        Err(error) => {
            ignore_broken_pipe(Err(error))?;
            true
        }
    };
    Ok(if are_found { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILURE) })
}
