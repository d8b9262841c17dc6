use std::path::PathBuf;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions};
use azure_identity::{AzureDeveloperCliCredential, AzureDeveloperCliCredentialOptions};
use broker::MintError;
use protocol::Secret;

use crate::asking::Asking;
use crate::failure::{self, Who, no_token};
use crate::identity::Identity;
use crate::runner::{Heard, Runner};
use crate::{places, reason};

/// The account of the Azure CLI; `None` where there is no az, or nobody has signed in to it.
pub(crate) async fn az(asking: &Asking<'_>) -> Result<Option<Identity>, MintError> {
    if !may_have_account(asking, places::azure_profile(asking.environment, asking.places)) {
        return Ok(None);
    }
    let (tenant, runner) = (tenant(asking), Runner::new(asking.deadline));
    let options = AzureCliCredentialOptions {
        tenant_id: tenant.clone(),
        executor: Some(runner.clone()),
        ..AzureCliCredentialOptions::default()
    };
    let who = Who::az(tenant.as_deref());
    identity(asking, who, tenant, &runner, AzureCliCredential::new(Some(options))).await
}

/// The account of the Azure Developer CLI; `None` where there is no azd, or nobody has signed in to it.
pub(crate) async fn azd(asking: &Asking<'_>) -> Result<Option<Identity>, MintError> {
    if !may_have_account(asking, places::developer_cli_user(asking.environment, asking.places)) {
        return Ok(None);
    }
    let (tenant, runner) = (tenant(asking), Runner::new(asking.deadline));
    let options = AzureDeveloperCliCredentialOptions { tenant_id: tenant.clone(), executor: Some(runner.clone()) };
    identity(asking, Who::azd(), tenant, &runner, AzureDeveloperCliCredential::new(Some(options))).await
}

/// Starting az takes a second, so it is not started where nobody has signed in; and where the settings
/// name an application, whoever has is somebody else.
fn may_have_account(asking: &Asking<'_>, file: Option<PathBuf>) -> bool {
    let names_application = asking.rule.is_some_and(|rule| rule.client_id.is_some());
    !names_application && file.is_some_and(|file| file.exists())
}

fn tenant(asking: &Asking<'_>) -> Option<String> {
    asking.rule.and_then(|rule| rule.tenant.clone())
}

async fn identity<C: TokenCredential>(
    asking: &Asking<'_>,
    who: Who,
    tenant: Option<String>,
    runner: &Arc<Runner>,
    credential: azure_core::Result<Arc<C>>,
) -> Result<Option<Identity>, MintError> {
    let credential = credential.map_err(|_| failure::bad_application(&who))?;
    if let Ok(token) = credential.get_token(&[&asking.scope()], None).await {
        let token = Secret::new(token.token.secret().to_owned());
        return Ok(Some(Identity { who, token, tenant }));
    }
    match runner.heard() {
        Some(Heard::Late) => Err(failure::late(&who)),
        Some(Heard::Ended { code: Some(0), .. }) => Err(no_token(&who, "its answer has none", "")),
        Some(Heard::Ended { code, stderr }) => {
            // Looked at for words, not shown.
            let stderr = String::from_utf8_lossy(&stderr);
            match Failure::of(code, &stderr) {
                Failure::Nobody => Ok(None),
                Failure::SessionEnded => Err(no_token(&who, "the session has ended", "")),
                Failure::Refused(what) => Err(no_token(&who, &what, "")),
                Failure::Other => Err(no_token(&who, "the program failed", "")),
            }
        }
        Some(Heard::NotStarted) | None => Ok(None),
    }
}

/// Why a program gave no token.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// There is no such program, or nobody is signed in to it.
    Nobody,
    SessionEnded,
    /// For this reason of Entra ID's.
    Refused(String),
    Other,
}

impl Failure {
    fn of(code: Option<i32>, stderr: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|words| stderr.contains(words));
        // From a shell: that there is no such program. Of cmd.exe it is the sentence.
        if code == Some(127) || says(&["is not recognized as an internal or external command"]) {
            return Failure::Nobody;
        }
        // Entra ID's words come first: az adds to all of them that one should sign in.
        if let Some(refusal) = reason::of_entra(stderr) {
            return Failure::Refused(refusal.what);
        }
        if says(&["Interactive authentication is needed", "refresh token has expired", "reauthentication required"]) {
            return Failure::SessionEnded;
        }
        if says(&["az login' to setup account", "not logged in", "az login\" to access your accounts"]) {
            return Failure::Nobody;
        }
        Failure::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_az_and_azd_say_is_understood() {
        for (code, stderr, expected) in [
            (127, "/bin/sh: 1: az: not found", Failure::Nobody),
            (1, "'az' is not recognized as an internal or external command,\r\n", Failure::Nobody),
            (1, "ERROR: Please run 'az login' to setup account.", Failure::Nobody),
            (1, "ERROR: not logged in, run `azd auth login` to login", Failure::Nobody),
            (
                1,
                "ERROR: AADSTS700082: The refresh token has expired due to inactivity. Interactive authentication is \
                 needed. Please run:\naz login",
                Failure::Refused("the session has ended (AADSTS700082)".into()),
            ),
            (1, "ERROR: Interactive authentication is needed. Please run:\naz login", Failure::SessionEnded),
            (1, "ERROR: The command failed with an unexpected error.", Failure::Other),
        ] {
            assert_eq!(Failure::of(Some(code), stderr), expected, "{stderr}");
        }
    }
}
