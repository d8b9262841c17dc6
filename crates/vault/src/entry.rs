use std::path::PathBuf;
use std::time::SystemTime;

use protocol::{Secret, ServerUrl};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::header;

/// The key of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A minted token, by the id of its scope: letters, digits, `.`, `-`, `:` and `/`.
    Token(String),
    /// A stored login, by its registry. Another helper may have stored it under an equal address.
    Login(ServerUrl),
}

/// A token or a login in the vault. Times are stored in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// The server that it was first requested for, for `list`.
    pub server: String,
    /// The user name.
    pub username: String,
    /// The token or password.
    pub secret: Secret,
    /// When it was minted or stored; for a login in the Secret Service, when it was last changed.
    pub issued: SystemTime,
    /// Its expiry; `None` for a login without expiry, and for every login of the Secret Service, whose items, in
    /// the format of Docker's own helper, have no expiry.
    pub expires: Option<SystemTime>,
    /// The conditions under which a token may be served, in a format of the broker.
    pub requires: Option<String>,
}

impl Entry {
    /// Its format in a file: the header as a line of JSON, then the secret.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        header::encode(self, None)
    }

    /// Reads the result of [`Entry::encode`]; `None` if it is damaged, truncated, of another version or of another
    /// key.
    pub fn decode(bytes: &[u8], key: &Key) -> Option<Self> {
        header::decode(bytes, key)
    }
}

/// An entry without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its key.
    pub key: Key,
    /// The server that it was first requested for.
    pub server: String,
    /// The user name.
    pub username: String,
    /// When it was minted or stored.
    pub issued: SystemTime,
    /// Its expiry.
    pub expires: Option<SystemTime>,
}

/// Where an entry is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The operating system's keychain.
    Keychain,
    /// The kernel's keyring: in memory, until its expiry or the next boot.
    Kernel,
    /// A file that only its owner can read, unencrypted.
    File(PathBuf),
    /// Nowhere, as configured.
    Nowhere,
}

/// The result of removing an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// No store of this machine has it.
    Complete,
    /// A store that could not be reached may have it. If it is a login, older ones there are ignored from now on,
    /// and removed once the store can be reached.
    Incomplete(VaultError),
}

/// The status of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// Its name for the user.
    pub place: String,
    /// Its entries, or why it cannot be read.
    pub names: Result<Vec<Name>, VaultError>,
    /// Why it is readable but cannot save entries, or has entries that it cannot name.
    pub error: Option<VaultError>,
}

/// An error of the vault. The variants differ in the remedy.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VaultError {
    /// The store does not exist on this machine.
    #[error("{place} not available: {why}")]
    Absent {
        /// Such as "Secret Service".
        place: &'static str,
        /// What was missing.
        why: String,
    },
    /// It is locked; the user is not prompted to unlock it.
    #[error("the {place} is locked")]
    Locked {
        /// Such as "Secret Service".
        place: &'static str,
    },
    /// It has no collection for new entries.
    #[error("the {place} has no default collection")]
    NoCollection {
        /// Such as "Secret Service".
        place: &'static str,
    },
    /// Its prompt was declined or not answered in time.
    #[error("the {place} requires a confirmation, and none was given")]
    Unconfirmed {
        /// Such as "Secret Service".
        place: &'static str,
    },
    /// The item belongs to another program or build.
    #[error("the item in the {place} belongs to another program or build of credmint")]
    Foreign {
        /// Such as "Keychain".
        place: &'static str,
    },
    /// It did not respond in time.
    #[error("the {place} timed out")]
    TimedOut {
        /// Such as "Secret Service".
        place: &'static str,
    },
    /// It returned an error.
    #[error("the {place} failed: {why}")]
    Failed {
        /// Such as "Secret Service".
        place: &'static str,
        /// Its message; never a secret.
        why: String,
    },
}
