use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use protocol::Deadline;

/// Keeps other editors of this crate out until it is dropped; the kernel drops it for a process that dies.
///
/// On Unix the folder itself is locked: the file is replaced by every save and cannot carry a lock,
/// and a lock file would be litter. Docker knows no lock, so a save looks for changes all the same.
pub(crate) struct Lock(Option<File>);

impl Lock {
    /// Whether there is one: see [`without`].
    pub(crate) fn is_held(&self) -> bool {
        self.0.is_some()
    }
}

/// Waits for its turn; `None` when time is over.
pub(crate) fn lock(folder: &Path, name: &str, deadline: Deadline) -> Option<Lock> {
    let mut pause = Duration::from_millis(1);
    let file = match open(folder, name) {
        Ok(file) => file,
        Err(error) => return Some(without(folder, &error)),
    };
    loop {
        match file.try_lock() {
            Ok(()) => return Some(Lock(Some(file))),
            Err(TryLockError::WouldBlock) if deadline.passed() => return None,
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(pause.min(deadline.remaining()));
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(TryLockError::Error(error)) => return Some(without(folder, &error)),
        }
    }
}

/// NFS locks only what is open for writing, and a folder cannot be: then the look for changes has to do.
fn without(folder: &Path, error: &io::Error) -> Lock {
    log::debug!("{} cannot be locked: {error}", folder.display());
    Lock(None)
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
