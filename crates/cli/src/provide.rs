use std::time::{Duration, SystemTime};

use broker::{ProvideRequest, ProvideResponse};
use protocol::{Client, ErrorMessage};

use crate::context::Context;
use crate::helpers::error_message;

/// A client that keeps a token uses it until the last moment, and what it begins then takes a while.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// What the helper for everything has for an image; `None` if it has nothing that a client can use
/// which knows only users and passwords.
///
/// # Errors
/// It could not be had.
pub(crate) fn provided(
    question: &ProvideRequest,
    context: &Context<'_>,
) -> Result<Option<ProvideResponse>, ErrorMessage> {
    let client = context.helpers.universal(context.setup.settings.timeout)?;
    // An identity token: only a client that calls the registry's token server itself can use one.
    Ok(ask(&client, question)?.filter(|provided| provided.username != "<token>"))
}

/// What the helper for everything has for an image; `None` if it has nothing and nothing is wrong.
///
/// # Errors
/// It could not be had, or no identity of that cloud is on this machine.
pub(crate) fn ask(client: &Client, question: &ProvideRequest) -> Result<Option<ProvideResponse>, ErrorMessage> {
    let Some(answer) = client.provide(question.to_json().expose()).map_err(error_message)? else { return Ok(None) };
    ProvideResponse::read(&answer).map(Some).ok_or_else(|| ErrorMessage {
        what: "malformed response from docker-credential-credmint".to_owned(),
        hint: Some("reinstall credmint: its programs must have the same version".to_owned()),
    })
}

/// How long a client may keep it, if known when it ends.
pub(crate) fn life(provided: &ProvideResponse, now: SystemTime) -> Option<Duration> {
    let left = provided.expires?.duration_since(now).unwrap_or_default();
    Some(left.saturating_sub(MARGIN))
}

#[cfg(test)]
mod tests {
    use protocol::Secret;

    use super::*;

    #[test]
    fn nothing_is_kept_to_its_end() {
        let now = SystemTime::now();
        let life = |expires| {
            let secret = Secret::new(String::new());
            life(&ProvideResponse { username: "u".into(), secret, expires, partial: false }, now)
        };
        assert_eq!(life(Some(now + Duration::from_secs(3600))), Some(Duration::from_secs(3300)));
        assert_eq!(life(Some(now + Duration::from_secs(299))), Some(Duration::ZERO));
        assert_eq!(life(Some(now - Duration::from_secs(9))), Some(Duration::ZERO));
        assert_eq!(life(None), None);
    }
}
