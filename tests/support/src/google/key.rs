//! The private key of every service account here. It is used nowhere else. Tests cannot generate one,
//! since ring only uses RSA keys.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{KeyPair, RsaKeyPair};

pub(super) const PRIVATE: &str = include_str!("key.pem");

pub(super) fn public() -> &'static [u8] {
    static PUBLIC: OnceLock<Vec<u8>> = OnceLock::new();
    PUBLIC.get_or_init(|| {
        let base64: String = PRIVATE.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(base64).expect("the key is PEM");
        let pair = RsaKeyPair::from_pkcs8(&der).expect("the key is an RSA key");
        pair.public_key().as_ref().to_vec()
    })
}
