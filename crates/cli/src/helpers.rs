use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::{Client, Explained};
use registry::Cloud;
use settings::Environment;

/// The helper for everything: what `"credsStore": "credmint"` means.
pub(crate) const EVERYTHING: &str = "credmint";

/// The short name of a cloud's helper, as Docker's config has it.
pub(crate) fn name_of(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "ecr",
        Cloud::Azure => "acr",
        Cloud::Google => "gcr",
        Cloud::GitHub => "ghcr",
    }
}

/// Whether a short name is that of one of our helpers.
pub(crate) fn is_ours(name: &str) -> bool {
    matches!(name, "ecr" | "acr" | "gcr" | "ghcr" | EVERYTHING)
}

/// Where the helpers of this installation lie, and where Docker would find any.
#[derive(Clone, Debug)]
pub(crate) struct Helpers {
    /// The folder of this program, whose helpers are of the same version.
    beside: Option<PathBuf>,
    path: Vec<PathBuf>,
}

impl Helpers {
    pub(crate) fn find(environment: &Environment) -> Self {
        let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
        let path = environment.raw("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        Helpers { beside, path }
    }

    /// Ours, by its short name: the one beside this program, else the one that Docker would find.
    pub(crate) fn ours(&self, name: &str) -> Option<PathBuf> {
        let file = file_name(name);
        let beside = self.beside.iter().map(|folder| folder.join(&file)).find(|program| is_program(program));
        beside.or_else(|| self.on_path(name))
    }

    /// The one that Docker runs for this short name.
    pub(crate) fn on_path(&self, name: &str) -> Option<PathBuf> {
        let file = file_name(name);
        // Go's clients refuse what a relative entry finds.
        self.path.iter().filter(|folder| folder.is_absolute()).map(|folder| folder.join(&file)).find(|p| is_program(p))
    }

    /// A program that the shell would run for this name.
    pub(crate) fn path_of(&self, program: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(program)).find(|program| is_program(program))
    }

    /// Docker's half of the wire to the helper for everything.
    pub(crate) fn everything(&self, limit: Duration) -> Result<Client, Explained> {
        let program = self.ours(EVERYTHING).ok_or_else(|| Explained {
            what: format!("{} is neither beside credmint nor on the path", file_name(EVERYTHING)),
            hint: Some("install credmint again: its programs belong together".to_owned()),
        })?;
        // The helper has a time limit of its own and says more.
        Ok(Client::new(program, limit + Duration::from_secs(5)))
    }
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
