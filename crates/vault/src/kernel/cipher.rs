//! Encrypts keys of the kernel keyring, so that only processes that can read our key file can read them.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hmac_sha256::HMAC;
use orion::hazardous::aead::xchacha20poly1305::{Nonce, SecretKey, XChaCha20Poly1305};
use zeroize::Zeroizing;

use crate::header::hexadecimal;
use crate::private;

/// The file of the key, in credmint's runtime folder, else in its cache folder.
const KEY_FILE: &str = "keyring.key";
/// Bytes.
const KEY: usize = 32;
const NONCE: usize = 24;
const TAG: usize = 16;

/// Encrypts payloads (XChaCha20-Poly1305) and names (HMAC-SHA-256).
///
/// The kernel has one keyring per user id, which containers of the same id share. The key is in a file, so
/// a process with another file system can read nothing.
pub(super) struct Cipher {
    key: Zeroizing<[u8; KEY]>,
    /// The device of the key file. Containers whose image contains a key file have the same key, but
    /// different file systems.
    device: [u8; 8],
}

/// The possible paths of the key file, the best one first.
pub(super) struct KeyFiles(Vec<PathBuf>);

impl KeyFiles {
    /// In these folders of credmint.
    pub(super) fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        KeyFiles(folders.into_iter().map(|folder| folder.join(KEY_FILE)).collect())
    }

    /// The cipher of the first usable file; `None` if there is none.
    pub(super) fn find(&self) -> Option<Cipher> {
        let usable = |path: &PathBuf| read(path).inspect_err(|error| log::debug!("{}: {error}", path.display())).ok();
        self.0.iter().find_map(usable)
    }

    /// The cipher of the first file that exists or can be created.
    ///
    /// # Errors
    /// No file could be created; the text is the cause.
    pub(super) fn find_or_make(&self) -> Result<Cipher, String> {
        let mut why = None;
        for path in &self.0 {
            let found = read(path).or_else(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::InvalidData => {
                    make(path, error.kind() == ErrorKind::InvalidData).and_then(|()| read(path))
                }
                _ => Err(error),
            });
            match found {
                Ok(cipher) => return Ok(cipher),
                Err(error) => _ = why.get_or_insert(format!("{}: {error}", path.display())),
            }
        }
        Err(why.unwrap_or_else(|| "no folder for its key file".to_owned()))
    }
}

/// [`ErrorKind::InvalidData`] means that the file is damaged.
fn read(path: &Path) -> io::Result<Cipher> {
    let (mut file, metadata) = private::open_with_metadata(path)?;
    if metadata.len() != KEY as u64 {
        return Err(Error::new(ErrorKind::InvalidData, format!("is not {KEY} bytes long")));
    }
    let mut key = Zeroizing::new([0; KEY]);
    file.read_exact(&mut *key)?;
    Ok(Cipher { key, device: metadata.dev().to_ne_bytes() })
}

/// Creates the file atomically. If several processes create it at once, the first one succeeds, and all
/// of them read it afterwards.
fn make(path: &Path, replace: bool) -> io::Result<()> {
    let folder = path.parent().ok_or(ErrorKind::NotFound)?;
    let folder = private::make_folder(folder)?;
    let path = folder.path().join(KEY_FILE);
    let mut key = Zeroizing::new([0; KEY]);
    random(&mut *key)?;
    let mut file = folder.temporary(".new-")?;
    file.write_all(&*key)?;
    file.as_file().sync_all()?;
    match if replace { file.persist(path) } else { file.persist_noclobber(path) } {
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        done => done.map(drop).map_err(|error| error.error),
    }
}

impl Cipher {
    /// The name in the keyring, which every process of this user id can read: 32 hexadecimal digits.
    pub(super) fn label(&self, name: &str) -> String {
        hexadecimal(&self.derive("name", name.as_bytes()))
    }

