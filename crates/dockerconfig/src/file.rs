use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::Deadline;
use protocol::owner::make_folder;

use crate::check::WarningKind;
use crate::document::Document;
use crate::error::ConfigError;
use crate::lock::{Lock, LockTimeout, lock};
use crate::lock_holder::LockHolder;
use crate::resolved_path::{ResolvedPath, folder_of};
use crate::save::{SaveError, Saved, prefix, remove, save, sweep};
use crate::undo::{self, UndoPlan, UndoRecord};

/// Timeout for an edit: waiting for the lock, and retries when others change the file.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A config on the disk: read it, or edit it without losing what others write.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("config.json");
/// use dockerconfig::{ConfigFile, HelperName, Saved};
/// let file = ConfigFile::at(&path);
/// let helper = HelperName::parse("credmint").unwrap();
/// let edited = file.edit(|document| document.set_creds_store(&helper)).unwrap();
/// assert_eq!(edited.saved, Saved::Replaced);
/// assert_eq!(file.read().unwrap().creds_store().unwrap(), "credmint");
/// assert!(file.undo().unwrap().is_some());
/// assert!(!path.exists(), "it was not there before");
/// ```
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
}

/// The result of an edit.
#[derive(Debug)]
pub struct EditOutcome<T> {
    /// What the edit itself returned.
    pub value: T,
    /// The document that was found.
    pub before: Document,
    /// The document as it is now.
    pub after: Document,
    /// How it was written.
    pub saved: Saved,
    /// Whether [`ConfigFile::undo`] knows of it: not where nothing can be written beside the file.
    pub undoable: bool,
    /// The process of another user that had the folder locked; its lock was ignored.
    pub other_lock_holder: Option<LockHolder>,
}

/// The result of an undo.
#[derive(Debug)]
pub struct UndoOutcome {
    /// The document that was found.
    pub before: Document,
    /// The document as it is now; empty where the file was removed.
    pub after: Document,
    /// How it was written.
    pub saved: Saved,
    /// Members that others have changed since, and that were left as they are.
    pub kept: Vec<String>,
    /// The keys of `auths` whose login an edit took out: it is not kept here and does not come back.
    pub moved: Vec<String>,
}

