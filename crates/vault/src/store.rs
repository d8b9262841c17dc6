use crate::{Entry, Key, Name, Resting, VaultError};

/// One place where entries rest. What it cannot do is an error and never a prompt.
pub(crate) trait Store {
    /// What a user calls it.
    fn place(&self) -> String;

    /// Finds an entry; one that is damaged is not there.
    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError>;

    /// Finds the entries of several keys, for a place where every question costs.
    fn load_all(&self, keys: &[Key]) -> Vec<Result<Option<Entry>, VaultError>> {
        keys.iter().map(|key| self.load(key)).collect()
    }

    /// Keeps an entry in place of all of the same key.
    fn save(&self, entry: &Entry) -> Result<Resting, VaultError>;

    /// Forgets every entry of the key; that there was none is success.
    fn remove(&self, key: &Key) -> Result<(), VaultError>;

    /// Names what is kept, opening no secret.
    fn names(&self) -> Result<Vec<Name>, VaultError>;
}