    /// Encrypts a payload for the key with this description only.
    pub(super) fn seal(&self, description: &str, payload: &[u8]) -> io::Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        random(&mut nonce)?;
        let mut sealed = vec![0; NONCE + payload.len() + TAG];
        sealed[..NONCE].copy_from_slice(&nonce);
        let (key, bound) = (self.encryption_key(), Some(description.as_bytes()));
        XChaCha20Poly1305::seal(&key, &Nonce::from(nonce), payload, bound, &mut sealed[NONCE..])
            .map_err(|_| Error::other("it cannot be encrypted"))?;
        Ok(sealed)
    }

    /// `None` if it was not encrypted with this key for this description.
    pub(super) fn open(&self, description: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let mut payload = Zeroizing::new(vec![0; sealed.len().checked_sub(TAG)?]);
        let (key, bound) = (self.encryption_key(), Some(description.as_bytes()));
        XChaCha20Poly1305::open(&key, &Nonce::from(*nonce), sealed, bound, &mut payload).ok()?;
        Some(payload)
    }

    fn encryption_key(&self) -> SecretKey {
        SecretKey::from(self.derive("encryption", &[]))
    }

    /// A different key or name for each purpose.
    fn derive(&self, purpose: &str, input: &[u8]) -> [u8; KEY] {
        let mut hmac = HMAC::new(*self.key);
        for part in [purpose.as_bytes(), &[0], &self.device, input] {
            hmac.update(part);
        }
        hmac.finalize()
    }
}

fn random(bytes: &mut [u8]) -> io::Result<()> {
    // Up to 256 bytes are never returned in part.
    let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty())?;
    if filled == bytes.len() { Ok(()) } else { Err(Error::other("the kernel returned too few random bytes")) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn files(folder: &Path) -> KeyFiles {
        KeyFiles::new(["first", "second"].map(|name| folder.join(name)))
    }

    fn key(folder: &Path, place: &str) -> PathBuf {
        folder.join(place).join(KEY_FILE)
    }

    #[test]
    fn concurrent_creators_use_the_same_key() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let labels: Vec<String> = std::thread::scope(|threads| {
                let label = || files(folder.path()).find_or_make().unwrap().label("a");
                let makers: Vec<_> = (0..50).map(|_| threads.spawn(label)).collect();
                makers.into_iter().map(|maker| maker.join().unwrap()).collect()
            });
            assert!(labels.iter().all(|label| *label == labels[0]), "{labels:?}");
            assert_eq!(fs::read_dir(folder.path().join("first")).unwrap().count(), 1, "nothing else is left");
        }
    }

    #[test]
    fn the_key_file_is_private_and_the_first_one_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (key(folder.path(), "first"), key(folder.path(), "second"));
        assert!(files(folder.path()).find().is_none());
        let label = || files(folder.path()).find_or_make().unwrap().label("a");
        let made = label();
        assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!second.exists() && files(folder.path()).find().unwrap().label("a") == made);

        fs::write(&first, "cut").unwrap();
        assert!(files(folder.path()).find().is_none());
        let repaired = label();
        assert_ne!(repaired, made);
        assert_eq!(fs::metadata(&first).unwrap().len(), 32);

        fs::set_permissions(&first, Permissions::from_mode(0o640)).unwrap();
        let elsewhere = label();
        assert!(second.exists() && elsewhere != repaired, "a file that others can read is not used");
        fs::remove_file(&first).unwrap();
        symlink(&second, &first).unwrap();
        assert_eq!(label(), elsewhere);
        assert!(fs::symlink_metadata(&first).unwrap().is_symlink(), "a link is left alone");
    }

    #[test]
    fn the_same_key_on_another_file_system_is_another_cipher() {
        let key = Zeroizing::new([7; KEY]);
        let of = |device: u64| Cipher { key: key.clone(), device: device.to_ne_bytes() };
        let sealed = of(1).seal("a", b"payload").unwrap();
        assert_eq!(of(1).open("a", &sealed).unwrap().as_slice(), b"payload");
        assert!(of(2).open("a", &sealed).is_none() && of(1).open("b", &sealed).is_none());
        assert_ne!(of(1).label("a"), of(2).label("a"));
        assert_ne!(of(1).seal("a", b"payload").unwrap(), sealed, "never the same nonce");
        for end in 0..sealed.len() {
            assert!(of(1).open("a", &sealed[..end]).is_none(), "cut at {end}");
        }
    }
}
