use std::io;

use zeroize::Zeroizing;

use crate::{Deadline, Failure};

/// The most that a helper reads: identity tokens are the largest payloads and stay under 70 KiB.
/// The reference stops at 64 KiB a line.
pub(crate) const LIMIT: usize = 512 * 1024;

/// Reads standard input to its end, because a client that cannot write everything reports a broken
/// pipe instead of our answer, and keeps at most [`LIMIT`] bytes of it.
///
/// # Errors
/// More than the limit, text that is not UTF-8, or an input still open when the deadline passes.
pub(crate) fn read(deadline: Deadline) -> Result<Zeroizing<String>, Failure> {
    let mut kept = Zeroizing::new(Vec::with_capacity(4096));
    let mut total = 0;
    // One buffer of the size of a pipe's page: nearly every request fits in one read.
    let mut chunk = Zeroizing::new([0; 4096]);
    let mut source = Source::new();
    loop {
        let length = source.read(chunk.as_mut(), deadline)?;
        if length == 0 {
            break;
        }
        total += length;
        if total <= LIMIT {
            keep(&mut kept, &chunk[..length]);
        }
    }
    if total > LIMIT {
        return Err(Failure::explain(format!("the request on standard input is larger than {} KiB", LIMIT / 1024)));
    }
    match std::str::from_utf8(&kept) {
        Ok(text) => Ok(Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned())),
        Err(_) => Err(Failure::explain("the request on standard input is not UTF-8 text")),
    }
}

/// Appends without leaving an unwiped copy behind, as a growing vector would.
fn keep(kept: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    if kept.capacity() - kept.len() < more.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity(LIMIT));
        larger.extend_from_slice(kept);
        *kept = larger;
    }
    kept.extend_from_slice(more);
}

fn still_open() -> Failure {
    Failure::with_hint("no request arrived on standard input", "the caller writes a server address and closes it")
}

fn broken(error: io::Error) -> Failure {
    Failure::explain(format!("standard input cannot be read: {error}"))
}

#[cfg(unix)]
struct Source(io::Stdin);

#[cfg(unix)]
impl Source {
    fn new() -> Self {
        Source(io::stdin())
    }

    fn read(&mut self, chunk: &mut [u8], deadline: Deadline) -> Result<usize, Failure> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        loop {
            let left = deadline.remaining();
            let limit = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit)) {
                Ok(0) => return Err(still_open()),
                // Also for an input that was closed or is broken: the read tells.
                Ok(_) => match rustix::io::read(&self.0, &mut *chunk) {
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

/// A thread reads, because no call of the standard library waits for input with a time limit.
#[cfg(not(unix))]
struct Source {
    arriving: std::sync::mpsc::Receiver<io::Result<Zeroizing<Vec<u8>>>>,
}

#[cfg(not(unix))]
impl Source {
    fn new() -> Self {
        let (sender, arriving) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            use std::io::Read;
            let mut input = io::stdin().lock();
            loop {
                let mut chunk = Zeroizing::new(vec![0; 4096]);
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
        Source { arriving }
    }

    fn read(&mut self, chunk: &mut [u8], deadline: Deadline) -> Result<usize, Failure> {
        let read = self.arriving.recv_timeout(deadline.remaining()).map_err(|_| still_open())?.map_err(broken)?;
        chunk[..read.len()].copy_from_slice(&read);
        Ok(read.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeping_grows_once_and_keeps_everything() {
        let mut kept = Zeroizing::new(Vec::with_capacity(4));
        for nth in 0..100u8 {
            keep(&mut kept, &[nth; 1000]);
        }
        assert_eq!(kept.len(), 100_000);
        assert_eq!(kept.capacity(), LIMIT);
        assert!(kept.chunks(1000).zip(0..100u8).all(|(chunk, nth)| chunk == [nth; 1000]));
    }
}
