use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use pkcs8::EncryptedPrivateKeyInfoRef;
use ring::rsa::KeyPair;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate, its chain of issuers, and its key.
pub(crate) struct Certificate {
    /// As DER; the application's own first.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: KeyPair,
}

/// Why a file gives no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateError {
    NoCertificate,
    NoKey,
    OfAnotherKey,
    Locked,
    LockedKey,
    OldCipher,
    NotRsa,
}

impl CertificateError {
    pub(crate) fn cause(self) -> &'static str {
        match self {
            CertificateError::NoCertificate => "has no certificate",
            CertificateError::NoKey => "has no private key",
            CertificateError::OfAnotherKey => "has a private key and no certificate for it",
            CertificateError::Locked => "is not a PFX file, or its password is wrong",
            CertificateError::LockedKey => "has an encrypted private key, and the password is missing or wrong",
            CertificateError::OldCipher => "has a private key in OpenSSL's legacy encryption, which is not supported",
            CertificateError::NotRsa => "has a private key that is not RSA",
        }
    }

    pub(crate) fn remedy(self) -> Option<&'static str> {
        (self == CertificateError::OldCipher)
            .then_some("to convert it, run `openssl pkcs8 -topk8 -in OLD.pem -out NEW.pem`")
    }
}

impl Certificate {
    /// Of PEM or PFX (PKCS #12).
    pub(crate) fn of(file: &[u8], password: &str) -> Result<Self, CertificateError> {
        let is_pem = contains(file, b"-----BEGIN ");
        if is_pem { Self::of_pem(file, password) } else { Self::of_pfx(file, password) }
    }

    fn of_pem(file: &[u8], password: &str) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(file).filter_map(Result::ok).map(|der| der.to_vec()).collect();
        let key = match PrivateKeyDer::from_pem_slice(file) {
            _ if contains(file, b"Proc-Type: 4,ENCRYPTED") => return Err(CertificateError::OldCipher),
            Ok(PrivateKeyDer::Pkcs8(der)) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(der)) => KeyPair::from_der(der.secret_pkcs1_der()),
            Ok(_) => return Err(CertificateError::NotRsa),
            Err(_) => {
                let encrypted = encrypted_key(file).ok_or(CertificateError::NoKey)?;
                let encrypted =
                    EncryptedPrivateKeyInfoRef::try_from(&*encrypted).map_err(|_| CertificateError::LockedKey)?;
                let key = encrypted.decrypt(password).map_err(|_| CertificateError::LockedKey)?;
                KeyPair::from_pkcs8(key.as_bytes())
            }
        };
        let key = key.map_err(|_| CertificateError::NotRsa)?;
        Ok(Certificate { chain: ordered(chain, key.public().as_ref())?, key })
    }

    fn of_pfx(file: &[u8], password: &str) -> Result<Self, CertificateError> {
        let store =
            KeyStore::from_pkcs12(file, password, Pkcs12ImportPolicy::Strict).map_err(|_| CertificateError::Locked)?;
        let (_, found) = store.private_key_chain().ok_or(CertificateError::NoKey)?;
        let chain = found.certs().iter().map(|certificate| certificate.as_der().to_vec()).collect();
        let key = KeyPair::from_pkcs8(found.key().as_der()).map_err(|_| CertificateError::NotRsa)?;
        Ok(Certificate { chain: ordered(chain, key.public().as_ref())?, key })
    }
}

/// The certificate of a key, then its issuers one by one, then the others: files have them in every
/// order, and Entra ID treats the first as the application's.
fn ordered(mut files: Vec<Vec<u8>>, public_key: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    if files.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    // A certificate holds the key byte by byte.
    let own = files.iter().position(|der| contains(der, public_key)).ok_or(CertificateError::OfAnotherKey)?;
    let mut chain = vec![files.remove(own)];
    let read = |der: &[u8]| p12_keystore::Certificate::from_der(der).ok();
    while let Some(last) = chain.last().and_then(|der| read(der)) {
        let issues = |der: &Vec<u8>| read(der).is_some_and(|other| other.subject() == last.issuer());
        let Some(next) = files.iter().position(issues) else { break };
        chain.push(files.remove(next));
    }
    chain.append(&mut files);
    Ok(chain)
}

/// The one key that is encrypted by PKCS #8, as DER.
fn encrypted_key(pem: &[u8]) -> Option<Vec<u8>> {
    let (_, rest) = std::str::from_utf8(pem).ok()?.split_once("-----BEGIN ENCRYPTED PRIVATE KEY-----")?;
    let (lines, _) = rest.split_once("-----END")?;
    STANDARD.decode(lines.split_whitespace().collect::<String>()).ok()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
