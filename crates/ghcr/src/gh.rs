use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use broker::{MintError, Minted};
use program::{Said, Silence};
use protocol::{Deadline, Secret};
use settings::{Environment, Setup};
use tokio::process::Command;

use crate::github::GitHub;
use crate::token::{ANYBODY, refuse_fine_grained};
use crate::{failure, hosts};

/// How long gh may take; it waits for a keychain for 3 seconds itself.
const LIMIT: Duration = Duration::from_secs(8);
/// gh does not tell when its tokens end, and starting it takes as long as fifty cached answers. When
/// somebody signs in or out, gh's file changes, and with it the name under which the token is kept.
const KEPT: Duration = Duration::from_secs(3600);

/// The token that gh keeps in the keychain, by the command that is meant for this:
/// [`pkg/auth`](https://github.com/cli/go-gh/blob/trunk/pkg/auth/auth.go).
pub(crate) fn token(github: &GitHub, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    let Some(gh) = program_of(&setup.environment) else { return Err(failure::nobody(github)) };
    let deadline = deadline.within(LIMIT);
    let mut command = Command::new(&gh);
    // Not those of the environment, which were looked at already.
    command.args(["auth", "token", "--secure-storage", "--hostname", &github.host]);
    command.env("GH_PROMPT_DISABLED", "1").env("GH_NO_UPDATE_NOTIFIER", "1");
    let Said { status, stdout, .. } = match web::run(program::run(&mut command, deadline)).map_err(MintError::Failed)? {
        Ok(said) => said,
        Err(Silence::Late) => return Err(failure::gh_is_late(&gh)),
        Err(Silence::NotStarted(error)) => {
            log::info!("{} cannot be run: {error}", gh.display());
            return Err(failure::nobody(github));
        }
    };
    let token = std::str::from_utf8(&stdout).unwrap_or_default().trim();
    if !status.success() || token.is_empty() {
        log::info!("{} has no token for {github}: {status}", gh.display());
        return Err(failure::nobody(github));
    }
    refuse_fine_grained(token, "of gh")?;
    log::debug!("the token comes from {}", gh.display());
    let account = hosts::path(setup).and_then(|path| hosts::account(&path, github).ok()?);
    let username = account.and_then(|account| account.user).unwrap_or_else(|| ANYBODY.into());
    Ok(Minted { username, secret: Secret::new(token.to_owned()), expires: SystemTime::now() + KEPT })
}

/// What gh is called, if it is there: nothing is started to find out.
fn program_of(environment: &Environment) -> Option<PathBuf> {
    let name = if cfg!(windows) { "gh.exe" } else { "gh" };
    environment.path("GH_PATH").or_else(|| environment.program(name))
}
