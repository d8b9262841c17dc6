use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::private;

/// A file whose modification time shows all processes of the user when something failed last; it may contain
/// the cause in a word.
pub(crate) struct FailureMarker {
    path: Option<PathBuf>,
    rest: Duration,
}

impl FailureMarker {
    /// In the folder, if there is one. It is valid for `rest`.
    pub(crate) fn new(folder: Option<PathBuf>, name: &str, rest: Duration) -> Self {
        FailureMarker { path: folder.map(|folder| folder.join(name)), rest }
    }

    /// The cause in a valid marker.
    pub(crate) fn read(&self) -> Option<String> {
        let path = self.path.as_ref()?;
        let look = path.symlink_metadata().ok()?;
        // A time in the future is invalid.
        let counts = look.modified().ok()?.elapsed().is_ok_and(|age| age < self.rest);
        // At most a word, in a regular file.
        let read = || if look.is_file() && look.len() < 64 { std::fs::read_to_string(path).ok() } else { None };
        counts.then(|| read().unwrap_or_default())
    }

    /// Writes the marker, if possible; without it, the next process waits too.
    pub(crate) fn leave(&self, why: &str) {
        let Some(path) = &self.path else { return };
        let folder = path.parent().expect("a marker has a folder");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a marker has a name");
        let made = private::make_folder(folder).and_then(|folder| {
            // Created new, and so never written through a link.
            _ = std::fs::remove_file(folder.path().join(name));
            folder.create_new(name)?.write_all(why.as_bytes())
        });
        if let Err(error) = made {
            log::debug!("{}: {error}", path.display());
        }
    }
}
