use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::{MintError, Principal};
use program::{Program, RunError, Started, SystemError};
use protocol::Deadline;
use serde_json::Value;
use settings::{Conditions, Setup};
use tokio::process::Command;

use crate::error;
use crate::gcloud_config;
use crate::identity::Identity;
use crate::principal;
use crate::token::AccessToken;

/// gcloud rejects a larger value.
const LONGEST: Duration = Duration::from_secs(3600);

/// What errors of gcloud name.
const GCLOUD: Program = Program {
    name: "gcloud",
    folder: "~/.config/gcloud, or CLOUDSDK_CONFIG",
    trust: "run `gcloud config set core/custom_ca_certs_file FILE`",
};

/// A gcloud that has been started, whose output is read when the chain comes to it.
pub(crate) struct Gcloud {
    gcloud: PathBuf,
    output: Started,
    /// The configuration that a variable names.
    configuration: Option<String>,
}

/// Starts gcloud, if it may have an account: to learn that it has none takes half a second.
///
/// # Errors
/// It has one, and is not on the path.
pub(crate) fn start(setup: &Setup, deadline: Deadline) -> Result<Option<Gcloud>, MintError> {
    if !gcloud_config::gcloud_may_have_account(setup) {
        return Ok(None);
    }
    let name = if cfg!(windows) { "gcloud.cmd" } else { "gcloud" };
    let Some(gcloud) = setup.environment.program(name) else {
        return match gcloud_config::gcloud_account(setup) {
            Some(place) => Err(error::gcloud_not_installed(&place)),
            None => Ok(None),
        };
    };
    let mut command = Command::new(&gcloud);
    // `config-helper` gives the token, its real end and the universe; `print-access-token` the token alone.
    // It renews one that has less left than the settings would renew.
    let expiry = format!("--min-expiry={}s", setup.settings.refresh_before.min(LONGEST).as_secs());
    command.args(["config", "config-helper", "--format=json", &expiry, "--quiet"]);
    command.env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1");
    let configuration = setup.environment.text("CLOUDSDK_ACTIVE_CONFIG_NAME");
    Ok(Some(Gcloud { output: program::start(command, deadline), gcloud, configuration }))
}

impl Gcloud {
    /// gcloud's active account; `None` if there is none.
    pub(crate) async fn identity(self) -> Result<Option<Identity>, MintError> {
        let principal = principal::gcloud();
        let output = match self.output.output().await {
            Ok(output) => output,
            Err(RunError::NotStarted(error)) => {
                let explained = SystemError::of_start_error(&error).explain(GCLOUD);
                return Err(principal.no_token_because(explained));
            }
            Err(RunError::TimedOut) => return Err(principal.timed_out()),
        };
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return error_of(&principal, output.status.code(), &stderr, self.configuration.as_deref())
                .map_or(Ok(None), Err);
        }
        let no_token = || principal.no_token("gcloud printed no token");
        let response: Value = serde_json::from_slice(&output.stdout).map_err(|_| no_token())?;
        let token = AccessToken::of_gcloud(&response).ok_or_else(no_token)?;
        let properties = &response["configuration"]["properties"];
        let universe = properties["core"]["universe_domain"].as_str().unwrap_or(registry::GOOGLE).to_owned();
        Ok(Some(Identity {
            conditions: conditions(&self.gcloud, &properties["auth"]),
            iam_endpoint: properties["api_endpoint_overrides"]["iamcredentials"].as_str().map(str::to_owned),
            ..Identity::new(principal, token, universe)
        }))
    }
}

/// The error of a gcloud that failed, by words of its standard error, which is not shown; `None` if it has no account.
fn error_of(principal: &Principal, code: Option<i32>, stderr: &str, configuration: Option<&str>) -> Option<MintError> {
    // Unrelated warnings come before it, of log files for example.
    let error = stderr.find("ERROR:").map_or(stderr, |at| &stderr[at..]);
    let says = |words: &[&str]| words.iter().any(|words| error.contains(words));
    if says(&["do not currently have an active account"]) {
        // gcloud only warns, and goes on without an account.
        let is_gone = stderr.contains("Could not open the configuration file");
        return configuration.filter(|name| is_gone && *name != "NONE").map(|_| {
            let hint = "check CLOUDSDK_ACTIVE_CONFIG_NAME, or run `gcloud config configurations list`";
            principal.no_token_but("the configuration that CLOUDSDK_ACTIVE_CONFIG_NAME names does not exist", hint)
        });
    }
    if says(&["invalid_grant", "rapt", "Reauthentication", "eauthentication"]) {
        return Some(principal.session_expired(""));
    }
    if let Some(error) = SystemError::of(code, error) {
        return Some(principal.no_token_because(error.explain(GCLOUD)));
    }
    Some(if says(&["refreshing your current auth tokens: <", "(Server Error)", "internal_failure", "backendError"]) {
        // The token endpoint responds in JSON; an HTML page comes from a gateway before it.
        principal.no_token_because(SystemError::Unavailable.explain(GCLOUD))
    } else if says(&["refreshing your current auth tokens", "refreshing auth tokens"]) {
        principal.session_expired("")
    } else if says(&["does not have any valid credentials"]) {
        principal.no_token("gcloud has no credentials for it")
    } else if says(&["Unable to read file", "Failed to load credential file"]) {
        let why = "gcloud cannot read the token or credentials file that it is configured with";
        let variables = gcloud_config::GCLOUD_OVERRIDES[1..].join(" and ");
        principal.no_token_but(why, format!("check {variables}, or run `gcloud config list`"))
    } else {
        principal.no_token_but("gcloud failed", "run `gcloud auth print-access-token` to see its error")
    })
}

