//! Whose token it is.

use broker::Principal;

use crate::app::App;
use crate::github::GitHub;

pub(crate) fn app(app: &App) -> Principal {
    let remedy = "check the App and its installation in its settings on GitHub";
    Principal::new(format!("GitHub App {}", app.id), remedy)
}

/// An account of gh's.
pub(crate) fn gh(github: &GitHub, account: &str) -> Principal {
    Principal::user(format!("gh's account {account} of {github}"), format!("run `{}`", gh_login(github)))
}

/// The command that signs in to gh.
pub(crate) fn gh_login(github: &GitHub) -> String {
    format!("gh auth login --hostname {github} --scopes read:packages")
}
