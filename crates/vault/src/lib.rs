//! Stores secrets in the operating system's keychain, the kernel's keyring, or files.
//!
//! There are two kinds of entries, minted tokens and stored logins, and four operations: load, save, remove,
//! names. Every call has a deadline; a keychain that cannot be used is an error and never a hang.
//!
//! ```text
//!  Vault ──▶ Keychain ── 2 s in all ──▶ Secret Service | Keychain | Credential Manager
//!        ├─▶ the kernel's keyring         tokens, on Linux
//!        └─▶ files                        tokens in the runtime or cache folder, logins in the data folder
//! ```
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use protocol::Secret;
//! use vault::{Choice, Entry, Key, Places, Vault};
//! # let folder = tempfile::tempdir().expect("a folder");
//! let places = Places { cache: Some(folder.path().join("credmint")), ..Places::default() };
//! let vault = Vault::new(Choice::File, places);
//! let token = Entry {
//!     key: Key::Token("example/jane".to_owned()),
//!     server: "registry.example".to_owned(),
//!     username: "jane".to_owned(),
//!     secret: Secret::new("token".to_owned()),
//!     issued: SystemTime::now(),
//!     expires: Some(SystemTime::now() + Duration::from_secs(3600)),
//!     requires: None,
//! };
//! vault.save(&token)?;
//! assert_eq!(vault.load(&token.key)?.expect("it has not expired").secret, token.secret);
//! assert_eq!(vault.names()?[0].server, "registry.example");
//! # Ok::<(), vault::VaultError>(())
//! ```

// FreeBSD and others: code for keychains is there, and none is used.
#![cfg_attr(not(any(target_os = "linux", target_os = "macos", windows)), allow(dead_code))]

mod backends;
#[cfg(any(windows, test))]
mod docker_logins;
mod entry;
mod failure_marker;
mod file;
mod header;
#[cfg(any(windows, test))]
mod items;
#[cfg(target_os = "linux")]
mod kernel;
mod keychain;
#[cfg(any(target_os = "macos", windows, test))]
mod keychain_thread;
mod login_records;
mod logins;
#[cfg(any(target_os = "macos", all(unix, test)))]
mod macos;
#[cfg(windows)]
mod native;
pub mod private;
mod remedy;
#[cfg(target_os = "linux")]
mod secret_service;
mod store;
#[cfg(test)]
mod testing;
#[cfg(windows)]
mod wincred;

pub use entry::{Entry, Key, Location, Name, Removal, StoreStatus, VaultError};

use std::path::PathBuf;
use std::time::SystemTime;

use crate::login_records::LoginRecords;
use crate::logins::Lookup;
use crate::store::Store;

/// Which stores to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The keychain, else the best store that the machine has.
    #[default]
    Auto,
    /// The keychain, else the kernel's keyring: never a file that is not encrypted.
    NoFiles,
    /// The keychain and nothing else.
    Keychain,
    /// The kernel's keyring and nothing else (Linux).
    Kernel,
    /// Files and nothing else.
    File,
    /// Nothing at all.
    None,
}

/// The folders for files; the vault creates them when it first writes.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Deleted with the session.
    pub runtime: Option<PathBuf>,
    /// May be deleted at any time.
    pub cache: Option<PathBuf>,
    /// Permanent.
    pub data: Option<PathBuf>,
    /// Where the session bus listens, if the session has one: `DBUS_SESSION_BUS_ADDRESS`, else
    /// `$XDG_RUNTIME_DIR/bus` where that exists. Without one the Secret Service is not tried.
    pub session_bus: Option<String>,
}

/// The four operations over the chosen stores.
pub struct Vault {
    choice: Choice,
    /// In the order in which they are tried.
    stores: Vec<Box<dyn Store + Send + Sync>>,
    /// Tried last.
    logins: Option<LoginRecords>,
    /// Why the keychain cannot be reached; it may hold logins all the same.
    unreachable: Option<VaultError>,
}

impl Vault {
    /// Selects the stores without opening any.
    pub fn new(choice: Choice, places: Places) -> Self {
        backends::open(choice, places)
    }

