use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

/// The expiry of a stored login to a cloud's registry. Such logins are often short-lived tokens
/// (`aws ecr get-login-password | docker login …`); an expired one must not prevent minting. `None` for a
/// password that does not expire.
///
/// Sources: [ECR's tokens live 12 hours](https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html),
/// [Google's access tokens one](https://cloud.google.com/artifact-registry/docs/docker/authentication#token).
pub fn login_expiry(username: &str, secret: &str, stored: SystemTime) -> Option<SystemTime> {
    const HOUR: Duration = Duration::from_secs(3600);
    match username {
        // A damaged entry may have any time.
        "AWS" => ecr_expiry(secret).or_else(|| stored.checked_add(12 * HOUR)),
        "oauth2accesstoken" => stored.checked_add(HOUR),
        _ => jwt_expiry(secret),
    }
}

/// The `exp` of a JSON Web Token ([RFC 7519, 4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4)).
/// The signature is not verified: only the expiry is read.
pub fn jwt_expiry(text: &str) -> Option<SystemTime> {
    let mut parts = text.split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    expiry_member(&Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?), "exp")
}

/// The `sub` of a JSON Web Token: its principal. Its signature is not verified.
pub(crate) fn jwt_subject(text: &str) -> Option<String> {
    let claims = text.split('.').nth(1).filter(|_| text.split('.').count() == 3)?;
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?);
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["sub"].as_str().map(|subject| subject.chars().take(200).collect())
}

/// The `expiration` in an ECR password, which is JSON in base64: it may have been stored hours after it was
/// minted. `None` for another format; ECR documents it as opaque.
fn ecr_expiry(password: &str) -> Option<SystemTime> {
    expiry_member(&Zeroizing::new(STANDARD_NO_PAD.decode(password.trim_end_matches('=')).ok()?), "expiration")
}

/// A time in a JSON object, in seconds since 1970.
fn expiry_member(json: &[u8], name: &str) -> Option<SystemTime> {
    let document: Value = serde_json::from_slice(json).ok()?;
    let seconds = document.get(name)?.as_f64().filter(|seconds| (0.0..1e12).contains(seconds))?;
    // The time of Windows ends in the year 30828.
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", encode("{\"alg\":\"none\"}"), encode(claims))
    }

    fn ecr(json: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(json)
    }

    #[test]
    fn short_lived_logins_expire_and_passwords_do_not() {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1_000_000);
        for (username, secret, expected) in [
            ("AWS", "x".to_owned(), Some(at(1_000_000 + 43_200))),
            ("AWS", ecr("{\"version\":\"2\",\"type\":\"DATA_KEY\",\"expiration\":1000123}"), Some(at(1_000_123))),
            ("AWS", ecr("{\"expiration\":\"soon\"}"), Some(at(1_000_000 + 43_200))),
            ("someone", ecr("{\"expiration\":1000123}"), None),
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
            assert_eq!(login_expiry(username, &secret, now), expected, "{username} {secret}");
        }
    }

    #[test]
    fn a_login_stored_at_the_last_possible_time_does_not_panic() {
        let mut last = SystemTime::UNIX_EPOCH;
        for power in (0..63).rev() {
            last = last.checked_add(Duration::from_secs(1 << power)).unwrap_or(last);
        }
        assert_eq!((login_expiry("AWS", "", last), login_expiry("oauth2accesstoken", "", last)), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn no_token_panics(text in r"([a-zA-Z0-9_=-]{0,20}\.){0,3}[a-zA-Z0-9_=-]{0,20}|\PC{0,30}") {
            jwt_expiry(&text);
            ecr_expiry(&text);
        }

        #[test]
        fn a_jwt_expires_at_its_exp_claim(seconds in 0_u64..1 << 39, name in "[a-z]{1,8}") {
            let end = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let text = jwt(&format!("{{\"{name}\":true,\"exp\":{seconds}}}"));
            proptest::prop_assert_eq!(login_expiry("someone", &text, end), Some(end));
        }
    }
}
