use std::path::{Path, PathBuf};

use clap::Args;
use dockerconfig::Client::{Docker, DockerCredential, GoContainerRegistry, Podman};
use dockerconfig::{Client, ConfigFile, KeyFormat};
use protocol::ErrorMessage;

use crate::context::Context;
use crate::docker::{config_paths, helm};
use crate::quote::quoted;

/// Which file a command is about.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigFlags {
    /// Use podman's auth.json instead of Docker's config
    #[arg(long)]
    pub(crate) podman: bool,
    /// Use helm's registry config instead of Docker's config
    #[arg(long, conflicts_with_all = ["podman", "config"])]
    pub(crate) helm: bool,
    /// Docker's config directory; with --podman, that of auth.json or the file itself
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<PathBuf>,
}

/// The file that a command edits, and who reads it.
pub(crate) struct Target {
    pub(crate) file: ConfigFile,
    /// The first is the one that the file is for.
    pub(crate) clients: &'static [Client],
    pub(crate) key_format: KeyFormat,
    /// The options that name it, for the commands in messages.
    flags: String,
}

impl Target {
    pub(crate) fn of(place: &ConfigFlags, context: &Context<'_>) -> Result<Self, ErrorMessage> {
        let paths = config_paths(context);
        let named = place.config.as_deref();
        let (path, clients, key_format): (_, &[Client], _) = match (place.podman, place.helm) {
            (true, _) => {
                let file = named.map(|path| match path.extension().is_some_and(|kind| kind == "json") {
                    true => path.to_owned(),
                    false => path.join("auth.json"),
                });
                (file.or_else(|| paths.podman_persistent()), &[Podman, GoContainerRegistry], KeyFormat::Podman)
            }
            (_, true) => (helm(context), &[Docker], KeyFormat::Docker),
            _ => (paths.docker(named), &[Docker, GoContainerRegistry, DockerCredential, Podman], KeyFormat::Docker),
        };
        let path = path.ok_or_else(|| ErrorMessage {
            what: "HOME is not set, so the config cannot be located".to_owned(),
            hint: Some("set HOME, or pass --config DIR".to_owned()),
        })?;
        if let Some(home) = context.setup.places.home.as_ref().filter(|home| path.starts_with(home) && !home.exists()) {
            return Err(ErrorMessage {
                what: format!("HOME is {}, which does not exist", home.display()),
                hint: Some("set HOME, or pass --config DIR".to_owned()),
            });
        }
        let mut flags = String::new();
        for (is_set, flag) in [(place.podman, " --podman"), (place.helm, " --helm")] {
            flags.push_str(if is_set { flag } else { "" });
        }
        if let Some(path) = named {
            flags.push_str(&format!(" --config {}", quoted(path)));
        }
        Ok(Target { file: ConfigFile::at(path), clients, key_format, flags })
    }

    /// Another file that is read as this one is.
    pub(crate) fn at(self, path: &Path) -> Self {
        Target { file: ConfigFile::at(path), ..self }
    }

    /// One of our commands for this file, ready to be pasted.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("credmint {command}{}", self.flags)
    }

    pub(crate) fn path(&self) -> String {
        self.file.path().display().to_string()
    }
}
