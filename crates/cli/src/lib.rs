//! `credmint`, the command for people: it sets Docker up, finds problems, and prints tokens.
//!
//! It mints nothing and links no cloud's SDK: credentials come from the helpers, by Docker's protocol.
//!
//! ```text
//!  arguments ──▶ run: one match ──▶ configure, status, doctor, token, …: a file each, with its arguments
//!                     │                  │            │           │
//!  Context: settings, │                  ▼            ▼           ▼
//!  environment, ◀─────┘           dockerconfig   doctor/*    helpers ── get, list, provide ──▶ docker-credential-*
//!  helpers, printer                      │            │           │
//!                                        ▼            ▼           ▼
//!  Printer: facts to standard output, messages to standard error; ErrorMessage and exit code 1 on failure
//! ```
//!
//! The whole program:
//!
//! ```no_run
//! use cli::Build;
//! use registry::Cloud;
//!
//! fn main() -> std::process::ExitCode {
//!     let target = "x86_64-unknown-linux-musl";
//!     cli::run(Build { version: "0.1.0", commit: None, target, providers: &[Cloud::Aws] })
//! }
//! ```

mod aliases;
mod arguments;
mod bazel;
mod build;
mod cache;
mod configure;
mod context;
mod daemon;
mod device_flow;
mod docker;
mod doctor;
mod export;
mod guide;
mod helper_mapping;
mod helper_queries;
mod helpers;
mod identities;
mod image;
mod kubelet;
mod login;
mod manual;
mod migrate;
mod podman;
mod printer;
mod prompt;
mod provide;
mod quote;
mod spinner;
mod status;
mod target;
mod time;
mod token;
mod unconfigure;
mod version;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap::error::{ContextKind, ContextValue};
use protocol::ErrorMessage;

use crate::arguments::{Arguments, Command};
use crate::context::Context;
use crate::printer::Printer;

pub use crate::build::Build;

/// The whole of `credmint`'s `main`.
///
/// Exits with 0 on success, 1 on an error or if `--check` or `doctor` found something, and 2 if the
/// command line is invalid.
pub fn run(build: Build) -> ExitCode {
    protocol::disable_core_dumps();
    let matches = manual::command()
        .version(build.version)
        .try_get_matches()
        .unwrap_or_else(|error| without_password(error).exit());
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let printer = Printer::new();
    let result = dispatch(arguments, build, &printer);
    printer.stop_spinner();
    match result {
        Ok(_) if printer.has_write_error() => ExitCode::FAILURE,
        Ok(code) => code,
        Err(error) => {
            printer.failure(&error);
            ExitCode::FAILURE
        }
    }
}

/// clap repeats a value that an argument does not take: of an address, without the password that it may contain.
fn without_password(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) {
        let shown = daemon::without_user(value);
        error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
    }
    error
}

fn dispatch(arguments: Arguments, build: Build, printer: &Printer) -> Result<ExitCode, ErrorMessage> {
    // These need no settings, and must work with invalid ones.
    match &arguments.command {
        Command::Completions(which) => return Ok(manual::completions(which, printer)),
        Command::Man(which) => return manual::pages(which),
        Command::Version(which) => return Ok(version::run(which, &build, printer)),
        _ => {}
    }
    let context = match arguments.command {
        Command::Doctor(_) | Command::Status(_) => Context::load_lenient(build, printer),
        _ => Context::load(build, printer)?,
    };
    // These are run by another program, or prompt first.
    if !matches!(arguments.command, Command::Kubelet(_) | Command::Bazel(_) | Command::Login(_)) {
        printer.start_spinner();
    }
    match arguments.command {
        Command::Configure(which) => configure::run(&which, &context),
        Command::Unconfigure(which) => unconfigure::run(&which, &context),
        Command::Daemon(which) => daemon::run(&which, &context),
        Command::Migrate(which) => migrate::run(&which, &context),
        Command::Export(which) => export::run(&which, &context),
        Command::Token(which) => token::run(&which, &context),
        Command::Login(which) => login::login(&which, &context),
        Command::Logout(which) => login::logout(&which, &context),
        Command::Doctor(which) => doctor::run(&which, &context),
        Command::Status(which) => status::run(&which, &context),
        Command::Cache(which) => cache::run(&which, &context),
        Command::Guide(which) => guide::run(&which, &context),
        Command::Kubelet(which) => kubelet::run(&which, &context),
        Command::Bazel(which) => bazel::run(&which, &context),
        Command::Completions(_) | Command::Man(_) | Command::Version(_) => unreachable!("done above"),
    }
}
