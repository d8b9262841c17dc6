use std::path::{Path, PathBuf};

use dockerconfig::{ConfigError, ConfigFile, ConfigPaths, LockHolder};
use protocol::ErrorMessage;

use crate::context::Context;
use crate::printer::Tone;

/// The files of this user's clients.
pub(crate) fn config_paths(context: &Context<'_>) -> ConfigPaths {
    let environment = &context.setup.environment;
    ConfigPaths {
        home: context.setup.places.home.clone(),
        docker_config: environment.path("DOCKER_CONFIG"),
        registry_auth_file: environment.path("REGISTRY_AUTH_FILE"),
        runtime: environment.path("XDG_RUNTIME_DIR"),
        config_home: environment.path("XDG_CONFIG_HOME"),
        user: user(),
        program_data: environment.path("ProgramData"),
    }
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn user() -> u32 {
    0
}

/// Docker's config, of the usual folder or a given one.
pub(crate) fn config(folder: Option<&Path>, context: &Context<'_>) -> Option<ConfigFile> {
    config_paths(context).docker(folder).map(ConfigFile::at)
}

/// The file of `helm registry login`, which does not depend on Docker's config.
///
/// Source: <https://helm.sh/docs/helm/helm/> and <https://github.com/helm/helm/blob/main/pkg/helmpath/lazypath.go>.
pub(crate) fn helm(context: &Context<'_>) -> Option<PathBuf> {
    let environment = &context.setup.environment;
    if let Some(named) = environment.path("HELM_REGISTRY_CONFIG") {
        return Some(named);
    }
    let home = || context.setup.places.home.clone();
    let usual = || match () {
        () if cfg!(windows) => environment.path("APPDATA"),
        () if cfg!(target_os = "macos") => home().map(|home| home.join("Library/Preferences")),
        () => home().map(|home| home.join(".config")),
    };
    let folder = environment.path("HELM_CONFIG_HOME");
    let folder = folder.or_else(|| Some(environment.path("XDG_CONFIG_HOME").or_else(usual)?.join("helm")))?;
    Some(folder.join("registry").join("config.json"))
}

/// Warns that a process of another user holds the lock of a config's folder.
pub(crate) fn warn_other_lock_holder(holder: Option<&LockHolder>, context: &Context<'_>) {
    if let Some(holder) = holder {
        context
            .printer
            .note(format!("{} the folder is locked by {holder}; the lock was ignored", Tone::Warning.of("warning:")));
    }
}

pub(crate) fn explained(error: ConfigError) -> ErrorMessage {
    let hint = match &error {
        ConfigError::Malformed { .. } => Some("the file was not changed: fix it and run this again".to_owned()),
        ConfigError::Busy { .. } => Some("run this again".to_owned()),
        ConfigError::Unreadable { .. } => Some("run `credmint doctor`, which finds the cause".to_owned()),
        ConfigError::Unwritable { .. } => Some("make its folder writable and free some space".to_owned()),
        // The error ends in the remedy.
        ConfigError::Ambiguous { .. } => None,
    };
    ErrorMessage { what: error.to_string(), hint }
}
