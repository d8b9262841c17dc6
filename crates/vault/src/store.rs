use std::time::SystemTime;

use crate::{Entry, Key, Location, Name, VaultError, has_expired};

/// A backend that stores entries. It returns errors and never prompts.
pub(crate) trait Store {
    /// Its name for the user.
    fn place(&self) -> String;

    /// Whether it stores entries of this kind.
    fn takes(&self, _key: &Key) -> bool {
        true
    }

    /// Finds an entry; a damaged one counts as missing.
    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError>;

    /// Finds the entries of several keys, for a store whose round trips are slow.
    fn load_all(&self, keys: &[Key]) -> Vec<Result<Option<Entry>, VaultError>> {
        keys.iter().map(|key| self.load(key)).collect()
    }

    /// Saves an entry in place of all with the same key.
    fn save(&self, entry: &Entry) -> Result<Location, VaultError>;

    /// Removes every entry of the key; a missing one is success.
    fn remove(&self, key: &Key) -> Result<(), VaultError>;

    /// Whether an entry could be saved, as far as that is known without saving one.
    fn ready(&self) -> Result<(), VaultError> {
        Ok(())
    }

    /// Removes an old copy of an entry that is now in a better store, without a prompt.
    fn remove_copy(&self, key: &Key) -> Result<(), VaultError> {
        self.remove(key)
    }

    /// Names the entries without opening a secret.
    fn names(&self) -> Result<Vec<Name>, VaultError>;

    /// Removes expired tokens, if possible. If another process saves one of them at the same time, it may be lost,
    /// which costs another mint.
    fn sweep(&self, now: SystemTime) {
        let is_over = |name: &Name| matches!(name.key, Key::Token(_)) && has_expired(name.expires, now);
        for name in self.names().unwrap_or_default().iter().filter(|name| is_over(name)) {
            if let Err(error) = self.remove(&name.key) {
                log::debug!("cannot remove an expired token: {error}");
            }
        }
    }

    /// Whether all of it can be read, and entries can be saved.
    fn condition(&self) -> Result<(), VaultError> {
        Ok(())
    }

    /// Whether it is the operating system's keychain.
    fn is_keychain(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::file::{FileStore, Kind};
    use crate::testing::{login, now, token};

    #[test]
    fn expired_tokens_are_removed_and_logins_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = |kind| FileStore::new(folder.path().to_owned(), kind);
        let (tokens, logins) = (place(Kind::Tokens), place(Kind::Logins));
        let over = |entry: Entry| Entry { expires: Some(now() - Duration::from_secs(1)), ..entry };
        let valid = token("a", "valid");
        tokens.save(&valid).unwrap();
        tokens.save(&over(token("b", "expired"))).unwrap();
        logins.save(&over(login("r.example", "expired"))).unwrap();
        for store in [&tokens, &logins] {
            store.sweep(now());
        }
        let left = tokens.names().unwrap();
        assert_eq!((left.len(), &left[0].key), (1, &valid.key));
        assert_eq!(logins.names().unwrap().len(), 1, "the caller decides about expired logins");
    }
}
