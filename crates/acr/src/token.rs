use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::Secret;
use serde_json::Value;

/// What opens a registry for three hours.
pub(crate) struct RefreshToken {
    pub(crate) secret: Secret,
    pub(crate) expires: SystemTime,
}

impl RefreshToken {
    /// As login servers answer; when it ends, the token says itself.
    pub(crate) fn of(answer: &Value) -> Option<Self> {
        let secret = answer["refresh_token"].as_str()?;
        let end = Duration::from_secs(claims(secret)?["exp"].as_u64()?);
        Some(RefreshToken { secret: Secret::new(secret.to_owned()), expires: SystemTime::UNIX_EPOCH.checked_add(end)? })
    }
}

/// The tenant that an access token is of, if it says so.
/// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
pub(crate) fn tenant(access_token: &Secret) -> Option<String> {
    claims(access_token.expose())?["tid"].as_str().map(str::to_owned)
}

/// What a JWT says. Its signature is for whom it is shown to.
fn claims(jwt: &str) -> Option<Value> {
    let mut parts = jwt.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwt(claims: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn the_real_end_is_taken_over() {
        let token = RefreshToken::of(&json!({"refresh_token": jwt(&json!({"exp": 4_102_444_800_u64}))})).unwrap();
        assert_eq!(token.expires, SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_444_800));
        for answer in [
            json!({}),
            json!({"refresh_token": ""}),
            json!({"refresh_token": "a.b.c"}),
            json!({"refresh_token": jwt(&json!({}))}),
            json!({"refresh_token": jwt(&json!({"exp": "soon"}))}),
            json!({"refresh_token": jwt(&json!({"exp": u64::MAX}))}),
            json!({"access_token": jwt(&json!({"exp": 4_102_444_800_u64}))}),
        ] {
            assert!(RefreshToken::of(&answer).is_none(), "{answer}");
        }
    }

    #[test]
    fn a_tenant_is_known_where_the_token_names_it() {
        assert_eq!(tenant(&Secret::new(jwt(&json!({"tid": "t-1"})))).as_deref(), Some("t-1"));
        for opaque in [jwt(&json!({})), "opaque".to_owned(), String::new()] {
            assert_eq!(tenant(&Secret::new(opaque)), None);
        }
    }
}
