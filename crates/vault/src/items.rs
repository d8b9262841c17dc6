use zeroize::Zeroizing;

use crate::header::{Header, digest, label};
use crate::store::Store;
use crate::{Entry, Key, Location, Name, VaultError};

/// The headers, one per entry, without secrets.
pub(crate) const HEADERS: &str = "credmint";
/// The secrets, in numbered parts.
const PARTS: &str = "credmint-part";

/// A keychain of named values.
pub(crate) trait Items {
    fn read(&self, kind: &str, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError>;
    fn write(&self, kind: &str, name: &str, value: &[u8]) -> Result<(), VaultError>;
    /// Returns whether it existed.
    fn delete(&self, kind: &str, name: &str) -> Result<bool, VaultError>;
    fn list(&self, kind: &str) -> Result<Vec<String>, VaultError>;
}

/// Entries in a keychain of named values of limited size.
///
/// The header is a separate item, written last and removed first, so it never describes an incomplete
/// entry. It has no secret, so listing reads none.
pub(crate) struct ItemStore<I> {
    items: I,
    /// The maximum size of a value in bytes.
    largest: usize,
}

impl<I: Items> ItemStore<I> {
    pub(crate) fn new(items: I, largest: usize) -> Self {
        ItemStore { items, largest }
    }

    fn header(&self, label: &str) -> Result<Option<Header>, VaultError> {
        Ok(self.items.read(HEADERS, label)?.and_then(|line| Header::parse(&line)))
    }

    /// From the given one to the last.
    fn delete_parts(&self, label: &str, first: usize) -> Result<(), VaultError> {
        let mut nth = first;
        while self.items.delete(PARTS, &part(label, nth))? {
            nth += 1;
        }
        Ok(())
    }
}

impl<I: Items> Store for ItemStore<I> {
    fn place(&self) -> String {
        "keychain".to_owned()
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        let label = label(key);
        let Some(header) = self.header(&label)?.filter(|header| header.is_of(key)) else { return Ok(None) };
        let mut secret = Zeroizing::new(Vec::new());
        for nth in 0..header.size.div_ceil(self.largest) {
            let Some(part) = self.items.read(PARTS, &part(&label, nth))? else { return Ok(None) };
            let mut longer = Zeroizing::new(Vec::with_capacity(secret.len() + part.len()));
            longer.extend_from_slice(&secret);
            longer.extend_from_slice(&part);
            secret = longer;
        }
        Ok(header.into_entry(&secret))
    }

    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        let label = label(&entry.key);
        let secret = entry.secret.expose().as_bytes();
        for (nth, value) in secret.chunks(self.largest).enumerate() {
            self.items.write(PARTS, &part(&label, nth), value)?;
        }
        let mut header = Header::of(entry);
        header.digest = Some(digest(secret));
        self.items.write(HEADERS, &label, &header.line())?;
        self.delete_parts(&label, secret.len().div_ceil(self.largest))?;
        Ok(Location::Keychain)
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        let label = label(key);
        self.items.delete(HEADERS, &label)?;
        self.delete_parts(&label, 0)
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        let mut names = Vec::new();
        for item in self.items.list(HEADERS)? {
            let name = self.header(&item)?.and_then(Header::into_name);
            names.extend(name.filter(|name| label(&name.key) == item));
        }
        Ok(names)
    }
}

