use std::time::SystemTime;

use protocol::{Secret, ServerUrl};
use zeroize::Zeroizing;

use crate::store::Store;
use crate::{Entry, Key, Location, Name, VaultError};

/// A login without its secret.
pub(crate) struct Item {
    /// The address as it was stored.
    pub(crate) server: String,
    pub(crate) username: String,
    pub(crate) changed: SystemTime,
}

/// A login with its secret.
pub(crate) type Found = (Item, Zeroizing<Vec<u8>>);

/// The logins in the format of Docker's own helper for a keychain.
pub(crate) trait DockerLogins {
    /// By the exact text of its address.
    fn read(&self, server: &str) -> Result<Option<Found>, VaultError>;
    /// Replaces the one with the same address; returns whether it fits in such an item.
    fn write(&self, server: &str, username: &str, secret: &[u8]) -> Result<bool, VaultError>;
    /// Succeeds if there is none.
    fn delete(&self, server: &str) -> Result<(), VaultError>;
    fn list(&self) -> Result<Vec<Item>, VaultError>;
}

/// A keychain whose logins are shared with Docker's own helper. Logins that do not fit, and all tokens,
/// are in a store of our own.
pub(crate) struct SharedWithDocker<L, S> {
    logins: L,
    own: S,
}

impl<L: DockerLogins, S: Store> SharedWithDocker<L, S> {
    pub(crate) fn new(logins: L, own: S) -> Self {
        SharedWithDocker { logins, own }
    }

    /// The newest login under any spelling of the address; among equals, that of the preferred spelling.
    fn login(&self, key: &Key, server: &ServerUrl) -> Result<Option<Entry>, VaultError> {
        let mut newest: Option<Entry> = None;
        for spelling in server.spellings() {
            let Some((item, secret)) = self.logins.read(&spelling)? else { continue };
            let Ok(secret) = std::str::from_utf8(&secret) else { continue };
            if newest.as_ref().is_none_or(|known| known.issued < item.changed) {
                newest = Some(Entry {
                    key: key.clone(),
                    server: item.server,
                    username: item.username,
                    secret: Secret::new(secret.to_owned()),
                    issued: item.changed,
                    expires: None,
                    requires: None,
                });
            }
        }
        Ok(newest)
    }

    fn forget(&self, server: &ServerUrl, but: Option<&str>) -> Result<(), VaultError> {
        let spellings = server.spellings();
        spellings.iter().filter(|spelling| Some(spelling.as_str()) != but).try_for_each(|it| self.logins.delete(it))
    }
}

