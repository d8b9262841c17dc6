use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::failure_marker::FailureMarker;
use crate::store::Store;
use crate::{Entry, Key, Location, Name, VaultError};

/// The total of all calls of a vault.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A keychain that timed out is not called again by any process for this time.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Calls a keychain with a timeout.
pub(crate) trait KeychainClient: Send {
    /// Runs the calls of `question` and waits at most `limit` for their result.
    ///
    /// # Errors
    /// [`VaultError::TimedOut`] once the limit is over, and those of the question.
    fn ask<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
        limit: Duration,
    ) -> Result<T, VaultError>;

    /// More about the last call.
    fn report(&mut self) -> CallReport {
        CallReport::default()
    }
}

/// More about a call than its result.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallReport {
    /// The time spent waiting for the user, which does not count as the keychain's.
    pub(crate) user_time: Duration,
    /// Whether it does not respond until it is unlocked.
    pub(crate) blocked: bool,
}

/// The operating system's keychain with one timeout for all calls.
pub(crate) struct Keychain<C> {
    place: &'static str,
    mark: FailureMarker,
    state: Mutex<State<C>>,
}

struct State<C> {
    client: C,
    /// Until the first call.
    untried: bool,
    left: Duration,
    /// The error of further calls once the time is over.
    over: VaultError,
}

/// In the marker of a keychain that does not respond because it is locked.
const LOCKED: &str = "locked";

impl<C: KeychainClient> Keychain<C> {
    /// `folder` is for the marker by which other processes know of a keychain that timed out.
    pub(crate) fn new(place: &'static str, folder: Option<PathBuf>, client: C) -> Self {
        let state = State { client, untried: true, left: TIMEOUT, over: VaultError::TimedOut { place } };
        Keychain { place, mark: FailureMarker::new(folder, "keychain-hung", RETRY_AFTER), state: Mutex::new(state) }
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.untried)
            && let Some(why) = self.mark.read()
        {
            log::debug!("{}: skipped, because it timed out a moment ago", self.place);
            state.give_up(self.place, why == LOCKED);
        }
        if state.left.is_zero() {
            return Err(state.over.clone());
        }
        let (began, limit) = (Instant::now(), state.left);
        let answer = state.client.ask(question, limit);
        let report = state.client.report();
        state.left = limit.saturating_sub(began.elapsed().saturating_sub(report.user_time));
        if report.blocked || state.left.is_zero() {
            state.give_up(self.place, report.blocked);
            self.mark.leave(if report.blocked { LOCKED } else { "" });
        }
        answer
    }
}

impl<C> State<C> {
    fn give_up(&mut self, place: &'static str, is_locked: bool) {
        self.left = Duration::ZERO;
        if is_locked {
            self.over = VaultError::Locked { place };
        }
    }
}

impl<C: KeychainClient> Store for Keychain<C> {
    fn place(&self) -> String {
        self.place.to_owned()
    }

    fn load(&self, key: &Key) -> Result<Option<Entry>, VaultError> {
        let key = key.clone();
        self.ask(move |store| store.load(&key))
    }

    /// One call for all of them.
    fn load_all(&self, keys: &[Key]) -> Vec<Result<Option<Entry>, VaultError>> {
        let (count, keys) = (keys.len(), keys.to_vec());
        self.ask(move |store| Ok(store.load_all(&keys))).unwrap_or_else(|error| vec![Err(error); count])
    }

    fn save(&self, entry: &Entry) -> Result<Location, VaultError> {
        let entry = entry.clone();
        self.ask(move |store| store.save(&entry))
    }

    fn remove(&self, key: &Key) -> Result<(), VaultError> {
        let key = key.clone();
        self.ask(move |store| store.remove(&key))
    }

    fn ready(&self) -> Result<(), VaultError> {
        self.ask(|store| store.ready())
    }

    fn remove_copy(&self, key: &Key) -> Result<(), VaultError> {
        let key = key.clone();
        self.ask(move |store| store.remove_copy(&key))
    }

    fn names(&self) -> Result<Vec<Name>, VaultError> {
        self.ask(|store| store.names())
    }

    fn condition(&self) -> Result<(), VaultError> {
        self.ask(|store| store.condition())
    }