    /// Finds an entry that has not expired: a token in the first store that has one, and the newest login.
    ///
    /// # Errors
    /// No store has it, and at least one failed. With [`Choice::Auto`] and [`Choice::NoFiles`], a store
    /// that does not exist on this machine is no failure.
    pub fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        self.load_all(std::slice::from_ref(key)).pop().expect("one answer for one key")
    }

    /// [`Vault::load`] for several keys, in their order. Loading two entries of
    /// a keychain together takes half the time.
    pub fn load_all(&self, keys: &[Key]) -> Vec<Result<Option<Entry>, VaultError>> {
        let now = SystemTime::now();
        let mut lookup: Vec<Lookup> = keys.iter().map(|_| Lookup::default()).collect();
        for store in &self.stores {
            let is_open = |nth: &usize| lookup[*nth].newest.is_none() || matches!(keys[*nth], Key::Login(_));
            let open: Vec<usize> = (0..keys.len()).filter(is_open).collect();
            if open.is_empty() {
                break;
            }
            let asked: Vec<Key> = open.iter().map(|&nth| keys[nth].clone()).collect();
            for (nth, answer) in open.into_iter().zip(store.load_all(&asked)) {
                let lookup = &mut lookup[nth];
                match answer {
                    Ok(Some(entry)) if matches!(entry.key, Key::Token(_)) && has_expired(entry.expires, now) => {
                        log::debug!("ignoring an expired token")
                    }
                    Ok(Some(entry)) => {
                        let is_newer = lookup.newest.as_ref().is_none_or(|known| known.issued < entry.issued);
                        lookup.newest = if is_newer { Some(entry) } else { lookup.newest.take() };
                    }
                    Ok(None) => {}
                    Err(error) => {
                        lookup.unreached = true;
                        self.note(&mut lookup.error, error);
                    }
                }
            }
        }
        let answers = keys.iter().zip(lookup).map(|(key, lookup)| match key {
            Key::Token(_) => lookup.answer(),
            Key::Login(_) => self.newest(key, lookup, now),
        });
        answers.collect()
    }

    /// Saves an entry in place of an older one, in the first store that accepts it, and returns where.
    ///
    /// # Errors
    /// No store could save it.
    pub fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        self.save_with_keychain_error(entry).map(|(location, _)| location)
    }

    /// [`Vault::save`] which also returns the error of the keychain, if it was tried and failed.
    ///
    /// # Errors
    /// No store could save it.
    pub fn save_with_keychain_error(&self, entry: &Entry) -> Result<(Location, Option<VaultError>), VaultError> {
        if self.choice == Choice::None {
            return Ok((Location::Nowhere, None));
        }
        if let Key::Login(_) = entry.key {
            return self.save_login(entry);
        }
        let (mut first_error, mut reason) = (None, None);
        let mut absent = VaultError::Absent { place: "vault", why: "no store accepts it".to_owned() };
        for (nth, store) in self.stores.iter().enumerate() {
            match store.save(entry) {
                Ok(location) => {
                    log::debug!("saved: {location:?}");
                    self.remove_copies(&entry.key, nth);
                    return Ok((location, reason));
                }
                Err(error) => {
                    if store.is_keychain() {
                        reason = Some(error.clone());
                    }
                    absent.clone_from(&error);
                    self.note(&mut first_error, error);
                }
            }
        }
        Err(first_error.unwrap_or(absent))
    }

    /// Removes an entry from every store; a missing one is success.
    ///
    /// # Errors
    /// A store still has it, or may have it and failed: for a login, if that could not be recorded either; for a
    /// token, if the store exists.
    pub fn remove(&self, key: &Key) -> Result<Removal, VaultError> {
        if let Key::Login(_) = key {
            return self.remove_login(key);
        }
        let mut first_error = None;
        for store in &self.stores {
            match store.remove(key) {
                // A store that does not exist has no copy.
                Ok(()) | Err(VaultError::Absent { .. }) => {}
                Err(error) => self.note(&mut first_error, error),
            }
        }
        first_error.map_or(Ok(Removal::Complete), Err)
    }

    /// Names all entries that have not expired, logins first, without opening a secret and without a prompt.
    ///
    /// # Errors
    /// No store could be read.
    pub fn names(&self) -> Result<Vec<Name>, VaultError> {
        let now = SystemTime::now();
        let (mut logins, mut tokens, mut asked, mut first_error) = (Vec::new(), Vec::<Name>::new(), false, None);
        for store in self.readable() {
            match store.names() {
                Ok(names) => {
                    asked = true;
                    for name in names {
                        match name.key {
                            Key::Login(_) => logins.push(name),
                            Key::Token(_) if has_expired(name.expires, now) => {}
                            Key::Token(_) if tokens.iter().any(|known| known.key == name.key) => {}
                            Key::Token(_) => tokens.push(name),
                        }
                    }
                }
                Err(error) => self.note(&mut first_error, error),
            }
        }
        let mut names = self.newest_names(logins);
        names.retain(|name| !has_expired(name.expires, now));
        names.extend(tokens);
        first_error.filter(|_| !asked).map_or(Ok(names), Err)
    }

    /// Removes expired tokens from every store; otherwise each identity that is no longer used would leave one.
    ///
    /// `lock` returns what keeps other processes from saving the token with this id until it is dropped, or `None` if
    /// one of them may be about to do so; then the token stays.
    pub fn sweep<L>(&self, now: SystemTime, lock: impl Fn(&str) -> Option<L>) {
        for store in &self.stores {
            for id in store.expired(now) {
                let Some(_lock) = lock(&id) else { continue };
                let key = Key::Token(id);
                // Another process may have saved a new one since.
                let removed = store.load(&key).and_then(|token| match token {
                    Some(token) if !has_expired(token.expires, now) => Ok(()),
                    _ => store.remove(&key),
                });
                if let Err(error) = removed {
                    log::debug!("cannot remove an expired token: {error}");
                }
            }
        }
    }

    /// The status of every store, in the order in which they are tried.
    pub fn survey(&self) -> Vec<StoreStatus> {
        let survey = |store: &dyn Store| {
            let names = store.ready().and_then(|()| store.names());
            let condition = if names.is_ok() { store.condition() } else { Ok(()) };
            StoreStatus { place: store.place(), names, error: condition.err() }
        };
        self.readable().map(survey).collect()
    }

    /// The stores that entries are loaded from.
    fn readable(&self) -> impl Iterator<Item = &dyn Store> {
        let files = usize::from(self.logins.is_some() && self.choice == Choice::NoFiles);
        let count = self.places().count() - files;
        self.places().take(count)
    }

    fn places(&self) -> impl Iterator<Item = &dyn Store> {
        let stores = self.stores.iter().map(|store| &**store as &dyn Store);
        stores.chain(self.logins.iter().map(|logins| logins.store() as &dyn Store))
    }

    /// From all stores but one, the earlier ones too: an old entry there would be found first the next time.
    fn remove_copies(&self, key: &Key, but: usize) {
        for (_, store) in self.places().enumerate().filter(|(nth, _)| *nth != but) {
            match store.remove_copy(key) {
                Ok(()) | Err(VaultError::Absent { .. }) => {}
                Err(error) => log::debug!("cannot remove an older copy: {error}"),
            }
        }
    }

    /// Keeps the first meaningful error: one of an existing store before one of a missing store.
    fn note(&self, first_error: &mut Option<VaultError>, error: VaultError) {
        log::debug!("skipping a store: {error}");
        let has_others = matches!(self.choice, Choice::Auto | Choice::NoFiles);
        let no_news = has_others && matches!(error, VaultError::Absent { .. });
        let tells_more = |known: &VaultError| {
            matches!(known, VaultError::Absent { .. }) && !matches!(error, VaultError::Absent { .. })
        };
        if !no_news && first_error.as_ref().is_none_or(tells_more) {
            *first_error = Some(error);
        }
    }
}

fn has_expired(expires: Option<SystemTime>, now: SystemTime) -> bool {
    expires.is_some_and(|end| end <= now)
}

#[cfg(test)]
mod tests;
