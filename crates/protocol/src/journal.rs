use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record};

/// Starts the log that `CREDMINT_LOG` asks for: `error`, `warn`, `info`, `debug` or `trace` write to
/// standard error; `LEVEL:/path/to/file` appends to a file that only its owner can read.
///
/// Only the project's own messages are written, never those of a cloud's SDK, which print headers
/// and bodies. Without a setting nothing is set up: standard error belongs to the user. What cannot
/// be understood counts as `debug`, since whoever set the variable wants to see something.
pub fn start_journal(setting: &str) {
    let (level, file) = match setting.split_once(':') {
        Some((level, file)) => (level, Some(PathBuf::from(file))),
        None if setting.contains('/') => ("debug", Some(PathBuf::from(setting))),
        None => (setting, None),
    };
    let level = level.parse().unwrap_or(LevelFilter::Debug);
    let sink: Box<dyn Write + Send> = match file.map(|file| {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(file)
    }) {
        Some(Ok(file)) => Box::new(file),
        // A log that cannot be written must not break a build.
        Some(Err(_)) => return,
        None => Box::new(std::io::stderr()),
    };
    if log::set_boxed_logger(Box::new(Journal { sink: Mutex::new(sink) })).is_ok() {
        log::set_max_level(level);
    }
}

/// The crates whose messages are written: a message's target is the path of its module.
const OURS: [&str; 10] =
    ["protocol", "registry", "settings", "vault", "broker", "ecr", "acr", "gcr", "ghcr", "dockerconfig"];

struct Journal {
    sink: Mutex<Box<dyn Write + Send>>,
}

impl Log for Journal {
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
            // One write a line, so that lines of parallel helpers do not mix.
            let _ = sink.write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}
