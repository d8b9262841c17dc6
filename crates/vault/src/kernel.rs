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
/// In front of the label of a token's key: its payload is a header and the secret, sealed.
const TOKEN: &str = "credmint-token:";
/// In front of the label of the key beside it, whose payload is the header alone, sealed.
const HEADER: &str = "credmint-header:";
/// What earlier versions put here, readable for every container of this user id.
const UNSEALED: [&str; 2] = ["credmint:", "credmint-name:"];

/// Tokens as keys in the user's keyring (`@u`), which all processes of the user share, in memory,
/// until their time-out. They are sealed for those who can read a file of this user.
pub(crate) struct KernelStore {
    key_files: KeyFiles,
}

impl KernelStore {
    /// `folders` are the suite's own, the best place for the key file first.
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
        // Where there is no key, nothing of ours can lie.
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
        let keep = |kind: &str, payload: &[u8]| {
            let description = description(kind, &label);
            let sealed = cipher.seal(&description, payload);
            let sealed = sealed.map_err(|error| VaultError::Failed { place: PLACE, why: error.to_string() })?;
            with_room(&cipher, || keyctl::put(&description, &sealed, lasts)).map_err(failure)
        };
        keep(TOKEN, &entry.encode())?;
        // Without its header a token still serves; it is only not listed and not the first to make room.
        if let Err(error) = keep(HEADER, &Header::of(entry).line()) {
            log::debug!("{PLACE}: a token lies there without its name: {error}");
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

    /// The kernel removes them itself.
    fn sweep(&self, _: SystemTime) {}
}

fn description(kind: &str, label: &str) -> String {
    [kind, label].concat()
}

fn remove(label: &str) -> Result<(), KeyError> {
    [TOKEN, HEADER].iter().try_for_each(|kind| keyctl::remove(&description(kind, label)))
}

/// They end by themselves, but only after hours.
fn remove_unsealed() -> Result<(), KeyError> {
    let descriptions = keyctl::descriptions()?;
    let is_unsealed = |text: &&String| UNSEALED.iter().any(|kind| text.starts_with(kind));
    descriptions.iter().filter(is_unsealed).try_for_each(|unsealed| keyctl::remove(unsealed))
}

/// The labels of the tokens that have a header, of this file system's programs and of others'.
fn labels() -> Result<Vec<String>, KeyError> {
    let descriptions = keyctl::descriptions()?;
    Ok(descriptions.iter().filter_map(|text| text.strip_prefix(HEADER)).map(str::to_owned).collect())
}

/// `None` for what another key has sealed.
fn header(cipher: &Cipher, label: &str) -> Option<Header> {
    let description = description(HEADER, label);
    let sealed = keyctl::get(&description).ok()?;
    Header::parse(&cipher.open(&description, &sealed)?)
}

/// Tries again for as long as an older token of ours can make room.
fn with_room(cipher: &Cipher, mut put: impl FnMut() -> Result<(), KeyError>) -> Result<(), KeyError> {
    loop {
        match put() {
            Err(KeyError::QuotaExceeded) if evict_oldest(cipher)? => {}
            done => return done,
        }
    }
}

/// Whether there was one. What another key has sealed goes first: most often its key has gone with
/// a session.
fn evict_oldest(cipher: &Cipher) -> Result<bool, KeyError> {
    let tokens = labels()?.into_iter().map(|label| {
        let issued = header(cipher, &label).and_then(Header::into_name).map(|name| name.issued);
        (issued, label)
    });
    let Some((_, oldest)) = tokens.min() else { return Ok(false) };
    log::debug!("{PLACE}: the oldest token makes room");
    remove(&oldest)?;
    Ok(true)
}

fn failure(error: KeyError) -> VaultError {
    let absent = |why: &str| VaultError::Absent { place: PLACE, why: why.to_owned() };
    match error {
        // Containers forbid it by seccomp.
        KeyError::AccessDenied | KeyError::PermissionDenied => absent("it is forbidden here"),
        KeyError::OperationNotSupported | KeyError::Unknown(libc::ENOSYS) => absent("the kernel has none"),
        KeyError::QuotaExceeded => VaultError::Failed { place: PLACE, why: "the user's quota is full".to_owned() },
        error => VaultError::Failed { place: PLACE, why: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
