use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use protocol::{Deadline, ErrorMessage, ServerUrl};
use settings::Environment;
use zeroize::Zeroizing;

use super::WORKER;
use crate::MintError;

/// How long past its deadline the worker may take to report the timeout itself.
const GRACE: Duration = Duration::from_millis(500);
/// Bytes; no token comes near. A longer response is malformed, and must not fill the memory.
const MAX_RESPONSE: usize = 1 << 20;

/// The remedy if the system starts no further process or thread.
pub(super) const PROCESS_LIMIT_HINT: &str =
    "raise the limit of processes: ulimit -u, or the pids limit of the container";

/// The remedy if the worker is of another version.
const REINSTALL: &str = "reinstall credmint: its programs must have the same version";

/// The worker process. Dropping it kills it and every program that it has started.
pub(super) struct Worker {
    child: Child,
    /// Stays open until the response has been read.
    input: Option<ChildStdin>,
    /// Its response is longer than [`MAX_RESPONSE`], and was not read to the end.
    is_too_long: bool,
}

impl Worker {
    /// Starts it in its own process group. Empty variables of the clouds are removed from its environment,
    /// and relative folders from its `PATH`, so that no program in the current folder is run.
    pub(super) fn start(program: &Path, environment: &Environment) -> Result<Self, MintError> {
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        for name in environment.empty_variables() {
            command.env_remove(name);
        }
        match environment.search_path() {
            Some(path) => command.env("PATH", path),
            None => command.env_remove("PATH"),
        };
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|error| {
            // Without its loader an existing program is not found either.
            if error.kind() == io::ErrorKind::NotFound && !program.exists() {
                return missing(program);
            }
            let hint = match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => PROCESS_LIMIT_HINT,
                _ => REINSTALL,
            };
            failed(format!("cannot mint a token: {} failed to start: {error}", program.display()), hint)
        })?;
        let input = child.stdin.take();
        Ok(Worker { child, input, is_too_long: false })
    }

    /// Sends the request and reads the whole response.
    pub(super) fn ask(
        &mut self,
        server: &ServerUrl,
        request: &[u8],
        deadline: Deadline,
    ) -> Result<Zeroizing<Vec<u8>>, MintError> {
        if let Some(input) = &mut self.input {
            // If it has died already, its response is empty.
            let _ = input.write_all(request);
        }
        let output = self.child.stdout.take().expect("its standard output is a pipe, and taken once");
        match read(output, Deadline::after(deadline.remaining() + GRACE)) {
            Ok(response) => {
                self.is_too_long = response.len() >= MAX_RESPONSE;
                Ok(response)
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(failed(
                format!("no token for {server}: timed out"),
                "check the network, or raise timeout in credmint's settings",
            )),
            Err(error) => Err(failed(
                format!("no token for {server}: cannot read the output of {WORKER}: {error}"),
                PROCESS_LIMIT_HINT,
            )),
        }
    }

    /// The error for a malformed response: the worker has crashed, or it is of another version.
    pub(super) fn malformed_response(&mut self, server: &ServerUrl) -> MintError {
        let ended = if self.is_too_long { None } else { self.ended() };
        match ended {
            Some(status) if !status.success() => failed(
                format!("no token for {server}: {WORKER} crashed ({status})"),
                "set CREDMINT_LOG=debug:$HOME/credmint.log, try again, and report the end of that file",
            ),
            _ => failed(format!("no token for {server}: malformed response from {WORKER}"), REINSTALL),
        }
    }

    /// Its exit status, if it ends by itself within [`GRACE`] of its response.
    fn ended(&mut self) -> Option<ExitStatus> {
        let limit = Deadline::after(GRACE);
        loop {
            match self.child.try_wait() {
                Ok(None) if !limit.passed() => std::thread::sleep(Duration::from_millis(5)),
                ended => return ended.ok().flatten(),
            }
        }
    }
}

impl Drop for Worker {
    /// It has responded, or must not continue.
    fn drop(&mut self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            // The group lives as long as one of its programs; the id stays reserved until the child is reaped.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn missing(program: &Path) -> MintError {
    let folder = program.parent().unwrap_or(program).display();
    failed(
        format!("cannot mint a token: {WORKER} not found, neither in {folder} nor on PATH"),
        &format!("reinstall credmint, or copy {WORKER} of the same version to {folder}"),
    )
}

fn failed(what: String, hint: &str) -> MintError {
    MintError::Failed(ErrorMessage { what, hint: Some(hint.to_owned()) })
}

/// Reads to the end, or to [`MAX_RESPONSE`].
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] if the end does not come in time.
#[cfg(unix)]
fn read(output: ChildStdout, limit: Deadline) -> io::Result<Zeroizing<Vec<u8>>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    // Large enough not to grow, which would leave a copy of the token behind.
    let mut response = Zeroizing::new(Vec::with_capacity(16 << 10));
    let mut chunk = Zeroizing::new([0; 4096]);
    while response.len() < MAX_RESPONSE {
        let left = limit.remaining();
        let left = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        match poll(&mut [PollFd::new(&output, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => match rustix::io::read(&output, chunk.as_mut_slice()) {
                Ok(0) => break,
                Ok(length) => response.extend_from_slice(&chunk[..length]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            },
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(response)
}

/// Reads on a thread, because the standard library cannot read with a timeout.
#[cfg(not(unix))]
fn read(output: ChildStdout, limit: Deadline) -> io::Result<Zeroizing<Vec<u8>>> {
    use std::sync::mpsc::{RecvTimeoutError, sync_channel};
    let (sender, response) = sync_channel(1);
    std::thread::Builder::new().spawn(move || {
        use std::io::Read;
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 << 10));
        let read = output.take(MAX_RESPONSE as u64).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| bytes));
    })?;
    match response.recv_timeout(limit.remaining()) {
        Ok(read) => read,
        Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
        Err(RecvTimeoutError::Disconnected) => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
