use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{LevelFilter, Log, Metadata, Record};

/// Starts logging as set by `CREDMINT_LOG`: `error`, `warn`, `info`, `debug` or `trace` log to standard
/// error; `LEVEL:/path/to/file` appends to a regular file, which is made readable for its owner only.
/// Nothing is written through a link or to another user's file.
///
/// A helper (`is_helper`) logs to standard error only if that is a terminal, because clients that capture it
/// merge it into the response; `log_was_refused` is set then.
///
/// Only the project's own messages are logged, never those of a cloud's SDK, which print headers and
/// bodies. An unknown level counts as `debug`.
pub fn start_logger(setting: &str, is_helper: bool) {
    let (level, file) = match setting.split_once(':') {
        Some((level, file)) => (level, Some(PathBuf::from(file))),
        None if setting.contains('/') => ("debug", Some(PathBuf::from(setting))),
        None => (setting, None),
    };
    if is_helper && file.is_none() && !io::stderr().is_terminal() {
        LOG_REFUSED.store(true, Ordering::Relaxed);
        return;
    }
    let level = level.parse().unwrap_or(LevelFilter::Debug);
    let sink: Box<dyn Write + Send> = match file.map(|file| open(&file)) {
        Some(Ok(file)) => Box::new(file),
        // A log that cannot be written must not fail a build.
        Some(Err(_)) => return,
        None => Box::new(std::io::stderr()),
    };
    if log::set_boxed_logger(Box::new(Logger { sink: Mutex::new(sink) })).is_ok() {
        log::set_max_level(level);
    }
}

static LOG_REFUSED: AtomicBool = AtomicBool::new(false);

/// Whether logging to standard error was requested in a helper whose standard error is captured.
pub(crate) fn log_was_refused() -> bool {
    LOG_REFUSED.load(Ordering::Relaxed)
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};

    use rustix::fs::OFlags;
    // NONBLOCK: opening a named pipe in the place of the file would wait for its reader.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    // A hard link may be an attack on the file that it is a second name of.
    let is_ours = metadata.is_file() && metadata.nlink() == 1 && metadata.uid() == rustix::process::geteuid().as_raw();
    if !is_ours {
        return Err(io::Error::other("it is not a regular file of this user"));
    }
    if metadata.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// The crates whose messages are logged: a message's target is the path of its module.
const OURS: [&str; 10] =
    ["protocol", "registry", "settings", "vault", "broker", "ecr", "acr", "gcr", "ghcr", "dockerconfig"];

struct Logger {
    sink: Mutex<Box<dyn Write + Send>>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let root = metadata.target().split("::").next().unwrap_or_default();
        OURS.contains(&root)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let line = format!(
            "credmint {}.{:03} {} {} {}\n",
            now.as_secs(),
            now.subsec_millis(),
            std::process::id(),
            record.level().as_str().to_ascii_lowercase(),
            record.args()
        );
        if let Ok(mut sink) = self.sink.lock() {
            // One write per line, so that lines of parallel helpers do not mix.
            let _ = sink.write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_log_is_readable_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (new, open_to_all) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&open_to_all, "before\n").unwrap();
        fs::set_permissions(&open_to_all, Permissions::from_mode(0o644)).unwrap();
        for path in [new, open_to_all.clone()] {
            open(&path).unwrap().write_all(b"line\n").unwrap();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        assert_eq!(fs::read_to_string(open_to_all).unwrap(), "before\nline\n");
    }

    #[test]
    fn nothing_is_logged_through_a_link_or_to_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("precious"), "").unwrap();
        symlink(path("precious"), path("link")).unwrap();
        symlink(path("nothing"), path("dangling")).unwrap();
        fs::hard_link(path("precious"), path("second name")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
        for name in ["link", "dangling", "second name", "pipe", "."] {
            assert!(open(&path(name)).is_err(), "{name}");
        }
        assert!(!path("nothing").exists());
    }
}
