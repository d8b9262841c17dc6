//! Where secrets rest: the operating system's keychain, the kernel's keyring, or files.
//!
//! Two kinds of things are kept, minted tokens and stored logins, behind four verbs: load, save,
//! remove, names. Every call has a deadline, and what a keychain cannot do is an error and never a
//! hang.
//!
//! ```text
//!  Vault ──▶ Keychain ── 2 s in all ──▶ Secret Service | Keychain | Credential Manager
//!        ├─▶ the kernel's keyring         tokens, on Linux
//!        └─▶ files                        tokens in the runtime or cache folder, logins in the data folder
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
pub mod private;
#[cfg(target_os = "linux")]
mod secret_service;
#[cfg(any(windows, test))]
mod shared;
mod stack;
mod store;
#[cfg(test)]
mod testing;
#[cfg(any(target_os = "macos", windows, test))]
mod thread;
#[cfg(windows)]
mod wincred;

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
        self.load_all(std::slice::from_ref(key)).pop().expect("one answer for one key")
    }

    /// Finds several entries as [`Vault::load`] does, and answers in the order of the keys. Asking
    /// a keychain for two together takes half the time of asking twice.
    pub fn load_all(&self, keys: &[Key]) -> Vec<Result<Option<Entry>, VaultError>> {
        let now = SystemTime::now();
        let mut found: Vec<Result<Option<Entry>, VaultError>> = vec![Ok(None); keys.len()];
        for store in &self.stores {
            let open: Vec<usize> = (0..keys.len()).filter(|&nth| !matches!(found[nth], Ok(Some(_)))).collect();
            if open.is_empty() {
                break;
            }
            let asked: Vec<Key> = open.iter().map(|&nth| keys[nth].clone()).collect();
            for (nth, answer) in open.into_iter().zip(store.load_all(&asked)) {
                match answer {
                    Ok(Some(entry)) if has_ended(entry.expires, now) => {
                        log::debug!("an entry that has ended is passed over")
                    }
                    Ok(Some(entry)) => found[nth] = Ok(Some(entry)),
                    Ok(None) => {}
                    Err(error) => {
                        let mut trouble = found[nth].clone().err();
                        self.note(&mut trouble, error);
                        found[nth] = trouble.map_or(Ok(None), Err);
                    }
                }
            }
        }
        found
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

    /// Every place in the order in which they are asked, with what it holds or why it cannot be asked.
    pub fn survey(&self) -> Vec<(String, Result<Vec<Name>, VaultError>)> {
        self.stores.iter().map(|store| (store.place(), store.names())).collect()
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

    /// Keeps the first error that tells something: that of a place that is there before that of one that is not.
    fn note(&self, trouble: &mut Option<VaultError>, error: VaultError) {
        log::debug!("passed over: {error}");
        let no_news = self.choice == Choice::Auto && matches!(error, VaultError::Absent { .. });
        let tells_more = |known: &VaultError| {
            matches!(known, VaultError::Absent { .. }) && !matches!(error, VaultError::Absent { .. })
        };
        if !no_news && trouble.as_ref().is_none_or(tells_more) {
            *trouble = Some(error);
        }
    }
}

fn has_ended(expires: Option<SystemTime>, now: SystemTime) -> bool {
    expires.is_some_and(|end| end <= now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::file::{FileStore, Shelf};
    use crate::testing::{login, now, token};

    /// Two places of files and, in front of them, one that fails in a way.
    fn vault(choice: Choice, folder: &std::path::Path, first: Option<VaultError>) -> (Vault, [FileStore; 2]) {
        let place = |name: &str| FileStore::new(folder.join(name), Shelf::Tokens);
        let mut stores: Vec<Box<dyn Store + Send + Sync>> = Vec::new();
        stores.extend(first.map(|error| Box::new(Failing(error)) as Box<dyn Store + Send + Sync>));
        stores.push(Box::new(place("outer")));
        stores.push(Box::new(place("inner")));
        (Vault { choice, stores }, [place("outer"), place("inner")])
    }

    struct Failing(VaultError);

    impl Store for Failing {
        fn place(&self) -> String {
            "failing".to_owned()
        }
        fn load(&self, _: &Key) -> Result<Option<Entry>, VaultError> {
            Err(self.0.clone())
        }
        fn save(&self, _: &Entry) -> Result<Resting, VaultError> {
            Err(self.0.clone())
        }
        fn remove(&self, _: &Key) -> Result<(), VaultError> {
            Err(self.0.clone())
        }
        fn names(&self) -> Result<Vec<Name>, VaultError> {
            Err(self.0.clone())
        }
    }

    const LOCKED: VaultError = VaultError::Locked { place: "keychain" };

    fn absent() -> VaultError {
        VaultError::Absent { place: "keychain", why: "none".to_owned() }
    }

    #[test]
    fn what_has_ended_does_not_hide_what_has_not() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, [outer, inner]) = vault(Choice::Auto, folder.path(), None);
        let valid = token("a", "valid");
        let ended = Entry { expires: Some(now() - Duration::from_secs(1)), ..token("a", "ended") };
        outer.save(&ended).unwrap();
        assert_eq!(vault.load(&valid.key), Ok(None));
        assert_eq!(vault.names(), Ok(Vec::new()));
        inner.save(&valid).unwrap();
        assert_eq!(vault.load(&valid.key), Ok(Some(valid.clone())));
        assert_eq!(vault.names().unwrap()[0].expires, valid.expires);
    }

    #[test]
    fn one_copy_is_left_and_removed_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let (vault, [outer, inner]) = vault(Choice::Auto, folder.path(), None);
        let (old, new) = (token("a", "old"), token("a", "new"));
        inner.save(&old).unwrap();
        vault.save(&new).unwrap();
        assert_eq!((outer.load(&new.key), inner.load(&new.key)), (Ok(Some(new.clone())), Ok(None)));
        inner.save(&old).unwrap();
        assert_eq!(vault.names().unwrap().len(), 1, "no key twice");
        vault.remove(&new.key).unwrap();
        assert_eq!(vault.load(&new.key), Ok(None));
    }

    #[test]
    fn an_error_is_told_only_when_nothing_else_helps() {
        let folder = tempfile::tempdir().unwrap();
        let entry = token("a", "s");
        for (choice, error, told) in
            [(Choice::Auto, LOCKED, true), (Choice::Auto, absent(), false), (Choice::Keychain, absent(), true)]
        {
            let (vault, _) = vault(choice, folder.path(), Some(error.clone()));
            assert_eq!(vault.load(&entry.key), if told { Err(error.clone()) } else { Ok(None) });
            vault.save(&entry).unwrap();
            assert_eq!(vault.load(&entry.key), Ok(Some(entry.clone())));
            assert_eq!(vault.names().unwrap().len(), 1);
            let removed = vault.remove(&entry.key);
            assert_eq!(removed, if error == LOCKED { Err(LOCKED) } else { Ok(()) });
            // A login fits none of the others.
            assert!(vault.save(&login("r.example", "")).is_err_and(|said| !told || said == error));
            let alone = Vault { choice, stores: vec![Box::new(Failing(error.clone()))] };
            assert_eq!(alone.names(), if told { Err(error) } else { Ok(Vec::new()) });
        }
    }

    #[test]
    fn with_no_place_nothing_is_kept() {
        let entry = token("a", "s");
        let none = Vault::new(Choice::None, Places::default());
        assert_eq!((none.save(&entry), none.load(&entry.key)), (Ok(Resting::Nowhere), Ok(None)));
        let nowhere = Vault::new(Choice::File, Places::default());
        assert!(matches!(nowhere.save(&entry), Err(VaultError::Absent { .. })));
        assert_eq!((nowhere.load(&entry.key), nowhere.names()), (Ok(None), Ok(Vec::new())));
    }
}
