use std::collections::HashMap;

use keyring_core::{Entry, Error};
use zeroize::Zeroizing;

use crate::VaultError;
use crate::items::{HEADERS, ItemStore, Items};
use crate::store::Store;

#[cfg(target_os = "macos")]
pub(crate) const PLACE: &str = "Keychain";
#[cfg(windows)]
pub(crate) const PLACE: &str = "Credential Manager";

/// Bytes of a value: `CRED_MAX_CREDENTIAL_BLOB_SIZE` on Windows.
const LARGEST: usize = if cfg!(windows) { 2560 } else { 1 << 20 };

/// Opens the keychain of macOS or Windows. Windows' is shared with Docker's own helper. On macOS
/// an item lets in the program that made it, and asks the user for any other, which is no place
/// for sharing.
pub(crate) fn open() -> Box<dyn Store> {
    let own = ItemStore::new(Native, LARGEST);
    #[cfg(target_os = "macos")]
    {
        never_ask_the_user();
        Box::new(own)
    }
    #[cfg(windows)]
    Box::new(crate::shared::Shared::new(crate::wincred::Wincred, own))
}

/// For as long as the process lives, on which nobody is to be asked for a password or a permission.
#[cfg(target_os = "macos")]
fn never_ask_the_user() {
    use security_framework::os::macos::keychain::SecKeychain;
    match SecKeychain::disable_user_interaction() {
        Ok(lock) => std::mem::forget(lock),
        Err(error) => log::debug!("{PLACE}: it may ask the user: {error}"),
    }
}

/// Items under a service and a user's name: the shelf and the item's name.
struct Native;

impl Items for Native {
    fn read(&self, shelf: &str, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        found(item(shelf, name)?.get_secret().map(Zeroizing::new))
    }

    fn write(&self, shelf: &str, name: &str, value: &[u8]) -> Result<(), VaultError> {
        item(shelf, name)?.set_secret(value).map_err(failure)
    }

    fn delete(&self, shelf: &str, name: &str) -> Result<bool, VaultError> {
        found(item(shelf, name)?.delete_credential()).map(|gone| gone.is_some())
    }

    fn list(&self, shelf: &str) -> Result<Vec<String>, VaultError> {
        ready()?;
        debug_assert_eq!(shelf, HEADERS);
        // Windows searches with a pattern on its one name for an item, `USER.SERVICE`.
        let query = if cfg!(windows) {
            HashMap::from([("pattern", r"^[0-9a-f]{32}\.credmint$")])
        } else {
            HashMap::from([("service", shelf)])
        };
        let items = found(Entry::search(&query))?.unwrap_or_default();
        let specifiers = items.iter().filter_map(Entry::get_specifiers);
        Ok(specifiers.filter(|(service, _)| service == shelf).map(|(_, user)| user).collect())
    }
}

fn item(shelf: &str, name: &str) -> Result<Entry, VaultError> {
    ready()?;
    // Unless told otherwise, Windows carries an item to all machines that the user signs in to.
    let modifiers = if cfg!(windows) { HashMap::from([("persistence", "Local")]) } else { HashMap::new() };
    Entry::new_with_modifiers(shelf, name, &modifiers).map_err(failure)
}

/// `keyring` chooses the system's store at the first call.
fn ready() -> Result<(), VaultError> {
    let absent = |error: &Error| VaultError::Absent { place: PLACE, why: error.to_string() };
    keyring::Entry::store_status().as_ref().map_err(absent).copied()
}

/// What is not there is no error.
fn found<T>(result: Result<T, Error>) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn failure(error: Error) -> VaultError {
    match error {
        // No logon session (a service, ssh), no keychain of the user (a daemon).
        Error::NoStorageAccess(why) => VaultError::Absent { place: PLACE, why: why.to_string() },
        Error::PlatformFailure(why) if is_locked(&*why) => VaultError::Locked { place: PLACE },
        Error::PlatformFailure(why) => VaultError::Broken { place: PLACE, why: why.to_string() },
        // Some of the others hold what was read; none of them shows it here.
        Error::TooLong(what, limit) => {
            VaultError::Broken { place: PLACE, why: format!("the {what} is longer than {limit}") }
        }
        _ => VaultError::Broken { place: PLACE, why: "the item cannot be read or written".to_owned() },
    }
}

type Cause = dyn std::error::Error + Send + Sync;

/// It would have had to ask the user.
#[cfg(target_os = "macos")]
fn is_locked(why: &Cause) -> bool {
    const INTERACTION_NOT_ALLOWED: i32 = -25308;
    why.downcast_ref::<security_framework::base::Error>().is_some_and(|error| error.code() == INTERACTION_NOT_ALLOWED)
}

#[cfg(windows)]
fn is_locked(_: &Cause) -> bool {
    false
}
