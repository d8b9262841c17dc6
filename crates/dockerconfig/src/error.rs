use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::check::{Malformed, Position};
use crate::lock_holder::LockHolder;

/// Why a file was not read or not edited; it is unchanged in each case. Named by what the caller does next.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// To be fixed by hand: Docker cannot read it either.
    #[error("{}: {malformed}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        malformed: Malformed,
    },
    /// To be decided by hand: which of two equal keys is meant?
    #[error("{}: {at}: duplicate key {name}; remove one of them", path.display())]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Of the second one.
        at: Position,
        /// Of the member.
        name: String,
    },
    /// Permissions, or a disk that fails.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Permissions, a read-only or full disk.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// To be tried again: another edit takes too long, or others keep changing the file.
    #[error("{} is locked by {}", path.display(), by.as_ref().map_or("another program".to_owned(), ToString::to_string))]
    Busy {
        /// The file.
        path: PathBuf,
        /// The process that has locked its folder, if that can be read.
        by: Option<LockHolder>,
    },
}
