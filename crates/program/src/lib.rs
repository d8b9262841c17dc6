//! Other people's programs that know an identity (az, azd, gcloud, gh): run with nobody to ask, to a
//! time limit, and ended together with all that they have started.

use std::process::{ExitStatus, Stdio};

use protocol::Deadline;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

/// More than any of them has to say.
const LARGEST: u64 = 1 << 20;

/// What a program said before it ended. It may hold a secret, on standard error too.
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Zeroizing<Vec<u8>>,
    /// Its standard error.
    pub stderr: Zeroizing<Vec<u8>>,
}

/// Why a program has said nothing.
#[derive(Debug)]
pub enum Silence {
    /// There is no such program, or it cannot be started.
    NotStarted(std::io::Error),
    /// It has not ended in time, and has been killed.
    Late,
}

/// Runs a program with an empty standard input, in a group of its own: most of them are a script
/// that starts another program, which would outlive it.
///
/// # Errors
/// It could not be started, or has not ended in time.
pub async fn run(command: &mut Command, deadline: Deadline) -> Result<Said, Silence> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(Silence::NotStarted)?;
    match tokio::time::timeout(deadline.remaining(), said(&mut child)).await {
        Ok(said) => said.map_err(Silence::NotStarted),
        Err(_) => {
            end(&mut child);
            Err(Silence::Late)
        }
    }
}

async fn said(child: &mut Child) -> std::io::Result<Said> {
    let (mut stdout, mut stderr) = (Zeroizing::default(), Zeroizing::default());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    tokio::try_join!(all(out, &mut stdout), all(err, &mut stderr))?;
    Ok(Said { status: child.wait().await?, stdout, stderr })
}

async fn all(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) -> std::io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    from.take(LARGEST).read_to_end(into).await.map(drop)
}

#[cfg(unix)]
fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end(child: &mut Child) {
    let _ = child.start_kill();
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Said, Silence> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(Command::new("/bin/sh").args(["-c", script]), Deadline::after(limit)))
    }

    #[test]
    fn both_of_its_outputs_are_heard_however_much_it_says() {
        let script = "cat; head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero; exit 3";
        let said = shell(script, Duration::from_secs(20)).unwrap();
        assert_eq!((said.status.code(), said.stdout.len(), said.stderr.len()), (Some(3), 300_000, 300_000));
    }

    #[test]
    fn one_that_hangs_is_ended_with_what_it_started() {
        let folder = std::env::temp_dir().join(format!("credmint-program-{}", std::process::id()));
        let started = Instant::now();
        let script = format!("(sleep 1; touch {}) & sleep 60", folder.display());
        assert!(matches!(shell(&script, Duration::from_millis(200)), Err(Silence::Late)));
        assert!(started.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(1_300));
        assert!(!folder.exists(), "what it started lives on");
    }

    #[test]
    fn one_that_is_not_there_is_told() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let said = runtime.block_on(run(&mut Command::new("/no/such"), Deadline::after(Duration::from_secs(1))));
        assert!(matches!(said, Err(Silence::NotStarted(_))));
    }
}
