//! What users read.

use std::io;
use std::path::Path;

use broker::MintError;
use protocol::Explained;

use crate::app::App;
use crate::github::{GitHub, Kind};

pub(crate) fn failed(what: impl Into<String>, hint: impl Into<String>) -> MintError {
    MintError::Failed(Explained { what: what.into(), hint: Some(hint.into()) })
}

pub(crate) fn nobody(github: &GitHub) -> MintError {
    let variable = if github.kind == Kind::Server { "GH_ENTERPRISE_TOKEN" } else { "GH_TOKEN" };
    MintError::NotSignedIn(Explained {
        what: format!("nobody is signed in to {github} on this machine"),
        hint: Some(format!("run: gh auth login --hostname {github} --scopes read:packages, or set {variable}")),
    })
}

/// `place` says where the token is: `in GH_TOKEN`.
pub(crate) fn fine_grained(place: &str) -> MintError {
    failed(
        format!("the token {place} is a fine-grained personal access token, and GitHub Packages does not take those"),
        "use a classic one with the scope read:packages, or remove it to go on without",
    )
}

pub(crate) fn hosts_unreadable(path: &Path, error: &io::Error) -> MintError {
    failed(format!("{} cannot be read: {error}", path.display()), "check whose file it is")
}

pub(crate) fn hosts_broken(path: &Path, line: usize) -> MintError {
    failed(format!("{} is no YAML on line {line}", path.display()), "mend the file, or run: gh auth login")
}

pub(crate) fn gh_is_late(program: &Path) -> MintError {
    failed(format!("{} auth token does not answer", program.display()), "unlock the keychain, or set GH_TOKEN")
}

const DESCRIBE: &str =
    "set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY or _PATH, or app_id and private_key_file in credmint's settings";

pub(crate) fn no_app_id() -> MintError {
    failed("there is a private key of a GitHub App, and no id of the App", DESCRIBE)
}

pub(crate) fn no_private_key() -> MintError {
    failed("there is the id of a GitHub App, and no private key", DESCRIBE)
}

pub(crate) fn no_installation_id() -> MintError {
    failed(
        "the installation of the GitHub App is not named by a number",
        "check installation_id or GITHUB_APP_INSTALLATION_ID",
    )
}

pub(crate) fn no_account_name(account: &str) -> MintError {
    failed(format!("{account} is no name of a GitHub account"), "check account in credmint's settings")
}

pub(crate) fn key_unreadable(path: &Path, error: &io::Error) -> MintError {
    failed(
        format!("the GitHub App's private key in {} cannot be read: {error}", path.display()),
        "check private_key_file or GITHUB_APP_PRIVATE_KEY_PATH",
    )
}

/// `place` is a path or the name of a variable.
pub(crate) fn no_key(place: &str) -> MintError {
    failed(
        format!("what is in {place} is no RSA private key in PEM form"),
        "generate one in the App's settings on GitHub, and use its file as it is",
    )
}

pub(crate) fn no_signature() -> MintError {
    MintError::Failed(Explained { what: "this machine gives no random numbers to sign with".into(), hint: None })
}

/// The App as users know it.
pub(crate) fn named(app: &App) -> String {
    format!("the GitHub App {}", app.id)
}

/// Completed by the reason.
pub(crate) fn unreachable(app: &App) -> String {
    format!("{} gets no token: {} cannot be reached", named(app), app.github)
}

pub(crate) fn nonsense(app: &App) -> MintError {
    let what = format!("{} gets no token: {} answered without a usable one", named(app), app.github);
    MintError::Failed(Explained { what, hint: None })
}

pub(crate) fn ended(app: &App) -> MintError {
    failed(format!("the token of {} has already ended", named(app)), "check this machine's clock")
}

pub(crate) fn not_installed_for(app: &App, account: &str) -> MintError {
    let hint = format!("install it for {account}, or check account in credmint's settings");
    failed(format!("{} is not installed for {account}", named(app)), hint)
}

pub(crate) fn nowhere_installed(app: &App) -> MintError {
    failed(format!("{} is not installed for anybody", named(app)), "install it for the owner of the packages")
}

pub(crate) fn suspended(app: &App) -> MintError {
    failed(
        format!("the installation of {} is suspended", named(app)),
        "its owner can unsuspend it under Settings, GitHub Apps",
    )
}

pub(crate) fn several_installations(app: &App, accounts: &[&str], and_more: bool) -> MintError {
    let more = if and_more { " and more" } else { "" };
    failed(
        format!("{} is installed for several accounts: {}{more}", named(app), accounts.join(", ")),
        "name one: account in a [[registry]] table of credmint's settings, or GITHUB_APP_INSTALLATION_ID",
    )
}
