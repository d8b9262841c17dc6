use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::file::{FileStore, Kind};
use crate::header::{self, StaleCopies, from_seconds, key_text, parse_key, to_seconds};
use crate::store::Store;
use crate::{Entry, Key, VaultError, private};

/// Held while a login is saved, removed or cleaned up.
const LOCK: &str = "lock";
/// After this time, a process continues without the lock.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// The files of logins. They also record what stores that could not be reached still have to remove: older
/// copies of a login, and removed logins.
pub(crate) struct LoginRecords {
    files: FileStore,
}

/// The record of a login in its file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// `None` if it was removed.
    pub(crate) login: Option<Entry>,
    /// When it was stored or removed. Older logins are ignored.
    pub(crate) since: SystemTime,
    /// Set while stores that could not be reached may have older copies.
    pub(crate) copies: Option<StaleCopies>,
}

/// The record of a login that was removed: one line of JSON, which no version reads as an entry.
#[derive(Serialize, Deserialize)]
struct Removed {
    key: String,
    removed: u64,
    copies: StaleCopies,
}

impl LoginRecords {
    pub(crate) fn new(root: PathBuf) -> Self {
        LoginRecords { files: FileStore::new(root, Kind::Logins) }
    }

    /// The logins alone.
    pub(crate) fn store(&self) -> &FileStore {
        &self.files
    }

    pub(crate) fn record(&self, key: &Key) -> Result<Option<Record>, VaultError> {
        let Some(bytes) = self.files.read(key)? else { return Ok(None) };
        if let Some(removed) = Removed::parse(&bytes).filter(|removed| removed.key == key_text(key)) {
            return Ok(from_seconds(removed.removed).map(|since| Record {
                login: None,
                since,
                copies: Some(removed.copies),
            }));
        }
        Ok(Entry::decode(&bytes, key).map(|login| Record {
            since: login.issued,
            copies: header::of_bytes(&bytes).and_then(|header| header.copies),
            login: Some(login),
        }))
    }

    /// Saves a login, and replaces its record.
    pub(crate) fn save(&self, login: &Entry, copies: Option<StaleCopies>) -> Result<PathBuf, VaultError> {
        self.files.write(&login.key, &header::encode(login, copies))
    }

    /// Replaces a login with the record of its removal.
    pub(crate) fn save_removed(&self, key: &Key, since: SystemTime, copies: StaleCopies) -> Result<(), VaultError> {
        let removed = Removed { key: key_text(key), removed: to_seconds(since), copies };
        self.files.write(key, &removed.line()).map(drop)
    }

    /// Removes a login, or its record.
    pub(crate) fn remove(&self, key: &Key) -> Result<(), VaultError> {
        self.files.remove(key)
    }

    /// Every login that was removed and may have copies elsewhere, with the time.
    pub(crate) fn removed(&self) -> Vec<(Key, SystemTime)> {
        let lines = self.files.lines().unwrap_or_default();
        let records = lines.iter().filter_map(|(_, line)| Removed::parse(line));
        records.filter_map(|removed| Some((parse_key(&removed.key)?, from_seconds(removed.removed)?))).collect()
    }

    /// Waits for the lock. `None` without a folder: then there is no record that two processes could change.
    pub(crate) fn lock(&self) -> Option<File> {
        let file = self.open_lock()?;
        let end = Instant::now() + LOCK_LIMIT;
        while file.try_lock().is_err() {
            if Instant::now() > end {
                log::debug!("another process has held the lock of the logins for too long");
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(file)
    }

    /// Takes the lock if it is free.
    pub(crate) fn try_lock(&self) -> Option<File> {
        self.open_lock().filter(|file| file.try_lock().is_ok())
    }

    fn open_lock(&self) -> Option<File> {
        private::open_folder(&self.files.folder()).and_then(|folder| folder.open_lock(LOCK)).ok()
    }
}

impl Removed {
    fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    fn line(&self) -> Zeroizing<Vec<u8>> {
        let mut line = serde_json::to_vec(self).expect("numbers and strings can always be serialized");
        line.push(b'\n');
        Zeroizing::new(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{login, now};

    #[test]
    fn records_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let files = LoginRecords::new(folder.path().join("credmint"));
        let entry = login("r.example", "secret");
        assert_eq!(files.record(&entry.key), Ok(None));
        assert!(files.lock().is_none(), "without a folder there is nothing to lock");
        for copies in [None, Some(StaleCopies::UNTRIED), Some(StaleCopies { tried: 7 })] {
            files.save(&entry, copies).unwrap();
            let record = Record { login: Some(entry.clone()), since: entry.issued, copies };
            assert_eq!(files.record(&entry.key), Ok(Some(record)));
            assert_eq!(files.store().load(&entry.key), Ok(Some(entry.clone())), "earlier versions read it");
        }
        let removed = now();
        files.save_removed(&entry.key, removed, StaleCopies::UNTRIED).unwrap();
        let record = Record { login: None, since: removed, copies: Some(StaleCopies::UNTRIED) };
        assert_eq!(files.record(&entry.key), Ok(Some(record)));
        assert_eq!(files.removed(), [(entry.key.clone(), removed)]);
        assert_eq!((files.store().load(&entry.key), files.store().names()), (Ok(None), Ok(Vec::new())));
        let locked = files.lock();
        assert!(locked.is_some() && files.try_lock().is_none());
        files.remove(&entry.key).unwrap();
        assert_eq!((files.record(&entry.key), files.removed()), (Ok(None), Vec::new()));
    }
}
