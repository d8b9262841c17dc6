use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError};

use azure_identity::Executor;
use program::{Said, Silence};
use protocol::Deadline;
use tokio::process::Command;
use zeroize::Zeroizing;

/// Runs az and azd for `azure_identity`, which starts them in a shell. It keeps what came of it, and
/// does not pass on what a program says of its failure.
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
        command.args(arguments);
        // A relative entry of PATH leads to whatever lies in the folder of a stranger's project; not from here.
        #[cfg(unix)]
        command.current_dir("/");
        match program::run(&mut command, self.deadline).await {
            Ok(Said { status, mut stdout, stderr }) => {
                self.hear(Heard::Ended { code: status.code(), stderr });
                Ok(Output { status, stdout: std::mem::take(&mut *stdout), stderr: Vec::new() })
            }
            Err(Silence::NotStarted(error)) => {
                self.hear(Heard::NotStarted);
                Err(error)
            }
            Err(Silence::Late) => {
                self.hear(Heard::Late);
                Err(Error::from(ErrorKind::TimedOut))
            }
        }
    }
}