impl ConfigFile {
    /// The config at a path, which may be a symbolic link, and where nothing need be yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        ConfigFile { path: path.into() }
    }

    /// The path as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; one that is not there is an empty document.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`] and [`ConfigError::Unreadable`].
    pub fn read(&self) -> Result<Document, ConfigError> {
        Ok(self.read_from(&self.target()?)?.unwrap_or_else(Document::empty))
    }

    /// What [`edit`](ConfigFile::edit) would do, for a [`diff`](crate::diff) of `before` and `after`.
    ///
    /// # Errors
    /// Those of `edit`, but for those of writing.
    pub fn preview<T>(&self, edit: impl FnOnce(&mut Document) -> T) -> Result<EditOutcome<T>, ConfigError> {
        let before = self.read()?;
        self.try_edit(before, edit)
    }

    /// Edits the file: reads it under a lock, lets `edit` change the document, and puts the new text
    /// in the place of the old, unless nothing has changed. If another program has written
    /// meanwhile, it starts again, so `edit` may be called more than once.
    ///
    /// Links stay links; mode and owner stay. A new file is for its owner alone, in a folder that
    /// is made if need be. Readers see the old text or the new one, even if this process dies.
    ///
    /// # Errors
    /// [`ConfigError`]; the file is then as it was.
    pub fn edit<T>(&self, mut edit: impl FnMut(&mut Document) -> T) -> Result<EditOutcome<T>, ConfigError> {
        let preview = self.preview(&mut edit)?;
        if preview.before.text() == preview.after.text() {
            return Ok(preview);
        }
        self.locked(|target, lock| {
            let found = self.read_from(target)?;
            let created = found.is_none();
            let mut edited = self.try_edit(found.unwrap_or_else(Document::empty), &mut edit)?;
            if edited.before.text() == edited.after.text() {
                return Ok(Some(edited));
            }
            // Before the save: a record of an edit that failed does no harm, a missing record does.
            let earlier = undo::load(&self.path);
            edited.undoable = self.write_record(&earlier, &edited.before, &edited.after, created);
            let before = (!created).then(|| edited.before.text());
            let saved = save(target, before, edited.after.text());
            if saved.is_err() && edited.undoable {
                self.restore_record(earlier);
            }
            let Some(saved) = self.done(saved)? else { return Ok(None) };
            edited.saved = saved;
            edited.other_lock_holder.clone_from(&lock.other_lock_holder);
            Ok(Some(edited))
        })
    }

    /// Undoes all edits since the last undo: restores the exact bytes if no other program has written
    /// since, else the members that the edits named. `None` if there is nothing to be undone. What
    /// was taken out of `auths` does not come back: it is not kept anywhere but where it was migrated to.
    ///
    /// # Errors
    /// Those of [`edit`](ConfigFile::edit), and [`ConfigError::Unreadable`] if the record is damaged.
    pub fn undo(&self) -> Result<Option<UndoOutcome>, ConfigError> {
        if self.record()?.is_none() {
            return Ok(None);
        }
        self.locked(|target, _| {
            let (Some(record), Some(now)) = (self.record()?, self.read_from(target)?) else {
                // The file is gone, and with it all that could be undone.
                undo::forget(&self.path).map_err(|source| self.unwritable(source))?;
                return Ok(Some(None));
            };
            let (removes, mut undone) = self.plan_undo(&record, now)?;
            let (before, after) = (undone.before.text(), undone.after.text());
            let saved = match removes {
                true => self.done(remove(target, before))?,
                false if before == after => Some(Saved::Untouched),
                false => self.done(save(target, Some(before), after))?,
            };
            let Some(saved) = saved else { return Ok(None) };
            undone.saved = saved;
            undo::forget(&self.path).map_err(|source| self.unwritable(source))?;
            Ok(Some(Some(undone)))
        })
    }

    /// What [`undo`](ConfigFile::undo) would do.
    ///
    /// # Errors
    /// Those of `undo`, but for those of writing.
    pub fn preview_undo(&self) -> Result<Option<UndoOutcome>, ConfigError> {
        match (self.record()?, self.read_from(&self.target()?)?) {
            (Some(record), Some(now)) => self.plan_undo(&record, now).map(|(_, undone)| Some(undone)),
            _ => Ok(None),
        }
    }

    fn record(&self) -> Result<Option<UndoRecord>, ConfigError> {
        let record = undo::load(&self.path).and_then(|bytes| bytes.map(|bytes| UndoRecord::parse(&bytes)).transpose());
        record.map_err(|source| ConfigError::Unreadable { path: undo::path_of(&self.path), source })
    }

    /// The result of undoing, and whether the file is to be removed.
    fn plan_undo(&self, record: &UndoRecord, now: Document) -> Result<(bool, UndoOutcome), ConfigError> {
        self.refuse_duplicate_key(&now)?;
        let back = record.undo(&now).map_err(|malformed| self.malformed(malformed))?;
        let (removes, after, kept) = match back {
            UndoPlan::Remove => (true, Document::empty(), Vec::new()),
            UndoPlan::Replace(document, kept) => (false, *document, kept),
        };
        let moved = record.moved(&after);
        Ok((removes, UndoOutcome { before: now, after, saved: Saved::Untouched, kept, moved }))
    }

    fn try_edit<T>(
        &self,
        before: Document,
        edit: impl FnOnce(&mut Document) -> T,
    ) -> Result<EditOutcome<T>, ConfigError> {
        self.refuse_duplicate_key(&before)?;
        let mut after = before.clone();
        let value = edit(&mut after);
        // Nothing that Docker could not read is ever written.
        Document::parse(after.text().to_vec()).map_err(|malformed| self.malformed(malformed))?;
        Ok(EditOutcome { value, before, after, saved: Saved::Untouched, undoable: false, other_lock_holder: None })
    }

    /// Runs attempts under the lock until one is done; `None` is one that was overtaken.
    fn locked<R>(
        &self,
        mut attempt: impl FnMut(&ResolvedPath, &Lock) -> Result<Option<R>, ConfigError>,
    ) -> Result<R, ConfigError> {
        let target = self.target()?;
        make_folder(folder_of(&self.path)).map_err(|source| self.unwritable(source))?;
        let deadline = Deadline::after(TIMEOUT);
        let name = target.path.file_name().unwrap_or_default().to_string_lossy();
        let lock = lock(target.folder(), &name, deadline).map_err(|LockTimeout(by)| self.busy(by))?;
        if lock.is_held() {
            sweep(target.folder(), &prefix(&target));
            sweep(folder_of(&self.path), &undo::prefix(&self.path));
        }
        while !deadline.passed() {
            if let Some(done) = attempt(&target, &lock)? {
                return Ok(done);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(self.busy(lock.other_lock_holder.clone()))
    }

    fn done(&self, saved: Result<Saved, SaveError>) -> Result<Option<Saved>, ConfigError> {
        match saved {
            Ok(saved) => Ok(Some(saved)),
            Err(SaveError::Changed) => Ok(None),
            Err(SaveError::Failed(source)) => Err(self.unwritable(source)),
        }
    }

    /// Adds what an edit changes to the undo record.
    fn write_record(
        &self,
        earlier: &io::Result<Option<Vec<u8>>>,
        before: &Document,
        after: &Document,
        created: bool,
    ) -> bool {
        let record = UndoRecord::of(before, after, created);
        let stored = match earlier {
            Ok(Some(earlier)) => UndoRecord::parse(earlier).map(|earlier| earlier.then(record, before.text())),
            Ok(None) => Ok(record),
            Err(error) => Err(io::Error::from(error.kind())),
        };
        let stored = stored.and_then(|all| undo::store(&self.path, &all.to_bytes()?));
        let path = self.path.display();
        stored.inspect_err(|error| log::warn!("cannot write an undo record for {path}: {error}")).is_ok()
    }

    /// The record as it was before an edit that did not come about.
    fn restore_record(&self, earlier: io::Result<Option<Vec<u8>>>) {
        let restore_record = earlier.and_then(|earlier| match earlier {
            Some(record) => undo::store(&self.path, &record),
            None => undo::forget(&self.path),
        });
        if let Err(error) = restore_record {
            log::warn!("the undo record of {} is lost: {error}", self.path.display());
        }
    }

    fn refuse_duplicate_key(&self, document: &Document) -> Result<(), ConfigError> {
        match document.duplicate_key().map(|warning| (warning.at, &warning.kind)) {
            Some((at, WarningKind::DuplicateKey(name))) => {
                Err(ConfigError::Ambiguous { path: self.path.clone(), at, name: name.clone() })
            }
            _ => Ok(()),
        }
    }

    fn target(&self) -> Result<ResolvedPath, ConfigError> {
        ResolvedPath::of(&self.path).map_err(|source| self.unreadable(source))
    }

    fn read_from(&self, target: &ResolvedPath) -> Result<Option<Document>, ConfigError> {
        let bytes = target.read().map_err(|source| self.unreadable(source))?;
        bytes.map(Document::parse).transpose().map_err(|malformed| self.malformed(malformed))
    }

    fn malformed(&self, malformed: crate::Malformed) -> ConfigError {
        ConfigError::Malformed { path: self.path.clone(), malformed }
    }

    fn unreadable(&self, source: io::Error) -> ConfigError {
        ConfigError::Unreadable { path: self.path.clone(), source }
    }

    fn unwritable(&self, source: io::Error) -> ConfigError {
        ConfigError::Unwritable { path: self.path.clone(), source }
    }

    fn busy(&self, by: Option<LockHolder>) -> ConfigError {
        ConfigError::Busy { path: self.path.clone(), by }
    }
}
