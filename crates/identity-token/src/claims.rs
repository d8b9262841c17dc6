use std::fmt;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use zeroize::Zeroizing;

/// The claims of a token that identify its subject and its audience.
/// <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`: one or several.
    pub audiences: Vec<String>,
    /// `exp`.
    pub expires: Option<SystemTime>,
}

impl Claims {
    /// Reads a JSON Web Token; nothing is verified. `None` for anything else.
    pub fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
        let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?);
        let claims: Value = serde_json::from_slice(&json).ok()?;
        let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        let audiences = match &claims["aud"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let seconds = claims["exp"].as_f64().filter(|seconds| (0.0..1e12).contains(seconds));
        let expires = seconds.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(it)));
        claims.is_object().then(|| Claims { issuer: text("iss"), subject: text("sub"), audiences, expires })
    }

    /// The audiences, for a message.
    pub fn audience(&self) -> String {
        if self.audiences.is_empty() { "none".to_owned() } else { shown(&self.audiences.join(", ")) }
    }
}

impl fmt::Display for Claims {
    /// The subject and the issuer, for a message: what a registry's settings are compared with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "subject {} of {}", shown(&self.subject), shown(&self.issuer))
    }
}

/// Claims are not secret, but the issuer of the token chooses their text.
fn shown(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_control()).take(200).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(claims: &str) -> Option<Claims> {
        Claims::of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)))
    }

    #[test]
    fn one_audience_or_several() {
        let one = of(r#"{"iss":"https://i","sub":"repo:o/r","aud":"a","exp":2000000}"#).unwrap();
        assert_eq!(one.audiences, ["a"]);
        assert_eq!(one.to_string(), "subject repo:o/r of https://i");
        assert_eq!(one.expires, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000)));
        assert_eq!(of(r#"{"aud":["a","b",1]}"#).unwrap().audiences, ["a", "b"]);
        assert_eq!(of(r#"{"exp":-1}"#).unwrap().expires, None);
    }

    #[test]
    fn other_text_has_none() {
        for text in ["", "a.b.c", "glpat-x", "a.b", "e30.W10.c2ln"] {
            assert_eq!(Claims::of(text), None, "{text}");
        }
    }
}
