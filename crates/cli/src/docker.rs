use std::path::Path;

use dockerconfig::{ConfigError, ConfigFile, Surroundings, System};
use protocol::Explained;

use crate::context::Context;

/// Where the clients of this user keep their files.
pub(crate) fn surroundings(context: &Context<'_>) -> Surroundings {
    let environment = &context.setup.environment;
    Surroundings {
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
    surroundings(context).docker(folder).map(ConfigFile::at)
}

/// The file that is to be edited: Docker's config, or podman's `auth.json`.
pub(crate) fn editable(folder: Option<&Path>, podman: bool, context: &Context<'_>) -> Result<ConfigFile, Explained> {
    let path = match podman {
        true => surroundings(context).podman(System::this(), None).into_iter().next(),
        false => surroundings(context).docker(folder),
    };
    path.map(ConfigFile::at).ok_or_else(|| Explained {
        what: "there is no home folder to look for Docker's config in".to_owned(),
        hint: Some("set HOME, or name the folder with --config".to_owned()),
    })
}

pub(crate) fn explained(error: ConfigError) -> Explained {
    let hint = match &error {
        ConfigError::Malformed { .. } => Some("mend it by hand: it was left as it is".to_owned()),
        ConfigError::Busy { .. } => Some("try again in a moment".to_owned()),
        _ => None,
    };
    Explained { what: error.to_string(), hint }
}
