//! The `planoai` program.

mod failure;
mod obs;
mod screen;

use std::process::ExitCode;

use clap::Parser as _;
use planoai::cli::{Cli, Cmd};

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Cmd::Obs(args) => obs::run(&args),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}
