use std::io;

use zeroize::Zeroizing;

use crate::{Deadline, Failure};

/// Bytes that a helper reads at most: identity tokens are the largest payloads and stay under 70 KiB.
/// The reference stops at 64 KiB per line.
pub(crate) const LIMIT: usize = 512 * 1024;

/// Reads standard input to its end, because a client that cannot write everything reports a broken
/// pipe instead of our response. At most [`LIMIT`] bytes are stored.
///
/// # Errors
/// More than the limit, text that is not UTF-8, or an input still open when the deadline passes.
pub(crate) fn read(deadline: Deadline) -> Result<Zeroizing<String>, Failure> {
    let mut source = Source::new();
    // Nearly every request fits.
    let mut kept = Zeroizing::new(vec![0; 2048]);
    let mut length = 0;
    loop {
        if length == kept.len() {
            if length > LIMIT {
                return drain(&mut source, deadline);
            }
            grow(&mut kept);
        }
        match source.read(&mut kept[length..], deadline)? {
            0 => break,
            more => length += more,
        }
    }
    if length > LIMIT {
        return Err(too_large());
    }
    match std::str::from_utf8(&kept[..length]) {
        Ok(text) => Ok(Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned())),
        Err(_) => Err(Failure::stop("the request on standard input is not UTF-8 text")),
    }
}

/// Grows without leaving an unwiped copy behind, as a growing vector would.
fn grow(kept: &mut Zeroizing<Vec<u8>>) {
    let mut larger = Zeroizing::new(vec![0; LIMIT + 1]);
    larger[..kept.len()].copy_from_slice(kept);
    *kept = larger;
}

/// Reads and drops the rest.
fn drain(source: &mut Source, deadline: Deadline) -> Result<Zeroizing<String>, Failure> {
    let mut lost = Zeroizing::new([0; 4096]);
    while source.read(lost.as_mut(), deadline)? > 0 {}
    Err(too_large())
}

fn too_large() -> Failure {
    Failure::stop(format!("the request on standard input is larger than {} KiB", LIMIT / 1024))
}

fn still_open() -> Failure {
    Failure::with_hint(
        "timed out reading the request on standard input",
        "write a server address to standard input and close it",
    )
}

fn broken(error: io::Error) -> Failure {
    Failure::stop(format!("cannot read standard input: {error}"))
}

/// The descriptor itself: std's handle comes with a lock and a buffer, which cost a start more than
/// the reading does.
#[cfg(unix)]
struct Source(std::os::fd::BorrowedFd<'static>);

#[cfg(unix)]
impl Source {
    fn new() -> Self {
        Source(rustix::stdio::stdin())
    }

    fn read(&mut self, chunk: &mut [u8], deadline: Deadline) -> Result<usize, Failure> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        loop {
            let left = deadline.remaining();
            let limit = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit)) {
                Ok(0) => return Err(still_open()),
                // Also for an input that was closed or is broken: the read returns which.
                Ok(_) => match rustix::io::read(self.0, &mut *chunk) {
                    Err(rustix::io::Errno::INTR) => {}
                    // Started without a standard input.
                    Err(rustix::io::Errno::BADF) => return Ok(0),
                    read => return read.map_err(|error| broken(error.into())),
                },
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(broken(error.into())),
            }
        }
    }
}

/// Reads on a thread, because the standard library cannot read with a timeout.
#[cfg(not(unix))]
struct Source {
    arriving: std::sync::mpsc::Receiver<io::Result<Zeroizing<Vec<u8>>>>,
    left: Zeroizing<Vec<u8>>,
}

#[cfg(not(unix))]
impl Source {
    fn new() -> Self {
        let (sender, arriving) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            use std::io::Read;
            let mut input = io::stdin().lock();
            loop {
                let mut chunk = Zeroizing::new(vec![0; 2048]);
                let read = input.read(&mut chunk).map(|length| {
                    chunk.truncate(length);
                    chunk
                });
                let last = !matches!(&read, Ok(chunk) if !chunk.is_empty());
                if sender.send(read).is_err() || last {
                    return;
                }
            }
        });
        Source { arriving, left: Zeroizing::new(Vec::new()) }
    }

    fn read(&mut self, chunk: &mut [u8], deadline: Deadline) -> Result<usize, Failure> {
        if self.left.is_empty() {
            let read = self.arriving.recv_timeout(deadline.remaining()).map_err(|_| still_open())?;
            self.left = read.map_err(broken)?;
        }
        let length = self.left.len().min(chunk.len());
        chunk[..length].copy_from_slice(&self.left[..length]);
        self.left = Zeroizing::new(self.left[length..].to_vec());
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_everything() {
        let mut kept = Zeroizing::new(b"secret".to_vec());
        grow(&mut kept);
        assert_eq!((kept.len(), &kept[..6]), (LIMIT + 1, &b"secret"[..]));
    }
}
