use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use broker::{MintError, Minted};
use program::{Output, RunError, SystemError};
use protocol::{Deadline, Secret};
use settings::{Environment, Setup};
use tokio::process::Command;

use crate::github::GitHub;
use crate::token::{USERNAME, reject_fine_grained};
use crate::{error, hosts};

/// How long gh may take; it waits for a keychain for 3 seconds itself.
const TIMEOUT: Duration = Duration::from_secs(8);
/// gh does not know when its tokens expire, and starting it takes as long as fifty cached responses. A sign-in
/// or sign-out changes gh's file, and with it the name of the cached token.
const TTL: Duration = Duration::from_secs(3600);

/// The token that gh keeps in the keychain, by the command that is meant for this:
/// [`pkg/auth`](https://github.com/cli/go-gh/blob/trunk/pkg/auth/auth.go).
///
/// The keychain has a token for each user, and again that of the user who became active last, which may have been
/// in another folder of gh's. So the user who is active in this one is requested.
pub(crate) fn token(github: &GitHub, setup: &Setup, deadline: Deadline) -> Result<Minted, MintError> {
    let account = hosts::path(setup).map(|path| hosts::account(&path, github)).transpose()?.flatten();
    let user = account.and_then(|account| account.user);
    // The user in its file is signed in; without one there may be no identity.
    let no_identity = || error::no_identity(github);
    let Some(gh) = program_of(&setup.environment) else {
        return Err(user.map_or_else(no_identity, |user| error::gh_not_installed(github, &user)));
    };
    let deadline = deadline.within(TIMEOUT);
    let mut output = match run(&gh, github, user.as_deref(), deadline) {
        Err(RunError::NotStarted(error)) if user.is_none() => {
            log::info!("{} cannot be run: {error}", gh.display());
            return Err(no_identity());
        }
        output => output.map_err(|error| run_error(&gh, github, error))?,
    };
    // Releases before 2.40 know one user.
    if user.is_some() && !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("unknown flag") {
        output = run(&gh, github, None, deadline).map_err(|error| run_error(&gh, github, error))?;
    }
    let token = std::str::from_utf8(&output.stdout).unwrap_or_default().trim();
    if !output.status.success() || token.is_empty() {
        log::info!("{} has no token for {github}: {}", gh.display(), output.status);
        let system_error = SystemError::of(output.status.code(), &String::from_utf8_lossy(&output.stderr));
        return Err(match (user, system_error) {
            (None, _) => no_identity(),
            (_, Some(error)) => error::gh_failed(github, error),
            (Some(user), None) => error::gh_has_no_token(github, &user),
        });
    }
    reject_fine_grained(token, "of gh")?;
    log::debug!("the token comes from {}", gh.display());
    let username = user.unwrap_or_else(|| USERNAME.into());
    Ok(Minted::new(username, Secret::new(token.to_owned()), SystemTime::now() + TTL))
}

fn run(gh: &Path, github: &GitHub, user: Option<&str>, deadline: Deadline) -> Result<Output, RunError> {
    let mut command = Command::new(gh);
    // Not those of the environment, which were looked at already.
    command.args(["auth", "token", "--secure-storage", "--hostname", &github.host]);
    command.args(user.map(|user| format!("--user={user}")));
    command.env("GH_PROMPT_DISABLED", "1").env("GH_NO_UPDATE_NOTIFIER", "1");
    let output = web::run(program::run(&mut command, deadline));
    output.unwrap_or_else(|error| Err(RunError::NotStarted(std::io::Error::other(error.what))))
}

fn run_error(gh: &Path, github: &GitHub, error: RunError) -> MintError {
    match error {
        RunError::TimedOut => error::gh_timed_out(gh),
        RunError::NotStarted(error) => error::gh_failed(github, SystemError::of_start_error(&error)),
    }
}

/// The name of the gh program, if it is installed; found without starting anything.
fn program_of(environment: &Environment) -> Option<PathBuf> {
    let name = if cfg!(windows) { "gh.exe" } else { "gh" };
    environment.path("GH_PATH").or_else(|| environment.program(name))
}
