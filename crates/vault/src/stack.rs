use std::path::PathBuf;

use crate::file::{FileStore, Shelf};
use crate::keychain::Keychain;
use crate::store::Store;
use crate::{Choice, Places};

type BoxedStore = Box<dyn Store + Send + Sync>;

/// The places of a choice in the order in which they are asked.
pub(crate) fn of(choice: Choice, places: Places) -> Vec<BoxedStore> {
    let mut stores: Vec<BoxedStore> = Vec::new();
    if matches!(choice, Choice::Auto | Choice::Keychain) {
        stores.extend(keychain(choice, &places));
    }
    if matches!(choice, Choice::Auto | Choice::Kernel) {
        stores.extend(kernel());
    }
    if matches!(choice, Choice::Auto | Choice::File) {
        let files = [(places.runtime, Shelf::Tokens), (places.cache, Shelf::Tokens), (places.data, Shelf::Logins)];
        for (folder, shelf) in files {
            stores.extend(folder.map(|folder| Box::new(FileStore::new(folder, shelf)) as BoxedStore));
        }
    }
    stores
}

fn short_lived(places: &Places) -> Option<PathBuf> {
    places.runtime.clone().or_else(|| places.cache.clone())
}

#[cfg(target_os = "linux")]
fn keychain(choice: Choice, places: &Places) -> Option<BoxedStore> {
    use crate::secret_service::{PLACE, SecretService};
    let address = places.session_bus.clone();
    if address.is_none() && choice == Choice::Auto {
        return None;
    }
    Some(Box::new(Keychain::new(PLACE, short_lived(places), SecretService::new(address))))
}

#[cfg(any(target_os = "macos", windows))]
fn keychain(_: Choice, places: &Places) -> Option<BoxedStore> {
    use crate::native::{PLACE, open};
    Some(Box::new(Keychain::new(PLACE, short_lived(places), crate::thread::Thread::new(PLACE, open))))
}

#[cfg(target_os = "linux")]
fn kernel() -> Option<BoxedStore> {
    Some(Box::new(crate::kernel::KernelStore))
}

#[cfg(not(target_os = "linux"))]
fn kernel() -> Option<BoxedStore> {
    None
}
