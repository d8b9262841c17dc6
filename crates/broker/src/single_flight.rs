use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use protocol::{Deadline, ErrorMessage};
use serde_json::{Value, json};
use vault::private;

/// A lock file that has not been used for that long is removed.
const STALE_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Single flight: one process at a time mints a token, the others wait for it.
///
/// The process that mints holds the mint lock: an exclusive lock on a file named after the token's
/// scope. The kernel releases the lock of a process that dies, and one of the waiters gets it. Before it
/// releases the lock, the holder writes the outcome into the file, with the time. Only processes that
/// were waiting at that time use it; later ones ignore it.
pub(crate) struct SingleFlight {
    folder: Option<PathBuf>,
    clock: fn() -> SystemTime,
}

/// What a process that wants a token does next.
pub(crate) enum Flight {
    /// Look into the vault again, and mint if there is no token. Other processes wait while the lock is
    /// held; a waiter whose predecessor has minted gets an empty lock, which blocks no process.
    Mint(MintLock),
    /// Give up: the process that minted has failed.
    Failed(SharedError),
    /// Give up: another process was still minting at the deadline.
    TimedOut,
}

/// The mint lock of a scope, held until it is dropped.
pub(crate) struct MintLock {
    file: Option<File>,
    clock: fn() -> SystemTime,
}

/// The outcome of minting, for the waiters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The token is in the vault.
    Cached,
    /// A token was minted and could not be cached: every waiter mints its own, all at once.
    NotCached,
    /// Minting failed.
    Failed(SharedError),
}

/// An error of the process that minted, as its waiters report it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedError {
    /// Whether no identity was found.
    pub(crate) no_identity: bool,
    /// The message for the user.
    pub(crate) error: ErrorMessage,
}

impl SingleFlight {
    /// Keeps its lock files in a folder. Without one, every process mints its own token.
    pub(crate) fn new(folder: Option<PathBuf>, clock: fn() -> SystemTime) -> Self {
        SingleFlight { folder, clock }
    }

    /// Waits for the mint lock of a scope. `began` is when the caller found no usable token: outcomes from
    /// before that time are ignored.
    pub(crate) fn acquire(&self, scope: &str, began: SystemTime, deadline: Deadline) -> Flight {
        let mint = |file| Flight::Mint(MintLock { file, clock: self.clock });
        let Some(mut file) = self.open(scope) else { return mint(None) };
        let mut pause = Duration::from_millis(1);
        let mut waits = false;
        loop {
            let lock = file.try_lock();
            // On Windows the file cannot be read while another process holds the lock.
            match Record::read(&mut file).filter(|record| record.at > began && record.at <= (self.clock)()) {
                Some(Record { outcome: Outcome::Failed(shared), .. }) => return Flight::Failed(shared),
                Some(_) => return mint(None),
                None => {}
            }
            match lock {
                Ok(()) => {
                    // Keeps `sweep` away.
                    let _ = file.set_modified(SystemTime::now());
                    return mint(Some(file));
                }
                Err(TryLockError::WouldBlock) if deadline.passed() => return Flight::TimedOut,
                Err(TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut waits, true) {
                        log::info!("waiting for another process, which is minting a token for {scope}");
                    }
                    std::thread::sleep(pause.min(deadline.remaining()));
                    pause = (pause * 2).min(Duration::from_millis(10));
                }
                Err(TryLockError::Error(error)) => {
                    log::debug!("no lock for {scope}: {error}");
                    return mint(None);
                }
            }
        }
    }

    /// The mint lock of a scope, to change its token without minting; `None` while another process mints. It blocks
    /// other processes for as long as it is held.
    pub(crate) fn try_acquire(&self, scope: &str) -> Option<MintLock> {
        let file = self.open(scope);
        let is_held = file.as_ref().is_some_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        (!is_held).then_some(MintLock { file, clock: self.clock })
    }

    /// Removes lock files that are no longer used. If one is removed while two processes open it, both
    /// mint, which is harmless.
    pub(crate) fn sweep(&self, now: SystemTime) {
        let Some(ours) = self.folder.as_ref().and_then(|folder| private::open_folder(folder).ok()) else { return };
        let Ok(entries) = fs::read_dir(ours.path()) else { return };
        for entry in entries.flatten().filter(|entry| entry.path().extension().is_some_and(|kind| kind == "lock")) {
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            if changed.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > STALE_AFTER)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn open(&self, scope: &str) -> Option<File> {
        let folder = self.folder.as_ref()?;
        // A lock file that another user can lock or write is not used.
        let file = folder
            .parent()
            .map_or(Ok(()), |parent| private::make_folder(parent).map(drop))
            .and_then(|()| private::make_folder(folder))
            .and_then(|folder| folder.open_lock(&file_name(scope)));
        file.inspect_err(|error| log::debug!("no lock file in {}: {error}", folder.display())).ok()
    }
}

