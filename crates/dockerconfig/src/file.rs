use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::Deadline;

use crate::check::Oddity;
use crate::document::Document;
use crate::error::ConfigError;
use crate::lock::lock;
use crate::save::{Saved, Unsaved, prefix, remove, save, sweep};
use crate::target::{Target, folder_of, make_folder};
use crate::undo::{self, Back, Record};

/// How long an edit waits for another one, and tries again when others change the file.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// What an edit came to.
#[derive(Debug)]
pub struct Edited<T> {
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
}

/// What an undo came to.
#[derive(Debug)]
pub struct Undone {
    /// How it was written.
    pub saved: Saved,
    /// Members that others have changed since, and that were left as they are.
    pub kept: Vec<String>,
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
    pub fn preview<T>(&self, edit: impl FnOnce(&mut Document) -> T) -> Result<Edited<T>, ConfigError> {
        let before = self.read()?;
        self.try_edit(before, edit)
    }

    /// Edits the file: reads it under a lock, lets `edit` change the document, and puts the new text
    /// in the place of the old, unless nothing has changed or somebody else has written meanwhile.
    /// Then it begins again, so `edit` may be called more than once.
    ///
    /// Links stay links; mode and owner stay. A new file is for its owner alone, in a folder that
    /// is made if need be. Whoever reads sees the old text or the new one, also if this process dies.
    ///
    /// # Errors
    /// [`ConfigError`]; the file is then as it was.
    pub fn edit<T>(&self, mut edit: impl FnMut(&mut Document) -> T) -> Result<Edited<T>, ConfigError> {
        let preview = self.preview(&mut edit)?;
        if preview.before.text() == preview.after.text() {
            return Ok(preview);
        }
        self.locked(|target| {
            let found = self.read_from(target)?;
            let created = found.is_none();
            let mut edited = self.try_edit(found.unwrap_or_else(Document::empty), &mut edit)?;
            if edited.before.text() == edited.after.text() {
                return Ok(Some(edited));
            }
            // Before the save: a record of what did not happen does no harm, a missing one does.
            let earlier = undo::load(&self.path);
            edited.undoable = self.remember(&earlier, &edited.before, &edited.after, created);
            let before = (!created).then(|| edited.before.text());
            let saved = save(target, before, edited.after.text());
            if saved.is_err() && edited.undoable {
                self.put_back(earlier);
            }
            let Some(saved) = self.done(saved)? else { return Ok(None) };
            edited.saved = saved;
            Ok(Some(edited))
        })
    }

    /// Undoes all edits since the last undo: gives back the very bytes if nobody else has written
    /// since, else the members that the edits named. `None` if there is nothing to be undone. What
    /// was taken out of `auths` does not come back: it is not kept anywhere but where it was migrated to.
    ///
    /// # Errors
    /// Those of [`edit`](ConfigFile::edit), and [`ConfigError::Unreadable`] if the record is damaged.
    pub fn undo(&self) -> Result<Option<Undone>, ConfigError> {
        let record = || {
            let record = undo::load(&self.path).and_then(|bytes| bytes.map(|bytes| Record::parse(&bytes)).transpose());
            record.map_err(|source| ConfigError::Unreadable { path: undo::path_of(&self.path), source })
        };
        if record()?.is_none() {
            return Ok(None);
        }
        self.locked(|target| {
            let (Some(record), Some(now)) = (record()?, self.read_from(target)?) else {
                // The file is gone, and with it all that could be undone.
                undo::forget(&self.path).map_err(|source| self.unwritable(source))?;
                return Ok(Some(None));
            };
            self.refuse_twice(&now)?;
            let back = record.undo(&now).map_err(|malformed| self.malformed(malformed))?;
            let (saved, kept) = match back {
                Back::Remove => (self.done(remove(target, now.text()))?, Vec::new()),
                Back::To(document, kept) if document.text() == now.text() => (Some(Saved::Untouched), kept),
                Back::To(document, kept) => (self.done(save(target, Some(now.text()), document.text()))?, kept),
            };
            let Some(saved) = saved else { return Ok(None) };
            undo::forget(&self.path).map_err(|source| self.unwritable(source))?;
            Ok(Some(Some(Undone { saved, kept })))
        })
    }

