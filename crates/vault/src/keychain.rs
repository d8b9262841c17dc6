use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::private;
use crate::store::Store;
use crate::{Entry, Key, Name, Resting, VaultError};

/// For the whole life of a vault.
const PATIENCE: Duration = Duration::from_secs(2);
/// For which a keychain that hung is left alone by all processes.
const REST: Duration = Duration::from_secs(30);

/// How a keychain is asked within a time limit.
pub(crate) trait Way: Send {
    /// Asks, and waits for the answer for no longer than the limit.
    ///
    /// # Errors
    /// [`VaultError::Hung`] once the limit is over, and those of the question.
    fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
        limit: Duration,
    ) -> Result<T, VaultError>;
}

/// The operating system's keychain behind a deadline, which is one for all that it is asked.
pub(crate) struct Keychain<W> {
    place: &'static str,
    mark: Mark,
    state: Mutex<State<W>>,
}

struct State<W> {
    way: W,
    /// Until the first call.
    untried: bool,
    left: Duration,
}

impl<W: Way> Keychain<W> {
    /// `folder` is where other processes are told of a keychain that hangs.
    pub(crate) fn new(place: &'static str, folder: Option<PathBuf>, way: W) -> Self {
        Keychain { place, mark: Mark(folder), state: Mutex::new(State { way, untried: true, left: PATIENCE }) }
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.untried) && self.mark.is_fresh() {
            log::debug!("{}: it hung a moment ago and is passed over", self.place);
            state.left = Duration::ZERO;
        }
        if state.left.is_zero() {
            return Err(VaultError::Hung { place: self.place });
        }
        let (began, limit) = (Instant::now(), state.left);
        let answer = state.way.ask(question, limit);
        state.left = limit.saturating_sub(began.elapsed());
        if state.left.is_zero() {
            self.mark.leave();
        }
        answer
    }
}

impl<W: Way> Store for Keychain<W> {
    fn place(&self) -> String {
        self.place.to_owned()
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        let key = key.clone();
        self.ask(move |store| store.load(&key))
    }

    /// One question for all of them.
    fn load_all(&self, keys: &[Key]) -> Vec<Result<Option<Entry>, VaultError>> {
        let (count, keys) = (keys.len(), keys.to_vec());
        self.ask(move |store| Ok(store.load_all(&keys))).unwrap_or_else(|error| vec![Err(error); count])
    }

    fn save(&self, entry: &Entry) -> Result<Resting, VaultError> {
        let entry = entry.clone();
        self.ask(move |store| store.save(&entry))
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        let key = key.clone();
        self.ask(move |store| store.remove(&key))
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        self.ask(|store| store.names())
    }
}

/// A file that says by its time when a keychain hung.
struct Mark(Option<PathBuf>);

impl Mark {
    const FILE: &str = "keychain-hung";

    fn is_fresh(&self) -> bool {
        let changed =
            self.0.as_ref().and_then(|folder| folder.join(Self::FILE).symlink_metadata().ok()?.modified().ok());
        // A time to come is no reason to wait for it.
        changed.and_then(|time| time.elapsed().ok()).is_some_and(|age| age < REST)
    }

    /// As well as it can: without it, the next process waits too.
    fn leave(&self) {
        let Some(folder) = &self.0 else { return };
        let path = folder.join(Self::FILE);
        // Made anew, and so never written through a link.
        _ = std::fs::remove_file(&path);
        if let Err(error) = private::make_folder(folder).and_then(|_| File::create_new(&path)) {
            log::debug!("{}: {error}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::token;
    use crate::thread::Thread;

    /// Answers after a time.
    struct Slow(Duration);

    impl Store for Slow {
        fn place(&self) -> String {
            "slow".to_owned()
        }
        fn load(&self, _: &Key) -> Result<Option<Entry>, VaultError> {
            std::thread::sleep(self.0);
            Ok(None)
        }
        fn save(&self, _: &Entry) -> Result<Resting, VaultError> {
            Ok(Resting::Keychain)
        }
        fn remove(&self, _: &Key) -> Result<(), VaultError> {
            panic!("the thread dies of this");
        }
        fn names(&self) -> Result<Vec<Name>, VaultError> {
            Ok(Vec::new())
        }
    }

    fn slow(folder: Option<PathBuf>, time: Duration) -> Keychain<Thread> {
        Keychain::new("keychain", folder, Thread::new("keychain", move || Box::new(Slow(time))))
    }

    #[test]
    fn a_hanging_keychain_is_waited_for_once_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Some(folder.path().join("credmint"));
        let hung = Err(VaultError::Hung { place: "keychain" });
        let key = token("a", "").key;

        let first = slow(place(), Duration::from_secs(60));
        let began = Instant::now();
        assert_eq!(first.load(&key), hung);
        assert!((1900..3000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        let began = Instant::now();
        assert_eq!(first.load(&key), hung);
        assert_eq!(slow(place(), Duration::ZERO).load(&key), hung, "another process");
        assert!(began.elapsed() < Duration::from_millis(500));

        let mark = folder.path().join("credmint").join(Mark::FILE);
        for age in [REST.as_secs() + 1, u64::MAX] {
            let time = match age {
                u64::MAX => std::time::SystemTime::now() + REST,
                age => std::time::SystemTime::now() - Duration::from_secs(age),
            };
            File::options().write(true).open(&mark).unwrap().set_modified(time).unwrap();
            assert_eq!(slow(place(), Duration::ZERO).load(&key), Ok(None), "an old mark counts no more");
        }
    }

    #[test]
    fn patience_is_for_all_calls_together() {
        let keychain = slow(None, Duration::from_millis(900));
        let key = token("a", "").key;
        let answers: Vec<_> = (0..4).map(|_| keychain.load(&key).is_ok()).collect();
        assert_eq!(answers, [true, true, false, false]);
    }

    #[test]
    fn a_thread_that_died_is_an_error() {
        let keychain = slow(None, Duration::ZERO);
        let key = token("a", "").key;
        for _ in 0..2 {
            assert!(matches!(keychain.remove(&key), Err(VaultError::Broken { .. })));
        }
    }
}
