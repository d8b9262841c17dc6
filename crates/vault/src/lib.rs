//! Where secrets rest: the operating system's keychain, the kernel's keyring, or files.
//!
//! Two kinds of things are kept, minted tokens and stored logins, behind four verbs: load, save,
//! remove, names. Every call has a deadline, and what a keychain cannot do is an error and never a
//! hang.
//!
//! ```text
//!  Vault ──▶ Keychain ── one thread, 2 s ──▶ Secret Service | Keychain | Credential Manager
//!        ├─▶ the kernel's keyring            tokens, on Linux
//!        └─▶ files                           tokens in the runtime or cache folder, logins in the data folder
//! ```

mod entry;
mod file;
mod header;
#[cfg(any(target_os = "macos", windows, test))]
mod items;
#[cfg(target_os = "linux")]
mod kernel;
mod keychain;
#[cfg(any(target_os = "macos", windows))]
mod native;
mod private;
#[cfg(target_os = "linux")]
mod secret_service;
mod stack;
mod store;
#[cfg(test)]
mod testing;

pub use entry::{Entry, Key, Name, Resting, VaultError};

use std::path::PathBuf;
use std::time::SystemTime;

use crate::store::Store;

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
pub struct Vault {
    choice: Choice,
    /// In the order in which they are asked.
    stores: Vec<Box<dyn Store + Send + Sync>>,
}

impl Vault {
    /// Chooses; opens and asks nothing.
    pub fn new(choice: Choice, places: Places) -> Self {
        Vault { choice, stores: stack::of(choice, places) }
    }

    /// Finds an entry that has not ended, in the first place that has one.
    ///
    /// # Errors
    /// No place has it, and at least one could not be asked. With [`Choice::Auto`] a place that
    /// does not exist on this machine counts as asked.
    pub fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        let now = SystemTime::now();
        let mut trouble = None;
        for store in &self.stores {
            match store.load(key) {
                Ok(Some(entry)) if has_ended(entry.expires, now) => {
                    log::debug!("an entry that has ended is passed over")
                }
                Ok(Some(entry)) => return Ok(Some(entry)),
                Ok(None) => {}
                Err(error) => self.note(&mut trouble, error),
            }
        }
        trouble.map_or(Ok(None), Err)
    }

    /// Keeps an entry in place of an older one, in the first place that takes it, and tells where.
    ///
    /// # Errors
    /// No place could keep it.
    pub fn save(&self, entry: &Entry) -> Result<Resting, VaultError> {
        if self.choice == Choice::None {
            return Ok(Resting::Nowhere);
        }
        let mut trouble = None;
        let mut absent = VaultError::Absent { place: "vault", why: "no place was found for it".to_owned() };
        for (nth, store) in self.stores.iter().enumerate() {
            match store.save(entry) {
                Ok(resting) => {
                    log::debug!("kept: {resting:?}");
                    self.remove_copies(&entry.key, nth);
                    return Ok(resting);
                }
                Err(error) => {
                    absent.clone_from(&error);
                    self.note(&mut trouble, error);
                }
            }
        }
        Err(trouble.unwrap_or(absent))
    }

    /// Forgets an entry in every place. That there was none is success.
    ///
    /// # Errors
    /// A place still has it, or may have it and could not be asked.
    pub fn remove(&self, key: &Key) -> Result<(), VaultError> {
        let mut trouble = None;
        for store in &self.stores {
            match store.remove(key) {
                // Where there is no such place, there is no copy.
                Ok(()) | Err(VaultError::Absent { .. }) => {}
                Err(error) => self.note(&mut trouble, error),
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Names everything that is kept and has not ended, logins first, without opening a secret and
    /// without asking the user.
    ///
    /// # Errors
    /// No place could be asked.
    pub fn names(&self) -> Result<Vec<Name>, VaultError> {
        let now = SystemTime::now();
        let (mut names, mut asked, mut trouble) = (Vec::<Name>::new(), false, None);
        for store in &self.stores {
            match store.names() {
                Ok(more) => {
                    asked = true;
                    for name in more {
                        if !has_ended(name.expires, now) && names.iter().all(|known| known.key != name.key) {
                            names.push(name);
                        }
                    }
                }
                Err(error) => self.note(&mut trouble, error),
            }
        }
        names.sort_by_key(|name| matches!(name.key, Key::Token(_)));
        trouble.filter(|_| !asked).map_or(Ok(names), Err)
    }

    /// In all places but one, the earlier ones too: what could not be replaced there would be found
    /// first the next time.
    fn remove_copies(&self, key: &Key, but: usize) {
        for (_, store) in self.stores.iter().enumerate().filter(|(nth, _)| *nth != but) {
            match store.remove(key) {
                Ok(()) | Err(VaultError::Absent { .. }) => {}
                Err(error) => log::debug!("an older copy may be left: {error}"),
            }
        }
    }

    /// Keeps the first error that tells something.
    fn note(&self, trouble: &mut Option<VaultError>, error: VaultError) {
        log::debug!("passed over: {error}");
        let no_news = self.choice == Choice::Auto && matches!(error, VaultError::Absent { .. });
        if !no_news && trouble.is_none() {
            *trouble = Some(error);
        }
    }
}

fn has_ended(expires: Option<SystemTime>, now: SystemTime) -> bool {
    expires.is_some_and(|end| end <= now)
}
