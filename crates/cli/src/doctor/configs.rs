use std::path::PathBuf;

use dockerconfig::{ConfigPaths, Document, System};

use super::config_file::ClientConfig;
use super::finding::Remedy;

/// Docker's and podman's files as they are, and what looks for them.
pub(super) struct Configs {
    pub(super) config_paths: ConfigPaths,
    pub(super) system: System,
    /// Docker's config as read; `None` if it cannot be read.
    pub(super) docker: Option<(PathBuf, Document)>,
    /// The same as a place; `None` without a home.
    pub(super) place: Option<ClientConfig>,
    /// Podman's and helm's, as read.
    pub(super) others: Vec<(ClientConfig, Document)>,
    /// The servers of `DOCKER_AUTH_CONFIG`, which Docker looks up before any file.
    pub(super) variable: Vec<String>,
}

impl Configs {
    /// A command of credmint's for this config of Docker's.
    pub(super) fn credmint(&self, arguments: &str) -> Remedy {
        let command = self.place.as_ref().map(|place| place.credmint(arguments));
        Remedy::run(command.unwrap_or_else(|| format!("credmint {arguments}")))
    }

    /// A command of docker's with this config.
    pub(super) fn docker(&self, arguments: &str) -> Remedy {
        let command = self.place.as_ref().map(|place| place.docker_command(arguments));
        Remedy::run(command.unwrap_or_else(|| format!("docker {arguments}")))
    }
}
