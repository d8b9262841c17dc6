use broker::{MintError, Principal};
use program::{Output, Program, RunError, Started, SystemError};
use protocol::Secret;
use serde_json::Value;
use tokio::process::Command;
use web::quote;

use crate::context::Context;
use crate::identity::{Found, Identity};
use crate::rejection::Rejection;
use crate::{az_config, cloud, error, principal};

const AZ: Program =
    Program { name: "az", folder: "~/.azure", trust: "set REQUESTS_CA_BUNDLE to the file with the CA certificate" };
const AZD: Program =
    Program { name: "azd", folder: "~/.azd", trust: "set SSL_CERT_FILE to the file with the CA certificate" };

/// The account of the Azure CLI, by the output of `started`, or of a new process. `is_only` is that the
/// settings allow no other credential.
pub(crate) async fn az(context: &Context<'_>, is_only: bool, started: Option<Started>) -> Result<Found, MintError> {
    if !az_may_have_account(context, is_only) {
        return Ok(Found::None);
    }
    let tenant = tenant(context);
    let principal = principal::azure_cli(&login(tenant.as_deref(), "", context));
    if let Err(error) = cloud::check_az(&principal, context) {
        return Ok(Found::Unusable(error));
    }
    let Some(started) = started.or_else(|| start_az(context, is_only)) else {
        return Ok(Found::Unusable(error::not_installed(&principal, AZ.name)));
    };
    let output = started.output().await;
    let stderr = output.as_ref().map(|output| String::from_utf8_lossy(&output.stderr)).unwrap_or_default();
    let principal = principal::azure_cli(&login(tenant.as_deref(), &stderr, context));
    drop(stderr);
    // Before az 2.54 there was no `expires_on`; the registry's token has its own expiry.
    let token = |answer: &Value| {
        let has_expiry = answer["expires_on"].is_u64() || answer["expiresOn"].is_string();
        answer["accessToken"].as_str().filter(|_| has_expiry).map(str::to_owned)
    };
    Ok(found(output, principal, tenant, AZ, token))
}

/// The command that signs in to az: the one that az prints, if a tenant requires a sign-in for one service.
fn login(tenant: Option<&str>, stderr: &str, context: &Context<'_>) -> String {
    let printed = stderr.lines().map(str::trim).find(|line| line.starts_with("az login ") && line.contains("--scope"));
    let mut words = printed.unwrap_or_default().split_whitespace().skip_while(|word| *word != "--tenant").skip(1);
    let tenant = tenant.or_else(|| words.next()).map(|tenant| tenant.trim_matches('"'));
    let mut login = "az login".to_owned();
    if let Some(tenant) = tenant {
        login.extend([" --tenant ", quote::name(tenant)]);
    }
    if printed.is_some() {
        login.extend([" --scope ", &context.scope()]);
    }
    login
}

/// Starts az, if it has an account that can be used: to start it takes a second.
pub(crate) fn start_az(context: &Context<'_>, is_only: bool) -> Option<Started> {
    if !az_may_have_account(context, is_only) || cloud::check_az(&principal::azure_cli(""), context).is_err() {
        return None;
    }
    let names: &[&str] = if cfg!(windows) { &["az.cmd", "az.exe"] } else { &["az"] };
    let mut command = command(context, names)?;
    command.args(["account", "get-access-token", "-o", "json", "--scope", &context.scope()]);
    if let Some(tenant) = tenant(context) {
        command.args(["--tenant", &tenant]);
    }
    command.env("AZURE_CORE_NO_COLOR", "true");
    // It does not run in the present folder, which a relative path leads from.
    if let Some(folder) = context.environment.path("AZURE_CONFIG_DIR").and_then(|path| std::path::absolute(path).ok()) {
        command.env("AZURE_CONFIG_DIR", folder);
    }
    Some(program::start(command, context.deadline))
}

/// The account of the Azure Developer CLI.
pub(crate) async fn azd(context: &Context<'_>, is_only: bool) -> Result<Found, MintError> {
    let session = az_config::azd_session(context.environment, context.places);
    if names_application(context) || (session.is_none() && !is_only) {
        return Ok(Found::None);
    }
    let names: &[&str] = if cfg!(windows) { &["azd.exe", "azd.cmd"] } else { &["azd"] };
    let Some(mut command) = command(context, names) else {
        let is_there = is_only || session == Some(true);
        let missing = || Found::Unusable(error::not_installed(&principal::developer_cli(), AZD.name));
        return Ok(if is_there { missing() } else { Found::None });
    };
    command.args(["auth", "token", "-o", "json", "--no-prompt", "--scope", &context.scope()]);
    let tenant = tenant(context);
    if let Some(tenant) = &tenant {
        command.args(["--tenant-id", tenant]);
    }
    if let Some(folder) = context.environment.path("AZD_CONFIG_DIR").and_then(|path| std::path::absolute(path).ok()) {
        command.env("AZD_CONFIG_DIR", folder);
    }
    let output = program::start(command, context.deadline).output().await;
    let token = |answer: &Value| answer["token"].as_str().map(str::to_owned);
    Ok(found(output, principal::developer_cli(), tenant, AZD, token))
}

