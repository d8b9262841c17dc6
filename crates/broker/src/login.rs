use std::time::{Duration, SystemTime};

use serde_json::Value;

/// When a login to a cloud's registry ends: such logins are made with short-lived tokens
/// (`aws ecr get-login-password | docker login …`), and one that has ended must not stand in the
/// way of minting. `None` for a password that lasts.
///
/// Sources: [ECR's tokens live 12 hours](https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html),
/// [Google's access tokens one](https://cloud.google.com/artifact-registry/docs/docker/authentication#token).
pub fn end_of_login(username: &str, secret: &str, stored: SystemTime) -> Option<SystemTime> {
    const HOUR: Duration = Duration::from_secs(3600);
    match username {
        // A damaged entry may have been stored at the end of time.
        "AWS" => stored.checked_add(12 * HOUR),
        "oauth2accesstoken" => stored.checked_add(HOUR),
        _ => end_of_jwt(secret),
    }
}

/// The `exp` of a JSON Web Token ([RFC 7519, 4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4)).
/// Nothing is verified: the token is only asked when it thinks that it ends.
fn end_of_jwt(text: &str) -> Option<SystemTime> {
    let mut parts = text.split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = zeroize::Zeroizing::new(base64_url(claims)?);
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let seconds = claims.get("exp")?.as_f64().filter(|seconds| (0.0..1e12).contains(seconds))?;
    // Windows' time ends in the year 30828.
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))
}

fn base64_url(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        use base64::Engine;
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", encode("{\"alg\":\"none\"}"), encode(claims))
    }

    #[test]
    fn short_lived_logins_end_and_passwords_last() {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_000_000);
        for (username, secret, expected) in [
            ("AWS", "x".to_owned(), Some(at(1_000_000 + 43_200))),
            ("oauth2accesstoken", "ya29.x".to_owned(), Some(at(1_003_600))),
            ("00000000-0000-0000-0000-000000000000", jwt("{\"exp\":1010800}"), Some(at(1_010_800))),
            ("<token>", jwt("{\"exp\":1010800.5}"), Some(at(1_010_800) + Duration::from_millis(500))),
            ("someone", jwt("{}"), None),
            ("someone", jwt("{\"exp\":-5}"), None),
            ("someone", jwt("{\"exp\":1e300}"), None),
            ("someone", "a.b.c".to_owned(), None),
            ("someone", "password".to_owned(), None),
            ("_json_key", "{\"type\":\"service_account\"}".to_owned(), None),
        ] {
            assert_eq!(end_of_login(username, &secret, now), expected, "{username} {secret}");
        }
    }

    #[test]
    fn a_login_stored_at_the_end_of_time_is_no_reason_to_panic() {
        let mut late = SystemTime::UNIX_EPOCH;
        for power in (0..63).rev() {
            late = late.checked_add(Duration::from_secs(1 << power)).unwrap_or(late);
        }
        assert_eq!((end_of_login("AWS", "", late), end_of_login("oauth2accesstoken", "", late)), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn no_token_panics(text in r"([a-zA-Z0-9_=-]{0,20}\.){0,3}[a-zA-Z0-9_=-]{0,20}|\PC{0,30}") {
            end_of_jwt(&text);
        }

        #[test]
        fn a_token_ends_when_it_says_so(seconds in 0_u64..1 << 39, name in "[a-z]{1,8}") {
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let text = jwt(&format!("{{\"{name}\":true,\"exp\":{seconds}}}"));
            proptest::prop_assert_eq!(end_of_login("someone", &text, end), Some(end));
        }
    }
}
