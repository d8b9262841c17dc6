use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use broker::{MintError, Minted};
use protocol::{Deadline, Secret};
use settings::{Environment, Setup};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::github::GitHub;
use crate::token::{ANYBODY, refuse_fine_grained};
use crate::{failure, hosts};

/// How long gh may take; it waits for a keychain for 3 seconds itself.
const LIMIT: Duration = Duration::from_secs(8);
/// gh does not tell when its tokens end, and starting it takes as long as fifty cached answers. When
/// somebody signs in or out, gh's file changes, and with it the name under which the token is kept.
const KEPT: Duration = Duration::from_secs(3600);
/// No token is near this.
const LARGEST: u64 = 64 * 1024;

/// The token that gh keeps in the keychain, by the command that is meant for this:
/// [`pkg/auth`](https://github.com/cli/go-gh/blob/trunk/pkg/auth/auth.go).
pub(crate) fn token(github: &GitHub, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    let Some(program) = program(&setup.environment) else { return Err(failure::nobody(github)) };
    let deadline = deadline.within(LIMIT);
    let mut command = Command::new(&program);
    // Not those of the environment, which were looked at already.
    command.args(["auth", "token", "--secure-storage", "--hostname", &github.host]);
    command.env("GH_PROMPT_DISABLED", "1").env("GH_NO_UPDATE_NOTIFIER", "1");
    let said = web::run(say(command, deadline)).map_err(MintError::Failed)?;
    let (status, token) = match said {
        Ok(Some(said)) => said,
        Ok(None) => return Err(failure::gh_is_late(&program)),
        Err(error) => {
            log::info!("{} cannot be run: {error}", program.display());
            return Err(failure::nobody(github));
        }
    };
    let token = token.trim();
    if !status.success() || token.is_empty() {
        log::info!("{} has no token for {github}: {status}", program.display());
        return Err(failure::nobody(github));
    }
    refuse_fine_grained(token, "of gh")?;
    log::debug!("the token comes from {}", program.display());
    let account = hosts::path(setup).and_then(|path| hosts::account(&path, github).ok()?);
    let username = account.and_then(|account| account.user).unwrap_or_else(|| ANYBODY.into());
    Ok(Minted { username, secret: Secret::new(token.to_owned()), expires: SystemTime::now() + KEPT })
}

/// What gh is called, if it is there: nothing is started to find out.
fn program(environment: &Environment) -> Option<PathBuf> {
    let name = if cfg!(windows) { "gh.exe" } else { "gh" };
    environment.path("GH_PATH").or_else(|| environment.program(name))
}

/// Runs a program that nobody can type into, and gives what it says on standard output; `None` when
/// the time is over, and then it has ended along with all that it has started.
async fn say(mut command: Command, deadline: Deadline) -> std::io::Result<Option<(ExitStatus, Zeroizing<String>)>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    let mut said = Zeroizing::new(String::new());
    let stdout = child.stdout.take();
    let heard = tokio::time::timeout(deadline.remaining(), async {
        if let Some(stdout) = stdout {
            stdout.take(LARGEST).read_to_string(&mut said).await?;
        }
        child.wait().await
    });
    match heard.await {
        Ok(status) => Ok(Some((status?, said))),
        Err(_) => {
            end(&mut child);
            Ok(None)
        }
    }
}

#[cfg(unix)]
fn end(child: &mut tokio::process::Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end(child: &mut tokio::process::Child) {
    let _ = child.start_kill();
}