fn part(label: &str, nth: usize) -> String {
    format!("{label}.{nth}")
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::{login, token};

    const LARGEST: usize = 300;

    /// In memory; rejects values that are too large, and every change after a number of them.
    struct Memory {
        values: RefCell<BTreeMap<(String, String), Vec<u8>>>,
        changes: Cell<usize>,
    }

    impl Memory {
        fn new() -> ItemStore<Memory> {
            ItemStore::new(Memory { values: RefCell::default(), changes: Cell::new(usize::MAX) }, LARGEST)
        }

        fn change(&self) -> Result<(), VaultError> {
            let left = self.changes.get().checked_sub(1);
            self.changes.set(left.ok_or(VaultError::Locked { place: "memory" })?);
            Ok(())
        }
    }

    impl Items for Memory {
        fn read(&self, kind: &str, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
            let values = self.values.borrow();
            Ok(values.get(&(kind.to_owned(), name.to_owned())).cloned().map(Zeroizing::new))
        }

        fn write(&self, kind: &str, name: &str, value: &[u8]) -> Result<(), VaultError> {
            assert!(value.len() <= LARGEST, "{} bytes", value.len());
            self.change()?;
            self.values.borrow_mut().insert((kind.to_owned(), name.to_owned()), value.to_owned());
            Ok(())
        }

        fn delete(&self, kind: &str, name: &str) -> Result<bool, VaultError> {
            self.change()?;
            Ok(self.values.borrow_mut().remove(&(kind.to_owned(), name.to_owned())).is_some())
        }

        fn list(&self, kind: &str) -> Result<Vec<String>, VaultError> {
            Ok(self.values.borrow().keys().filter(|(on, _)| on == kind).map(|(_, name)| name.clone()).collect())
        }
    }

    #[test]
    fn lengths_around_the_limit_are_loaded_and_leave_no_part_behind() {
        let store = Memory::new();
        for length in [0, 1, LARGEST - 1, LARGEST, LARGEST + 1, 3 * LARGEST, 3 * LARGEST + 1, LARGEST, 0] {
            let entry = token("a", &"é".repeat(length / 2 + 1)[..length / 2 * 2]);
            store.save(&entry).unwrap();
            let size = entry.secret.len();
            assert_eq!(store.load(&entry.key), Ok(Some(entry)));
            assert_eq!(store.items.values.borrow().len(), 1 + size.div_ceil(LARGEST), "{length}");
        }
        store.remove(&token("a", "").key).unwrap();
        assert!(store.items.values.borrow().is_empty());
        store.remove(&token("a", "").key).unwrap();
    }

    #[test]
    fn an_interrupted_write_leaves_a_whole_entry_or_none() {
        let (old, new) = (token("a", &"o".repeat(1000)), token("a", &"n".repeat(700)));
        for changes in 0..6 {
            let store = Memory::new();
            store.save(&old).unwrap();
            store.items.changes.set(changes);
            let saved = store.save(&new).is_ok();
            store.items.changes.set(usize::MAX);
            let found = store.load(&old.key).unwrap();
            assert!(found.is_none() || found.as_ref() == Some(&old) || found.as_ref() == Some(&new), "{changes}");
            assert!(!saved || found == Some(new.clone()), "{changes}");
            store.save(&new).unwrap();
            assert_eq!(store.load(&new.key), Ok(Some(new.clone())), "repaired after {changes}");
            assert_eq!(store.items.values.borrow().len(), 1 + 3);
        }
    }

    #[test]
    fn names_are_read_from_headers_only() {
        let store = Memory::new();
        store.save(&token("a", "canary")).unwrap();
        store.save(&login("r.example", "canary")).unwrap();
        store.items.values.borrow_mut().retain(|(kind, _), _| kind == HEADERS);
        let other = || (HEADERS.to_owned(), "other".to_owned());
        store.items.values.borrow_mut().insert(other(), b"not ours".to_vec());
        assert_eq!(store.names().unwrap().len(), 2);
        assert!(store.items.values.borrow().values().all(|value| !value.windows(6).any(|part| part == b"canary")));
    }

    proptest::proptest! {
        #[test]
        fn every_secret_is_loaded_whatever_the_size_of_its_parts(
            first in "\\PC{0,40}", second in "\\PC{0,40}", largest in 1_usize..50,
        ) {
            let store = ItemStore { largest, ..Memory::new() };
            for secret in [&first, &second] {
                let entry = token("a", secret);
                store.save(&entry).unwrap();
                proptest::prop_assert_eq!(store.load(&entry.key), Ok(Some(entry)));
                let items = store.items.values.borrow().len();
                proptest::prop_assert_eq!(items, 1 + secret.len().div_ceil(largest));
            }
        }
    }
}
