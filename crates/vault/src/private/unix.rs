use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;

/// What settings call each of the suite's folders.
const SUITE: &str = "credmint";

/// A user other than root, and the user's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// `None` for root.
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        Some(Owner { user: metadata.uid(), group: metadata.gid() }).filter(|owner| owner.user != 0)
    }

    /// Gives away what root has just made.
    pub(super) fn take(self, made: &File) -> io::Result<()> {
        fchown(made, Some(self.user), Some(self.group))
    }
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder that holds the one of the suite which a path lies in: `~/.local/share`, the session's folder.
pub(super) fn place_of(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == SUITE))?.parent()
}

/// Whose the suite's folder is where root is in another user's home. The environment names the place, and
/// who owns that owns the suite's folder in it. A folder of the suite's that somebody else has put into a
/// place of root's is nobody's that counts.
pub(super) fn owner_of_place(path: &Path) -> Option<Owner> {
    Owner::of(&place_of(path).filter(|_| is_root())?.metadata().ok()?)
}

pub(super) fn never_follow(options: &mut OpenOptions) {
    // Without NONBLOCK a named pipe in the place of the file would be waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed());
}

/// Whether something is this user's, or the owner's of the place if that is another user, and closed to all
/// others.
pub(super) fn check(metadata: &Metadata, forbidden: u32, place: impl Fn() -> Option<Owner>) -> io::Result<()> {
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me && place().is_none_or(|owner| owner.user != metadata.uid()) {
        return Err(io::Error::other(format!("belongs to user {}, not to {me}", metadata.uid())));
    }
    match metadata.mode() & forbidden {
        0 => Ok(()),
        _ => Err(io::Error::other(format!("is open to other users (mode {:03o})", metadata.mode() & 0o777))),
    }
}
