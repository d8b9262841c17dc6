use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use protocol::{Deadline, Explained};
use serde_json::{Value, json};
use vault::private;

/// How long a failure counts for those who would only run into it again.
const FAILURE_SHARED: Duration = Duration::from_secs(3);
/// The file of a token that nobody has asked for since then is litter.
const LITTER: Duration = Duration::from_secs(7 * 24 * 3600);

/// Lets one process at a time mint a token, and lets the others wait for it.
///
/// The minter holds an exclusive lock on a file of the token's scope, the others wait for a shared
/// one: when the minter is done they all come through together. The kernel releases the lock of a
/// process that dies. A minter that failed leaves the reason in the file, for those who waited.
pub(crate) struct Turnstile {
    folder: Option<PathBuf>,
}

/// What a process is to do.
pub(crate) enum Turn {
    /// Mint. Others wait until this is dropped.
    Mint(Minter),
    /// Look into the vault again: another process has just been minting.
    LookAgain,
    /// Give up: another process has just failed.
    Failed(Shared),
    /// Give up: another process is still minting, and time is over.
    Late,
}

/// The right to mint, until it is dropped.
pub(crate) struct Minter(Option<File>);

/// A failure that another process ran into a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    /// Whether nobody is signed in.
    pub(crate) not_signed_in: bool,
    /// The sentence for the user.
    pub(crate) why: Explained,
}

impl Turnstile {
    /// Keeps its files in a folder; without one everybody mints for himself.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Turnstile { folder }
    }

    /// Waits for the turn of a scope.
    pub(crate) fn wait(&self, scope: &str, now: SystemTime, deadline: Deadline) -> Turn {
        let mut file = match self.open(scope) {
            Some(file) => file,
            None => return Turn::Mint(Minter(None)),
        };
        let mut pause = Duration::from_millis(1);
        let mut waited = false;
        loop {
            let lock = if waited { file.try_lock_shared() } else { file.try_lock() };
            match lock {
                Ok(()) => {
                    return match Shared::read(&mut file, now) {
                        Some(shared) => Turn::Failed(shared),
                        None if waited => Turn::LookAgain,
                        None => {
                            // An old failure is not kept, and a file in use is no litter.
                            let _ = file.set_len(0);
                            Turn::Mint(Minter(Some(file)))
                        }
                    };
                }
                Err(TryLockError::WouldBlock) if deadline.passed() => return Turn::Late,
                Err(TryLockError::WouldBlock) => {
                    waited = true;
                    std::thread::sleep(pause.min(deadline.remaining()));
                    pause = (pause * 2).min(Duration::from_millis(10));
                }
                Err(TryLockError::Error(error)) => {
                    log::debug!("no lock for {scope}: {error}");
                    return Turn::Mint(Minter(None));
                }
            }
        }
    }

    /// Removes the files of tokens that nobody asks for any more. Two processes that meet over a
    /// file being removed mint twice, which costs nothing but that.
    pub(crate) fn sweep(&self, now: SystemTime) {
        let ours = self.folder.as_ref().filter(|folder| private::open_folder(folder).is_ok());
        let Some(entries) = ours.and_then(|folder| fs::read_dir(folder).ok()) else { return };
        for entry in entries.flatten().filter(|entry| entry.path().extension().is_some_and(|kind| kind == "lock")) {
            let changed = entry.metadata().and_then(|metadata| metadata.modified());
            if changed.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > LITTER)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn open(&self, scope: &str) -> Option<File> {
        let folder = self.folder.as_ref()?;
        // What somebody else could hold or write is no lock.
        let file = folder
            .parent()
            .map_or(Ok(()), |parent| private::make_folder(parent).map(drop))
            .and_then(|()| private::make_folder(folder))
            .and_then(|_| private::open_lock(&folder.join(file_name(scope))));
        file.inspect_err(|error| log::debug!("no lock file in {}: {error}", folder.display())).ok()
    }
}

impl Minter {
    /// Leaves the reason why there is no token to those who wait, and to those who come within seconds.
    pub(crate) fn failed(mut self, shared: &Shared, now: SystemTime) {
        if let Some(file) = &mut self.0 {
            let _ = shared.write(file, now);
        }
    }
}

impl Shared {
    fn read(file: &mut File, now: SystemTime) -> Option<Self> {
        let mut text = String::new();
        file.rewind().ok()?;
        file.take(64 * 1024).read_to_string(&mut text).ok().filter(|&length| length > 0)?;
        let note: Value = serde_json::from_str(&text).ok()?;
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(note["at"].as_u64()?))?;
        // One from the future was written before the clock was set back.
        if now.duration_since(at).unwrap_or_else(|early| early.duration()) > FAILURE_SHARED {
            return None;
        }
        let what = note["what"].as_str()?.to_owned();
        let hint = note["hint"].as_str().map(str::to_owned);
        Some(Shared { not_signed_in: note["not_signed_in"].as_bool()?, why: Explained { what, hint } })
    }

    fn write(&self, file: &mut File, now: SystemTime) -> std::io::Result<()> {
        let at = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let Shared { not_signed_in, why: Explained { what, hint } } = self;
        let note = json!({"at": at, "not_signed_in": not_signed_in, "what": what, "hint": hint}).to_string();
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(note.as_bytes())
    }
}