    fn try_edit<T>(&self, before: Document, edit: impl FnOnce(&mut Document) -> T) -> Result<Edited<T>, ConfigError> {
        self.refuse_twice(&before)?;
        let mut after = before.clone();
        let value = edit(&mut after);
        // Nothing that Docker could not read is ever written.
        Document::parse(after.text().to_vec()).map_err(|malformed| self.malformed(malformed))?;
        Ok(Edited { value, before, after, saved: Saved::Untouched, undoable: false })
    }

    /// Runs attempts under the lock until one is done; `None` is one that was overtaken.
    fn locked<R>(&self, mut attempt: impl FnMut(&Target) -> Result<Option<R>, ConfigError>) -> Result<R, ConfigError> {
        let target = self.target()?;
        make_folder(folder_of(&self.path)).map_err(|source| self.unwritable(source))?;
        let deadline = Deadline::after(PATIENCE);
        let name = target.path.file_name().unwrap_or_default().to_string_lossy();
        let lock = lock(target.folder(), &name, deadline).ok_or_else(|| self.busy())?;
        if lock.is_held() {
            sweep(target.folder(), &prefix(&target));
            sweep(folder_of(&self.path), &undo::prefix(&self.path));
        }
        while !deadline.passed() {
            if let Some(done) = attempt(&target)? {
                return Ok(done);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(self.busy())
    }

    fn done(&self, saved: Result<Saved, Unsaved>) -> Result<Option<Saved>, ConfigError> {
        match saved {
            Ok(saved) => Ok(Some(saved)),
            Err(Unsaved::Changed) => Ok(None),
            Err(Unsaved::Failed(source)) => Err(self.unwritable(source)),
        }
    }

    /// Writes down what an edit changes, behind what earlier ones did.
    fn remember(
        &self,
        earlier: &io::Result<Option<Vec<u8>>>,
        before: &Document,
        after: &Document,
        created: bool,
    ) -> bool {
        let record = Record::of(before, after, created);
        let stored = match earlier {
            Ok(Some(earlier)) => Record::parse(earlier).map(|earlier| earlier.then(record, before.text())),
            Ok(None) => Ok(record),
            Err(error) => Err(io::Error::from(error.kind())),
        };
        let stored = stored.and_then(|all| undo::store(&self.path, &all.to_bytes()?));
        let path = self.path.display();
        stored.inspect_err(|error| log::warn!("the edit of {path} cannot be undone later: {error}")).is_ok()
    }

    /// The record as it was before an edit that did not come about.
    fn put_back(&self, earlier: io::Result<Option<Vec<u8>>>) {
        let put_back = earlier.and_then(|earlier| match earlier {
            Some(record) => undo::store(&self.path, &record),
            None => undo::forget(&self.path),
        });
        if let Err(error) = put_back {
            log::warn!("the record of earlier edits of {} is lost: {error}", self.path.display());
        }
    }

    fn refuse_twice(&self, document: &Document) -> Result<(), ConfigError> {
        match document.twice().map(|remark| (remark.at, &remark.what)) {
            Some((at, Oddity::Twice(name))) => {
                Err(ConfigError::Ambiguous { path: self.path.clone(), at, name: name.clone() })
            }
            _ => Ok(()),
        }
    }

    fn target(&self) -> Result<Target, ConfigError> {
        Target::of(&self.path).map_err(|source| self.unreadable(source))
    }

    fn read_from(&self, target: &Target) -> Result<Option<Document>, ConfigError> {
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

    fn busy(&self) -> ConfigError {
        ConfigError::Busy { path: self.path.clone() }
    }
}
