use std::path::Path;

use azure_identity::ClientAssertionCredential;
use broker::MintError;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use ring::rsa::KeyPair;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::application::{self, Application};
use crate::asking::Asking;
use crate::assertion::Assertion;
use crate::entra::Entra;
use crate::failure::{self, Who, no_token};
use crate::identity::Identity;

const VARIABLE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const PASSWORD: &str = "AZURE_CLIENT_CERTIFICATE_PASSWORD";

/// The application whose certificate lies in a file.
pub(crate) async fn identity(asking: &Asking<'_>) -> Result<Option<Identity>, MintError> {
    let path = asking.environment.path(VARIABLE).filter(|_| !application::is_anothers(asking, "AZURE_CLIENT_ID"));
    let Some(path) = path else { return Ok(None) };
    let application = Application::of_environment(asking, VARIABLE)?;
    let who = Who::certificate(&application);
    let file = read(&path).map_err(|error| failure::unreadable(&who, &path, &error, VARIABLE))?;
    let password = Zeroizing::new(asking.text(PASSWORD).unwrap_or_default());
    let certificate = Certificate::of(&file, &password).map_err(|flaw| {
        no_token(&who, &format!("{} {}", path.display(), flaw.what()), &format!("check {VARIABLE} and {PASSWORD}"))
    })?;
    let with_chain = asking.text("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
    let with_chain = with_chain.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
    let assertion = Assertion::sign(&certificate, &application, &asking.authority, with_chain);
    let assertion = assertion.ok_or_else(|| no_token(&who, "its key cannot sign", ""))?;
    let entra = Entra::new(asking);
    let credential = ClientAssertionCredential::new(
        application.tenant.clone(),
        application.client_id.clone(),
        assertion,
        Some(entra.assertion_options()),
    );
    entra.identity(who, application, credential).await.map(Some)
}

fn read(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    std::fs::read(path).map(Zeroizing::new)
}

/// A certificate, those that vouch for it, and its key.
pub(crate) struct Certificate {
    /// As DER; the application's own first.
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: KeyPair,
}

/// Why a file gives no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    NoCertificate,
    NoKey,
    Locked,
    NotRsa,
}

impl Flaw {
    fn what(self) -> &'static str {
        match self {
            Flaw::NoCertificate => "holds no certificate",
            Flaw::NoKey => "holds no private key in the clear",
            Flaw::Locked => "cannot be opened: its password is another one, or it is no PFX file",
            Flaw::NotRsa => "holds a key that is not one of RSA",
        }
    }
}

impl Certificate {
    /// Of PEM or PFX (PKCS #12).
    fn of(file: &[u8], password: &str) -> Result<Self, Flaw> {
        let is_pem = file.windows(11).any(|window| window == b"-----BEGIN ");
        let certificate = if is_pem { Self::of_pem(file)? } else { Self::of_pfx(file, password)? };
        if certificate.chain.is_empty() { Err(Flaw::NoCertificate) } else { Ok(certificate) }
    }

    fn of_pem(file: &[u8]) -> Result<Self, Flaw> {
        let chain = CertificateDer::pem_slice_iter(file).filter_map(Result::ok).map(|der| der.to_vec()).collect();
        let key = match PrivateKeyDer::from_pem_slice(file).map_err(|_| Flaw::NoKey)? {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(Flaw::NotRsa),
        };
        Ok(Certificate { chain, key: key.map_err(|_| Flaw::NotRsa)? })
    }

    fn of_pfx(file: &[u8], password: &str) -> Result<Self, Flaw> {
        let store = KeyStore::from_pkcs12(file, password, Pkcs12ImportPolicy::Strict).map_err(|_| Flaw::Locked)?;
        let (_, found) = store.private_key_chain().ok_or(Flaw::NoKey)?;
        let chain = found.certs().iter().map(|certificate| certificate.as_der().to_vec()).collect();
        let key = KeyPair::from_pkcs8(found.key().as_der()).map_err(|_| Flaw::NotRsa)?;
        Ok(Certificate { chain, key })
    }
}
