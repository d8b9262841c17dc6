use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

#[cfg(unix)]
use super::unix::{self, Owner};

/// A folder that has been checked, and what is made in it.
///
/// Where root is in another user's home, that user can put a link in the place of any folder at any moment.
/// So nothing is reached by the folder's name then, but by its descriptor; what is made belongs to that user;
/// and what was there before is left as it is.
pub struct Folder {
    path: PathBuf,
    #[cfg(unix)]
    opened: File,
    /// Where this process is root and the user is another one.
    #[cfg(unix)]
    owner: Option<Owner>,
}

impl Folder {
    /// By which its files are reached while this is held.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until a renaming in it is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        self.opened.sync_all()?;
        Ok(())
    }

    /// Opens a file for a lock, for reading and for writing, and makes it where there is none.
    ///
    /// # Errors
    /// It cannot be made, is not a regular file, is another user's, or is open to others.
    pub fn open_lock(&self, name: &str) -> io::Result<File> {
        self.open(name, OpenOptions::new().read(true).write(true))
    }

    /// Opens a file for adding to its end, and makes it where there is none.
    ///
    /// # Errors
    /// It cannot be made, is not a regular file, is another user's, or is open to others.
    pub fn open_to_append(&self, name: &str) -> io::Result<File> {
        self.open(name, OpenOptions::new().append(true))
    }

    /// Makes a file of a name that is free, which goes with the value.
    pub(crate) fn temporary(&self, prefix: &str) -> io::Result<NamedTempFile> {
        let file = tempfile::Builder::new().prefix(prefix).tempfile_in(&self.path)?;
        self.give(file.as_file())?;
        Ok(file)
    }

    /// Makes a file that was not there.
    pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
        let file = File::create_new(self.path.join(name))?;
        self.give(&file)?;
        Ok(file)
    }

    #[cfg(unix)]
    fn give(&self, made: &File) -> io::Result<()> {
        self.owner.map_or(Ok(()), |owner| owner.take(made))
    }

    #[cfg(not(unix))]
    fn give(&self, _made: &File) -> io::Result<()> {
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
        // Its other name may be a file of root's that the user cannot write.
        if self.owner.is_some() && metadata.nlink() > 1 {
            return Err(io::Error::other("has another name"));
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

/// Opens a folder in which nobody else can rename or add.
///
/// # Errors
/// It is not there, no folder, another user's, or others can write in it.
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
        return Err(io::Error::other("is no folder"));
    }
    unix::check(&metadata, 0o022, || None)?;
    Ok(Folder { path: path.to_owned(), opened, owner: None })
}

/// Opens a folder that is there and not a link.
///
/// # Errors
/// It is not there, or no folder.
#[cfg(not(unix))]
pub fn open_folder(path: &Path) -> io::Result<Folder> {
    match std::fs::symlink_metadata(path)?.is_dir() {
        true => Ok(Folder { path: path.to_owned() }),
        false => Err(io::Error::other("is no folder")),
    }
}

/// Makes a folder where there is none, and opens it.
///
/// # Errors
/// It cannot be made, and those of [`open_folder`].
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

/// From a place that belongs to another user down to a folder of the suite's, by descriptors alone.
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
    // macOS lets nobody go on from a descriptor by a path.
    let by_descriptor = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    let path = if by_descriptor.is_dir() { by_descriptor } else { path.to_owned() };
    Ok(Folder { path, opened, owner: Some(owner) })
}