impl MintLock {
    /// Writes the outcome for the waiters and releases the lock. If a lock is dropped without an outcome,
    /// the waiters assume that this process has died.
    pub(crate) fn release(mut self, outcome: Outcome) {
        let record = Record { at: (self.clock)(), outcome };
        if let Some(file) = &mut self.file {
            let _ = record.write(file);
        }
    }
}

/// The outcome as it is written into the lock file.
struct Record {
    at: SystemTime,
    outcome: Outcome,
}

impl Record {
    /// `None` also while the record is being written.
    fn read(file: &mut File) -> Option<Self> {
        let mut text = String::new();
        file.rewind().ok()?;
        file.take(64 * 1024).read_to_string(&mut text).ok().filter(|&length| length > 0)?;
        let record: Value = serde_json::from_str(&text).ok()?;
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(record["at"].as_u64()?))?;
        let outcome = match record["cached"].as_bool() {
            Some(true) => Outcome::Cached,
            Some(false) => Outcome::NotCached,
            None => {
                let what = record["what"].as_str()?.to_owned();
                let hint = record["hint"].as_str().map(str::to_owned);
                let no_identity = record["no_identity"].as_bool()?;
                Outcome::Failed(SharedError { no_identity, error: ErrorMessage { what, hint } })
            }
        };
        Some(Record { at, outcome })
    }

    fn write(&self, file: &mut File) -> std::io::Result<()> {
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let record = match &self.outcome {
            Outcome::Cached => json!({"at": at, "cached": true}),
            Outcome::NotCached => json!({"at": at, "cached": false}),
            Outcome::Failed(SharedError { no_identity, error: ErrorMessage { what, hint } }) => {
                json!({"at": at, "no_identity": no_identity, "what": what, "hint": hint})
            }
        };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(record.to_string().as_bytes())
    }
}

