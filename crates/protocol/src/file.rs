use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Bytes; settings, keys and bundles of certificates stay far below.
const LARGEST: u64 = 16 << 20;

/// Reads a whole file that the user names, within limits: settings, credentials, keys.
///
/// It may also be a shell's `<(command)`, or a named pipe that a password manager fills: that has two seconds to
/// be written.
///
/// # Errors
/// It cannot be read, is larger than 16 MiB, or is a pipe that is not complete in time.
pub fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    read_file_if(path, |_| Ok(()))
}

fn read_file_if(path: &Path, check: impl FnOnce(&File) -> io::Result<()>) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = open(path)?;
    check(&file)?;
    let metadata = file.metadata()?;
    // One more byte for the read that finds the end: a growing vector leaves copies of a secret in memory.
    let expected = if metadata.is_file() { metadata.len().min(LARGEST) + 1 } else { 16 << 10 };
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected as usize));
    let mut source = Source::of(file, metadata.is_file() || metadata.is_dir());
    source.by_ref().take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 16 MiB"));
    }
    Ok(bytes)
}

/// [`read_file`], as text.
///
/// # Errors
/// Those of [`read_file`], and text that is not UTF-8.
pub fn read_text_file(path: &Path) -> io::Result<Zeroizing<String>> {
    read_text_file_if(path, |_| Ok(()))
}

/// [`read_text_file`], if the open file passes the check.
///
/// # Errors
/// Those of [`read_text_file`] and of the check.
pub fn read_text_file_if(path: &Path, check: impl FnOnce(&File) -> io::Result<()>) -> io::Result<Zeroizing<String>> {
    let bytes = read_file_if(path, check)?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(unix)]
use unix::{Source, open};

#[cfg(unix)]
mod unix {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read};
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::OFlags;
    use rustix::io::Errno;

    use crate::Deadline;

    /// Of a pipe.
    const LIMIT: Duration = Duration::from_secs(2);

    /// Without NONBLOCK, opening a pipe waits for its writer.
    pub(super) fn open(path: &Path) -> io::Result<File> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
    }

    /// The file, and the deadline if it is a pipe.
    pub(super) struct Source(File, Option<Deadline>);

    impl Source {
        pub(super) fn of(file: File, is_plain: bool) -> Self {
            Source(file, (!is_plain).then(|| Deadline::after(LIMIT)))
        }
    }

    impl Read for Source {
        fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
            let Source(file, Some(limit)) = self else { return self.0.read(chunk) };
            loop {
                let left = limit.remaining();
                let left = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
                match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&left)) {
                    Ok(0) => {
                        let why = "it is not a regular file, and was not complete within 2 s";
                        return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                    }
                    Ok(_) => match rustix::io::read(&*file, &mut *chunk) {
                        Err(Errno::INTR | Errno::AGAIN) => {}
                        read => return Ok(read?),
                    },
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(not(unix))]
struct Source(File);

#[cfg(not(unix))]
impl Source {
    fn of(file: File, _: bool) -> Self {
        Source(file)
    }
}

#[cfg(not(unix))]
impl Read for Source {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        self.0.read(chunk)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    fn pipe() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()));
        (folder, path)
    }

    #[test]
    fn a_file_is_read_completely_and_anything_else_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for text in ["", "é", &"x".repeat(100_000)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(*read_text_file(&path).unwrap(), *text);
        }
        std::fs::write(&path, b"\xff").unwrap();
        assert_eq!(read_text_file(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read_file(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(read_file(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(read_file(Path::new("/dev/zero")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_pipe_without_a_writer_is_given_up() {
        let (_folder, path) = pipe();
        assert_eq!(read_file(&path).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_pipe_that_is_filled_is_read() {
        let (_folder, path) = pipe();
        let file = open(&path).unwrap();
        let filled = Command::new("sh").args(["-c", "(printf a; printf b) > \"$0\""]).arg(&path).status().unwrap();
        assert!(filled.success());
        let mut text = String::new();
        Source::of(file, false).read_to_string(&mut text).unwrap();
        assert_eq!(text, "ab");
    }
}
