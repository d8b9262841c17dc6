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

    /// The ids of the tokens that have expired and stay until they are removed.
    fn expired(&self, now: SystemTime) -> Vec<String> {
        let names = self.names().unwrap_or_default().into_iter().filter(|name| has_expired(name.expires, now));
        let id = |name: Name| match name.key {
            Key::Token(id) => Some(id),
            Key::Login(_) => None,
        };
        names.filter_map(id).collect()
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
