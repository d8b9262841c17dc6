//! A `credential_process`: a program of the user's, run by a shell as AWS's SDKs do, and what it printed.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_ecr::primitives::{DateTime, DateTimeFormat};
use broker::MintError;
use program::{Output, RunError};
use protocol::Deadline;
use serde_json::Value;
use web::{Row, find_cause};

use crate::{error, principal};

/// The remedy if the program itself must be examined.
const RUN: &str = "run the command of credential_process in ~/.aws/config to see its error";

/// Words in the errors of programs, in lower case. The errors are never shown: what a program prints may hold a
/// secret.
const CAUSES: [Row; 8] = [
    (&["no space left", "disk quota", "disk full"], "no space left on the disk", "free some space"),
    (&["read-only file system"], "read-only file system", "check its cache folder and HOME"),
    (&["permission denied", "access is denied", "eacces"], "permission denied", RUN),
    (
        &["no module named", "bad interpreter", "importerror", "cannot open shared object", "dyld"],
        "the program is broken",
        "reinstall the program",
    ),
    (
        &[
            "could not resolve",
            "name or service not known",
            "nodename nor servname",
            "no such host",
            "getaddrinfo",
            "name resolution",
            "could not connect",
            "connection refused",
            "connection reset",
            "network is unreachable",
            "timed out",
            "timeout",
            "proxyerror",
        ],
        "it cannot reach its service",
        "check the network and the proxy",
    ),
    (&["certificate"], "it does not trust a certificate", "check AWS_CA_BUNDLE and the settings of the program"),
    (
        &["503", "502", "500 internal", "service unavailable", "throttl", "too many requests"],
        "its service is unavailable",
        "try again later",
    ),
    (
        &[
            "expired",
            "sso login",
            "aws login",
            "sign in",
            "log in",
            "login",
            "unauthenticated",
            "not authenticated",
            "unauthorized",
        ],
        "its session has expired",
        "sign in to it again",
    ),
];

/// Runs the command.
///
/// # Errors
/// It failed, or printed no usable credentials; its output is never quoted.
pub(crate) async fn credentials(command: &str, profile: &str, deadline: Deadline) -> Result<Credentials, MintError> {
    let principal = principal::profile(profile);
    let failed = |cause: &str, remedy: &str| principal.no_token_but(format!("its credential_process {cause}"), remedy);
    let output = match program::run(&mut shell(command), deadline).await {
        Ok(output) => output,
        Err(RunError::TimedOut) => return Err(error::credentials_timed_out()),
        Err(RunError::NotStarted(error)) => return Err(failed(&format!("cannot be started: {error}"), "check PATH")),
    };
    if !output.status.success() {
        let (cause, remedy) = cause(&output);
        return Err(failed(&cause, remedy));
    }
    let unusable = |what: &str| failed(&format!("printed {what}"), RUN);
    let printed: Value = serde_json::from_slice(&output.stdout).map_err(|_| match output.stdout.as_slice() {
        [] => unusable("nothing"),
        _ => unusable("something other than JSON"),
    })?;
    given(&printed, SystemTime::now()).map_err(unusable)
}

#[cfg(unix)]
fn shell(command: &str) -> tokio::process::Command {
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// With the whole in quotes, as `cmd` takes the first and the last one away.
#[cfg(windows)]
fn shell(command: &str) -> tokio::process::Command {
    let mut shell = tokio::process::Command::new("cmd.exe");
    shell.arg("/C").raw_arg(format!("\"{command}\""));
    shell
}

/// Why it failed, by its status and by words that programs use.
fn cause(output: &Output) -> (String, &'static str) {
    let words = zeroize::Zeroizing::new(String::from_utf8_lossy(&output.stderr).to_lowercase());
    let found = find_cause(&CAUSES, &words);
    match output.status.code() {
        Some(127) => ("was not found".into(), "check its path in ~/.aws/config, and PATH"),
        Some(126) => ("is not executable".into(), "run `chmod +x` on its program"),
        _ if let Some(found) = found => (format!("failed: {}", found.what), found.hint),
        Some(code) => (format!("exited with {code}"), RUN),
        None => ("was killed by a signal".into(), RUN),
    }
}

fn given(printed: &Value, now: SystemTime) -> Result<Credentials, &'static str> {
    let text = |key: &str| printed[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    if printed["Version"] != 1 {
        return Err("credentials whose Version is not 1");
    }
    let id = text("AccessKeyId").ok_or("credentials without AccessKeyId")?;
    let secret = text("SecretAccessKey").ok_or("credentials without SecretAccessKey")?;
    let expires = match &printed["Expiration"] {
        Value::Null => None,
        Value::String(text) => {
            let time = DateTime::from_str(&text.replacen(' ', "T", 1), DateTimeFormat::DateTimeWithOffset).ok();
            Some(time.and_then(|time| SystemTime::try_from(time).ok()).ok_or("a malformed Expiration")?)
        }
        _ => return Err("a malformed Expiration"),
    };
    if expires.is_some_and(|expires| expires <= now) {
        return Err("expired credentials");
    }
    Ok(Credentials::new(id, secret, text("SessionToken"), expires, "process"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_credentials_are_usable_or_an_error() {
        let now = SystemTime::now();
        let printed = |more: &str| {
            let text = format!("{{\"Version\":1,\"AccessKeyId\":\"AKIA\",\"SecretAccessKey\":\"s\"{more}}}");
            given(&serde_json::from_str(&text).unwrap(), now)
        };
        for good in
            ["", ",\"Expiration\":null", ",\"Expiration\":\"2099-01-01T00:00:00+00:00\"", ",\"SessionToken\":\"\""]
        {
            assert_eq!(printed(good).unwrap().access_key_id(), "AKIA", "{good}");
        }
        assert_eq!(printed(",\"Expiration\":\"2001-01-01T00:00:00Z\"").unwrap_err(), "expired credentials");
        assert_eq!(printed(",\"Expiration\":\"soon\"").unwrap_err(), "a malformed Expiration");
        for bad in ["{}", "[]", "{\"Version\":2}", "{\"Version\":1,\"AccessKeyId\":\"x\"}"] {
            assert!(given(&serde_json::from_str(bad).unwrap(), now).is_err(), "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn failures_have_their_cause() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = |command: &str| {
            let deadline = Deadline::after(std::time::Duration::from_secs(30));
            match runtime.block_on(credentials(command, "p", deadline)).unwrap_err() {
                MintError::Failed(message) | MintError::NoIdentity(message) => message.to_string(),
            }
        };
        for (command, expected) in [
            ("exit 3", "exited with 3: run the command"),
            ("/nowhere/canary", "was not found"),
            ("kill -9 $$", "was killed by a signal"),
            ("true", "printed nothing"),
            ("echo canary", "printed something other than JSON"),
            ("echo canary: No space left on device >&2; exit 1", "no space left"),
            ("echo canary: Read-only file system >&2; exit 1", "read-only"),
            ("echo canary: Could not connect to the endpoint >&2; exit 1", "cannot reach its service"),
            ("echo canary: ModuleNotFoundError: No module named x >&2; exit 1", "the program is broken"),
            ("echo canary: the token has expired >&2; exit 255", "its session has expired"),
            ("echo canary: 503 Service Unavailable >&2; exit 1", "its service is unavailable"),
        ] {
            let text = error(command);
            assert!(text.contains(expected) && !text.contains("canary"), "{command}: {text}");
        }
    }
}
