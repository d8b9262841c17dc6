use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use zeroize::Zeroizing;

/// An assertion is dated back by so much, in case this machine's clock is ahead.
const DATED_BACK: Duration = Duration::from_secs(60);
/// GitHub takes none that lives longer.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// An App's private key.
pub(crate) struct Key(RsaKeyPair);

impl Key {
    /// Reads a key in PEM: as GitHub gives it (PKCS #1), or in the form that tools turn it into (PKCS #8).
    pub(crate) fn from_pem(pem: &[u8]) -> Option<Self> {
        let key = match PrivateKeyDer::from_pem_slice(pem).ok()? {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return None,
        };
        key.ok().map(Key)
    }

    /// The JSON Web Token with which an App proves who it is:
    /// <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>.
    /// `None` if this machine has no randomness to give.
    pub(crate) fn assertion(&self, app: &str, now: SystemTime) -> Option<Zeroizing<String>> {
        let issued = now.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(DATED_BACK);
        let claims = json!({ "iss": app, "iat": issued.as_secs(), "exp": (issued + LIFE).as_secs() });
        let mut token = Zeroizing::new(URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#));
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).ok()?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    const PEM: &[u8] = pretend_cloud::APP_KEY.as_bytes();

    #[test]
    fn an_assertion_is_signed_and_lives_ten_minutes_from_a_minute_ago() {
        let key = Key::from_pem(PEM).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let token = key.assertion("12345", now).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.0.public());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
        assert_eq!(json(header)["alg"], "RS256");
        assert_eq!(json(claims), json!({ "iss": "12345", "iat": 999_940, "exp": 1_000_540 }));
    }

    #[test]
    fn only_rsa_keys_are_parsed() {
        for text in ["", "canary", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"] {
            assert!(Key::from_pem(text.as_bytes()).is_none(), "{text}");
        }
        let pem = pretend_cloud::APP_KEY;
        assert!(Key::from_pem(pem.replace("RSA PRIVATE", "EC PRIVATE").as_bytes()).is_none());
        assert!(Key::from_pem(pem.replace('\n', "\r\n").as_bytes()).is_some());
    }
}
