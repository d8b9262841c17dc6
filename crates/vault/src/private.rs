//! Files and folders that only their owner can access.
//!
//! An opened file is checked by its descriptor, never by its path, and symbolic links are not followed, so
//! nothing can be replaced between the check and the use. On Windows a user's folders are private by
//! inherited permissions.
//!
//! Root may run in the home of another user (`sudo -E`, a container's entry point). Files that it creates
//! there belong to that user: see [`Folder`].

mod folder;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

pub use folder::{Folder, make_folder, open_folder};

/// Opens a file for reading and returns its size in bytes.
///
/// # Errors
/// It does not exist, is not a regular file, belongs to another user, or is accessible to others.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    open_with_metadata(path).map(|(file, metadata)| (file, metadata.len()))
}

/// Opens a file as [`open`] does, and returns the metadata that was checked.
pub(crate) fn open_with_metadata(path: &Path) -> io::Result<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    unix::never_follow(&mut options);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    #[cfg(unix)]
    unix::check(&metadata, 0o077, || unix::owner_of_place(path))?;
    Ok((file, metadata))
}

/// Checks that only administrators can have written a file that applies to all users of the machine. On Unix
/// its folder, `/etc`, guarantees that; on Windows every user may add files to `ProgramData`.
///
/// # Errors
/// Another user owns it or may change it.
pub fn only_administrators_write(file: &File) -> io::Result<()> {
    #[cfg(windows)]
    windows::only_administrators_write(file)?;
    #[cfg(not(windows))]
    let _ = file;
    Ok(())
}