/// The files that count beside the active configuration: the properties of the installation, and those
/// that gcloud was told to take an identity from.
/// <https://cloud.google.com/sdk/gcloud/reference/config/set>
fn conditions(gcloud: &Path, auth: &Value) -> Conditions {
    let mut conditions = Conditions::default();
    let root = gcloud.canonicalize().ok().and_then(|gcloud| Some(gcloud.parent()?.parent()?.to_owned()));
    root.iter().for_each(|root| _ = conditions.file(&root.join("properties")));
    for property in ["access_token_file", "credential_file_override"] {
        auth[property].as_str().iter().for_each(|file| _ = conditions.file(Path::new(file)));
    }
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error messages of gcloud 528.
    #[test]
    fn an_error_of_gcloud_has_its_cause_and_remedy() {
        const HELPER: &str = "ERROR: (gcloud.config.config-helper) ";
        const REFRESH: &str = "There was a problem refreshing your current auth tokens: ";
        let read_only = "WARNING: Could not setup log file in /h/.config/gcloud/logs, (OSError: [Errno 30] Read-only file system: '/h/.config'.\n";
        let resolution = "HTTPSConnectionPool(host='oauth2.googleapis.com', port=443): Max retries exceeded with url: /token (Caused by NameResolutionError(\"Failed to resolve 'oauth2.googleapis.com' ([Errno -3] Temporary failure in name resolution)\"))";
        let proxy = "HTTPSConnectionPool(host='oauth2.googleapis.com', port=443): Max retries exceeded with url: /token (Caused by ProxyError('Unable to connect to proxy', NewConnectionError('Connection refused')))";
        let private = "Unable to create private file [/h/.config/gcloud/credentials.db]: [Errno 30] Read-only file system: '/h/.config/gcloud'";
        let denied = "Unable to read file [/h/.config/gcloud/active_config]: [Errno 13] Permission denied: '/h/.config/gcloud/active_config'";
        let sign_in = "gcloud auth login";
        for (stderr, words) in [
            (format!("{HELPER}{REFRESH}{resolution}"), &["cannot reach the service", "network"][..]),
            (format!("{HELPER}{REFRESH}{proxy}"), &["cannot connect through the proxy", "HTTPS_PROXY"]),
            (format!("{HELPER}{REFRESH}<html>busy</html>"), &["the service is unavailable", "try again later"]),
            (format!("{HELPER}{REFRESH}('invalid_grant: Bad Request', …)"), &["the session has expired", sign_in]),
            (format!("{HELPER}{REFRESH}anything"), &["the session has expired", sign_in]),
            (format!("{read_only}{HELPER}{private}"), &["failed: read-only file system", "CLOUDSDK_CONFIG"]),
            (format!("{read_only}{HELPER}{REFRESH}invalid_grant"), &["the session has expired", sign_in]),
            (
                "ERROR: gcloud crashed (OSError): [Errno 28] No space left on device".into(),
                &["no space left on the disk"],
            ),
            (
                format!("Traceback\n{denied}"),
                &["permission denied for one of its files", "check the owner and permissions"],
            ),
            (
                format!("{HELPER}Your current active account [x@y] does not have any valid credentials"),
                &["no credentials for it", sign_in],
            ),
            (
                format!("{HELPER}Unable to read file [/n]: [Errno 2] No such file or directory: '/n'"),
                &["configured with", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"],
            ),
            ("/usr/bin/gcloud: 199: exec: /nowhere/python: not found".into(), &["does not run", "reinstall gcloud"]),
            ("ERROR: something else".into(), &["gcloud failed"]),
        ] {
            let Some(MintError::Failed(explained)) = error_of(&principal::gcloud(), Some(1), &stderr, None) else {
                panic!("{stderr}")
            };
            let said = format!("{} ({})", explained.what, explained.hint.unwrap_or_default());
            for word in words {
                assert!(said.contains(word), "{word:?} is missing: {said}");
            }
        }
        let broken = error_of(&principal::gcloud(), Some(127), "exec: /nowhere/python: not found", None);
        assert!(format!("{broken:?}").contains("it is installed but does not run"), "{broken:?}");
        let none = "ERROR: (x) You do not currently have an active account selected.";
        let gone = format!("WARNING: Could not open the configuration file: [/h/config_gone].\n{none}");
        for (stderr, configuration, is_error) in [
            (none, None, false),
            (none, Some("work"), false),
            (&gone, None, false),
            (&gone, Some("gone"), true),
            (&gone, Some("NONE"), false),
        ] {
            assert_eq!(error_of(&principal::gcloud(), Some(1), stderr, configuration).is_some(), is_error, "{stderr}");
        }
    }
}