    fn is_keychain(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keychain_thread::KeychainThread;
    use crate::testing::token;

    /// Responds after a time.
    struct Slow(Duration);

    impl Store for Slow {
        fn place(&self) -> String {
            "slow".to_owned()
        }
        fn load(&self, _: &Key) -> Result<Option<Entry>, VaultError> {
            std::thread::sleep(self.0);
            Ok(None)
        }
        fn save(&self, _: &Entry) -> Result<Location, VaultError> {
            Ok(Location::Keychain)
        }
        fn remove(&self, _: &Key) -> Result<(), VaultError> {
            panic!("ends the thread");
        }
        fn names(&self) -> Result<Vec<Name>, VaultError> {
            Ok(Vec::new())
        }
    }

    fn slow(folder: Option<PathBuf>, time: Duration) -> Keychain<KeychainThread> {
        Keychain::new("keychain", folder, KeychainThread::new("keychain", move || Box::new(Slow(time))))
    }

    #[test]
    fn all_processes_wait_only_once_for_a_keychain_that_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Some(folder.path().join("credmint"));
        let hung = Err(VaultError::TimedOut { place: "keychain" });
        let key = token("a", "").key;

        let first = slow(place(), Duration::from_secs(300));
        let began = Instant::now();
        assert_eq!(first.load(&key), hung);
        assert!((TIMEOUT..testing::HANG).contains(&began.elapsed()), "{:?}", began.elapsed());
        // Waiting again would take two seconds.
        testing::quick(TIMEOUT, || {
            let began = Instant::now();
            assert_eq!(first.load(&key), hung);
            assert_eq!(slow(place(), Duration::ZERO).load(&key), hung, "another process");
            ((), began.elapsed())
        });

        let mark = folder.path().join("credmint").join("keychain-hung");
        for age in [RETRY_AFTER.as_secs() + 1, u64::MAX] {
            let time = match age {
                u64::MAX => std::time::SystemTime::now() + RETRY_AFTER,
                age => std::time::SystemTime::now() - Duration::from_secs(age),
            };
            std::fs::File::options().write(true).open(&mark).unwrap().set_modified(time).unwrap();
            assert_eq!(slow(place(), Duration::ZERO).load(&key), Ok(None), "an old marker is ignored");
        }
    }

    #[test]
    fn the_timeout_is_for_all_calls_together() {
        // Each alone is far below the timeout, even on a busy machine.
        let keychain = slow(None, TIMEOUT * 6 / 10);
        let key = token("a", "").key;
        let answers: Vec<_> = (0..3).map(|_| keychain.load(&key).is_ok()).collect();
        assert_eq!(answers, [true, false, false]);
    }

    /// Takes a second, most of it waiting for the user; or does not respond until it is unlocked.
    struct Scripted(CallReport);

    impl KeychainClient for Scripted {
        fn ask<T: Send + 'static>(
            &mut self,
            question: impl FnOnce(&dyn Store) -> Result<T, VaultError> + Send + 'static,
            _: Duration,
        ) -> Result<T, VaultError> {
            question(&Slow(Duration::from_millis(1100)))
        }

        fn report(&mut self) -> CallReport {
            self.0
        }
    }

    #[test]
    fn the_time_of_the_user_does_not_count_as_the_keychains() {
        let report = CallReport { user_time: Duration::from_millis(1000), blocked: false };
        let keychain = Keychain::new("keychain", None, Scripted(report));
        let key = token("a", "").key;
        for _ in 0..3 {
            assert_eq!(keychain.load(&key), Ok(None));
        }
    }

    #[test]
    fn a_keychain_that_waits_to_be_unlocked_is_reported_as_locked_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Some(folder.path().join("credmint"));
        let blocked = Scripted(CallReport { user_time: Duration::ZERO, blocked: true });
        let locked = Err(VaultError::Locked { place: "keychain" });
        let key = token("a", "").key;
        let first = Keychain::new("keychain", place(), blocked);
        assert_eq!(first.load(&key), Ok(None), "the first call returns its own result");
        assert_eq!(first.load(&key), locked);
        assert_eq!(slow(place(), Duration::ZERO).load(&key), locked, "another process");
    }

    #[test]
    fn a_thread_that_died_is_an_error() {
        let keychain = slow(None, Duration::ZERO);
        let key = token("a", "").key;
        for _ in 0..2 {
            assert!(matches!(keychain.remove(&key), Err(VaultError::Failed { .. })));
        }
    }
}
