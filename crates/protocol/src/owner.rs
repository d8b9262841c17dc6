//! Ownership of files and folders that root creates in another user's home.

use std::fs::File;
use std::io;
use std::path::Path;

/// Changes the owner of a file that root has created to the owner of its folder, so that the user of a home
/// (`sudo -E`, a container's entry point) can read and write it.
///
/// # Errors
/// The folder cannot be read, or root may not change owners here.
#[cfg(unix)]
pub fn chown_to_owner_of(file: &File, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = std::fs::metadata(folder)?;
    match owner.uid() {
        0 => Ok(()),
        user => fchown(file, Some(user), Some(owner.gid())),
    }
}

/// On Windows, files inherit the permissions of their folder.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn chown_to_owner_of(_file: &File, _folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Creates a folder and its missing parents, accessible for their owner only, which is the owner of the folder
/// that they are created in. Never follows a link that is put in the place of a folder just created. Existing
/// folders are not changed.
///
/// # Errors
/// One of them cannot be created, or root may not change its owner.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => folder,
    };
    if above != folder {
        make_folder(above)?;
    }
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Ok(()) => chown_folder(folder, above),
        // Another process was faster.
        Err(_) if folder.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn chown_folder(folder: &Path, above: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = File::from(open(folder, flags, Mode::empty())?);
    // Not if it has been replaced by another user's folder.
    if opened.metadata()?.uid() == rustix::process::geteuid().as_raw() {
        chown_to_owner_of(&opened, above)
    } else {
        Ok(())
    }
}

#[cfg(not(unix))]
fn chown_folder(_folder: &Path, _above: &Path) -> io::Result<()> {
    Ok(())
}
