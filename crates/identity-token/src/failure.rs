use broker::MintError;
use protocol::ErrorMessage;
use settings::IdentitySource;
use web::Response;

use crate::Claims;
use crate::platform::Platform;

/// That this is no job with an identity, and the settings name none.
pub fn none() -> ErrorMessage {
    ErrorMessage {
        what: "no identity token found: this is no job of a CI that gives one".to_owned(),
        hint: Some("name one in the [[registry]] table: token_env, token_file or token_command".to_owned()),
    }
}

/// That a job of this CI has no identity, and what to do about it.
pub fn not_granted(source: IdentitySource) -> ErrorMessage {
    let Some(platform) = Platform::of(source) else { return none() };
    let what = format!("{} gives this job no identity token", platform.name);
    ErrorMessage { what, hint: Some(platform.remedy.to_owned()) }
}

/// What the token comes from, for a message.
pub(crate) fn failed(source: &str, why: &str, hint: impl Into<String>) -> MintError {
    MintError::Failed(ErrorMessage { what: format!("no identity token from {source}: {why}"), hint: Some(hint.into()) })
}

pub(crate) fn refused(source: &str, response: &Response, hint: &str) -> MintError {
    if let Some(outage) = web::outage("it", response.status) {
        let what = format!("no identity token from {source}: {}", outage.what);
        return MintError::Failed(ErrorMessage { what, hint: outage.hint });
    }
    failed(source, &format!("it was refused (HTTP {})", response.status), hint)
}

pub(crate) fn malformed(source: &str) -> MintError {
    failed(source, "malformed response", "run it again; if it persists, name another source: token_command")
}

pub(crate) fn no_token(source: &str) -> MintError {
    failed(source, "it does not hold a token, which is one word", format!("check what writes {source}"))
}

pub(crate) fn expired(source: &str, minutes: u64) -> MintError {
    let hint = "have it renewed, or name a source that is asked each time: token_command";
    failed(source, &format!("it expired {minutes} minutes ago"), hint)
}

/// A token for somebody else is not sent: whoever it is sent to could use it there.
pub(crate) fn other_audience(source: &str, claims: &Claims, wanted: &str) -> MintError {
    let is = if claims.audiences.is_empty() { "none".to_owned() } else { claims.audiences.join(", ") };
    let is: String = is.chars().filter(|sign| !sign.is_control()).take(200).collect();
    let why = format!("it is for the audience {is}, and not for {wanted}");
    failed(source, &why, format!("request it for {wanted}, or set audience in the [[registry]] table"))
}
