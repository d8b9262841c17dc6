use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::check::{Malformed, Position};

/// Why a file was not read or not edited; in each case it is as it was. Named by what is to be done.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// To be mended by hand: Docker cannot read it either.
    #[error("{}: {malformed}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what.
        malformed: Malformed,
    },
    /// To be decided by hand: which of the two is meant?
    #[error("{}: {at}: {name} stands there a second time; remove one of them", path.display())]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Of the second one.
        at: Position,
        /// Of the member.
        name: String,
    },
    /// Permissions, or a disk that fails.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Permissions, a read-only or full disk.
    #[error("{} cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// To be tried again: another edit has been going on for too long, or others keep changing the file.
    #[error("{} is being changed by another program", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}
