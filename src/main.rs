//! The `planoai` program.

mod failure;
mod headless;
mod obs;
mod origin;
mod screen;
mod streams;
mod told;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use failure::Failure;
use planoai::cli::{Cli, Cmd, exit};
use planoai::collector::ingest::unix_nano_now;
use planoai::output::or_unread;
use planoai::output::price::{self, PriceArgs};
use planoai::pricing::Pricer;

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Cmd::Obs(args) => obs::run(&args).map(|()| ExitCode::SUCCESS),
        Cmd::Price(args) => price(&args),
    };
    ended.unwrap_or_else(Failure::tell)
}

fn price(args: &PriceArgs) -> Result<ExitCode, Failure> {
    let answer = price::price(args, &Pricer::default(), unix_nano_now() / 1_000_000_000);
    let written = io::stdout().write_all(answer.text.as_bytes());
    or_unread(written)?;
    Ok(if answer.is_found { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILURE) })
}
