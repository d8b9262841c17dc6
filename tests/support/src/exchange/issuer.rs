use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde_json::{Value, json};

/// The `iss` of the pretend issuer.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A pretend OpenID provider: it signs identity tokens (ES256), and every recipient verifies the signature
/// with its public key. The real ones publish theirs at `/.well-known/jwks`, which is not needed here.
pub(super) struct Issuer(EcdsaKeyPair);

impl Issuer {
    pub(super) fn new() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key can be made");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random);
        Issuer(pair.expect("the key is one"))
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": "1"});
        let text = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).expect("what is text can be signed");
        format!("{text}.{}", BASE64.encode(signature))
    }

    /// The claims of a token that this issuer has signed and that has not expired.
    pub(super) fn verify(&self, token: &str) -> Result<Value, &'static str> {
        let (text, signature) = token.rsplit_once('.').ok_or("no JSON Web Token")?;
        let signature = BASE64.decode(signature).map_err(|_| "no JSON Web Token")?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.0.public_key().as_ref());
        key.verify(text.as_bytes(), &signature).map_err(|_| "Invalid token: the signature is wrong")?;
        let claims = text.split_once('.').and_then(|(_, claims)| BASE64.decode(claims).ok());
        let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok()).ok_or("no claims")?;
        let expired = claims["exp"].as_u64().is_none_or(|end| end <= now());
        if expired { Err("Invalid token: it has expired") } else { Ok(claims) }
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
