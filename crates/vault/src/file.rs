use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::retry_sharing_violation;
use zeroize::Zeroizing;

use crate::header::{Header, label};
use crate::private;
use crate::store::Store;
use crate::{Entry, Key, Location, Name, VaultError};

pub(crate) const PLACE: &str = "file vault";
const SUFFIX: &str = "entry";
/// The prefix of an entry that is being written.
const UNFINISHED: &str = ".new-";
/// After this time, an unfinished file belongs to a process that has crashed.
const ABANDONED: Duration = Duration::from_secs(600);
/// Bytes; far more than any token or login.
const LARGEST: u64 = 8 << 20;
const LONGEST_HEADER: u64 = 16 << 10;

/// The kind of the entries in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tokens,
    Logins,
}

/// One file per entry, readable for its owner only: a header line, then the secret.
pub(crate) struct FileStore {
    /// credmint's folder, which is created and checked together with the one for this kind.
    root: PathBuf,
    kind: Kind,
}

impl FileStore {
    pub(crate) fn new(root: PathBuf, kind: Kind) -> Self {
        FileStore { root, kind }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join(match self.kind {
            Kind::Tokens => "tokens",
            Kind::Logins => "logins",
        })
    }

    fn file_name(&self, key: &Key) -> String {
        label(key) + "." + SUFFIX
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder().join(self.file_name(key))
    }
}

impl Store for FileStore {
    fn place(&self) -> String {
        format!("files in {}", self.folder().display())
    }

    fn takes(&self, key: &Key) -> bool {
        matches!((self.kind, key), (Kind::Tokens, Key::Token(_)) | (Kind::Logins, Key::Login(_)))
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        Ok(self.read(key)?.and_then(|bytes| Entry::decode(&bytes, key)))
    }

    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        self.write(&entry.key, &entry.encode()).map(Location::File)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        if !self.takes(key) {
            return Ok(());
        }
        let path = self.path(key);
        found(retry_sharing_violation(|| std::fs::remove_file(&path)), &path).map(|_| ())
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let name = |(path, line): (PathBuf, Vec<u8>)| {
            let name = Header::parse(&line).and_then(Header::into_name);
            name.filter(|name| self.takes(&name.key) && self.path(&name.key) == path)
        };
        Ok(self.lines()?.into_iter().filter_map(name).collect())
    }
}

impl FileStore {
    /// The content of the file of a key.
    pub(crate) fn read(&self, key: &Key) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        if !self.takes(key) {
            return Ok(None);
        }
        let path = self.path(key);
        let Some((mut file, size)) = found(retry_sharing_violation(|| private::open(&path)), &path)? else {
            return Ok(None);
        };
        if size > LARGEST {
            return Ok(None);
        }
        let mut bytes = Zeroizing::new(vec![0; size as usize]);
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(broken(&path, &error)),
        }
    }

    /// Replaces the file of a key atomically.
    pub(crate) fn write(&self, key: &Key, content: &[u8]) -> Result<PathBuf, VaultError> {
        if !self.takes(key) {
            return Err(VaultError::Absent { place: PLACE, why: "this folder is for other entries".to_owned() });
        }
        let (folder, path) = (self.folder(), self.path(key));
        let write = || -> io::Result<()> {
            private::make_folder(&self.root)?;
            let folder = private::make_folder(&folder)?;
            // Created for its owner only, and renamed to the final name once it is complete and on the disk.
            let mut new = folder.temporary(UNFINISHED)?;
            new.write_all(content)?;
            new.as_file().sync_all()?;
            let new = new.into_temp_path();
            retry_sharing_violation(|| std::fs::rename(&new, folder.path().join(self.file_name(key))))?;
            folder.sync()
        };
        write().map_err(|error| broken(&folder, &error))?;
        self.remove_unfinished();
        Ok(path)
    }

    /// The first line of every file, without the secret.
    pub(crate) fn lines(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, VaultError> {
        let folder = self.folder();
        if found(private::open_folder(&folder), &folder)?.is_none() {
            return Ok(Vec::new());
        }
        let files = std::fs::read_dir(&folder).map_err(|error| broken(&folder, &error))?;
        let paths = files.filter_map(|file| Some(file.ok()?.path()));
        let entries = paths.filter(|path| path.extension().is_some_and(|suffix| suffix == SUFFIX));
        let line = |path: PathBuf| {
            let line = private::open(&path).map_err(|error| error.to_string()).and_then(|(file, _)| {
                first_line(file).ok_or_else(|| "damaged".to_owned()) //
            });
            let line = line.inspect_err(|why| log::debug!("{}: {why}", path.display())).ok()?;
            Some((path, line))
        };
        Ok(entries.filter_map(line).collect())
    }

    /// The unfinished file of a crashed process contains a secret.
    fn remove_unfinished(&self) {
        let Ok(folder) = private::open_folder(&self.folder()) else { return };
        for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let changed = file.metadata().and_then(|metadata| metadata.modified());
            let is_old = changed.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED));
            if is_old && file.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

fn first_line(file: File) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    // A small buffer, so that little of the secret after the header is read.
    BufReader::with_capacity(256, file.take(LONGEST_HEADER)).read_until(b'\n', &mut line).ok()?;
    line.ends_with(b"\n").then_some(line)
}

/// `None` if the file does not exist.
fn found<T>(result: io::Result<T>, path: &Path) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(broken(path, &error)),
    }
}

fn broken(path: &Path, error: &io::Error) -> VaultError {
    VaultError::Failed { place: PLACE, why: format!("{}: {error}", path.display()) }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
