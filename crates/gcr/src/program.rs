use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

/// More than any program of ours has to say.
const LARGEST: u64 = 1 << 20;

/// What a program said before it ended; may hold a secret.
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Zeroizing<Vec<u8>>,
    pub(crate) stderr: Zeroizing<Vec<u8>>,
}

/// Why a program has said nothing.
pub(crate) enum Silence {
    /// There is no such program, or it cannot be started.
    NotStarted(std::io::Error),
    /// It has not ended in time, and has been killed.
    Late,
}

/// Runs a program that has nobody to ask: its standard input is empty.
pub(crate) async fn run(command: &mut Command, limit: Duration) -> Result<Said, Silence> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Silence::NotStarted)?;
    match tokio::time::timeout(limit, said(child)).await {
        Ok(said) => said.map_err(Silence::NotStarted),
        Err(_) => Err(Silence::Late),
    }
}

async fn said(mut child: Child) -> std::io::Result<Said> {
    let (mut stdout, mut stderr) = (Zeroizing::default(), Zeroizing::default());
    if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
        // Together: a program that fills the one while only the other is read would never end.
        tokio::try_join!(read(out, &mut stdout), read(err, &mut stderr))?;
    }
    Ok(Said { status: child.wait().await?, stdout, stderr })
}

async fn read(from: impl tokio::io::AsyncRead + Unpin, into: &mut Vec<u8>) -> std::io::Result<()> {
    from.take(LARGEST).read_to_end(into).await.map(drop)
}
