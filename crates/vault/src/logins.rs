//! Which of several logins is used: the newest, wherever it is stored.
//!
//! A keychain that is locked, hangs or cannot be reached still has its logins. So storing or removing a login
//! meanwhile leaves a record in the files. Logins older than the record are ignored, and removed once the keychain can
//! be reached.

use std::time::{Duration, SystemTime};

use crate::header::{StaleCopies, to_seconds};
use crate::login_records::{LoginRecords, Record};
use crate::{Choice, Entry, Key, Location, Name, Removal, Vault, VaultError, has_expired};

/// The pause after a failure to remove an older copy: the user may have declined it.
const RETRY: Duration = Duration::from_secs(600);

/// What the stores other than the login files have for a key.
#[derive(Default)]
pub(crate) struct Lookup {
    pub(crate) newest: Option<Entry>,
    /// The error of a store that could not be reached, if it is meaningful.
    pub(crate) error: Option<VaultError>,
    /// Whether a store could not be reached.
    pub(crate) unreached: bool,
}

impl Lookup {
    pub(crate) fn answer(self) -> Result<Option<Entry>, VaultError> {
        match (self.newest, self.error) {
            (None, Some(error)) => Err(error),
            (newest, _) => Ok(newest),
        }
    }
}

impl Vault {
    /// The newest login, unless it has expired. An expired one does not bring back an older one that it replaced.
    pub(crate) fn newest(&self, key: &Key, lookup: Lookup, now: SystemTime) -> Result<Option<Entry>, VaultError> {
        let newest = self.newest_of_all(key, lookup, now)?;
        Ok(newest.filter(|login| !has_expired(login.expires, now)))
    }

    fn newest_of_all(&self, key: &Key, mut lookup: Lookup, now: SystemTime) -> Result<Option<Entry>, VaultError> {
        let Some(files) = &self.logins else { return lookup.answer() };
        let record = match files.record(key) {
            Ok(Some(record)) => record,
            Ok(None) => return lookup.answer(),
            Err(error) => {
                self.note(&mut lookup.error, error);
                return lookup.answer();
            }
        };
        let elsewhere = lookup.newest.as_ref().map(|login| login.issued);
        if elsewhere.is_some_and(|issued| issued > record.since) {
            log::debug!("the record of a login is outdated");
            if let Some(_lock) = unchanged(files, key, &record)
                && let Err(error) = files.remove(key)
            {
                log::debug!("cannot remove it: {error}");
            }
            return lookup.answer();
        }
        if self.choice == Choice::NoFiles && record.login.is_some() {
            log::debug!("ignoring a login in a file");
            return lookup.error.map_or(Ok(None), Err);
        }
        let all_asked = !lookup.unreached && self.unreachable.is_none();
        if elsewhere.is_some() || (all_asked && record.copies.is_some()) {
            self.remove_stale_copies(files, key, &record, all_asked, now);
        }
        match record.login {
            Some(login) => Ok(Some(login)),
            None => lookup.error.map_or(Ok(None), Err),
        }
    }

    /// Removes logins older than the record from all other stores, if possible.
    fn remove_stale_copies(&self, files: &LoginRecords, key: &Key, record: &Record, all_asked: bool, now: SystemTime) {
        let tried = record.copies.unwrap_or(StaleCopies::UNTRIED).tried;
        if to_seconds(now).abs_diff(tried) < RETRY.as_secs() {
            return;
        }
        let Some(_lock) = unchanged(files, key, record) else { return };
        let remove = || -> Result<(), VaultError> {
            for store in &self.stores {
                // Another program may have stored one meanwhile.
                if store.load(key)?.is_some_and(|login| login.issued <= record.since) {
                    store.remove_copy(key)?;
                }
            }
            Ok(())
        };
        let copies = match remove() {
            Ok(()) if all_asked => None,
            Ok(()) => record.copies,
            Err(error) => {
                log::info!("cannot remove an older login: {error}");
                Some(StaleCopies { tried: to_seconds(now) })
            }
        };
        let done = match (&record.login, copies) {
            _ if copies == record.copies => Ok(()),
            (Some(login), copies) => files.save(login, copies).map(drop),
            (None, Some(copies)) => files.save_removed(key, record.since, copies),
            (None, None) => files.remove(key),
        };
        if let Err(error) = done {
            log::debug!("cannot update the record of a login: {error}");
        }
    }

