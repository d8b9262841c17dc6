use std::fmt;
use std::fs::File;

/// A process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// Its process id.
    pub process: u32,
    /// The name of its program; empty where that cannot be read.
    pub program: String,
    /// Its user id; `None` if that cannot be read, as for other users' processes on some systems.
    pub user: Option<u32>,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = if self.program.is_empty() { "a process" } else { &self.program };
        write!(f, "{program} (pid {}", self.process)?;
        match self.user {
            Some(user) => write!(f, " of user {user})"),
            None => f.write_str(")"),
        }
    }
}

/// The process that holds the lock of a file, from `/proc/locks`.
///
/// Source: <https://man7.org/linux/man-pages/man5/proc_locks.5.html>.
#[cfg(target_os = "linux")]
pub(crate) fn lock_holder(file: &File) -> Option<LockHolder> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
    let wanted = format!("{major:02x}:{minor:02x}:{}", metadata.ino());
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let process = locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, _, _) = (words.next()?, words.next()?, words.next()?);
        let (process, place) = (words.next()?, words.next()?);
        (kind == "FLOCK" && place == wanted).then(|| process.parse::<u32>().ok()).flatten()
    })?;
    let folder = std::path::PathBuf::from(format!("/proc/{process}"));
    let program = std::fs::read_to_string(folder.join("comm")).unwrap_or_default();
    let user = folder.metadata().ok().map(|metadata| metadata.uid());
    let program = program.trim().chars().filter(|sign| !sign.is_control()).collect();
    Some(LockHolder { process, program, user })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn lock_holder(_file: &File) -> Option<LockHolder> {
    None
}

/// Whether the holder's user is neither root, nor this process's user, nor the owner of the folder.
#[cfg(target_os = "linux")]
pub(crate) fn is_other_user(holder: &LockHolder, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = file.metadata().map(|metadata| metadata.uid()).unwrap_or_default();
    let known = [0, rustix::process::geteuid().as_raw(), owner];
    holder.user.is_some_and(|user| !known.contains(&user))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_other_user(_holder: &LockHolder, _file: &File) -> bool {
    false
}
