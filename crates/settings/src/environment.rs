use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment: of this process, or a given one.
///
/// This is the only place in the project that reads the process's environment (an SDK reads its
/// own variables by itself). Values are fetched when asked for: a helper needs few of them.
#[derive(Clone, Debug)]
pub struct Environment(Option<BTreeMap<String, OsString>>);

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Environment(None)
    }

    /// An environment of the given variables.
    pub fn of<N: Into<String>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Environment(Some(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
    }

    /// A variable's value as it is; one set to nothing counts as not set.
    pub fn raw(&self, name: &str) -> Option<OsString> {
        let value = match &self.0 {
            #[allow(clippy::disallowed_methods)] // The one place.
            None => std::env::var_os(name),
            Some(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// A variable's value as text; one that is not Unicode counts as not set.
    pub fn text(&self, name: &str) -> Option<String> {
        self.raw(name)?.into_string().ok()
    }

    /// The program of a name on `PATH`. Relative entries are passed over, as in Go's clients: they
    /// lead to whatever lies in the folder of a stranger's project.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = self.raw("PATH")?;
        let absolute = std::env::split_paths(&folders).filter(|folder| folder.is_absolute());
        absolute.map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// A variable's value as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }
}
