use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;

use rustix::fs::OFlags;

/// The name of each of credmint's folders.
const NAME: &str = "credmint";

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

    /// Makes this user the owner of a file that root has just created.
    pub(super) fn take(self, made: &File) -> io::Result<()> {
        fchown(made, Some(self.user), Some(self.group))
    }
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The parent of credmint's folder in a path: `~/.local/share`, the session's folder.
pub(super) fn place_of(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == NAME))?.parent()
}

/// The owner of credmint's folder if root runs in the home of another user: the owner of its parent, which
/// the environment names. A folder of another user within a parent of root has no valid owner.
pub(super) fn owner_of_place(path: &Path) -> Option<Owner> {
    Owner::of(&place_of(path).filter(|_| is_root())?.metadata().ok()?)
}

pub(super) fn never_follow(options: &mut OpenOptions) {
    // NONBLOCK, because opening a named pipe would wait for a writer.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed());
}

/// Checks that a file belongs to this user, or to the owner of the parent folder if root runs for another user,
/// and is not accessible to others.
pub(super) fn check(metadata: &Metadata, forbidden: u32, place: impl Fn() -> Option<Owner>) -> io::Result<()> {
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me && place().is_none_or(|owner| owner.user != metadata.uid()) {
        return Err(io::Error::other(format!("belongs to user {}, not to {me}", metadata.uid())));
    }
    match metadata.mode() & forbidden {
        0 => Ok(()),
        _ => Err(io::Error::other(format!("is accessible to other users (mode {:03o})", metadata.mode() & 0o777))),
    }
}
