use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use protocol::ErrorMessage;

use crate::path_value::{NO_PATH, PathValue};

/// Prefixes of the variables of the clouds' programs and SDKs.
const PREFIXES: [&str; 10] =
    ["AWS_", "AZURE_", "ARM_", "IDENTITY_", "MSI_", "GOOGLE_", "CLOUDSDK_", "GCE_", "GH_", "GITHUB_"];
/// Variables of proxies and CA certificates.
const NAMES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The environment: of this process, or a given one.
///
/// This is the only place in the project that reads the process's environment (an SDK reads its
/// own variables by itself). Values are read on demand: a helper needs few of them.
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

    /// A variable's value; an empty one counts as unset.
    pub fn raw(&self, name: &str) -> Option<OsString> {
        let value = match &self.0 {
            #[allow(clippy::disallowed_methods)] // The one place.
            None => std::env::var_os(name),
            Some(variables) => variables.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The names of all variables that are not empty, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.0 {
            #[allow(clippy::disallowed_methods)] // The one place.
            None => {
                let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
                set.filter_map(|(name, _)| name.into_string().ok()).collect()
            }
            Some(variables) => {
                variables.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.clone()).collect()
            }
        };
        names.sort();
        names
    }

    /// A variable's value as text; one that is not Unicode counts as unset.
    pub fn text(&self, name: &str) -> Option<String> {
        self.raw(name)?.into_string().ok()
    }

    /// The program of a name on `PATH`. Relative entries are ignored, as in Go's clients: they would run programs from
    /// another user's project.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = self.search_path()?;
        std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// `PATH` without its relative entries, for child processes: no program is found in the current folder. `None`
    /// if nothing is left, because an empty `PATH` would mean that folder.
    pub fn search_path(&self) -> Option<OsString> {
        let folders = self.raw("PATH")?;
        let absolute = std::env::split_paths(&folders).filter(|folder| folder.is_absolute());
        std::env::join_paths(absolute).ok().filter(|path| !path.is_empty())
    }

    /// The empty variables of the clouds' programs, proxies and CA certificates. Here, as in most programs, they count
    /// as unset; some SDKs take them for a profile, an address or a folder with an empty name. Empty variables of
    /// other programs may have a meaning.
    pub fn empty_variables(&self) -> Vec<OsString> {
        let names: Vec<OsString> = match &self.0 {
            #[allow(clippy::disallowed_methods)] // The one place.
            None => std::env::vars_os().filter(|(_, value)| value.is_empty()).map(|(name, _)| name).collect(),
            Some(variables) => {
                variables.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name.into()).collect()
            }
        };
        let is_of_clouds = |name: &OsString| {
            let name = name.to_string_lossy().to_ascii_uppercase();
            PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name.as_str())
        };
        names.into_iter().filter(is_of_clouds).collect()
    }

    /// A variable's value as a path. A secret in its place is replaced, because paths appear in errors and logs: see
    /// [`Environment::check_paths`].
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.raw(name)?;
        Some(if PathValue::of(&value) == PathValue::Path { value.into() } else { NO_PATH.into() })
    }

    /// Checks that variables contain file paths, as far as their values show it.
    ///
    /// # Errors
    /// A variable contains the contents of the file, such as a key; the message does not show its value.
    pub fn check_paths(&self, names: &[&str]) -> Result<(), ErrorMessage> {
        for name in names {
            let what = match self.raw(name).map_or(PathValue::Path, |value| PathValue::of(&value)) {
                PathValue::Path => continue,
                PathValue::Key => format!("{name} contains a key instead of a path"),
                PathValue::Other => format!("{name} is not the path of a file"),
            };
            let hint = format!("write the key to a file that only you can read, and set {name} to its path");
            return Err(ErrorMessage { what, hint: Some(hint) });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_path_has_no_relative_entries() {
        let root = if cfg!(windows) { "C:/" } else { "/" };
        let (usr, bin) = (format!("{root}usr/bin"), format!("{root}bin"));
        let path = |folders: &[&str]| std::env::join_paths(folders).unwrap();
        for (folders, expected) in [
            (&[&*usr, &*bin][..], Some(path(&[&usr, &bin]))),
            (&[".", &usr, "", "bin", "../x", &bin, ""], Some(path(&[&usr, &bin]))),
            (&[".", ""], None),
            (&[], None),
        ] {
            let environment = Environment::of([("PATH", path(folders))]);
            assert_eq!(environment.search_path(), expected, "{folders:?}");
        }
    }

    #[test]
    fn empty_variables_of_the_clouds_are_found() {
        let environment = Environment::of([
            ("AWS_PROFILE", ""),
            ("AWS_REGION", "eu-west-1"),
            ("CLOUDSDK_CONFIG", ""),
            ("https_proxy", ""),
            ("STAGE", ""),
        ]);
        assert_eq!(environment.empty_variables(), ["AWS_PROFILE", "CLOUDSDK_CONFIG", "https_proxy"]);
    }
}
