use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use protocol::Deadline;

use crate::lock_holder::{LockHolder, is_other_user, lock_holder};

/// An exclusive lock against other edits by this crate; the kernel releases it when a process dies.
///
/// On Unix the folder itself is locked: the file is replaced by every save and cannot carry a lock,
/// and a lock file would be left behind. Docker takes no lock, so a save checks for changes anyway.
pub(crate) struct Lock {
    file: Option<File>,
    /// The process of another user that holds it instead: see [`lock`].
    pub(crate) other_lock_holder: Option<LockHolder>,
}

/// The lock was held by another process until the deadline.
pub(crate) struct LockTimeout(pub(crate) Option<LockHolder>);

impl Lock {
    /// Whether there is one: see [`without`].
    pub(crate) fn is_held(&self) -> bool {
        self.file.is_some()
    }
}

/// Waits for the lock. Any user who can read a folder can lock it, so another user's lock is ignored: the save
/// checks for changes anyway.
pub(crate) fn lock(folder: &Path, name: &str, deadline: Deadline) -> Result<Lock, LockTimeout> {
    let mut pause = Duration::from_millis(1);
    let file = match open(folder, name) {
        Ok(file) => file,
        Err(error) => return Ok(without(folder, &error)),
    };
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { file: Some(file), other_lock_holder: None }),
            Err(TryLockError::WouldBlock) => {
                let holder = lock_holder(&file);
                if let Some(other) = holder.clone().filter(|holder| is_other_user(holder, &file)) {
                    log::warn!("{} is locked by {other}: the lock is ignored", folder.display());
                    return Ok(Lock { file: None, other_lock_holder: Some(other) });
                }
                if deadline.passed() {
                    return Err(LockTimeout(holder));
                }
                std::thread::sleep(pause.min(deadline.remaining()));
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(TryLockError::Error(error)) => return Ok(without(folder, &error)),
        }
    }
}

/// NFS locks only what is open for writing, and a folder cannot be: then the look for changes has to do.
fn without(folder: &Path, error: &io::Error) -> Lock {
    log::debug!("{} cannot be locked: {error}", folder.display());
    Lock { file: None, other_lock_holder: None }
}

#[cfg(unix)]
fn open(folder: &Path, _name: &str) -> io::Result<File> {
    File::open(folder)
}

/// Windows locks no folder.
#[cfg(not(unix))]
fn open(folder: &Path, name: &str) -> io::Result<File> {
    let path = folder.join(format!("{name}.credmint-lock"));
    std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}
