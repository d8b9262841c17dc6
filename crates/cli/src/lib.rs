//! `credmint`, the command for people: it edits Docker's config, explains what is wrong and hands
//! out tokens.
//!
//! It mints nothing and knows no cloud's SDK: where credentials are wanted it asks the helpers, as
//! Docker does. A command is a file here with a `run`; `arguments` has what can be asked.

mod arguments;
mod bazel;
mod cache;
mod configure;
mod context;
mod device;
mod docker;
mod doctor;
mod export;
mod guide;
mod helpers;
mod image;
mod kubelet;
mod login;
mod manual;
mod migrate;
mod printer;
mod progress;
mod provide;
mod signed_in;
mod status;
mod time;
mod token;

use std::process::ExitCode;

use clap::Parser;
use protocol::Explained;

use crate::arguments::{Arguments, BazelAction, Command};
use crate::context::Context;
use crate::printer::Printer;

/// The whole of `credmint`'s `main`.
///
/// Exits with 0 when all is well, 1 when something failed or, for `configure --check` and `doctor`,
/// is not as it should be, and 2 when the command line cannot be understood.
pub fn run() -> ExitCode {
    protocol::forbid_core_dumps();
    let arguments = Arguments::parse();
    let printer = Printer::new();
    let obeyed = obey(arguments, &printer);
    printer.stop_waiting();
    match obeyed {
        Ok(_) if printer.has_lost_facts() => ExitCode::FAILURE,
        Ok(code) => code,
        Err(error) => {
            printer.failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn obey(arguments: Arguments, printer: &Printer) -> Result<ExitCode, Explained> {
    // These need no settings, and have to work where those are broken.
    match &arguments.command {
        Command::Completions(which) => return Ok(manual::completions(which, printer)),
        Command::Man(which) => return manual::pages(which),
        _ => {}
    }
    let context = Context::load(printer)?;
    // Another program, or the person first.
    if !matches!(arguments.command, Command::Kubelet | Command::Bazel(_) | Command::Login(_)) {
        printer.wait();
    }
    match arguments.command {
        Command::Configure(which) => configure::configure(&which, &context),
        Command::Unconfigure(which) => configure::unconfigure(&which, &context),
        Command::Migrate(which) => migrate::run(&which, &context),
        Command::Export(which) => export::run(&which, &context),
        Command::Token(which) => token::run(&which, &context),
        Command::Login(which) => login::login(&which, &context),
        Command::Logout(which) => login::logout(&which, &context),
        Command::Doctor(which) => doctor::run(&which, &context),
        Command::Status(which) => status::run(&which, &context),
        Command::Cache(which) => cache::run(&which, &context),
        Command::Guide(which) => guide::run(&which, &context),
        Command::Kubelet => kubelet::run(&context),
        Command::Bazel(which) => match which.action {
            BazelAction::Get => bazel::run(&context),
        },
        Command::Completions(_) | Command::Man(_) => unreachable!("done above"),
    }
}
