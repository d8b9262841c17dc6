//! Where secrets rest: the operating system's keychain, the kernel's keyring, or files.
//!
//! Two kinds of things are kept, minted tokens and stored logins, behind four verbs: load, save,
//! remove, names. Every call has a deadline, and what a keychain cannot do is an error and never a
//! hang.

mod entry;

pub use entry::{Entry, Key, Name, Resting, VaultError};

use std::path::PathBuf;

/// Which places to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The keychain, else the best that the machine has.
    #[default]
    Auto,
    /// The keychain and nothing else.
    Keychain,
    /// The kernel's keyring and nothing else (Linux).
    Kernel,
    /// Files and nothing else.
    File,
    /// Nothing at all.
    None,
}

/// The folders that files may lie in; the vault makes them when it first writes.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Gone with the session.
    pub runtime: Option<PathBuf>,
    /// May be deleted at any time.
    pub cache: Option<PathBuf>,
    /// Is to last.
    pub data: Option<PathBuf>,
    /// Where the session bus listens, if the session has one: `DBUS_SESSION_BUS_ADDRESS`, else
    /// `$XDG_RUNTIME_DIR/bus` where that exists. Without one the Secret Service is not tried.
    pub session_bus: Option<String>,
}

/// The four verbs over whatever places were chosen.
pub struct Vault {}

impl Vault {
    /// Chooses; opens and asks nothing.
    pub fn new(_choice: Choice, _places: Places) -> Self {
        Vault {}
    }

    /// Finds an entry.
    ///
    /// # Errors
    /// No place has it, and at least one could not be asked.
    pub fn load(&self, _key: &Key) -> Result<Option<Entry>, VaultError> {
        Ok(None)
    }

    /// Keeps an entry in place of an older one, and tells where.
    ///
    /// # Errors
    /// No place could keep it.
    pub fn save(&self, _entry: &Entry) -> Result<Resting, VaultError> {
        Ok(Resting::Nowhere)
    }

    /// Forgets an entry in every place. That there was none is success.
    ///
    /// # Errors
    /// A place still has it.
    pub fn remove(&self, _key: &Key) -> Result<(), VaultError> {
        Ok(())
    }

    /// Names everything that is kept, without opening a secret and without asking the user.
    ///
    /// # Errors
    /// No place could be asked.
    pub fn names(&self) -> Result<Vec<Name>, VaultError> {
        Ok(Vec::new())
    }
}
