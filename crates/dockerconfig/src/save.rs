use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;

use protocol::retry_sharing_violation;
use tempfile::{NamedTempFile, TempPath};

use crate::resolved_path::ResolvedPath;

/// How an edit was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Nothing was to be changed, so nothing was touched.
    Untouched,
    /// A new file was written, flushed to the disk and put in the place of the old one.
    Replaced,
    /// The file could not be replaced (it is bind-mounted, or its folder or owner is another's) and
    /// was overwritten in place. A process that dies leaves the old or the new text, a
    /// machine that loses power may leave neither.
    InPlace,
}

/// Why a save did not happen.
pub(crate) enum SaveError {
    /// The file is not any more what the edit was made from.
    Changed,
    Failed(io::Error),
}

impl From<io::Error> for SaveError {
    fn from(error: io::Error) -> Self {
        SaveError::Failed(error)
    }
}

/// Replaces `before` by `after`; `None` means that there is no file.
pub(crate) fn save(target: &ResolvedPath, before: Option<&[u8]>, after: &[u8]) -> Result<Saved, SaveError> {
    let Some(before) = before else {
        let temporary = write_beside(target, after)?;
        protocol::owner::chown_to_owner_of(temporary.as_file(), target.folder())?;
        let temporary = temporary.into_temp_path();
        return match temporary.persist_noclobber(&target.path) {
            Ok(()) => {
                flush(target.folder());
                Ok(Saved::Replaced)
            }
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Err(SaveError::Changed),
            Err(error) => Err(error.error.into()),
        };
    };
    let temporary = match write_beside(target, after).and_then(|file| like(file, &target.path)) {
        Ok(file) => file.into_temp_path(),
        Err(error) if is_about_place(&error) => return in_place(&target.path, before, after, &error),
        Err(error) => return Err(error.into()),
    };
    if target.read()?.as_deref() != Some(before) {
        return Err(SaveError::Changed);
    }
    match swap(temporary, &target.path, before) {
        Err(SaveError::Failed(error)) if is_about_place(&error) => in_place(&target.path, before, after, &error),
        Err(error) => Err(error),
        Ok(()) => {
            flush(target.folder());
            Ok(Saved::Replaced)
        }
    }
}

/// Removes a file that an edit had made.
pub(crate) fn remove(target: &ResolvedPath, before: &[u8]) -> Result<Saved, SaveError> {
    if target.read()?.as_deref() != Some(before) {
        return Err(SaveError::Changed);
    }
    fs::remove_file(&target.path)?;
    flush(target.folder());
    Ok(Saved::Replaced)
}

/// The errors of a file that cannot be replaced, though it may be writable.
fn is_about_place(error: &io::Error) -> bool {
    use ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    !cfg!(windows) && matches!(error.kind(), CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy)
}

/// The prefix of the temporary files of a config: what a killed process left is swept by the next.
pub(crate) fn prefix(target: &ResolvedPath) -> String {
    let name = target.path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.credmint-")
}

/// Only to be called under the lock: another editor's file looks the same.
pub(crate) fn sweep(folder: &Path, prefix: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A new file in the same folder, for its owner alone, with the text on the disk.
fn write_beside(target: &ResolvedPath, text: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(&prefix(target)).tempfile_in(target.folder())?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives a new file the owner and the mode of another.
#[cfg(unix)]
fn like(file: NamedTempFile, other: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let (theirs, ours) = (fs::metadata(other)?, file.as_file().metadata()?);
    if theirs.uid() != ours.uid() {
        // Only root can; for other users the file stays.
        fchown(file.as_file(), Some(theirs.uid()), Some(theirs.gid()))?;
    } else if theirs.gid() != ours.gid() {
        fchown(file.as_file(), None, Some(theirs.gid()))?;
    }
    file.as_file().set_permissions(theirs.permissions())?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(not(unix))]
fn like(file: NamedTempFile, _other: &Path) -> io::Result<NamedTempFile> {
    Ok(file)
}

/// Lets the new and the old file change places and looks at what came out: where a `docker login`
/// wrote between the last look and this moment, its file is put back, and nothing is lost.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn swap(temporary: TempPath, path: &Path, before: &[u8]) -> Result<(), SaveError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    let beside = temporary.to_path_buf();
    let exchange = || renameat_with(CWD, &beside, CWD, path, RenameFlags::EXCHANGE);
    match exchange() {
        Ok(()) => {
            let came_out = fs::read(&temporary);
            if came_out.as_ref().is_ok_and(|text| text == before) {
                return Ok(());
            }
            if let Err(error) = exchange() {
                // Another program's text is in the temporary file, and nowhere else.
                let _ = temporary.keep();
                return Err(io::Error::from(error).into());
            }
            came_out.map_or_else(|error| Err(error.into()), |_| Err(SaveError::Changed))
        }
        Err(Errno::NOENT) => Err(SaveError::Changed),
        // Not every file system supports it, and their errors differ. A cause that affects both is reported again.
        Err(_) => replace(temporary, path),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn swap(temporary: TempPath, path: &Path, _before: &[u8]) -> Result<(), SaveError> {
    replace(temporary, path)
}

fn replace(temporary: TempPath, path: &Path) -> Result<(), SaveError> {
    let mut temporary = Some(temporary);
    let moved = retry_sharing_violation(|| match temporary.take().map(|file| file.persist(path)) {
        Some(Err(error)) => {
            temporary = Some(error.path);
            Err(error.error)
        }
        _ => Ok(()),
    });
    moved.map_err(SaveError::from)
}

/// Overwrites a file. One call writes the new text and, where it is shorter, line feeds over the
/// rest of the old one, and only then is the file cut: at every moment it is valid JSON.
fn in_place(path: &Path, before: &[u8], after: &[u8], why: &io::Error) -> Result<Saved, SaveError> {
    log::warn!("overwriting {} in place, as it cannot be replaced: {why}", path.display());
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut found = Vec::new();
    file.read_to_end(&mut found)?;
    if found != before {
        return Err(SaveError::Changed);
    }
    let mut padded = after.to_vec();
    padded.resize(after.len().max(before.len()), b'\n');
    file.rewind()?;
    if let Err(error) = file.write_all(&padded).and_then(|()| file.sync_all()) {
        // Restore the old text, whose blocks are still allocated.
        file.rewind()?;
        file.write_all(before)?;
        file.set_len(before.len() as u64)?;
        return Err(error.into());
    }
    file.set_len(after.len() as u64)?;
    file.sync_all()?;
    Ok(Saved::InPlace)
}

/// Waits until a renaming in a folder is on the disk. Windows has no such thing, and a folder that
/// may not be read cannot be waited for; the edit is made all the same.
fn flush(folder: &Path) {
    if cfg!(unix)
        && let Err(error) = File::open(folder).and_then(|folder| folder.sync_all())
    {
        log::debug!("{} cannot be flushed: {error}", folder.display());
    }
}
