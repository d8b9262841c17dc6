use std::io;
use std::path::Path;

use broker::MintError;
use program::{Program, SystemError};
use protocol::ErrorMessage;

use crate::app::App;
use crate::github::{GitHub, Kind};
use crate::principal;

pub(crate) fn no_identity(github: &GitHub) -> MintError {
    let variable = if github.kind == Kind::Server { "GH_ENTERPRISE_TOKEN" } else { "GH_TOKEN" };
    MintError::no_identity(
        format!("no GitHub credentials found for {github}"),
        format!("run `{}`, or set {variable}", principal::gh_login(github)),
    )
}

/// `source` is the place of the token: `in GH_TOKEN`.
pub(crate) fn fine_grained(source: &str) -> MintError {
    MintError::failed(
        format!("the token {source} is a fine-grained personal access token, which GitHub Packages does not support"),
        "use a classic one with the scope read:packages, or remove it to go on without",
    )
}

pub(crate) fn hosts_unreadable(path: &Path, error: &io::Error) -> MintError {
    MintError::failed(format!("cannot read {}: {error}", path.display()), "check its owner and permissions")
}

pub(crate) fn hosts_malformed(path: &Path, line: usize) -> MintError {
    let what = format!("{} line {line}: invalid YAML", path.display());
    MintError::failed(what, "correct the file, or run `gh auth login`")
}

pub(crate) fn gh_timed_out(gh: &Path) -> MintError {
    MintError::failed(format!("`{} auth token` timed out", gh.display()), "unlock the keychain, or set GH_TOKEN")
}

/// `account` is that of gh's file.
pub(crate) fn gh_not_installed(github: &GitHub, account: &str) -> MintError {
    let remedy = "install gh or add its folder to PATH, or set GH_TOKEN";
    principal::gh(github, account).no_token_but("gh is not on PATH", remedy)
}

pub(crate) fn gh_has_no_token(github: &GitHub, account: &str) -> MintError {
    let remedy = format!("unlock the keychain, or run `{}`", principal::gh_login(github));
    principal::gh(github, account).no_token_but("gh found no token in its keychain", remedy)
}

pub(crate) fn gh_failed(github: &GitHub, error: SystemError) -> MintError {
    let gh = Program { name: "gh", folder: "~/.config/gh, or GH_CONFIG_DIR", trust: "set SSL_CERT_FILE" };
    let ErrorMessage { what, hint } = error.explain(gh);
    MintError::Failed(ErrorMessage { what: format!("no token from gh for {github}: {what}"), hint })
}

/// `access` and `repositories` with an identity whose tokens GitHub does not narrow.
pub(crate) fn only_apps_narrow() -> MintError {
    MintError::failed(
        "access and repositories in the [[registry]] table need a GitHub App: other tokens keep their scopes",
        "set app_id and private_key_file, or create a token with the scope read:packages only",
    )
}

pub(crate) fn bad_repositories() -> MintError {
    MintError::failed(
        "repositories for a GitHub App are names without their owner",
        "write \"app\" for OWNER/app, and account for the owner",
    )
}

/// A token of an App that opens public images alone.
pub(crate) fn no_permission(app: &App) -> MintError {
    principal::app(app).no_token_but(
        "it has no permission for packages",
        "grant it Repository permissions, Packages: Read-only in its settings on GitHub, and accept that in its installations",
    )
}

const DESCRIBE_APP: &str =
    "set GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY or _PATH, or app_id and private_key_file in credmint's settings";

pub(crate) fn no_app_id() -> MintError {
    MintError::failed("the private key of a GitHub App is set but its App ID is not", DESCRIBE_APP)
}

pub(crate) fn no_private_key() -> MintError {
    MintError::failed("the ID of a GitHub App is set but its private key is not", DESCRIBE_APP)
}

pub(crate) fn bad_installation_id() -> MintError {
    MintError::failed(
        "the installation ID of the GitHub App is not a number",
        "check installation_id or GITHUB_APP_INSTALLATION_ID",
    )
}

pub(crate) fn bad_account(account: &str) -> MintError {
    MintError::failed(format!("{account} is not a name of a GitHub account"), "check account in credmint's settings")
}

pub(crate) fn key_unreadable(path: &Path, error: &io::Error) -> MintError {
    MintError::failed(
        format!("cannot read the private key of the GitHub App in {}: {error}", path.display()),
        "check private_key_file or GITHUB_APP_PRIVATE_KEY_PATH",
    )
}

/// `source` is a path or the name of a variable.
pub(crate) fn bad_key(source: &str) -> MintError {
    MintError::failed(
        format!("{source} is not an RSA private key in PEM format"),
        "generate one in the App's settings on GitHub, and use its file unchanged",
    )
}

pub(crate) fn no_randomness() -> MintError {
    ErrorMessage { what: "this system has no random numbers to sign with".into(), hint: None }.into()
}

pub(crate) fn not_installed_for(app: &App, account: &str) -> MintError {
    let remedy = format!("install it for {account}, or check account in credmint's settings");
    principal::app(app).no_token_but(format!("it is not installed for {account}"), remedy)
}

pub(crate) fn not_installed(app: &App) -> MintError {
    principal::app(app).no_token_but("it is not installed for any account", "install it for the owner of the packages")
}

pub(crate) fn suspended(app: &App) -> MintError {
    let remedy = "unsuspend it as its owner, under Settings, GitHub Apps";
    principal::app(app).no_token_but("its installation is suspended", remedy)
}

pub(crate) fn several_installations(app: &App, accounts: &[&str], and_more: bool) -> MintError {
    let more = if and_more { " and more" } else { "" };
    principal::app(app).no_token_but(
        format!("it is installed for several accounts: {}{more}", accounts.join(", ")),
        "set account in a [[registry]] table of credmint's settings, or GITHUB_APP_INSTALLATION_ID",
    )
}
