//! `credmint migrate`: plaintext logins, or those of another helper, into the vault.

mod config;
mod helper;
mod login_writer;

use crate::target::ConfigFlags;
use clap::Args;
use std::process::ExitCode;

use protocol::ErrorMessage;

use crate::context::Context;

pub(crate) use config::{described, report_skipped, shadowed};
pub(crate) use helper::of_helper;
pub(crate) use login_writer::LoginWriter;

/// Move logins into the keychain, from Docker's config or from another helper
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint migrate                        the plaintext logins in config.json
  credmint migrate --from osxkeychain     the logins in docker-credential-osxkeychain")]
pub(crate) struct Migrate {
    /// Move from this credential helper, named as in Docker's config
    #[arg(long, value_name = "HELPER", conflicts_with_all = ["podman", "helm", "config"])]
    pub(crate) from: Option<String>,
    /// List the logins, without moving them
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) place: ConfigFlags,
}

pub(crate) fn run(which: &Migrate, context: &Context<'_>) -> Result<ExitCode, ErrorMessage> {
    match &which.from {
        Some(store) => of_helper(store, which.dry_run, context),
        None => config::of_config(&which.place, which.dry_run, context),
    }
}
