use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use protocol::retry_sharing_violation;

/// As many links in a row as Linux follows.
const LINKS: usize = 40;
/// Bytes. Configs have a few hundred; a larger one is something else.
const LARGEST: u64 = 16 << 20;

/// The file behind a path, where symbolic links lead; it need not be there (a dangling link).
///
/// The temporary file must be next to this file, not next to the link, which may be on another
/// file system, and the link has to stay a link: <https://github.com/docker/cli/issues/5553>.
#[derive(Clone, Debug)]
pub(crate) struct ResolvedPath {
    pub(crate) path: PathBuf,
}

impl ResolvedPath {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            match fs::read_link(&path) {
                // Joining an absolute path replaces the folder.
                Ok(link) => path = folder_of(&path).join(link),
                // InvalidInput: not a link. NotFound: it does not exist yet.
                Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
                    return Ok(ResolvedPath { path });
                }
                // Windows has another error for a file that is not a link.
                Err(_) if cfg!(windows) => return Ok(ResolvedPath { path }),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many symbolic links"))
    }

    pub(crate) fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// The whole file; `None` if there is none.
    pub(crate) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let found = match fs::metadata(&self.path) {
            // A pipe would be waited for.
            Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("not a regular file")),
            Ok(metadata) if metadata.len() > LARGEST => return Err(io::Error::other("larger than 16 MiB")),
            Ok(_) => retry_sharing_violation(|| fs::read(&self.path)),
            Err(error) => Err(error),
        };
        match found {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    }
}
