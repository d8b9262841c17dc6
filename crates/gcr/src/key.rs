use gcp_auth::CustomServiceAccount;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// A service account's private key.
pub(crate) struct Key(RsaKeyPair);

impl Key {
    /// Reads a key in PEM: as Google gives it (PKCS #8), or in the older form that tools turn it into (PKCS #1).
    fn from_pem(pem: &[u8]) -> Option<Self> {
        let key = match PrivateKeyDer::from_pem_slice(pem).ok()? {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return None,
        };
        key.ok().map(Key)
    }

    /// The signature of what is sent to the token endpoint; `file` is the credentials file that holds the key.
    ///
    /// gcp_auth makes an HTTP client with its certificate authorities before it signs. Here a request follows, which
    /// needs them anyway.
    pub(crate) fn sign_assertion(&self, file: &str, text: &[u8]) -> Option<Vec<u8>> {
        match CustomServiceAccount::from_json(file) {
            Ok(account) => account.signer().sign(text).ok(),
            // The key is in PKCS #1; or there are no certificate authorities, which is the error of the request.
            Err(_) => self.sign(text),
        }
    }

    /// The signature of what is itself a token. No request is sent for that, so it is signed without an HTTP client.
    ///
    /// The algorithm is `RS256`. `None` if this machine has no randomness to give.
    pub(crate) fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
        Some(signature)
    }
}

/// A field that holds a key; `None` for anything but an RSA key in PEM.
pub(crate) fn field<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Key>, D::Error> {
    let pem = Zeroizing::new(String::deserialize(field)?);
    Ok(Key::from_pem(pem.as_bytes()))
}