/// A scope's id as a file name: it holds only letters, digits and a few signs.
fn file_name(scope: &str) -> String {
    let mut name: String =
        scope.chars().map(|sign| if sign.is_ascii_alphanumeric() || sign == '.' { sign } else { '-' }).collect();
    name.push_str(".lock");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turnstile() -> (tempfile::TempDir, Turnstile) {
        let folder = tempfile::tempdir().unwrap();
        let turnstile = Turnstile::new(Some(folder.path().join("made")));
        (folder, turnstile)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_millis(50))
    }

    fn failure() -> Shared {
        Shared { not_signed_in: true, why: Explained { what: "no".into(), hint: Some("sign in".into()) } }
    }

    #[test]
    fn one_mints_and_the_others_wait_for_it() {
        let (_folder, turnstile) = turnstile();
        let now = SystemTime::now();
        let Turn::Mint(minter) = turnstile.wait("a/b", now, soon()) else { panic!("the first mints") };
        assert!(matches!(turnstile.wait("a/b", now, soon()), Turn::Late));
        assert!(matches!(turnstile.wait("a/c", now, soon()), Turn::Mint(_)), "another scope is free");
        std::thread::scope(|threads| {
            let waiting: Vec<_> = (0..4)
                .map(|_| threads.spawn(|| turnstile.wait("a/b", now, Deadline::after(Duration::from_secs(5)))))
                .collect();
            std::thread::sleep(Duration::from_millis(30));
            drop(minter);
            for thread in waiting {
                assert!(matches!(thread.join().unwrap(), Turn::LookAgain));
            }
        });
        assert!(matches!(turnstile.wait("a/b", now, soon()), Turn::Mint(_)));
    }

    #[test]
    fn a_note_from_the_end_of_time_is_none() {
        let mut file = tempfile::tempfile().unwrap();
        let note = format!("{{\"at\":{},\"not_signed_in\":true,\"what\":\"no\"}}", u64::MAX);
        file.write_all(note.as_bytes()).unwrap();
        assert!(Shared::read(&mut file, SystemTime::now()).is_none());
    }

    #[test]
    fn a_failure_is_shared_for_seconds() {
        let (_folder, turnstile) = turnstile();
        let now = SystemTime::now();
        let Turn::Mint(minter) = turnstile.wait("a/b", now, soon()) else { panic!("the first mints") };
        minter.failed(&failure(), now);
        for moment in [now, now + FAILURE_SHARED / 2, now - FAILURE_SHARED / 2] {
            let Turn::Failed(shared) = turnstile.wait("a/b", moment, soon()) else { panic!("the failure is shared") };
            assert_eq!(shared, failure());
        }
        for moment in [now + FAILURE_SHARED * 2, now - FAILURE_SHARED * 2] {
            assert!(matches!(turnstile.wait("a/b", moment, soon()), Turn::Mint(_)));
        }
    }

    #[test]
    fn garbage_in_the_file_is_no_failure() {
        let (_folder, turnstile) = turnstile();
        let now = SystemTime::now();
        drop(turnstile.wait("a/b", now, soon()));
        let path = turnstile.folder.as_ref().unwrap().join(file_name("a/b"));
        for garbage in ["{", "{}", "{\"at\":1e99}", "\u{0}\u{0}"] {
            fs::write(&path, garbage).unwrap();
            assert!(matches!(turnstile.wait("a/b", now, soon()), Turn::Mint(_)), "{garbage}");
        }
    }

    #[test]
    fn without_a_folder_everybody_mints() {
        for folder in [None, Some(PathBuf::from("/proc/nowhere"))] {
            let turnstile = Turnstile::new(folder);
            let first = turnstile.wait("a", SystemTime::now(), soon());
            assert!(matches!((first, turnstile.wait("a", SystemTime::now(), soon())), (Turn::Mint(_), Turn::Mint(_))));
        }
    }

    #[test]
    fn litter_is_swept() {
        let (_folder, turnstile) = turnstile();
        let now = SystemTime::now();
        drop(turnstile.wait("a/b", now, soon()));
        turnstile.sweep(now + LITTER / 2);
        let path = turnstile.folder.as_ref().unwrap().join(file_name("a/b"));
        assert!(path.exists());
        turnstile.sweep(now + LITTER * 2);
        assert!(!path.exists());
    }

    #[test]
    fn a_scope_is_one_file_name() {
        assert_eq!(file_name("ecr:aws:us-east-1/0af"), "ecr-aws-us-east-1-0af.lock");
        assert!(!file_name("../../etc").contains('/'));
    }
}
