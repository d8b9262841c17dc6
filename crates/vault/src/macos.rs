//! Entries in a macOS keychain.
//!
//! A keychain identifies the program that created an item by its signature, and prompts the user before any
//! other program may read it. An unsigned program is identified by its content, so each of our programs
//! and each of their versions would be a different one. Therefore only signed programs use the keychain
//! directly; unsigned ones call Apple's `security`, to which the items then belong.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use self::status::Status;
use crate::header::{Header, digest, label};
use crate::store::Store;
use crate::{Entry, Key, Location, Name, VaultError};

#[cfg(target_os = "macos")]
mod direct;
#[cfg(target_os = "macos")]
mod signature;
mod status;
mod tool;

#[cfg(target_os = "macos")]
pub(crate) use signature::open;

pub(crate) const PLACE: &str = "Keychain";
/// The service of the first part of every entry. Its comment is the header: it can be read without a
/// prompt, even if the keychain is locked.
const SERVICE: &str = "credmint";
/// The service of the further parts.
const PARTS: &str = "credmint-part";
/// Bytes of the value of one item: `security` truncates a line at 4,096 bytes.
const LARGEST: usize = 2_000;

/// Far more than any login has; a bound in case the keychain always returns another part.
const MOST_PARTS: usize = 200;

/// A generic password, identified by service and account.
pub(crate) struct Item<'a> {
    pub(crate) service: &'a str,
    pub(crate) account: &'a str,
    /// Readable for every program.
    pub(crate) comment: &'a str,
    /// Letters and digits, which `security` prints unescaped.
    pub(crate) value: &'a str,
}

/// The attributes of an item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) account: String,
    pub(crate) comment: String,
}

/// Access to the keychain, direct or by `security`.
pub(crate) trait Items {
    /// Whether it is locked; found out without a prompt.
    fn is_locked(&self) -> bool;
    /// The comment and the value.
    fn read(&self, service: &str, account: &str) -> Result<(String, Zeroizing<String>), Status>;
    /// Writes all of them or returns an error; replaces items of the same names.
    fn write(&self, items: &[Item<'_>]) -> Result<(), Status>;
    fn delete(&self, service: &str, account: &str) -> Result<(), Status>;
    /// Reads no value; includes items whose value cannot be read.
    fn list(&self, service: &str) -> Result<Vec<Named>, Status>;
}

/// Entries as items, in parts.
pub(crate) struct Entries<I>(pub(crate) I);

impl<I: Items> Entries<I> {
    /// A locked keychain is not accessed, so that no prompt appears.
    fn unlocked(&self) -> Result<&I, VaultError> {
        if self.0.is_locked() { Err(VaultError::Locked { place: PLACE }) } else { Ok(&self.0) }
    }

    fn secret(&self, header: &Header, label: &str, first: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let mut secret = Zeroizing::new(Vec::with_capacity(header.size));
        let Some(part) = decoded(first) else { return Ok(None) };
        secret.extend_from_slice(&part);
        for nth in 1.. {
            if secret.len() >= header.size || part.is_empty() {
                break;
            }
            let Some((_, value)) = found(self.0.read(PARTS, &part_of(label, nth)))? else { return Ok(None) };
            let Some(part) = decoded(&value).filter(|part| !part.is_empty()) else { return Ok(None) };
            secret.extend_from_slice(&part);
        }
        Ok(Some(secret))
    }

    /// From the given one to the last.
    fn delete_parts(&self, label: &str, first: usize) -> Result<(), VaultError> {
        for nth in first..first + MOST_PARTS {
            if !self.delete(PARTS, &part_of(label, nth))? {
                break;
            }
        }
        Ok(())
    }

    fn delete(&self, service: &str, account: &str) -> Result<bool, VaultError> {
        found(self.0.delete(service, account)).map(|gone| gone.is_some())
    }
}

impl<I: Items> Store for Entries<I> {
    fn place(&self) -> String {
        PLACE.to_owned()
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        let label = label(key);
        let read = found(self.unlocked()?.read(SERVICE, &label));
        let (comment, value) = match (read, key) {
            (Ok(Some(read)), _) => read,
            (Ok(None), _) => return Ok(None),
            // Another token is minted, which replaces it.
            (Err(VaultError::Foreign { .. }), Key::Token(_)) => return Ok(None),
            (Err(error), _) => return Err(error),
        };
        let Some(header) = header(&comment).filter(|header| header.is_of(key)) else { return Ok(None) };
        Ok(self.secret(&header, &label, &value)?.and_then(|secret| header.into_entry(&secret)))
    }

    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        let items = self.unlocked()?;
        let label = label(&entry.key);
        let secret = entry.secret.expose().as_bytes();
        let mut header = Header::of(entry);
        header.digest = Some(digest(secret));
        let comment = BASE64.encode(header.line());
        let mut parts: Vec<_> = secret.chunks(LARGEST).map(encoded).collect();
        if parts.is_empty() {
            parts.push(encoded(b""));
        }
        let names: Vec<_> = (0..parts.len()).map(|nth| part_of(&label, nth)).collect();
        let part = |nth: usize| match nth {
            0 => Item { service: SERVICE, account: &label, comment: &comment, value: &parts[0] },
            nth => Item { service: PARTS, account: &names[nth], comment: "", value: &parts[nth] },
        };
        // The header is written last, so it never describes an incomplete entry.
        let all: Vec<_> = (0..parts.len()).rev().map(part).collect();
        items.write(&all).map_err(|status| status.explained())?;
        self.delete_parts(&label, parts.len())?;
        Ok(Location::Keychain)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        self.unlocked()?;
        let label = label(key);
        self.delete(SERVICE, &label)?;
        self.delete_parts(&label, 1)
    }

    fn ready(&self) -> Result<(), VaultError> {
        self.unlocked().map(drop)
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let named = found(self.0.list(SERVICE))?.unwrap_or_default();
        let name = |item: Named| {
            let name = header(&item.comment)?.into_name()?;
            (label(&name.key) == item.account).then_some(name)
        };
        Ok(named.into_iter().filter_map(name).collect())
    }
}

/// `None` if there is no such item.
fn found<T>(result: Result<T, Status>) -> Result<Option<T>, VaultError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(status) if status.is_not_found() => Ok(None),
        Err(status) => Err(status.explained()),
    }
}

fn header(comment: &str) -> Option<Header> {
    Header::parse(&BASE64.decode(comment).ok()?)
}

/// Never empty, because some versions of macOS reject an empty value.
fn encoded(part: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(1 + part.len().div_ceil(3) * 4));
    text.push('1');
    BASE64.encode_string(part, &mut text);
    text
}

fn decoded(value: &str) -> Option<Zeroizing<Vec<u8>>> {
    BASE64.decode(value.strip_prefix('1')?).ok().map(Zeroizing::new)
}

fn part_of(label: &str, nth: usize) -> String {
    format!("{label}.{nth}")
}

/// The timeout of Apple's program; the timeout of the keychain is shorter.
const LIMIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
