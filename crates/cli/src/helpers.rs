use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::{Client, ClientError, ErrorMessage};
use registry::Cloud;
use settings::Environment;

/// The helper for all registries: `"credsStore": "credmint"`.
pub(crate) const UNIVERSAL: &str = "credmint";

/// The short name of a cloud's helper, as Docker's config has it.
pub(crate) fn name_of(cloud: Cloud) -> &'static str {
    cloud.provider()
}

/// The cloud of a helper, by its short name.
pub(crate) fn cloud_of(name: &str) -> Option<Cloud> {
    Cloud::ALL.into_iter().find(|cloud| name_of(*cloud) == name)
}

/// Whether a short name is that of one of our helpers.
pub(crate) fn is_ours(name: &str) -> bool {
    name == UNIVERSAL || cloud_of(name).is_some()
}

/// The names by which build tools run the clouds' own helpers, and our helper for each.
pub(crate) const ALIASES: [(&str, &str); 3] = [("ecr-login", "ecr"), ("gcloud", "gcr"), ("acr-env", "acr")];

/// Whether a short name is one that `configure --aliases` gives to a helper of ours.
pub(crate) fn is_alias(name: &str) -> bool {
    ALIASES.iter().any(|(alias, _)| *alias == name)
}

/// Timeout for `version`.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// The folder of this installation's helpers, and the folders in which Docker looks for helpers.
#[derive(Clone, Debug)]
pub(crate) struct Helpers {
    /// The directory of this program, whose helpers have the same version.
    folder: Option<PathBuf>,
    path: Vec<PathBuf>,
}

impl Helpers {
    pub(crate) fn find(environment: &Environment) -> Self {
        let folder = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
        let path = environment.raw("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        Helpers { folder, path }
    }

    /// Our helper of this short name: the one in the directory of this program, else the one on PATH.
    pub(crate) fn ours(&self, name: &str) -> Option<PathBuf> {
        let file = file_name(name);
        let sibling = self.folder.iter().map(|folder| folder.join(&file)).find(|program| is_program(program));
        sibling.or_else(|| self.on_path(name))
    }

    /// A program of this installation, in the directory of this one.
    pub(crate) fn sibling(&self, program: &str) -> Option<PathBuf> {
        let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        self.folder.as_ref().map(|folder| folder.join(file)).filter(|program| is_program(program))
    }

    /// The one that Docker runs for this short name.
    pub(crate) fn on_path(&self, name: &str) -> Option<PathBuf> {
        let file = file_name(name);
        // Go clients reject programs of a relative entry.
        self.path.iter().filter(|folder| folder.is_absolute()).map(|folder| folder.join(&file)).find(|p| is_program(p))
    }

    /// Whether a short name is a helper of ours, by the output of the program that Docker would run, because
    /// others have helpers of these names, too. If Docker finds none, ours is next to this program.
    pub(crate) fn is_ours(&self, name: &str) -> bool {
        if !(is_ours(name) || is_alias(name)) {
            return false;
        }
        let by_version = |program| Client::new(program, VERSION_TIMEOUT).version();
        match self.on_path(name) {
            Some(program) => by_version(program).is_ok_and(|version| version.contains("(credmint)")),
            None => self.sibling(&format!("docker-credential-{name}")).is_some(),
        }
    }

    /// A program that the shell would run for this name.
    pub(crate) fn path_of(&self, program: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(program)).find(|program| is_program(program))
    }

    /// The helper for all registries, to store or erase a login: the keychain may show a prompt first.
    pub(crate) fn for_logins(&self, limit: Duration) -> Result<Client, ErrorMessage> {
        self.universal(limit + Duration::from_secs(60))
    }

    /// A client of the helper for all registries.
    pub(crate) fn universal(&self, limit: Duration) -> Result<Client, ErrorMessage> {
        let program = self.ours(UNIVERSAL).ok_or_else(|| ErrorMessage {
            what: format!("{} not found, neither in credmint's directory nor on PATH", file_name(UNIVERSAL)),
            hint: Some("reinstall credmint: its programs must be in one directory".to_owned()),
        })?;
        // The helper has a timeout of its own, with a better error.
        Ok(Client::new(program, limit + Duration::from_secs(5)))
    }
}

/// A helper's error as one of ours, in the helper's own words.
pub(crate) fn error_message(error: ClientError) -> ErrorMessage {
    ErrorMessage { what: error.to_string(), hint: None }
}

/// The program behind a short name.
pub(crate) fn file_name(name: &str) -> String {
    format!("docker-credential-{name}{}", std::env::consts::EXE_SUFFIX)
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
