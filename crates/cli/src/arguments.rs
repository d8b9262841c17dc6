use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use crate::guide::{Ci, System, Topic};

/// Short-lived credentials for Docker registries, from the identity this machine already has.
#[derive(Debug, Parser)]
#[command(name = "credmint", version, propagate_version = true, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  credmint configure                      wire up the clouds that this machine is signed in to
  credmint doctor ghcr.io/owner/app:1     why does this pull not work?
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
    Status(Status),
    Doctor(Doctor),
    Token(Token),
    Login(Login),
    Logout(Logout),
    Migrate(Migrate),
    Export(Export),
    Cache(Cache),
    Guide(Guide),
    /// Answer kubelet as a plugin for image credentials: reads its question from standard input
    Kubelet,
    Bazel(Bazel),
    Completions(Completions),
    Man(Man),
}

/// Tell Docker which registries credmint is for
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint configure                              look around, propose, ask
  credmint configure --store                      one helper for every registry
  credmint configure ghcr.io public.ecr.aws       these registries alone
  credmint configure --check --store              exit 1 if something would change")]
pub(crate) struct Configure {
    /// These registries alone, each by its cloud's helper
    pub(crate) registries: Vec<String>,
    /// Every registry, by one credsStore
    #[arg(long)]
    pub(crate) store: bool,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Change nothing, and exit with 1 if something would change
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Move the logins that the new credsStore hides into the keychain
    #[arg(long)]
    pub(crate) migrate: bool,
    /// Edit podman's auth.json instead of Docker's config
    #[arg(long, conflicts_with = "config")]
    pub(crate) podman: bool,
    /// The folder of Docker's config
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Undo what configure did
#[derive(Args, Debug)]
pub(crate) struct Unconfigure {
    /// Take only these registries out
    pub(crate) registries: Vec<String>,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Edit podman's auth.json instead of Docker's config
    #[arg(long, conflicts_with = "config")]
    pub(crate) podman: bool,
    /// The folder of Docker's config
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
}

/// Move the plaintext logins of Docker's config, or those of another helper, into the keychain
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint migrate                        what stands in config.json in plain text
  credmint migrate --from osxkeychain     what docker-credential-osxkeychain keeps")]
pub(crate) struct Migrate {
    /// Those of another credential helper, named as in Docker's config
    #[arg(long, value_name = "HELPER", conflicts_with_all = ["podman", "config"])]
    pub(crate) from: Option<String>,
    /// Name them, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Those of podman's auth.json
    #[arg(long, conflicts_with = "config")]
    pub(crate) podman: bool,
    /// The folder of Docker's config
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
}

/// Print credentials for what knows no helpers: kaniko, kind, pull secrets
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint export ghcr.io public.ecr.aws --output /kaniko/.docker/config.json
  credmint export --format secret --name regcred ghcr.io | kubectl apply -f -
  DOCKER_AUTH_CONFIG=$(credmint export --format variable ghcr.io)")]
pub(crate) struct Export {
    /// Registries or images
    #[arg(required = true, value_name = "REGISTRY|IMAGE")]
    pub(crate) registries: Vec<String>,
    /// What to make
    #[arg(long, value_enum, default_value_t = Format::Config)]
    pub(crate) format: Format,
    /// The name of the Kubernetes secret
    #[arg(long, default_value = "credmint")]
    pub(crate) name: String,
    /// A file for its owner alone, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A config.json
    Config,
    /// The same on one line, for DOCKER_AUTH_CONFIG
    Variable,
    /// A Kubernetes secret of type dockerconfigjson
    Secret,
}

/// What Docker would use, what is cached and until when
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Find out what is wrong, and what to do about it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint doctor                         the config, the helpers, the keychain, and each registry
  credmint doctor ghcr.io/owner/app:1     and whether this image can be pulled and pushed
  credmint doctor --offline --json        for scripts; exits with 1 if something is broken")]
pub(crate) struct Doctor {
    /// A registry or an image
    #[arg(value_name = "REGISTRY|IMAGE")]
    pub(crate) image: Option<String>,
    /// Ask no registry
    #[arg(long)]
    pub(crate) offline: bool,
    /// The folder of Docker's config
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the password for a registry, minting it if need be
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint token 123456789012.dkr.ecr.eu-west-1.amazonaws.com | docker login -u AWS --password-stdin \\
      123456789012.dkr.ecr.eu-west-1.amazonaws.com
  credmint token --json ghcr.io/owner/app:1")]
pub(crate) struct Token {
    /// A registry or an image
    #[arg(value_name = "REGISTRY|IMAGE")]
    pub(crate) registry: String,
    /// Print the user's name instead
    #[arg(long, conflicts_with = "json")]
    pub(crate) username: bool,
    /// Print user, password and expiry as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Keep a login for a registry in the keychain
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint login -u me                                    Docker Hub; asks for the password or access token
  gh auth token | credmint login ghcr.io -u me --password-stdin
  credmint login registry.corp.example:5000 -u ci --password-stdin < token.txt
  credmint login ghcr.io --device                         GitHub, with a code for the browser")]
pub(crate) struct Login {
    /// The registry; Docker Hub if none is given
    pub(crate) registry: Option<String>,
    /// The user's name
    #[arg(short, long)]
    pub(crate) username: Option<String>,
    /// Take the password from standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Sign in at GitHub with a code that you type into a browser
    #[arg(long, conflicts_with_all = ["password_stdin", "username"])]
    pub(crate) device: bool,
    /// Be allowed to push, too
    #[arg(long, requires = "device")]
    pub(crate) push: bool,
    /// The OAuth app that asks, where the settings name none
    #[arg(long, requires = "device", value_name = "ID")]
    pub(crate) client_id: Option<String>,
}

/// Forget the login and the token of a registry
#[derive(Args, Debug)]
pub(crate) struct Logout {
    /// The registry; Docker Hub if none is given
    pub(crate) registry: Option<String>,
}

/// Look at, empty or fill the cache of tokens
#[derive(Args, Debug)]
pub(crate) struct Cache {
    #[command(subcommand)]
    pub(crate) action: CacheAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Name every cached token and when it ends
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget tokens; logins stay
    Clear {
        /// Of these registries; of all if none is given
        registries: Vec<String>,
    },
    /// Mint tokens for many registries side by side
    Warm {
        /// Registries or images
        #[arg(required = true, value_name = "REGISTRY|IMAGE")]
        registries: Vec<String>,
    },
}

/// Print the commands for everything that is done with an image, ready to paste
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  credmint guide ghcr.io/owner/app:1.2.3
  credmint guide --topic create,clean-up 123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app
  credmint guide --topic mirror --to registry.example/mirror/alpine alpine:3.20
  credmint guide --topic ci --ci gitlab europe-docker.pkg.dev/project/repository/app")]
pub(crate) struct Guide {
    /// The image
    pub(crate) image: String,
    /// Where to copy it to
    #[arg(long, value_name = "REGISTRY/REPO")]
    pub(crate) to: Option<String>,
    /// Whose pipelines build it
    #[arg(long, value_enum, default_value_t = Ci::Github)]
    pub(crate) ci: Ci,
    /// Whose commands to print; this machine's if not given
    #[arg(long, value_enum)]
    pub(crate) system: Option<System>,
    /// Only these topics
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) topic: Vec<Topic>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Answer Bazel as a credential helper
#[derive(Args, Debug)]
#[command(after_help = "\
Example: bazel build --credential_helper=ghcr.io=%workspace%/tools/credmint //...
  with a tools/credmint that says: exec credmint bazel \"$@\"")]
pub(crate) struct Bazel {
    #[command(subcommand)]
    pub(crate) action: BazelAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BazelAction {
    /// Read an address from standard input, and print what to send along to it
    Get,
}

/// Print a shell's completions
#[derive(Args, Debug)]
#[command(after_help = "Example: credmint completions bash > /etc/bash_completion.d/credmint")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Write the manual pages into a folder
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The folder
    pub(crate) folder: PathBuf,
}
