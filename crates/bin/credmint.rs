//! `credmint`: the command for people.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