/// A program of `PATH`, run in a folder without Python modules of other users.
fn command(context: &Context<'_>, names: &[&str]) -> Option<Command> {
    let program = names.iter().find_map(|name| context.environment.program(name))?;
    let mut command = Command::new(program);
    match context.environment.path("SYSTEMROOT").filter(|_| cfg!(windows)) {
        Some(folder) => command.current_dir(folder),
        None => command.current_dir("/"),
    };
    Some(command)
}

/// If the settings allow only az, it is started wherever its account is stored.
fn az_may_have_account(context: &Context<'_>, is_only: bool) -> bool {
    !names_application(context) && (is_only || az_config::az_has_session(context.environment, context.places))
}

/// The account of a developer is another principal then.
fn names_application(context: &Context<'_>) -> bool {
    context.rule.is_some_and(|rule| rule.client_id.is_some())
}

fn tenant(context: &Context<'_>) -> Option<String> {
    context.rule.and_then(|rule| rule.tenant.clone())
}

fn found(
    output: Result<Output, RunError>,
    principal: Principal,
    tenant: Option<String>,
    program: Program,
    token: impl FnOnce(&Value) -> Option<String>,
) -> Found {
    let unusable = |cause: &str, remedy: &str| Found::Unusable(principal.no_token_but(cause, remedy));
    let system_error = |error: SystemError| Found::Unusable(principal.no_token_because(error.explain(program)));
    let output = match output {
        Ok(output) => output,
        Err(RunError::TimedOut) => {
            let remedy = "raise `timeout` in credmint's settings";
            return unusable(&format!("{} timed out", program.name), remedy);
        }
        Err(RunError::NotStarted(error)) => return system_error(SystemError::of_start_error(&error)),
    };
    if output.status.success() {
        let token = serde_json::from_slice(&output.stdout).ok().as_ref().and_then(token);
        return match token.filter(|token| !token.is_empty()) {
            Some(token) => Found::Identity(Identity { principal, token: Secret::new(token), tenant }),
            None => unusable(&format!("{} printed no token", program.name), ""),
        };
    }
    // Searched for known words, never shown.
    match Failure::of(output.status.code(), &String::from_utf8_lossy(&output.stderr)) {
        Failure::NoAccount => Found::None,
        Failure::SessionExpired => Found::Unusable(principal.session_expired("")),
        Failure::Rejected(rejection) => Found::Unusable(rejection.error(&principal)),
        Failure::System(error) => system_error(error),
        Failure::Other(code) => {
            let status = code.map_or("was killed".to_owned(), |code| format!("exited with {code}"));
            let remedy = match program.name {
                "az" => "run `az account get-access-token` to see its error",
                _ => "run `azd auth token` to see its error",
            };
            unusable(&format!("{} {status}", program.name), remedy)
        }
    }
}

/// Why a program gave no token.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// It has no account.
    NoAccount,
    SessionExpired,
    /// By Entra ID.
    Rejected(Rejection),
    /// Unrelated to the account: to sign in again would not help.
    System(SystemError),
    Other(Option<i32>),
}

impl Failure {
    fn of(code: Option<i32>, stderr: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|words| stderr.contains(words));
        // Entra ID's codes come first: az advises a sign-in beside each of them.
        if let Some(rejection) = Rejection::find(stderr) {
            return Failure::Rejected(rejection);
        }
        if let Some(error) = SystemError::of(code, stderr) {
            return Failure::System(error);
        }
        if says(&["Interactive authentication is needed", "refresh token has expired", "reauthentication required"]) {
            return Failure::SessionExpired;
        }
        if says(&["az login' to setup account", "not logged in", "az login\" to access your accounts"]) {
            return Failure::NoAccount;
        }
        Failure::Other(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_errors_of_az_and_azd_are_recognised() {
        for (code, stderr, expected) in [
            (1, "ERROR: Please run 'az login' to setup account.", Failure::NoAccount),
            (1, "ERROR: not logged in, run `azd auth login` to login", Failure::NoAccount),
            (
                1,
                "ERROR: AADSTS700082: The refresh token has expired due to inactivity. Interactive authentication is \
                 needed. Please run:\naz login",
                Failure::Rejected(Rejection::find("AADSTS700082").unwrap()),
            ),
            (1, "ERROR: Interactive authentication is needed. Please run:\naz login", Failure::SessionExpired),
            (1, "ERROR: [Errno 28] No space left on device", Failure::System(SystemError::DiskFull)),
            (127, "env: 'python3': No such file or directory", Failure::System(SystemError::Broken)),
            (1, "ERROR: The command failed with an unexpected error.", Failure::Other(Some(1))),
        ] {
            assert_eq!(Failure::of(Some(code), stderr), expected, "{stderr}");
        }
    }
}
