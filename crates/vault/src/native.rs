use std::collections::HashMap;

use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

use crate::VaultError;
use crate::docker_logins::SharedWithDocker;
use crate::items::{HEADERS, ItemStore, Items};
use crate::store::Store;
use crate::wincred::{PLACE, Wincred};

/// Bytes of a value: `CRED_MAX_CREDENTIAL_BLOB_SIZE`.
const LARGEST: usize = 2560;

/// Opens Credential Manager, which is shared with Docker's own helper.
pub(crate) fn open() -> Box<dyn Store> {
    Box::new(SharedWithDocker::new(Wincred, ItemStore::new(Native, LARGEST)))
}

/// Items by service and user name: the kind and the name of the item.
struct Native;

impl Items for Native {
    fn read(&self, kind: &str, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        found(item(kind, name)?.get_secret().map(Zeroizing::new))
    }

    fn write(&self, kind: &str, name: &str, value: &[u8]) -> Result<(), VaultError> {
        item(kind, name)?.set_secret(value).map_err(failure)
    }

    fn delete(&self, kind: &str, name: &str) -> Result<bool, VaultError> {
        found(item(kind, name)?.delete_credential()).map(|gone| gone.is_some())
    }

    fn list(&self, kind: &str) -> Result<Vec<String>, VaultError> {
        ready()?;
        debug_assert_eq!(kind, HEADERS);
        // Windows searches with a pattern for the name of an item, `USER.SERVICE`.
        let query = HashMap::from([("pattern", r"^[0-9a-f]{32}\.credmint$")]);
        let items = found(Entry::search(&query))?.unwrap_or_default();
        let specifiers = items.iter().filter_map(Entry::get_specifiers);
        Ok(specifiers.filter(|(service, _)| service == kind).map(|(_, user)| user).collect())
    }
}

fn item(kind: &str, name: &str) -> Result<Entry, VaultError> {
    ready()?;
    // Without this, Windows copies an item to all machines where the user signs in.
    let modifiers = HashMap::from([("persistence", "Local")]);
    Entry::new_with_modifiers(kind, name, &modifiers).map_err(failure)
}

/// Sets the store of `keyring` at the first call.
fn ready() -> Result<(), VaultError> {
    let absent = |error: &Error| VaultError::Absent { place: PLACE, why: error.to_string() };
    keyring::Entry::store_status().as_ref().map_err(absent).copied()
}

/// `None` if it does not exist.
fn found<T>(result: Result<T, Error>) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn failure(error: Error) -> VaultError {
    match error {
        // No logon session (a service, ssh), or no keychain of the user (a daemon).
        Error::NoStorageAccess(why) => VaultError::Absent { place: PLACE, why: why.to_string() },
        Error::PlatformFailure(why) => VaultError::Failed { place: PLACE, why: why.to_string() },
        // Some of the others contain the value, so none of them is shown.
        Error::TooLong(what, limit) => {
            VaultError::Failed { place: PLACE, why: format!("the {what} is longer than {limit}") }
        }
        _ => VaultError::Failed { place: PLACE, why: "the item cannot be read or written".to_owned() },
    }
}
