use std::time::{Duration, SystemTime};

use protocol::Secret;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// An access token, which registries take as a password.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub(crate) secret: Secret,
    pub(crate) expires: SystemTime,
    /// Whether it may be cached: not if its expiry is unknown, and not if it is a fallback.
    pub(crate) is_cacheable: bool,
}

impl AccessToken {
    /// Of an OAuth response: `access_token`, and `expires_in` in seconds.
    /// <https://datatracker.ietf.org/doc/html/rfc6749#section-5.1>
    pub(crate) fn of_oauth(response: &Value) -> Option<Self> {
        let life = response["expires_in"].as_u64().map(Duration::from_secs)?;
        Self::of(&response["access_token"], SystemTime::now().checked_add(life)?)
    }

    /// Of a response of the IAM Credentials API.
    /// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
    pub(crate) fn of_iam(response: &Value) -> Option<Self> {
        Self::of(&response["accessToken"], moment(&response["expireTime"])?)
    }

    /// Of the output of `gcloud config config-helper`, which does not know the expiry of a token from a variable or
    /// a file.
    pub(crate) fn of_gcloud(response: &Value) -> Option<Self> {
        let credential = &response["credential"];
        let end = credential.get("token_expiry")?;
        if end.is_null() || end == "" {
            let soon = SystemTime::now() + Duration::from_secs(60);
            return Some(AccessToken { is_cacheable: false, ..Self::of(&credential["access_token"], soon)? });
        }
        Self::of(&credential["access_token"], moment(end)?)
    }

    pub(crate) fn of(secret: &Value, expires: SystemTime) -> Option<Self> {
        let secret = secret.as_str().filter(|secret| !secret.is_empty())?;
        Some(AccessToken { secret: Secret::new(secret.to_owned()), expires, is_cacheable: true })
    }
}

fn moment(text: &Value) -> Option<SystemTime> {
    Some(OffsetDateTime::parse(text.as_str()?, &Rfc3339).ok()?.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_expiry_is_the_services() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800);
        let iam = AccessToken::of_iam(&json!({"accessToken": "t", "expireTime": "2100-01-01T00:00:00Z"})).unwrap();
        assert_eq!((iam.secret.expose(), iam.expires), ("t", end));
        let gcloud = json!({"credential": {"access_token": "t", "token_expiry": "2100-01-01T00:00:00Z"}});
        assert_eq!(AccessToken::of_gcloud(&gcloud).unwrap().expires, end);
        for end in [json!(null), json!("")] {
            let gcloud = json!({"credential": {"access_token": "t", "token_expiry": end}});
            assert!(!AccessToken::of_gcloud(&gcloud).unwrap().is_cacheable);
        }
        let oauth = AccessToken::of_oauth(&json!({"access_token": "t", "expires_in": 100})).unwrap();
        assert!(oauth.expires <= SystemTime::now() + Duration::from_secs(100));
        assert!(oauth.expires > SystemTime::now() + Duration::from_secs(90));
    }

    #[test]
    fn no_token_without_a_secret_or_an_expiry() {
        for response in [
            json!({}),
            json!({"access_token": "", "expires_in": 1}),
            json!({"access_token": "t"}),
            json!({"access_token": "t", "expires_in": -1}),
            json!({"access_token": "t", "expires_in": u64::MAX}),
            json!({"access_token": 1, "expires_in": 1}),
            json!(["access_token"]),
        ] {
            assert!(AccessToken::of_oauth(&response).is_none(), "{response}");
        }
        assert!(AccessToken::of_iam(&json!({"accessToken": "t", "expireTime": "tomorrow"})).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_response_panics(life in proptest::prelude::any::<u64>(), text in r"\PC{0,30}|[0-9-]{1,12}T[0-9:.]{1,20}[Z0-9:+-]{0,6}") {
            let _ = AccessToken::of_oauth(&json!({"access_token": text, "expires_in": life}));
            let _ = AccessToken::of_iam(&json!({"accessToken": "t", "expireTime": text}));
            let _ = AccessToken::of_gcloud(&json!({"credential": {"access_token": "t", "token_expiry": text}}));
        }
    }
}
