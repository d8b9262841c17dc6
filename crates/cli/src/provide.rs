use std::time::{Duration, SystemTime};

use broker::{Provided, Question};
use protocol::Explained;

use crate::context::Context;
use crate::token::explained;

/// A client that keeps a token uses it until the last moment, and what it begins then takes a while.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// What the helper for everything has for an image; `None` if it has nothing that a client can use
/// which knows only users and passwords.
///
/// # Errors
/// It could not be had.
pub(crate) fn provided(question: &Question, context: &Context<'_>) -> Result<Option<Provided>, Explained> {
    let client = context.helpers.everything(context.setup.settings.timeout)?;
    let Some(answer) = client.provide(question.to_json().expose()).map_err(explained)? else { return Ok(None) };
    let provided = Provided::read(&answer).ok_or_else(|| Explained {
        what: "the helper for all registries gave no proper answer".to_owned(),
        hint: Some("install credmint again: its programs belong together".to_owned()),
    })?;
    // An identity token: only a client that asks the registry's token server itself can use one.
    Ok(Some(provided).filter(|provided| provided.username != "<token>"))
}

/// How long a client may keep it, where it is known when it ends.
pub(crate) fn life(provided: &Provided, now: SystemTime) -> Option<Duration> {
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
            life(&Provided { username: "u".into(), secret, expires, partial: false }, now)
        };
        assert_eq!(life(Some(now + Duration::from_secs(3600))), Some(Duration::from_secs(3300)));
        assert_eq!(life(Some(now + Duration::from_secs(299))), Some(Duration::ZERO));
        assert_eq!(life(Some(now - Duration::from_secs(9))), Some(Duration::ZERO));
        assert_eq!(life(None), None);
    }
}
