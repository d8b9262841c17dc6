use std::path::{Path, PathBuf};

use dockerconfig::{Client, ConfigFile, KeyFormat};

use crate::context::Context;
use crate::docker::{config_paths, helm};
use crate::quote::quoted;

/// A client's config file, and the options and variables that select it in commands.
#[derive(Clone, Debug)]
pub(super) struct ClientConfig {
    pub(super) path: PathBuf,
    pub(super) owner: Owner,
    before: String,
    after: String,
}

/// The client it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Docker,
    Podman,
    Helm,
}

impl ClientConfig {
    /// Docker's config, of the usual folder or a given one.
    pub(super) fn docker(folder: Option<&Path>, context: &Context<'_>) -> Option<Self> {
        let path = config_paths(context).docker(folder)?;
        let after = folder.map(|folder| format!(" --config {}", quoted(folder))).unwrap_or_default();
        Some(ClientConfig { path, owner: Owner::Docker, before: String::new(), after })
    }

    /// The files that podman reads beside Docker's, and helm's.
    pub(super) fn others(context: &Context<'_>) -> Vec<Self> {
        let files = config_paths(context).files(Client::Podman, dockerconfig::System::this());
        let edited = config_paths(context).podman_persistent();
        let podman = files.into_iter().map(|path| {
            let before = match edited.as_ref() == Some(&path) {
                true => String::new(),
                false => format!("REGISTRY_AUTH_FILE={} ", quoted(&path)),
            };
            ClientConfig { path, owner: Owner::Podman, before, after: " --podman".to_owned() }
        });
        // A file of another name than Docker's cannot be named with --config.
        let helm = helm(context).filter(|path| path.ends_with("config.json")).map(|path| {
            let folder = path.parent().unwrap_or(Path::new("."));
            let after = format!(" --config {}", quoted(folder));
            ClientConfig { path, owner: Owner::Helm, before: String::new(), after }
        });
        podman.chain(helm).collect()
    }

    pub(super) fn file(&self) -> ConfigFile {
        ConfigFile::at(&self.path)
    }

    /// The names under which its clients look registries up.
    pub(super) fn key_format(&self) -> KeyFormat {
        if self.owner == Owner::Podman { KeyFormat::Podman } else { KeyFormat::Docker }
    }

    /// `credmint ARGUMENTS`, for this file.
    pub(super) fn credmint(&self, arguments: &str) -> String {
        format!("{}credmint {arguments}{}", self.before, self.after)
    }

    /// `docker ARGUMENTS`, with this file.
    pub(super) fn docker_command(&self, arguments: &str) -> String {
        format!("docker{} {arguments}", self.after)
    }
}
