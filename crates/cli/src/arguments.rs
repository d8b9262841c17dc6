use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bazel::Bazel;
use crate::cache::Cache;
use crate::configure::Configure;
use crate::daemon::Daemon;
use crate::doctor::Doctor;
use crate::export::Export;
use crate::guide::Guide;
use crate::kubelet::Kubelet;
use crate::login::{Login, Logout};
use crate::migrate::Migrate;
use crate::status::Status;
use crate::token::Token;
use crate::unconfigure::Unconfigure;
use crate::version::Version;

/// Short-lived credentials for Docker registries, from the identity this machine already has.
#[derive(Debug, Parser)]
#[command(name = "credmint", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  credmint configure                      set up Docker for the identities found on this machine
  credmint doctor ghcr.io/owner/app:1     why does this pull fail?
  credmint token public.ecr.aws           a token, for scripts
Settings: ~/.config/credmint/config.toml. More: credmint help COMMAND")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Configure(Configure),
    Unconfigure(Unconfigure),
    Daemon(Daemon),
    Status(Status),
    Doctor(Doctor),
    Token(Token),
    Login(Login),
    Logout(Logout),
    Migrate(Migrate),
    Export(Export),
    Cache(Cache),
    Guide(Guide),
    Kubelet(Kubelet),
    Bazel(Bazel),
    Completions(Completions),
    Man(Man),
    Version(Version),
}

/// Print a shell completion script
#[derive(Args, Debug)]
#[command(after_help = "Example: credmint completions bash > /etc/bash_completion.d/credmint")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Write the man pages to a directory
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The directory
    pub(crate) folder: PathBuf,
}
