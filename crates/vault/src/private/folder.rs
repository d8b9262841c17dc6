use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

#[cfg(unix)]
use super::unix::{self, Owner};

/// A folder that has been checked, in which files are created.
///
/// If root runs in the home of another user, that user can replace any folder with a link at any moment. So
/// its files are accessed by the folder's descriptor, not by its path; files that are created belong to
/// that user; and the owners of existing files are not changed.
pub struct Folder {
    path: PathBuf,
    #[cfg(unix)]
    opened: File,
    /// Set if this process is root in the home of another user.
    #[cfg(unix)]
    owner: Option<Owner>,
}

impl Folder {
    /// The path of its files, valid as long as this value exists.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until a rename in it is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        self.opened.sync_all()?;
        Ok(())
    }

    /// Opens a lock file for reading and writing; creates it if it does not exist.
    ///
    /// # Errors
    /// It cannot be created, is not a regular file, belongs to another user, or is accessible to others.
    pub fn open_lock(&self, name: &str) -> io::Result<File> {
        self.open(name, OpenOptions::new().read(true).write(true))
    }

    /// Opens a file to append to it; creates it if it does not exist.
    ///
    /// # Errors
    /// It cannot be created, is not a regular file, belongs to another user, or is accessible to others.
    pub fn open_to_append(&self, name: &str) -> io::Result<File> {
        self.open(name, OpenOptions::new().append(true))
    }

    /// Creates a file with an unused name, which is deleted with the value.
    pub(crate) fn temporary(&self, prefix: &str) -> io::Result<NamedTempFile> {
        let file = tempfile::Builder::new().prefix(prefix).tempfile_in(&self.path)?;
        self.give_to_owner(file.as_file())?;
        Ok(file)
    }

    /// Creates a file that does not exist.
    pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
        let file = File::create_new(self.path.join(name))?;
        self.give_to_owner(&file)?;
        Ok(file)
    }

    #[cfg(unix)]
    fn give_to_owner(&self, made: &File) -> io::Result<()> {
        self.owner.map_or(Ok(()), |owner| owner.take(made))
    }

    #[cfg(not(unix))]
    fn give_to_owner(&self, _made: &File) -> io::Result<()> {
        Ok(())
    }

    #[cfg(unix)]
    fn open(&self, name: &str, options: &mut OpenOptions) -> io::Result<File> {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
        let path = self.path.join(name);
        unix::never_follow(options);
        options.mode(0o600);
        let file = match self.owner {
            None => options.create(true).open(path)?,
            Some(owner) => match options.clone().create_new(true).open(&path) {
                Ok(made) => owner.take(&made).map(|()| made)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path)?,
                Err(error) => return Err(error),
            },
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("is not a regular file"));
        }
        // A hard link may be another name of a file of root that the user cannot write.
        if self.owner.is_some() && metadata.nlink() > 1 {
            return Err(io::Error::other("has a hard link"));
        }
        unix::check(&metadata, 0o077, || self.owner)?;
        Ok(file)
    }

    #[cfg(not(unix))]
    fn open(&self, name: &str, options: &mut OpenOptions) -> io::Result<File> {
        let file = options.create(true).open(self.path.join(name))?;
        match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(io::Error::other("is not a regular file")),
        }
    }
}

/// Opens a folder in which no other user can create or rename files.
///
/// # Errors
/// It does not exist, is not a folder, belongs to another user, or is writable for others.
#[cfg(unix)]
pub fn open_folder(path: &Path) -> io::Result<Folder> {
    if let Some(owner) = unix::owner_of_place(path) {
        return descend(path, owner, false);
    }
    let mut options = OpenOptions::new();
    unix::never_follow(options.read(true));
    let opened = options.open(path)?;
    let metadata = opened.metadata()?;
    if !metadata.is_dir() {
        return Err(io::Error::other("is not a folder"));
    }
    unix::check(&metadata, 0o022, || None)?;
    Ok(Folder { path: path.to_owned(), opened, owner: None })
}

/// Opens a folder that exists and is not a link.
///
/// # Errors
/// It does not exist, or is not a folder.
#[cfg(not(unix))]
pub fn open_folder(path: &Path) -> io::Result<Folder> {
    match std::fs::symlink_metadata(path)?.is_dir() {
        true => Ok(Folder { path: path.to_owned() }),
        false => Err(io::Error::other("is not a folder")),
    }
}

/// Opens a folder; creates it if it does not exist.
///
/// # Errors
/// It cannot be created, and those of [`open_folder`].
pub fn make_folder(path: &Path) -> io::Result<Folder> {
    #[cfg(unix)]
    if let Some(place) = unix::place_of(path).filter(|_| unix::is_root()) {
        protocol::owner::make_folder(place)?;
        if let Some(owner) = unix::owner_of_place(path) {
            return descend(path, owner, true);
        }
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    open_folder(path)
}

/// From a folder that belongs to another user down to one of credmint's, by descriptors only.
#[cfg(unix)]
fn descend(path: &Path, owner: Owner, make: bool) -> io::Result<Folder> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    use rustix::io::Errno;

    let place = unix::place_of(path).ok_or(io::ErrorKind::NotFound)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut opened = File::from(openat(CWD, place, flags, Mode::empty())?);
    for name in path.strip_prefix(place).unwrap_or(path) {
        let made = make
            && match mkdirat(&opened, name, Mode::RWXU) {
                Ok(()) => true,
                Err(Errno::EXIST) => false,
                Err(error) => return Err(error.into()),
            };
        opened = File::from(openat(&opened, name, flags | OFlags::NOFOLLOW, Mode::empty())?);
        if made && opened.metadata()?.uid() == 0 {
            owner.take(&opened)?;
        }
        unix::check(&opened.metadata()?, 0o022, || Some(owner))?;
    }
    // macOS has no path for a descriptor.
    let by_descriptor = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    let path = if by_descriptor.is_dir() { by_descriptor } else { path.to_owned() };
    Ok(Folder { path, opened, owner: Some(owner) })
}