/// A scope's id as a file name of letters, digits and a few signs.
fn file_name(scope: &str) -> String {
    let mut name: String =
        scope.chars().map(|sign| if sign.is_ascii_alphanumeric() || sign == '.' { sign } else { '-' }).collect();
    name.push_str(".lock");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single_flight() -> (tempfile::TempDir, SingleFlight) {
        let folder = tempfile::tempdir().unwrap();
        let single_flight = SingleFlight::new(Some(folder.path().join("made")), SystemTime::now);
        (folder, single_flight)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(50))
    }

    fn failure() -> Outcome {
        let error = ErrorMessage { what: "no".into(), hint: Some("sign in".into()) };
        Outcome::Failed(SharedError { no_identity: true, error })
    }

    /// What four waiters do once the holder of the lock has ended like this.
    fn flights_of_waiters(end: impl FnOnce(MintLock)) -> Vec<Flight> {
        let (_folder, single_flight) = single_flight();
        let Flight::Mint(lock) = single_flight.acquire("a/b", SystemTime::now(), soon()) else {
            panic!("the first mints")
        };
        let began = SystemTime::now();
        // Each thread counts as a waiter, even if it starts after the lock was released.
        std::thread::scope(|threads| {
            let acquire = || single_flight.acquire("a/b", began, Deadline::after(Duration::from_secs(20)));
            let waiting: Vec<_> = (0..4).map(|_| threads.spawn(acquire)).collect();
            std::thread::sleep(Duration::from_millis(30));
            end(lock);
            waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn one_process_mints_and_others_wait() {
        let (_folder, single_flight) = single_flight();
        let now = SystemTime::now();
        let Flight::Mint(lock) = single_flight.acquire("a/b", now, soon()) else { panic!("the first mints") };
        assert!(matches!(single_flight.acquire("a/b", now, soon()), Flight::TimedOut));
        assert!(matches!(single_flight.acquire("a/c", now, soon()), Flight::Mint(_)), "another scope is free");
        assert!(single_flight.try_acquire("a/b").is_none() && single_flight.try_acquire("a/c").is_some());
        drop(lock);
        assert!(matches!(single_flight.acquire("a/b", now, soon()), Flight::Mint(_)));
    }

    #[test]
    fn waiters_continue_together_whether_the_token_was_cached_or_not() {
        for outcome in [Outcome::Cached, Outcome::NotCached] {
            let flights = flights_of_waiters(|lock| lock.release(outcome));
            assert!(flights.iter().all(|flight| matches!(flight, Flight::Mint(MintLock { file: None, .. }))));
        }
    }

    #[test]
    fn waiters_share_the_failure() {
        let flights = flights_of_waiters(|lock| lock.release(failure()));
        let is_failure =
            |flight: &Flight| matches!(flight, Flight::Failed(shared) if Outcome::Failed(shared.clone()) == failure());
        assert!(flights.iter().all(is_failure));
    }

    #[test]
    fn when_the_lock_holder_dies_one_waiter_mints() {
        let (_folder, single_flight) = single_flight();
        let began = SystemTime::now();
        let Flight::Mint(lock) = single_flight.acquire("a/b", began, soon()) else { panic!("the first mints") };
        drop(lock);
        let flight = single_flight.acquire("a/b", began, soon());
        assert!(matches!(&flight, Flight::Mint(MintLock { file: Some(_), .. })));
        assert!(matches!(single_flight.acquire("a/b", began, soon()), Flight::TimedOut), "and the others wait for it");
    }

    #[test]
    fn an_outcome_is_ignored_by_later_processes() {
        let (_folder, single_flight) = single_flight();
        let early = SystemTime::now();
        for outcome in [failure(), Outcome::NotCached, Outcome::Cached] {
            let Flight::Mint(lock) = single_flight.acquire("a/b", SystemTime::now(), soon()) else {
                panic!("it is free")
            };
            lock.release(outcome);
        }
        let flight = single_flight.acquire("a/b", SystemTime::now(), soon());
        assert!(matches!(&flight, Flight::Mint(MintLock { file: Some(_), .. })));
        // Not even while another one mints: this one was not there.
        assert!(matches!(single_flight.acquire("a/b", SystemTime::now(), soon()), Flight::TimedOut));
        assert!(matches!(single_flight.acquire("a/b", early, soon()), Flight::Mint(MintLock { file: None, .. })));
    }

    #[test]
    fn an_outcome_from_the_future_is_ignored() {
        let (_folder, single_flight) = single_flight();
        let Flight::Mint(mut lock) = single_flight.acquire("a/b", SystemTime::now(), soon()) else {
            panic!("it is free")
        };
        lock.clock = || SystemTime::now() + Duration::from_secs(3600);
        lock.release(failure());
        assert!(matches!(
            single_flight.acquire("a/b", SystemTime::now(), soon()),
            Flight::Mint(MintLock { file: Some(_), .. })
        ));
    }

    #[test]
    fn a_malformed_record_is_ignored() {
        let (_folder, single_flight) = single_flight();
        let now = SystemTime::now();
        drop(single_flight.acquire("a/b", now, soon()));
        let path = single_flight.folder.as_ref().unwrap().join(file_name("a/b"));
        let end_of_time = format!("{{\"at\":{},\"cached\":true}}", u64::MAX);
        for garbage in ["{", "{}", "{\"at\":1e99}", "\u{0}\u{0}", &end_of_time, "{\"at\":-1,\"cached\":true}"] {
            fs::write(&path, garbage).unwrap();
            let flight = single_flight.acquire("a/b", now, soon());
            assert!(matches!(flight, Flight::Mint(MintLock { file: Some(_), .. })), "{garbage}");
        }
    }

    #[test]
    fn without_a_folder_every_process_mints() {
        for folder in [None, Some(PathBuf::from("/proc/nowhere"))] {
            let single_flight = SingleFlight::new(folder, SystemTime::now);
            let first = single_flight.acquire("a", SystemTime::now(), soon());
            assert!(matches!(
                (first, single_flight.acquire("a", SystemTime::now(), soon())),
                (Flight::Mint(_), Flight::Mint(_))
            ));
        }
    }

    #[test]
    fn stale_lock_files_are_removed() {
        let (_folder, single_flight) = single_flight();
        let now = SystemTime::now();
        drop(single_flight.acquire("a/b", now, soon()));
        single_flight.sweep(now + STALE_AFTER / 2);
        let path = single_flight.folder.as_ref().unwrap().join(file_name("a/b"));
        assert!(path.exists());
        single_flight.sweep(now + STALE_AFTER * 2);
        assert!(!path.exists());
    }

    #[test]
    fn a_scope_is_one_file_name() {
        assert_eq!(file_name("ecr:aws:us-east-1/0af"), "ecr-aws-us-east-1-0af.lock");
        assert!(!file_name("../../etc").contains('/'));
    }
}
