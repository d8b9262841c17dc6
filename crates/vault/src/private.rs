//! Files and folders that are their owner's alone.
//!
//! What is opened is checked by its descriptor, never by its path, and a symbolic link is not
//! followed: nobody can put something else there in between. On Windows the folders of a user are
//! theirs by the rights that they inherit.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// A folder that has been checked.
pub struct Folder(#[cfg_attr(windows, allow(dead_code))] Option<File>);

impl Folder {
    /// Waits until a renaming in it is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), File::sync_all)
    }
}

/// Opens a file for reading and tells its size in bytes.
///
/// # Errors
/// It is not there, no plain file, another user's, or open to others.
pub fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    unix::never_follow(&mut options);
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("is no plain file"));
    }
    #[cfg(unix)]
    unix::check(&metadata, 0o077)?;
    Ok((file, metadata.len()))
}

/// Opens a file for a lock, for reading and for writing, and makes it where there is none.
///
/// # Errors
/// It cannot be made, is no plain file, is another user's, or is open to others.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    {
        unix::never_follow(&mut options);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("is no plain file"));
    }
    #[cfg(unix)]
    unix::check(&metadata, 0o077)?;
    Ok(file)
}

/// Opens a folder in which nobody else can rename or add.
///
/// # Errors
/// It is not there, no folder, another user's, or others can write in it.
pub fn open_folder(path: &Path) -> io::Result<Folder> {
    #[cfg(unix)]
    {
        let mut options = OpenOptions::new();
        unix::never_follow(options.read(true));
        let folder = options.open(path)?;
        let metadata = folder.metadata()?;
        if !metadata.is_dir() {
            return Err(io::Error::other("is no folder"));
        }
        unix::check(&metadata, 0o022)?;
        Ok(Folder(Some(folder)))
    }
    #[cfg(not(unix))]
    match std::fs::symlink_metadata(path)?.is_dir() {
        true => Ok(Folder(None)),
        false => Err(io::Error::other("is no folder")),
    }
}

/// Makes a folder where there is none, and opens it.
///
/// # Errors
/// It cannot be made, and those of [`open_folder`].
pub fn make_folder(path: &Path) -> io::Result<Folder> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    open_folder(path)
}

#[cfg(unix)]
mod unix {
    use std::fs::{Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use rustix::fs::OFlags;

    pub(super) fn never_follow(options: &mut OpenOptions) {
        // Without NONBLOCK a named pipe in the place of the file would be waited for.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }

    pub(super) fn check(metadata: &Metadata, forbidden: u32) -> io::Result<()> {
        let owner = rustix::process::geteuid().as_raw();
        if metadata.uid() != owner {
            return Err(io::Error::other(format!("belongs to user {}, not to {owner}", metadata.uid())));
        }
        match metadata.mode() & forbidden {
            0 => Ok(()),
            _ => Err(io::Error::other(format!("is open to other users (mode {:03o})", metadata.mode() & 0o777))),
        }
    }
}
