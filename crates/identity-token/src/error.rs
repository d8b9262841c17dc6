use broker::MintError;
use protocol::ErrorMessage;
use settings::IdentitySource;
use web::{Response, outage};

use crate::Claims;
use crate::platform::Platform;

/// There is no identity: this is not a CI job that provides one, and the settings name no source.
pub fn no_identity() -> ErrorMessage {
    ErrorMessage {
        what: "no identity token found: this is not a CI job that provides one".to_owned(),
        hint: Some("set token_env, token_file or token_command in the [[registry]] table".to_owned()),
    }
}

/// This CI provides identity tokens, but not to this job.
pub fn not_granted(source: IdentitySource) -> ErrorMessage {
    let Some(platform) = Platform::of(source) else { return no_identity() };
    let what = format!("{} provides no identity token to this job", platform.name);
    ErrorMessage { what, hint: Some(platform.remedy.to_owned()) }
}

/// The error of a source: a program, a file, a variable or a service.
pub(crate) fn of_source(source: &str, cause: &str, remedy: impl Into<String>) -> MintError {
    MintError::failed(format!("no identity token from {source}: {cause}"), remedy)
}

/// An error response of a service.
pub(crate) fn rejection(source: &str, response: &Response, remedy: &str) -> MintError {
    match outage(source, response.status) {
        Some(ErrorMessage { what, hint }) => of_source(source, &what, hint.unwrap_or_default()),
        None => of_source(source, &format!("it rejected the request (HTTP {})", response.status), remedy),
    }
}

pub(crate) fn malformed(source: &str) -> MintError {
    of_source(source, "malformed response", "try again, or set token_command to use another source")
}

pub(crate) fn not_a_token(source: &str) -> MintError {
    of_source(source, "it does not contain a token, which is a single word", format!("check what writes {source}"))
}

pub(crate) fn expired(source: &str, minutes: u64) -> MintError {
    let remedy = "renew it, or set token_command to a program that prints a new one each time";
    of_source(source, &format!("it expired {minutes} minutes ago"), remedy)
}

/// A token for another audience is not sent: the recipient could use it there.
pub(crate) fn other_audience(source: &str, claims: &Claims, expected: &str) -> MintError {
    let cause = format!("it is for the audience {}, not {expected}", claims.audience());
    of_source(source, &cause, format!("request it for {expected}, or set audience in the [[registry]] table"))
}