impl<L: DockerLogins, S: Store> Store for SharedWithDocker<L, S> {
    fn place(&self) -> String {
        self.own.place()
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        if let Key::Login(server) = key
            && let Some(login) = self.login(key, server)?
        {
            return Ok(Some(login));
        }
        self.own.load(key)
    }

    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        let Key::Login(server) = &entry.key else { return self.own.save(entry) };
        let spelling = server.key();
        // The new one first, so that one of them exists even if this is interrupted.
        if self.logins.write(&spelling, &entry.username, entry.secret.expose().as_bytes())? {
            self.forget(server, Some(&spelling))?;
            self.own.remove(&entry.key)?;
            return Ok(Location::Keychain);
        }
        let location = self.own.save(entry)?;
        self.forget(server, None)?;
        Ok(location)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        if let Key::Login(server) = key {
            self.forget(server, None)?;
        }
        self.own.remove(key)
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let shared = self.logins.list()?.into_iter().filter_map(|item| {
            let key = Key::Login(ServerUrl::parse(&item.server).ok()?);
            Some(Name { key, server: item.server, username: item.username, issued: item.changed, expires: None })
        });
        Ok(shared.chain(self.own.names()?).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use super::*;
    use crate::file::{FileStore, Kind};
    use crate::testing::{login, now, token};

    const LARGEST: usize = 300;

    /// In memory.
    #[derive(Default)]
    struct Memory(RefCell<BTreeMap<String, (String, Vec<u8>)>>, RefCell<BTreeMap<String, SystemTime>>);

    impl Memory {
        fn item(&self, server: &str, username: &str) -> Item {
            let changed = self.1.borrow().get(server).copied().unwrap_or_else(now);
            Item { server: server.to_owned(), username: username.to_owned(), changed }
        }

        fn servers(&self) -> Vec<String> {
            self.0.borrow().keys().cloned().collect()
        }
    }

    impl DockerLogins for Memory {
        fn read(&self, server: &str) -> Result<Option<Found>, VaultError> {
            let found = self.0.borrow().get(server).cloned();
            Ok(found.map(|(username, secret)| (self.item(server, &username), Zeroizing::new(secret))))
        }
        fn write(&self, server: &str, username: &str, secret: &[u8]) -> Result<bool, VaultError> {
            let fits = secret.len() <= LARGEST;
            if fits {
                self.0.borrow_mut().insert(server.to_owned(), (username.to_owned(), secret.to_owned()));
            }
            Ok(fits)
        }
        fn delete(&self, server: &str) -> Result<(), VaultError> {
            self.0.borrow_mut().remove(server);
            Ok(())
        }
        fn list(&self) -> Result<Vec<Item>, VaultError> {
            Ok(self.0.borrow().iter().map(|(server, (username, _))| self.item(server, username)).collect())
        }
    }

    fn shared(folder: &tempfile::TempDir) -> SharedWithDocker<Memory, FileStore> {
        SharedWithDocker::new(Memory::default(), FileStore::new(folder.path().to_owned(), Kind::Logins))
    }

    fn secret_of(store: &impl Store, server: &str) -> Option<String> {
        let found = store.load(&login(server, "").key).unwrap();
        found.map(|entry| entry.secret.expose().to_owned())
    }

    #[test]
    fn a_login_of_dockers_helper_is_found_under_each_spelling_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let store = shared(&folder);
        for (theirs, asked) in [
            ("https://r.example", "r.example"),
            ("r.example:5000", "https://r.example:5000/v2/"),
            ("https://index.docker.io/v1/", "docker.io"),
        ] {
            store.logins.write(theirs, "me", b"theirs").unwrap();
            assert_eq!(secret_of(&store, asked).as_deref(), Some("theirs"), "{asked}");
            assert_eq!(store.names().unwrap()[0].key, login(asked, "").key);
            store.save(&login(asked, "ours")).unwrap();
            assert_eq!(secret_of(&store, theirs).as_deref(), Some("ours"));
            let kept = store.logins.servers();
            assert_eq!(kept, [ServerUrl::parse(asked).unwrap().key()], "one, under the address that Docker asks for");
            store.remove(&login(asked, "").key).unwrap();
            assert!(store.logins.servers().is_empty() && store.names().unwrap().is_empty());
        }
    }

    #[test]
    fn the_newest_of_several_spellings_is_returned() {
        let folder = tempfile::tempdir().unwrap();
        let store = shared(&folder);
        for (theirs, age) in [("r.example", 60), ("https://r.example", 30), ("https://r.example/v2/", 90)] {
            store.logins.write(theirs, "me", theirs.as_bytes()).unwrap();
            let changed = now() - std::time::Duration::from_secs(age);
            store.logins.1.borrow_mut().insert(theirs.to_owned(), changed);
        }
        assert_eq!(secret_of(&store, "r.example").as_deref(), Some("https://r.example"));
    }

    #[test]
    fn one_copy_is_stored_whether_or_not_it_fits_in_dockers_item() {
        let folder = tempfile::tempdir().unwrap();
        let store = shared(&folder);
        for length in [1, LARGEST + 1, LARGEST, LARGEST + 2] {
            let secret = "x".repeat(length);
            store.save(&login("r.example", &secret)).unwrap();
            assert_eq!(secret_of(&store, "r.example").as_ref(), Some(&secret));
            assert_eq!(store.names().unwrap().len(), 1);
            assert_eq!(store.logins.servers().len(), usize::from(length <= LARGEST));
        }
    }

    #[test]
    fn unrelated_items_and_invalid_utf_8_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let store = shared(&folder);
        store.logins.write("r.example", "me", b"\xff\xfe").unwrap();
        store.logins.write("no address at all", "me", b"x").unwrap();
        store.logins.write("https://index.docker.io/v1/access-token", "me", b"x").unwrap();
        assert_eq!((secret_of(&store, "r.example"), secret_of(&store, "docker.io")), (None, None));
        assert_eq!(secret_of(&store, "http://r.example"), None);
        assert_eq!(store.names().unwrap().len(), 2);
        let token = token("a", "t");
        assert_eq!(store.save(&token), store.own.save(&token));
    }
}
