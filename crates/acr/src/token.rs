use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::Secret;
use serde_json::Value;

/// What opens a registry: a refresh token for three hours, an access token for some repositories and a shorter time.
pub(crate) struct RegistryToken {
    pub(crate) secret: Secret,
    pub(crate) expires: SystemTime,
}

impl RegistryToken {
    /// The refresh token of a login server's response.
    pub(crate) fn refresh(answer: &Value) -> Option<Self> {
        RegistryToken::of(&answer["refresh_token"])
    }

    /// The access token of a login server's response.
    pub(crate) fn access(answer: &Value) -> Option<Self> {
        RegistryToken::of(&answer["access_token"])
    }

    /// Its expiry is a claim of the token.
    fn of(secret: &Value) -> Option<Self> {
        let secret = secret.as_str()?;
        let end = Duration::from_secs(claims(secret)?["exp"].as_u64()?);
        Some(RegistryToken {
            secret: Secret::new(secret.to_owned()),
            expires: SystemTime::UNIX_EPOCH.checked_add(end)?,
        })
    }
}

/// The tenant of an access token, if it has that claim.
/// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
pub(crate) fn tenant(access_token: &Secret) -> Option<String> {
    claims(access_token.expose())?["tid"].as_str().map(str::to_owned)
}

/// The host that has issued an access token, if it has that claim.
pub(crate) fn issuer(access_token: &Secret) -> Option<String> {
    let issuer = claims(access_token.expose())?["iss"].as_str()?.strip_prefix("https://")?.to_owned();
    issuer.split('/').next().map(str::to_owned)
}

/// The claims of a JWT. Its signature is verified by the service that it is sent to.
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
    fn the_expiry_is_that_of_the_token() {
        let token = RegistryToken::refresh(&json!({"refresh_token": jwt(&json!({"exp": 4_102_444_800_u64}))})).unwrap();
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
            assert!(RegistryToken::refresh(&answer).is_none(), "{answer}");
        }
    }

    #[test]
    fn an_issuer_is_a_host() {
        let of = |issuer: &str| issuer_of(&json!({"iss": issuer}));
        fn issuer_of(claims: &Value) -> Option<String> {
            issuer(&Secret::new(jwt(claims)))
        }
        assert_eq!(of("https://sts.chinacloudapi.cn/t-1/").as_deref(), Some("sts.chinacloudapi.cn"));
        assert_eq!(of("http://sts.windows.net/t-1/"), None);
        assert_eq!(issuer_of(&json!({})), None);
    }

    #[test]
    fn a_tenant_is_known_where_the_token_names_it() {
        assert_eq!(tenant(&Secret::new(jwt(&json!({"tid": "t-1"})))).as_deref(), Some("t-1"));
        for opaque in [jwt(&json!({})), "opaque".to_owned(), String::new()] {
            assert_eq!(tenant(&Secret::new(opaque)), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_response_panics_and_the_expiry_is_that_of_the_token(
            claims in r#"\{("(exp|tid|x)":(-?[0-9]{1,25}|[0-9]e[0-9]{1,3}|"[a-z]{0,3}"|null|\[\]),?){0,3}\}|\PC{0,20}"#,
            token in r"([a-zA-Z0-9_=-]{0,12}\.){0,3}\PC{0,8}", end in 0_u64..1 << 40,
        ) {
            let of = |secret: &str| RegistryToken::refresh(&json!({"refresh_token": secret}));
            of(&token);
            of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(&claims)));
            tenant(&Secret::new(token));
            let token = of(&jwt(&json!({"exp": end}))).unwrap();
            proptest::prop_assert_eq!(token.expires, SystemTime::UNIX_EPOCH + Duration::from_secs(end));
        }
    }
}
