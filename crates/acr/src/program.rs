use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use azure_identity::Executor;
use protocol::Deadline;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

/// More than az or azd have to say.
const LARGEST: u64 = 1 << 20;

/// Runs az and azd for `azure_identity`, which starts them in a shell: with nobody to ask, until the
/// time limit. It keeps what came of it, and does not pass on what a program says of its failure.
#[derive(Debug)]
pub(crate) struct Runner {
    deadline: Deadline,
    heard: Mutex<Option<Heard>>,
}

/// What came of a program.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Nothing: it cannot be started.
    NotStarted,
    /// Nothing: it did not end in time, and has been killed.
    Late,
    /// Its exit code, and what it said on standard error; may hold a secret.
    Ended { code: Option<i32>, stderr: Zeroizing<Vec<u8>> },
}

impl Runner {
    pub(crate) fn new(deadline: Deadline) -> Arc<Self> {
        Arc::new(Runner { deadline, heard: Mutex::new(None) })
    }

    pub(crate) fn heard(&self) -> Option<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn hear(&self, heard: Heard) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }
}

#[async_trait::async_trait]
impl Executor for Runner {
    async fn run(&self, program: &OsStr, arguments: &[&OsStr]) -> std::io::Result<Output> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().inspect_err(|_| self.hear(Heard::NotStarted))?;
        match tokio::time::timeout(self.deadline.remaining(), said(&mut child)).await {
            Ok(said) => {
                let (output, stderr) = said.inspect_err(|_| self.hear(Heard::NotStarted))?;
                self.hear(Heard::Ended { code: output.status.code(), stderr });
                Ok(output)
            }
            Err(_) => {
                kill(&child);
                self.hear(Heard::Late);
                Err(Error::from(ErrorKind::TimedOut))
            }
        }
    }
}

async fn said(child: &mut Child) -> std::io::Result<(Output, Zeroizing<Vec<u8>>)> {
    let (mut stdout, mut stderr) = (Vec::new(), Zeroizing::default());
    if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
        // Together: a program that fills the one while only the other is read would never end.
        tokio::try_join!(read(out, &mut stdout), read(err, &mut stderr))?;
    }
    Ok((Output { status: child.wait().await?, stdout, stderr: Vec::new() }, stderr))
}

async fn read(from: impl tokio::io::AsyncRead + Unpin, into: &mut Vec<u8>) -> std::io::Result<()> {
    from.take(LARGEST).read_to_end(into).await.map(drop)
}

/// The shell's program too: killed alone, the shell leaves it behind.
#[cfg(unix)]
fn kill(child: &Child) {
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Dropping it kills the shell.
#[cfg(not(unix))]
fn kill(_: &Child) {}
