//! Files and folders that are their owner's alone.
//!
//! What is opened is checked by its descriptor, never by its path, and a symbolic link is not
//! followed: nobody can put something else there in between. On Windows the folders of a user are
//! theirs by the rights that they inherit.
//!
//! Root may be in a home that is another user's (`sudo -E`, a container's entry point). What it makes there
//! is that user's: see [`Folder`].

mod folder;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

pub use folder::{Folder, make_folder, open_folder};

/// Opens a file for reading and tells its size in bytes.
///
/// # Errors
/// It is not there, not a regular file, another user's, or open to others.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    open_with_metadata(path).map(|(file, metadata)| (file, metadata.len()))
}

/// Opens a file as [`open`] does, and hands on what was looked at.
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

/// Whether a file that counts for all users of the machine can have been written by nobody but its
/// administrators. On Unix that is said by the folder that it lies in, `/etc`; every user of Windows may
/// add to `ProgramData`.
///
/// # Errors
/// Somebody else owns it or may change it.
pub fn only_administrators_write(file: &File) -> io::Result<()> {
    #[cfg(windows)]
    windows::only_administrators_write(file)?;
    #[cfg(not(windows))]
    let _ = file;
    Ok(())
}
