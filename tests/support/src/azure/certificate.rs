//! The certificate of every application here, and its key. It is used nowhere else. Tests cannot generate
//! one, since ring only uses RSA keys.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::signature::{KeyPair, RsaKeyPair};
use sha2::{Digest, Sha256};

const KEY: &str = include_str!("key.pem");
const CERTIFICATE: &str = include_str!("certificate.pem");

/// Both in one file, as PEM.
pub const APPLICATION_PEM: &str = concat!(include_str!("key.pem"), include_str!("certificate.pem"));
/// Both as PFX, as OpenSSL 3 writes it: with AES.
pub const APPLICATION_PFX: &[u8] = include_bytes!("modern.pfx");
/// Both as PFX, as older programs write it.
pub const APPLICATION_PFX_LEGACY: &[u8] = include_bytes!("legacy.pfx");
/// The password of both PFX files.
pub const PFX_PASSWORD: &str = "pretend-password";

pub(super) fn public_key() -> &'static [u8] {
    static PUBLIC: OnceLock<Vec<u8>> = OnceLock::new();
    PUBLIC.get_or_init(|| {
        let pair = RsaKeyPair::from_pkcs8(&der(KEY)).expect("the key is an RSA key");
        pair.public_key().as_ref().to_vec()
    })
}

/// The certificate in base64, as a chain holds it.
pub(super) fn encoded() -> String {
    STANDARD.encode(der(CERTIFICATE))
}

pub(super) fn thumbprint() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(der(CERTIFICATE)))
}

/// By SHA-1, which identifies a certificate here and is not a proof.
pub(super) fn older_thumbprint() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &der(CERTIFICATE)))
}

fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).expect("the file is PEM")
}
