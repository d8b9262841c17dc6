//! What makes a key of the kernel's keyring unreadable to whoever cannot read a file of ours.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hmac_sha256::HMAC;
use orion::hazardous::aead::xchacha20poly1305::{Nonce, SecretKey, XChaCha20Poly1305};
use zeroize::Zeroizing;

use crate::header::hexadecimal;
use crate::private;

/// Its file in the suite's runtime folder, else in its cache folder.
const KEY_FILE: &str = "keyring.key";
/// Bytes.
const KEY: usize = 32;
const NONCE: usize = 24;
const TAG: usize = 16;

/// Encrypts payloads (XChaCha20-Poly1305) and hides what they are called by (HMAC-SHA-256).
///
/// The kernel has one keyring for a user id, and containers of one id share it. The key lies in a
/// file, so a process that sees other files can read nothing here.
pub(super) struct Cipher {
    key: Zeroizing<[u8; KEY]>,
    /// Of the file system that the key file lies on. A container whose image came with a key file
    /// has the key of all others of this image, but a file system of its own.
    device: [u8; 8],
}

/// Where key files may lie, the best place first.
pub(super) struct KeyFiles(Vec<PathBuf>);

impl KeyFiles {
    /// In these folders of the suite.
    pub(super) fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        KeyFiles(folders.into_iter().map(|folder| folder.join(KEY_FILE)).collect())
    }

    /// The cipher of the first file that there is; `None` where none can be used.
    pub(super) fn find(&self) -> Option<Cipher> {
        let usable = |path: &PathBuf| read(path).inspect_err(|error| log::debug!("{}: {error}", path.display())).ok();
        self.0.iter().find_map(usable)
    }

    /// The cipher of the first file that there is or that can be made.
    ///
    /// # Errors
    /// Why none could be made.
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
        Err(why.unwrap_or_else(|| "there is no folder for its key".to_owned()))
    }
}

/// [`ErrorKind::InvalidData`] says that the file is damaged.
fn read(path: &Path) -> io::Result<Cipher> {
    let (mut file, metadata) = private::open_with_metadata(path)?;
    if metadata.len() != KEY as u64 {
        return Err(Error::new(ErrorKind::InvalidData, format!("is not {KEY} bytes long")));
    }
    let mut key = Zeroizing::new([0; KEY]);
    file.read_exact(&mut *key)?;
    Ok(Cipher { key, device: metadata.dev().to_ne_bytes() })
}

/// Whole and under its name in one step. Of processes that make it at once the first one wins, and
/// all of them read it afterwards.
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
    /// What something is called by in the keyring, where everybody with this user id can read it:
    /// 32 hexadecimal digits.
    pub(super) fn label(&self, name: &str) -> String {
        hexadecimal(&self.derive("name", name.as_bytes()))
    }

    /// Encrypts a payload for the key of this description and no other.
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

    /// `None` for what was not sealed with this key for this description.
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

    /// A key or a name of its own for each purpose.
    fn derive(&self, purpose: &str, input: &[u8]) -> [u8; KEY] {
        let mut hmac = HMAC::new(*self.key);
        for part in [purpose.as_bytes(), &[0], &self.device, input] {
            hmac.update(part);
        }
        hmac.finalize()
    }
}

fn random(bytes: &mut [u8]) -> io::Result<()> {
    // The kernel gives up to 256 bytes at once.
    let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty())?;
    if filled == bytes.len() { Ok(()) } else { Err(Error::other("the kernel gave too few random bytes")) }
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
    fn makers_at_once_agree_on_one_key() {
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
    fn the_key_is_its_owners_and_the_first_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (key(folder.path(), "first"), key(folder.path(), "second"));
        assert!(files(folder.path()).find().is_none());
        let label = || files(folder.path()).find_or_make().unwrap().label("a");
        let made = label();
        assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!second.exists() && files(folder.path()).find().unwrap().label("a") == made);

        fs::write(&first, "cut").unwrap();
        assert!(files(folder.path()).find().is_none());
        let mended = label();
        assert_ne!(mended, made);
        assert_eq!(fs::metadata(&first).unwrap().len(), 32);

        fs::set_permissions(&first, Permissions::from_mode(0o640)).unwrap();
        let elsewhere = label();
        assert!(second.exists() && elsewhere != mended, "what others can read is no key");
        fs::remove_file(&first).unwrap();
        symlink(&second, &first).unwrap();
        assert_eq!(label(), elsewhere);
        assert!(fs::symlink_metadata(&first).unwrap().is_symlink(), "a link is left alone");
    }

    #[test]
    fn one_key_on_two_file_systems_is_two_ciphers() {
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