    /// Saves in the keychain, else in a file, which then records that the keychain may have an older one.
    pub(crate) fn save_login(&self, login: &Entry) -> Result<(Location, Option<VaultError>), VaultError> {
        let _lock = self.lock();
        let mut reason = self.unreachable.clone();
        let mut lookup = Lookup { unreached: self.unreachable.is_some(), ..Lookup::default() };
        let mut absent = VaultError::Absent { place: "vault", why: "no store accepts it".to_owned() };
        for (nth, store) in self.stores.iter().enumerate() {
            match store.save(login) {
                Ok(location) => {
                    self.remove_copies(&login.key, nth);
                    return Ok((location, reason));
                }
                Err(error) => {
                    if store.is_keychain() {
                        reason = Some(error.clone());
                    }
                    lookup.unreached |= store.takes(&login.key);
                    absent.clone_from(&error);
                    self.note(&mut lookup.error, error);
                }
            }
        }
        let files = self.logins.as_ref().filter(|_| self.choice != Choice::NoFiles);
        let Some(files) = files else { return Err(lookup.error.unwrap_or(absent)) };
        let copies = lookup.unreached.then_some(StaleCopies::UNTRIED);
        files.save(login, copies).map(|path| (Location::File(path), reason)).map_err(|error| {
            self.note(&mut lookup.error, error.clone());
            lookup.error.unwrap_or(error)
        })
    }

    /// Removes from every store, and records it if one could not be reached.
    pub(crate) fn remove_login(&self, key: &Key) -> Result<Removal, VaultError> {
        let _lock = self.lock();
        let mut unreached = self.unreachable.clone();
        for store in &self.stores {
            if let Err(error) = store.remove(key) {
                // The error of an existing store is more meaningful.
                match (&unreached, &error) {
                    (Some(_), VaultError::Absent { .. }) => {}
                    _ => unreached = Some(error),
                }
            }
        }
        match (&self.logins, unreached) {
            (Some(files), None) => files.remove(key).map(|()| Removal::Complete),
            (Some(files), Some(error)) => {
                files.save_removed(key, SystemTime::now(), StaleCopies::UNTRIED).map(|()| Removal::Incomplete(error))
            }
            (None, None) => Ok(Removal::Complete),
            (None, Some(error)) => Err(error),
        }
    }

    /// `None` if files are the only store: each change of them is atomic.
    fn lock(&self) -> Option<std::fs::File> {
        self.logins.as_ref().filter(|_| self.choice != Choice::File)?.lock()
    }

    /// The newest name of each login that has neither been removed nor replaced.
    pub(crate) fn newest_names(&self, names: Vec<Name>) -> Vec<Name> {
        let mut newest: Vec<Name> = Vec::new();
        for name in names {
            match newest.iter_mut().find(|known| known.key == name.key) {
                // The files are read last and take precedence.
                Some(known) if known.issued <= name.issued => *known = name,
                Some(_) => {}
                None => newest.push(name),
            }
        }
        let removed = self.logins.as_ref().map(LoginRecords::removed).unwrap_or_default();
        newest.retain(|name| removed.iter().all(|(key, since)| *key != name.key || *since < name.issued));
        newest
    }
}

/// Takes the lock if the record is still what it was.
fn unchanged(files: &LoginRecords, key: &Key, record: &Record) -> Option<std::fs::File> {
    let lock = files.try_lock()?;
    (files.record(key).ok()?.as_ref() == Some(record)).then_some(lock)
}

#[cfg(test)]
mod tests;
