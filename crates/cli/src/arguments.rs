use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bazel::Bazel;
use crate::cache::Cache;
use crate::configure::Configure;
use crate::daemon::Daemon;
use crate::doctor::Doctor;
use crate::export::Export;
use crate::guide::{Ci, System, Topic};
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

/// Print ready-to-paste commands for working with an image
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint guide ghcr.io/owner/app:1.2.3
  credmint guide --topic create,clean-up 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app
  credmint guide --topic mirror --to registry.example/mirror/alpine alpine:3.20
  credmint guide --topic ci --ci gitlab europe-docker.pkg.dev/project/repository/app
  credmint guide --topic troubleshooting          a topic without an image; omit --topic to list them")]
pub(crate) struct Guide {
    /// The image; omit it for topics that are not about one
    pub(crate) image: Option<String>,
    /// The repository to copy the image to
    #[arg(long, value_name = "REGISTRY/REPO", requires = "image")]
    pub(crate) to: Option<String>,
    /// The CI system to print a pipeline for
    #[arg(long, value_enum, default_value_t = Ci::Github)]
    pub(crate) ci: Ci,
    /// The GitHub host that runs the workflows [default: the image's GitHub, else github.com]
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub(crate) github: Option<String>,
    /// The operating system to print commands for [default: this one]
    #[arg(long, value_enum)]
    pub(crate) system: Option<System>,
    /// Print only these topics
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) topic: Vec<Topic>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn host(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if text.contains('.') && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected a host name, such as octocorp.ghe.com".to_owned())
    }
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
