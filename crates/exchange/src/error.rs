use std::path::Path;

use broker::MintError;
use protocol::ErrorMessage;
use web::{RequestError, Url};

use crate::principal;
use crate::scope::Plan;

/// An error of the source of the subject token.
pub(crate) fn of_source(plan: &Plan, error: MintError) -> MintError {
    match error {
        MintError::Failed(cause) => principal::registry(plan).no_token_because(cause),
        MintError::NoIdentity(cause) => no_identity(plan, cause),
    }
}

pub(crate) fn no_identity(plan: &Plan, cause: ErrorMessage) -> MintError {
    MintError::NoIdentity(principal::registry(plan).explain(cause))
}

pub(crate) fn missing_key(plan: &Plan, key: &str) -> MintError {
    let variable = plan.row.keys.iter().find(|it| it.name == key).and_then(|it| it.variable);
    let or = variable.map(|name| format!(", or {name} in the environment")).unwrap_or_default();
    principal::registry(plan).no_token_but(
        format!("{} requires {key}, which is not set", plan.row.name),
        format!("set {key} in the [[registry]] table of {}{or}", principal::host(plan)),
    )
}

pub(crate) fn no_address(plan: &Plan) -> MintError {
    principal::registry(plan).no_token_but(
        format!("{} has no https address to send a token to", plan.row.name),
        "check platform and url in the [[registry]] table: they must begin with https://",
    )
}

pub(crate) fn no_api_token(plan: &Plan, variables: &[&str]) -> MintError {
    let names = variables.join(" or ");
    let what = format!("no API token found: {names} is not set");
    let hint = format!("set {names}, or set token_file to the file that contains it");
    no_identity(plan, ErrorMessage { what, hint: Some(hint) })
}

pub(crate) fn no_oci_config(plan: &Plan, file: Option<&Path>) -> MintError {
    let place = file.map_or_else(|| "~/.oci/config".to_owned(), |file| file.display().to_string());
    let what = format!("no Oracle credentials found: {place} does not exist");
    let hint = "run `oci session authenticate` or `oci setup config`, or set OCI_CLI_CONFIG_FILE".to_owned();
    no_identity(plan, ErrorMessage { what, hint: Some(hint) })
}

pub(crate) fn no_access_key(plan: &Plan, file: Option<&Path>) -> MintError {
    let place = file.map_or_else(|| "~/.aliyun/config.json".to_owned(), |file| file.display().to_string());
    let what = format!("no AccessKey found: ALIBABA_CLOUD_ACCESS_KEY_ID is not set, and {place} does not exist");
    let hint = "run `aliyun configure`, or set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET";
    no_identity(plan, ErrorMessage { what, hint: Some(hint.to_owned()) })
}

pub(crate) fn unreachable(plan: &Plan, url: &Url, error: &RequestError) -> MintError {
    let host = url.host_str().unwrap_or_default();
    principal::registry(plan).no_token_because(error.explain(&format!("cannot reach {} at {host}", plan.row.name)))
}

pub(crate) fn malformed(plan: &Plan, url: &Url, cause: &str) -> MintError {
    let host = url.host_str().unwrap_or_default();
    principal::registry(plan).no_token_but(
        format!("{} at {host} sent a malformed response: {cause}", plan.row.name),
        format!("check that {host} is the address of the service, and not a proxy"),
    )
}
