use std::path::PathBuf;
use std::time::SystemTime;

use linux_keyutils::KeyError;

use self::cipher::{Cipher, KeyFiles};
use crate::header::{Header, key_text};
use crate::store::Store;
use crate::{Entry, Key, Location, Name, VaultError};

mod cipher;
mod keyctl;

const PLACE: &str = "kernel keyring";
/// The prefix of a token's key, whose payload is the encrypted header and secret.
const TOKEN: &str = "credmint-token:";
/// The prefix of the key beside it, whose payload is the encrypted header alone.
const HEADER: &str = "credmint-header:";
/// The prefixes of earlier versions, which every container of this user id could read.
const UNSEALED: [&str; 2] = ["credmint:", "credmint-name:"];

/// Tokens as keys in the user keyring (`@u`), which all processes of the user share, in memory, until
/// they expire. Only processes that can read a file of this user can decrypt them.
pub(crate) struct KernelStore {
    key_files: KeyFiles,
}

impl KernelStore {
    /// `folders` are those of credmint, the best one for the key file first.
    pub(crate) fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        KernelStore { key_files: KeyFiles::new(folders) }
    }
}

impl Store for KernelStore {
    fn place(&self) -> String {
        PLACE.to_owned()
    }

    fn takes(&self, key: &Key) -> bool {
        matches!(key, Key::Token(_))
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        if let Key::Login(_) = key {
            return Ok(None);
        }
        // Without a key file no token can exist.
        let Some(cipher) = self.key_files.find() else { return Ok(None) };
        let description = description(TOKEN, &cipher.label(&key_text(key)));
        match keyctl::get(&description) {
            Ok(sealed) => Ok(cipher.open(&description, &sealed).and_then(|payload| Entry::decode(&payload, key))),
            Err(error) if keyctl::is_gone(&error) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }

    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        if let Key::Login(_) = entry.key {
            return Err(VaultError::Absent { place: PLACE, why: "it does not keep logins permanently".to_owned() });
        }
        remove_unsealed().map_err(failure)?;
        let cipher = self.key_files.find_or_make().map_err(|why| VaultError::Absent { place: PLACE, why })?;
        let label = cipher.label(&key_text(&entry.key));
        let lasts = entry.expires.map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
        let put = |kind: &str, payload: &[u8]| {
            let description = description(kind, &label);
            let sealed = cipher.seal(&description, payload);
            let sealed = sealed.map_err(|error| VaultError::Failed { place: PLACE, why: error.to_string() })?;
            with_eviction(&cipher, || keyctl::put(&description, &sealed, lasts)).map_err(failure)
        };
        put(TOKEN, &entry.encode())?;
        // A token without its header is still served, but not listed, and not the first to be evicted.
        if let Err(error) = put(HEADER, &Header::of(entry).line()) {
            log::debug!("{PLACE}: a token has no header: {error}");
        }
        Ok(Location::Kernel)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        if let Key::Login(_) = key {
            return Ok(());
        }
        remove_unsealed().map_err(failure)?;
        let Some(cipher) = self.key_files.find() else { return Ok(()) };
        remove(&cipher.label(&key_text(key))).map_err(failure)
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let labels = labels().map_err(failure)?;
        let Some(cipher) = self.key_files.find() else { return Ok(Vec::new()) };
        Ok(labels.iter().filter_map(|label| header(&cipher, label)?.into_name()).collect())
    }

    /// The kernel removes expired keys itself.
    fn expired(&self, _: SystemTime) -> Vec<String> {
        Vec::new()
    }
}

fn description(kind: &str, label: &str) -> String {
    [kind, label].concat()
}

fn remove(label: &str) -> Result<(), KeyError> {
    [TOKEN, HEADER].iter().try_for_each(|kind| keyctl::remove(&description(kind, label)))
}

/// They expire by themselves, but only after hours.
fn remove_unsealed() -> Result<(), KeyError> {
    let descriptions = keyctl::descriptions()?;
    let is_unsealed = |text: &&String| UNSEALED.iter().any(|kind| text.starts_with(kind));
    descriptions.iter().filter(is_unsealed).try_for_each(|unsealed| keyctl::remove(unsealed))
}

/// The labels of all tokens with a header, including those that were encrypted with another key.
fn labels() -> Result<Vec<String>, KeyError> {
    let descriptions = keyctl::descriptions()?;
    Ok(descriptions.iter().filter_map(|text| text.strip_prefix(HEADER)).map(str::to_owned).collect())
}

/// `None` if it was encrypted with another key.
fn header(cipher: &Cipher, label: &str) -> Option<Header> {
    let description = description(HEADER, label);
    let sealed = keyctl::get(&description).ok()?;
    Header::parse(&cipher.open(&description, &sealed)?)
}

/// Tries again as long as an older token can be evicted.
fn with_eviction(cipher: &Cipher, mut put: impl FnMut() -> Result<(), KeyError>) -> Result<(), KeyError> {
    loop {
        match put() {
            Err(KeyError::QuotaExceeded) if evict_oldest(cipher)? => {}
            done => return done,
        }
    }
}

/// Whether there was one. Tokens that were encrypted with another key are evicted first: in most cases
/// their key was deleted with a session.
fn evict_oldest(cipher: &Cipher) -> Result<bool, KeyError> {
    let tokens = labels()?.into_iter().map(|label| {
        let issued = header(cipher, &label).and_then(Header::into_name).map(|name| name.issued);
        (issued, label)
    });
    let Some((_, oldest)) = tokens.min() else { return Ok(false) };
    log::debug!("{PLACE}: evicting the oldest token");
    remove(&oldest)?;
    Ok(true)
}

fn failure(error: KeyError) -> VaultError {
    let absent = |why: &str| VaultError::Absent { place: PLACE, why: why.to_owned() };
    match error {
        // Container runtimes deny it with seccomp.
        KeyError::AccessDenied | KeyError::PermissionDenied => absent("access is denied, as in most containers"),
        KeyError::OperationNotSupported | KeyError::Unknown(libc::ENOSYS) => absent("the kernel does not support it"),
        KeyError::QuotaExceeded => VaultError::Failed { place: PLACE, why: "the user's quota is full".to_owned() },
        error => VaultError::Failed { place: PLACE, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
