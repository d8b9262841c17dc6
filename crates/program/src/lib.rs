//! Runs the programs that hold an identity (az, azd, gcloud, gh): without a terminal, and with a timeout.
//!
//! ```text
//! run ─▶ Output { status, stdout, stderr }  ── status not 0 ─▶ SystemError::of: disk, network, … ─▶ ErrorMessage
//!     └▶ RunError: not started, timed out
//! ```
//!
//! The programs stay in the process group of `credmint-mint`, which is killed as a whole after the response,
//! or when the helper has gone. Most of them are scripts that start another program; this ends that one too.
//!
//! ```
//! # #[cfg(unix)] {
//! use std::time::Duration;
//! use program::SystemError;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let mut az = tokio::process::Command::new("/bin/sh");
//! az.args(["-c", "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1"]);
//! let output = program::run(&mut az, protocol::Deadline::after(Duration::from_secs(20))).await.unwrap();
//! let error = SystemError::of(output.status.code(), &String::from_utf8_lossy(&output.stderr));
//! assert_eq!(error, Some(SystemError::DiskFull));
//! # });
//! # }
//! ```

mod system_error;

use std::process::{ExitStatus, Stdio};

use protocol::Deadline;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub use system_error::{Program, SystemError};

/// Bytes; more than any of them prints.
const LARGEST: u64 = 1 << 20;

/// The output of a program that has ended. Standard error may contain a secret too.
pub struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Zeroizing<Vec<u8>>,
    /// Its standard error.
    pub stderr: Zeroizing<Vec<u8>>,
}

/// The error of a run without output.
#[derive(Debug)]
pub enum RunError {
    /// The program does not exist or cannot be started.
    NotStarted(std::io::Error),
    /// It was still running at the deadline, and was killed.
    TimedOut,
}

/// Runs a program with an empty standard input.
///
/// # Errors
/// See [`RunError`].
pub async fn run(command: &mut Command, deadline: Deadline) -> Result<Output, RunError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(RunError::NotStarted)?;
    match tokio::time::timeout(deadline.remaining(), output_of(&mut child)).await {
        Ok(output) => output.map_err(RunError::NotStarted),
        Err(_) => {
            let _ = child.start_kill();
            Err(RunError::TimedOut)
        }
    }
}

/// Runs a program with this standard input.
///
/// # Errors
/// As for [`run`].
pub async fn run_with_input(command: &mut Command, input: &[u8], deadline: Deadline) -> Result<Output, RunError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(RunError::NotStarted)?;
    let stdin = child.stdin.take();
    let given = async {
        if let Some(mut stdin) = stdin {
            // A program may close its input without reading it, and still print a result.
            let _ = stdin.write_all(input).await;
        }
    };
    let both = async { tokio::join!(given, output_of(&mut child)).1 };
    match tokio::time::timeout(deadline.remaining(), both).await {
        Ok(output) => output.map_err(RunError::NotStarted),
        Err(_) => {
            let _ = child.start_kill();
            Err(RunError::TimedOut)
        }
    }
}

/// A started program, whose output is read later. Dropping it kills it.
pub struct Started(JoinHandle<Result<Output, RunError>>);

/// Starts a program with an empty standard input, which runs while the caller does something else. Requires a
/// runtime.
pub fn start(mut command: Command, deadline: Deadline) -> Started {
    Started(tokio::spawn(async move { run(&mut command, deadline).await }))
}

impl Started {
    /// Waits for it to end, and reads all of its output.
    ///
    /// # Errors
    /// As for [`run`].
    pub async fn output(mut self) -> Result<Output, RunError> {
        let gone = |error| Err(RunError::NotStarted(std::io::Error::other(error)));
        (&mut self.0).await.unwrap_or_else(gone)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn output_of(child: &mut Child) -> std::io::Result<Output> {
    let (mut stdout, mut stderr) = (Zeroizing::default(), Zeroizing::default());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    tokio::try_join!(all(out, &mut stdout), all(err, &mut stderr))?;
    Ok(Output { status: child.wait().await?, stdout, stderr })
}

async fn all(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    from.take(LARGEST).read_to_end(into).await.map(drop)
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Output, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(Command::new("/bin/sh").args(["-c", script]), Deadline::after(limit)))
    }

    #[test]
    fn large_output_on_both_streams_is_read() {
        let script = "cat; head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; exit 3";
        let output = shell(script, Duration::from_secs(20)).unwrap();
        assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(3), 300_000, 300_000));
    }

    #[test]
    fn a_program_that_hangs_is_killed() {
        let id = std::process::id().to_string();
        let mut sleep = Command::new("sleep");
        sleep.arg("300").env("CREDMINT_TEST_OF_PROGRAM", &id);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let output = runtime.block_on(run(&mut sleep, Deadline::after(Duration::from_millis(500))));
        assert!(matches!(output, Err(RunError::TimedOut)));
        let mark = format!("CREDMINT_TEST_OF_PROGRAM={id}");
        testing::wait_until("its end", || testing::descendants_of(&mark).is_empty());
    }

    #[test]
    fn a_started_program_runs_by_itself_and_is_killed_when_dropped() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let limit = || Deadline::after(testing::HANG);
        let mark = format!("CREDMINT_TEST_OF_START={}", std::process::id());
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (file, name) = (folder.path().join("ran"), folder.path().join("ran").to_str().unwrap().to_owned());
            let mut echo = Command::new("/bin/sh");
            echo.args(["-c", &format!("echo > {name}; echo said")]);
            let started = start(echo, limit());
            while !file.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert_eq!(*started.output().await.unwrap().stdout, b"said\n");
            let mut sleep = Command::new("sleep");
            sleep.arg("300").env("CREDMINT_TEST_OF_START", std::process::id().to_string());
            let started = start(sleep, limit());
            while testing::descendants_of(&mark).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            drop(started);
            while !testing::descendants_of(&mark).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let gone = start(Command::new("/no/such"), limit()).output().await;
            assert!(matches!(gone, Err(RunError::NotStarted(_))));
        });
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let output = runtime.block_on(run(&mut Command::new("/no/such"), Deadline::after(Duration::from_secs(1))));
        assert!(matches!(output, Err(RunError::NotStarted(_))));
    }
}
