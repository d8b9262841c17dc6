use std::path::PathBuf;

use crate::file::{FileStore, Kind};
#[cfg(any(target_os = "linux", target_os = "macos", windows))]
use crate::keychain::Keychain;
use crate::login_records::LoginRecords;
use crate::store::Store;
use crate::{Choice, Places, Vault, VaultError};

type BoxedStore = Box<dyn Store + Send + Sync>;

/// The stores of a choice, in the order in which they are tried: keychain, kernel keyring, files.
pub(crate) fn open(choice: Choice, places: Places) -> Vault {
    let mut stores: Vec<BoxedStore> = Vec::new();
    let mut unreachable = None;
    if matches!(choice, Choice::Auto | Choice::NoFiles | Choice::Keychain) {
        match keychain(choice, &places) {
            Ok(keychain) => stores.push(keychain),
            Err(error) => unreachable = Some(error),
        }
    }
    if matches!(choice, Choice::Auto | Choice::NoFiles | Choice::Kernel) {
        stores.extend(kernel(&places));
    }
    let mut logins = None;
    if matches!(choice, Choice::Auto | Choice::File) {
        for folder in [places.runtime, places.cache].into_iter().flatten() {
            stores.push(Box::new(FileStore::new(folder, Kind::Tokens)));
        }
    }
    // Without files, it records what was removed, and removes what was stored there before.
    if matches!(choice, Choice::Auto | Choice::NoFiles | Choice::File) {
        logins = places.data.map(LoginRecords::new);
    }
    Vault { choice, stores, logins, unreachable }
}

fn short_lived(places: &Places) -> Option<PathBuf> {
    places.runtime.clone().or_else(|| places.cache.clone())
}

#[cfg(target_os = "linux")]
fn keychain(choice: Choice, places: &Places) -> Result<BoxedStore, VaultError> {
    use crate::secret_service::{PLACE, SecretService};
    let address = places.session_bus.clone();
    if address.is_none() && choice != Choice::Keychain {
        return Err(VaultError::Absent { place: PLACE, why: "this session has no D-Bus session bus".to_owned() });
    }
    let folder = short_lived(places);
    Ok(Box::new(Keychain::new(PLACE, folder.clone(), SecretService::new(address, folder))))
}

#[cfg(any(target_os = "macos", windows))]
fn keychain(_: Choice, places: &Places) -> Result<BoxedStore, VaultError> {
    #[cfg(target_os = "macos")]
    use crate::macos::{PLACE, open};
    #[cfg(windows)]
    use crate::{native::open, wincred::PLACE};
    Ok(Box::new(Keychain::new(PLACE, short_lived(places), crate::keychain_thread::KeychainThread::new(PLACE, open))))
}

/// FreeBSD and others: logins and tokens are in files.
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn keychain(_: Choice, _: &Places) -> Result<BoxedStore, VaultError> {
    Err(VaultError::Absent { place: "keychain", why: "credmint uses none on this system".to_owned() })
}

#[cfg(target_os = "linux")]
fn kernel(places: &Places) -> Option<BoxedStore> {
    let folders = [&places.runtime, &places.cache].into_iter().flatten().cloned();
    Some(Box::new(crate::kernel::KernelStore::new(folders)))
}

#[cfg(not(target_os = "linux"))]
fn kernel(_: &Places) -> Option<BoxedStore> {
    None
}
