use std::path::PathBuf;
use std::time::SystemTime;

use protocol::{Secret, ServerUrl};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::header;

/// What an entry is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A minted token, by the id of its scope: letters, digits, `.`, `-`, `:` and `/`.
    Token(String),
    /// A stored login, by its registry. Found also where another of Docker's helpers stored it
    /// under an equal address.
    Login(ServerUrl),
}

/// A token or a login as it rests in a vault. Times are kept in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is found by.
    pub key: Key,
    /// The server that it was first asked for: what `list` shows.
    pub server: String,
    /// The user's name.
    pub username: String,
    /// The token or password.
    pub secret: Secret,
    /// When it was minted or stored; for a login in the Secret Service, when it was last changed.
    pub issued: SystemTime,
    /// When it ends; `None` for a login that lasts until it is erased, and for every login that comes
    /// out of the Secret Service: items as Docker's own helper makes them have no place for it.
    pub expires: Option<SystemTime>,
}

impl Entry {
    /// How it lies in a file: the header as a line of JSON, and the secret behind it.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        header::encode(self)
    }

    /// The entry of a key from [`Entry::encode`]; `None` for what is damaged, cut, of another version
    /// or of another key.
    pub fn decode(bytes: &[u8], key: &Key) -> Option<Self> {
        header::decode(bytes, key)
    }
}

/// An entry without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// What it is found by.
    pub key: Key,
    /// The server that it was first asked for.
    pub server: String,
    /// The user's name.
    pub username: String,
    /// When it was minted or stored.
    pub issued: SystemTime,
    /// When it ends.
    pub expires: Option<SystemTime>,
}

/// Where an entry came to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resting {
    /// The operating system's keychain.
    Keychain,
    /// The kernel's keyring: in memory, until its time-out or the next start of the machine.
    Kernel,
    /// A file that only its owner can read, not encrypted.
    File(PathBuf),
    /// Nowhere, as was chosen.
    Nowhere,
}

/// Why the vault could not do what it was asked, named by what the user can do about it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VaultError {
    /// There is no such place on this machine.
    #[error("there is no {place}: {why}")]
    Absent {
        /// Such as "Secret Service".
        place: &'static str,
        /// What was missing.
        why: String,
    },
    /// It is there and locked; nobody is asked to unlock it.
    #[error("the {place} is locked")]
    Locked {
        /// Such as "Secret Service".
        place: &'static str,
    },
    /// It did not answer in time.
    #[error("the {place} does not answer")]
    Hung {
        /// Such as "Secret Service".
        place: &'static str,
    },
    /// It answered with an error.
    #[error("the {place} failed: {why}")]
    Broken {
        /// Such as "Secret Service".
        place: &'static str,
        /// What it said; never a secret.
        why: String,
    },
}
